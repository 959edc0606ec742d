"""The conditions of a rule where its author wrote them: filters of patterns and of [clear], and ``when`` of exceptions.

Goes in: a folder that was loaded. Comes out: each condition as a tree, with its place in the file and what it is
compiled with, for those who judge rules instead of running them.
"""

from collections.abc import Iterator
from typing import cast

from msgspec import Struct

from stream_app.language.compile import Environment, Filter
from stream_app.language.diagnostics import Diagnostic, Place
from stream_app.language.parser import parse
from stream_app.language.syntax import And, Expression, Or
from stream_app.rulebook.document import Document
from stream_app.rulebook.load import Loaded
from stream_app.rulebook.places import Path


class Condition(Struct, frozen=True):
    """One condition of a rule."""

    rule: str
    name: str
    """``Filter``, ``Clear``, ``exception 1``."""
    path: Path
    """Of its text in the rule's file."""
    text: str
    tree: Expression
    place: Place
    environment: Environment
    filter: Filter
    """As the rule runs it."""
    of_incident: bool = False
    """Whether it is asked of incident attributes (an exception), not of events."""

    def at(self, part: Expression, message: str) -> Diagnostic:
        """Say something about a part of it."""
        return self.place.diagnose(part.span.start, message)

    def written(self, part: Expression) -> str:
        """Give the text of a part of it."""
        return self.text[part.span.start : part.span.end]


def conditions_of(loaded: Loaded, rule_id: str) -> tuple[Condition, ...]:
    """Give the conditions of a rule: of its subpatterns by number, then of its exceptions in the file's order."""
    rule, document = loaded.rulebook.rules[rule_id], loaded.documents[rule_id]
    asked: list[tuple[str, Path, str, Filter, bool]] = [
        (each.name, _query(document, each.name), each.query, each.filter, False) for each in rule.subpatterns
    ]
    asked += [
        (f"exception {number + 1}", ("exception", number, "when"), each.when, each.condition, True)
        for number, each in enumerate(rule.exceptions)
    ]
    environment = loaded.environment_of(rule_id)
    found: list[Condition] = []
    for name, path, text, compiled, of_incident in asked:
        place = cast("Place", document.verbatim(path, literal=True))
        tree = parse(text, place)
        found.append(Condition(rule_id, name, path, text, tree, place, environment, compiled, of_incident))
    return tuple(found)


def comparisons(tree: Expression) -> Iterator[Expression]:
    """Give the comparisons that a condition is made of, in their order; what stands within ``IF`` is a part of one."""
    if isinstance(tree, And | Or):
        for term in tree.terms:
            yield from comparisons(term)
    else:
        yield tree


def _query(document: Document, name: str) -> Path:
    path: Path = ("pattern", name, "query")
    return path if path in document.entries else ("clear", "query")
