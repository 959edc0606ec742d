"""The trigger line of a rule file goes in; its ways come out, of the numbers of the patterns that it names.

Decision: every pattern stands in the trigger line, once. One that is left out would be asked of every event for
nothing; one that stands there twice would say two things of one group.
"""

from collections.abc import Iterator

from stream_app.language.checks import suggest
from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.language.syntax import Span
from stream_app.language.trigger import Named, Trigger, names_in, trigger_text
from stream_app.language.trigger_parser import parse_trigger
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.join import Way
from stream_app.rulebook.pattern import Patterns
from stream_app.rulebook.ways import MOST_WAYS, most_ways, unfold


def read_trigger(fields: Fields, patterns: Patterns) -> tuple[str, tuple[Way, ...]]:
    """Give the trigger line as the printer writes it, and its ways; nothing of what was refused, which is reported."""
    names = patterns.names

    def checked(text: str, place: Place) -> Trigger:
        node = parse_trigger(text, place)
        problems = tuple(_wrong_names(node, names, place)) if names else ()
        if problems:
            raise LanguageError(problems)
        return node

    node = fields.parsed("trigger", checked, required=False)
    if "trigger" not in fields.data and len(names) == 1:
        node = Named(names[0], Span(0, 0))
    elif "trigger" not in fields.data and names:
        said = f'trigger = "{names[0]} FOLLOWED_BY {names[1]}", or with AND, OR, NOT_FOLLOWED_BY, AND_NOT'
        fields.at_key(f"several patterns: say how they belong together: {said}", "pattern", names[1])
    if node is None or not names:
        return "", ()
    used = {named.name for named in names_in(node)}
    for name in names:
        if name not in used:
            fields.at_key(f"pattern {name!r} is not used: put it into trigger, or delete it", "pattern", name)
    ways = unfold(node, {name: number for number, name in enumerate(names)})
    if most_ways(ways) > MOST_WAYS:
        advice = "write fewer ORs, or several rules"
        fields.at_value(f"trigger can be satisfied in {most_ways(ways)} ways, {MOST_WAYS} may be: {advice}", "trigger")
    return trigger_text(node), ways


def _wrong_names(node: Trigger, names: tuple[str, ...], place: Place) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for named in names_in(node):
        if named.name not in names:
            near = suggest(named.name, names) or f"; the rule has {', '.join(map(repr, names))}"
            yield place.diagnose(named.span.start, f"unknown pattern {named.name!r}{near}")
        elif named.name in seen:
            advice = "each pattern stands here once; write a second pattern with the same query"
            yield place.diagnose(named.span.start, f"{named.name!r} is there twice: {advice}")
        seen.add(named.name)
