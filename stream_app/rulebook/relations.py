"""The global constraint of a rule file goes in; its comparisons come out, compiled, or what is wrong with each side.

Decision: only what subpatterns group by can be compared. A group is what a subpattern's events have in common; any
other attribute has as many values as there are events.
"""

from collections.abc import Iterator

from msgspec import Struct

from stream_app.language.checks import NOUNS, suggest
from stream_app.language.compile import Environment
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.relation import Related, Side, compile_relation, parse_relations
from stream_app.language.syntax import Span
from stream_app.language.values import AttributeType, Predicate
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.join import Relation
from stream_app.rulebook.pattern import Patterns
from stream_app.rulebook.rule import Subpattern

Node = tuple[int, int]
"""A group-by value: the number of the subpattern, the place in its group-by."""


class _Known(Struct, frozen=True):
    """What the names of a global constraint can mean."""

    patterns: dict[str, tuple[int, Subpattern]]
    environment: Environment

    def node(self, side: Side) -> Node:
        number, subpattern = self.patterns[side.pattern]
        return number, subpattern.group_by.index(side.attribute)

    def kind(self, side: Side) -> AttributeType:
        return self.environment.vocabulary[side.attribute]

    def relation(self, related: Related) -> Relation:
        left, right, operator = related.left, related.right, related.operator
        condition = compile_relation(operator, self.kind(left), self.environment)
        return relation(self.node(left), self.node(right), str(related), condition, equates=operator == "=")


def read_relations(fields: Fields, patterns: Patterns, environment: Environment) -> tuple[Relation, ...]:
    """Give the comparisons of the ``global`` key; none where it is wrong, which is reported, or not there."""
    known = _Known({each.name: (number, each) for number, each in enumerate(patterns.own)}, environment)

    def compiled(text: str, place: Place) -> tuple[Relation, ...]:
        related = parse_relations(text, place)
        problems = [place.diagnose(span.start, said) for each in related for span, said in _wrong(each, known)]
        if problems:
            raise LanguageError(problems)
        return tuple(known.relation(each) for each in related)

    if len(patterns.own) == 1 and "global" in fields.data:
        fields.text("global")
        fields.at_key("global relates two patterns, and this rule has one: ask it in its query or aggregate", "global")
        return ()
    if not patterns.own:
        fields.parsed("global", parse_relations, required=False)
        return ()
    return fields.parsed("global", compiled, required=False) or ()


def relation(left: Node, right: Node, text: str, condition: Predicate, *, equates: bool) -> Relation:
    """Make a relation of two group-by values."""
    return Relation(left[0], right[0], left[1], right[1], text, condition, equates)


def _wrong(related: Related, known: _Known) -> Iterator[tuple[Span, str]]:
    """Say what is wrong with a comparison, one thing for each side or one for both."""
    left, right = related.left, related.right
    sides = [(side.span, said) for side in (left, right) if (said := _wrong_side(side, known)) is not None]
    yield from sides
    if sides:
        return
    kinds = known.kind(left), known.kind(right)
    if left.pattern == right.pattern:
        yield right.span, f"both sides are of {left.pattern!r}: what is asked of one pattern belongs into its query"
    elif kinds[0] is not kinds[1]:
        yield right.span, f"{left} is {NOUNS[kinds[0]]}, {right} is {NOUNS[kinds[1]]}"
    elif related.operator not in {"=", "!="} and kinds[0] is not AttributeType.NUMBER:
        yield left.span, f"{related.operator} compares numbers, {left} is {NOUNS[kinds[0]]}"


def _wrong_side(side: Side, known: _Known) -> str | None:
    if side.pattern not in known.patterns:
        return f"unknown pattern {side.pattern!r}{suggest(side.pattern, known.patterns)}"
    if side.attribute not in known.environment.vocabulary:
        return f"unknown attribute {side.attribute!r}{suggest(side.attribute, known.environment.vocabulary)}"
    _, subpattern = known.patterns[side.pattern]
    if side.attribute not in subpattern.group_by:
        return f"{side}: {side.attribute!r} is not grouped by: put it into group_by of {side.pattern!r}"
    return None
