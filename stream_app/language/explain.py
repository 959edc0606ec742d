"""Why a filter is true or false of an event: a tree once, then events go in, the tree with its answers comes out.

Decision: each comparison is compiled by itself with the compiler that makes filters, so that what is said here is what
the filter does. Only AND and OR are walked, as they are written: what stands behind the term that decides is *not
asked*. Its own answer is given all the same, since the author who mends the first term wants to know of the next one.
(A compiled filter asks its cheapest terms first. No term has an effect, so the answer is the same.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.aggregates import portable
from stream_app.language.checks import NOUNS
from stream_app.language.compile import compile_filter, compile_value
from stream_app.language.printer import to_text
from stream_app.language.reading import NOWHERE, address_of, number_of
from stream_app.language.syntax import (
    And,
    Arithmetic,
    Attribute,
    Call,
    Group,
    Membership,
    Negative,
    Or,
    String,
    nodes,
)
from stream_app.language.values import AttributeType, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_app.language.environment import Environment
    from stream_app.language.syntax import Expression, Operand
    from stream_app.language.values import Attributes

AND, OR = "AND", "OR"


class Seen(Struct, frozen=True, omit_defaults=True):
    """What a comparison saw: an attribute, or an operand that is computed, and its value; ``None`` is absent."""

    name: str
    value: Value | None
    misread: str = ""
    """What the value is not, where its attribute compares as that: ``a number``, ``an IP address``."""


class Part(Struct, frozen=True, omit_defaults=True):
    """A comparison, or several joined by AND or OR, with its answer."""

    text: str
    """As the printer writes it."""
    start: int
    end: int
    """Where it stands in the query: characters, half-open."""
    holds: bool
    asked: bool
    """Whether the terms before it had left the answer open."""
    joins: str = ""
    """``AND`` or ``OR``; empty for a comparison."""
    parts: tuple[Part, ...] = ()
    seen: tuple[Seen, ...] = ()
    member: str = ""
    """Of ``IN``: the first member that the value is."""


class Explainer:
    """One filter, ready to be explained of any number of events. It must compile in its environment."""

    def __init__(self, tree: Expression, environment: Environment) -> None:
        self._root = _made(tree, environment)

    def explain(self, event: Attributes) -> Part:
        """Give the answer of every part. One that reads watch lists must be given an ``Event``, with its times."""
        return self._root.explain(event, asked=True)


def deciding(part: Part) -> Iterator[Part]:
    """Give the comparisons that decided: all that had to agree, or the first one that was enough."""
    if not part.parts:
        yield part
        return
    if (part.joins == AND) == part.holds:
        for each in part.parts:
            yield from deciding(each)
    else:
        yield from deciding(next(each for each in part.parts if each.holds == part.holds))


class _Joined:
    """Terms joined by AND or OR."""

    def __init__(self, node: And | Or, environment: Environment) -> None:
        self._node = node
        self._joins = AND if isinstance(node, And) else OR
        self._terms = [_made(term, environment) for term in node.terms]

    def explain(self, event: Attributes, *, asked: bool) -> Part:
        decides = self._joins == OR
        parts: list[Part] = []
        left_open = asked
        for term in self._terms:
            part = term.explain(event, asked=left_open)
            parts.append(part)
            left_open = left_open and part.holds != decides
        holds = decides if any(part.holds == decides for part in parts) else not decides
        span = self._node.span
        return Part(to_text(self._node), span.start, span.end, holds, asked, self._joins, tuple(parts))


class _Term:
    """One comparison."""

    def __init__(self, node: Expression, environment: Environment) -> None:
        self._node = node
        self._environment = environment
        self._holds = compile_filter(node, environment)
        self._reads = list(_reads(node, environment))

    def explain(self, event: Attributes, *, asked: bool) -> Part:
        holds = self._holds(event)
        node = self._node
        seen = tuple([read(event) for read in self._reads])
        member = (
            _member(node, self._environment, event) if isinstance(node, Membership) and holds != node.negated else ""
        )
        return Part(to_text(node), node.span.start, node.span.end, holds, asked, seen=seen, member=member)


def _made(node: Expression, environment: Environment) -> _Joined | _Term:
    return _Joined(node, environment) if isinstance(node, And | Or) else _Term(node, environment)


def _reads(node: Expression, environment: Environment) -> Iterator[Callable[[Attributes], Seen]]:
    """Give what a comparison reads, each once: attributes as the event has them, and what is computed of them."""
    read: dict[str, Operand] = {}
    for each in sorted(nodes(node), key=lambda each: getattr(each.span, "start", 0)):  # type: ignore[attr-defined]  # all have one
        if isinstance(each, Attribute | Call | Arithmetic | Negative):
            read.setdefault(to_text(each), each)
    for name, operand in read.items():
        kind = environment.vocabulary.get(name) if isinstance(operand, Attribute) else None
        yield _attribute(name, kind) if kind is not None else _computed(name, operand, environment)


def _attribute(name: str, kind: AttributeType) -> Callable[[Attributes], Seen]:
    def read(event: Attributes) -> Seen:
        value = event.get(name)
        return Seen(name, portable(value), "" if value is None or _reads_as(kind, value) else NOUNS[kind])

    return read


def _computed(name: str, operand: Operand, environment: Environment) -> Callable[[Attributes], Seen]:
    value = compile_value(operand, environment)
    return lambda event: Seen(name, portable(value(event)))


def _reads_as(kind: AttributeType, value: Value) -> bool:
    """Tell whether a value compares as its attribute's type."""
    if kind is AttributeType.IP:
        return address_of(value) != NOWHERE
    return kind is AttributeType.STRING or number_of(value) == number_of(value)  # NaN alone differs from itself


def _member(node: Membership, environment: Environment, event: Attributes) -> str:
    """Find the first member that the value is; halves are asked, since a group may have thousands."""
    members = [
        (f"{each} of Group@{member.name}", String(each, member.span))
        if isinstance(member, Group)
        else (to_text(member), member)
        for member in node.members
        for each in (environment.groups[member.name] if isinstance(member, Group) else ("",))
    ]
    while len(members) > 1:
        half = members[: len(members) // 2]
        asked = Membership(node.operand, negated=False, members=tuple(member for _, member in half), span=node.span)
        members = half if compile_filter(asked, environment)(event) else members[len(half) :]
    return members[0][0]
