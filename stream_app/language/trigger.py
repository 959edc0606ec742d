"""The tree of a trigger line: names of subpatterns and the operators between them, and the text that it is printed as.

Decision: a chain of one operator is one node, and what an author puts into parentheses without need is no node of its
own, so that lines that say the same print the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_app.language.syntax import Span

AND, OR, FOLLOWED_BY = "AND", "OR", "FOLLOWED_BY"
NOT_FOLLOWED_BY, AND_NOT = "NOT_FOLLOWED_BY", "AND_NOT"

NEGATIONS = frozenset({NOT_FOLLOWED_BY, AND_NOT})
OPERATORS = (AND, OR, FOLLOWED_BY, NOT_FOLLOWED_BY, AND_NOT)
"""Reserved in any case: no subpattern of a trigger line is named like one."""


class Named(Struct, frozen=True):
    """A subpattern."""

    name: str
    span: Span


class Chain(Struct, frozen=True):
    """Two parts or more with one operator between them; a negation is of all parts but the first."""

    operator: str
    parts: tuple[Trigger, ...]
    at: int
    """Where the first operator stands."""


Trigger = Named | Chain


def trigger_text(node: Trigger) -> str:
    """Write a trigger line as its author would, with the parentheses that it needs."""
    if isinstance(node, Named):
        return node.name
    return f" {node.operator} ".join(
        part.name if isinstance(part, Named) else f"({trigger_text(part)})" for part in node.parts
    )


def names_in(node: Trigger) -> Iterator[Named]:
    """Give the subpatterns as they stand there, from left to right."""
    if isinstance(node, Named):
        yield node
    else:
        for part in node.parts:
            yield from names_in(part)
