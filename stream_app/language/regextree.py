r"""A pattern that ``re`` can read goes in, its tree comes out in a few kinds of node.

Decision: the reading is that of ``re`` itself, ``re._parser``, so that what is decided from the tree is decided of what
``re`` runs. It is private and has changed little in ten years; what is not known here becomes a node that no engine but
``re`` runs, and tests hold the translations to ``re`` itself.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

from msgspec import Struct

from stream_app.language.charsets import CharSet

_PARSER: Any = importlib.import_module("re._parser")  # no types are published for what is private

_ASCII_END = 128


class Chars(Struct, frozen=True):
    """One character of a set."""

    chars: CharSet


class Concat(Struct, frozen=True):
    """One after the other."""

    items: tuple[Node, ...]


class Either(Struct, frozen=True):
    """One of them, the first that leads to a match."""

    branches: tuple[Node, ...]


class Loop(Struct, frozen=True):
    """Repeated ``low`` to ``high`` times; ``None``: without an end."""

    body: Node
    low: int
    high: int | None
    lazy: bool = False


class Captured(Struct, frozen=True):
    """A group that is captured."""

    body: Node
    number: int


class Anchor(Struct, frozen=True):
    r"""A place: ``start`` ``^``, ``end`` ``$``, ``very end`` ``\Z``, ``boundary`` ``\b``."""

    place: str


class Beyond(Struct, frozen=True):
    """What only a backtracking engine runs. ``what`` is for a person; ``inner`` is searched within."""

    what: str
    inner: tuple[Node, ...] = ()
    width: bool = False
    """Whether it takes characters."""
    endless: bool = False
    """Whether it repeats ``inner`` without an end, and never goes back into it."""


Node = Chars | Concat | Either | Loop | Captured | Anchor | Beyond

_ANCHORS = {
    "AT_BEGINNING": "start",
    "AT_BEGINNING_STRING": "start",
    "AT_END": "end",
    "AT_END_STRING": "very end",
    "AT_BOUNDARY": "boundary",
}

_OTHER = {"GROUPREF": "a back-reference", "AT_NON_BOUNDARY": r"\B", "FAILURE": "what never matches"}


def tree_of(text: str, *, ignore_case: bool) -> Node:
    """Read a valid pattern, as :func:`patterns.compile_pattern` compiles it. Raises RecursionError where it is deep."""
    parsed = _PARSER.parse(text, re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG))
    return _concat(parsed, parsed.state.flags)


def inside(node: Node) -> tuple[Node, ...]:
    """Give the nodes right below a node."""
    match node:
        case Concat(nodes) | Either(nodes) | Beyond(_, nodes):
            return nodes
        case Loop(body) | Captured(body):
            return (body,)
        case _:
            return ()


def may_be_empty(node: Node) -> bool:
    """Tell whether a node can match without taking a character."""
    match node:
        case Chars():
            return False
        case Either(branches):
            return any(map(may_be_empty, branches))
        case Loop(_, 0):
            return True
        case _:
            return all(map(may_be_empty, inside(node)))


def _concat(parsed: Any, flags: int) -> Node:  # noqa: ANN401 - no types are published for what is private
    items = tuple(_node(operator.name, value, flags) for operator, value in parsed)
    return items[0] if len(items) == 1 else Concat(items)


def _node(operator: str, value: Any, flags: int) -> Node:  # noqa: ANN401, PLR0911 - as above; one for each kind
    match operator:
        case "LITERAL" | "NOT_LITERAL":
            return _set([("LITERAL", value)], flags, negated=operator == "NOT_LITERAL")
        case "ANY":
            return Chars(CharSet(frozenset() if flags & re.DOTALL else frozenset("\n"), negated=True))
        case "IN":
            members = [(kind.name, member) for kind, member in value]
            negated = members[0][0] == "NEGATE"
            return _set(members[negated:], flags, negated=negated)
        case "AT":
            return _anchor(value.name, flags)
        case "BRANCH":
            return Either(tuple(_concat(branch, flags) for branch in value[1]))
        case "SUBPATTERN":
            number, added, removed, parsed = value
            body = _concat(parsed, (flags | added) & ~removed)
            return body if number is None else Captured(body, number)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _loop(operator, value, flags)
        case _:
            return _beyond(operator, value, flags)


def _set(members: list[tuple[str, Any]], flags: int, *, negated: bool) -> Node:
    """Describe a set; one with a character beyond ASCII is taken for the letters there."""
    named: set[str] = set()
    classes: list[str] = []
    beyond = ""
    for kind, member in members:
        if kind == "CATEGORY":
            classes.append(member.name.removeprefix("CATEGORY_"))
            continue
        low, high = member if kind == "RANGE" else (member, member)
        named.update(map(chr, range(low, min(high + 1, _ASCII_END))))
        if high >= _ASCII_END:
            beyond = "a character beyond ASCII"
    if flags & re.ASCII:
        beyond = "the flag a"
    if beyond:
        classes.append("WORD")
    chars = Chars(CharSet(frozenset(named), tuple(classes), negated, bool(flags & re.IGNORECASE)))
    return Beyond(beyond, (chars,), width=True) if beyond else chars


def _anchor(name: str, flags: int) -> Node:
    if flags & re.MULTILINE and name in {"AT_BEGINNING", "AT_END"}:
        return Beyond("^ or $ of each line")
    if flags & re.ASCII and name == "AT_BOUNDARY":
        return Beyond("the flag a")
    return Anchor(_ANCHORS[name]) if name in _ANCHORS else Beyond(_OTHER[name])


def _loop(operator: str, value: Any, flags: int) -> Node:  # noqa: ANN401 - no types are published for what is private
    low, high, parsed = value
    endless = high == _PARSER.MAXREPEAT
    body = _concat(parsed, flags)
    if operator == "POSSESSIVE_REPEAT":
        return Beyond("a possessive repetition", (body,), width=True, endless=endless)
    return Loop(body, int(low), None if endless else int(high), lazy=operator == "MIN_REPEAT")


def _beyond(operator: str, value: Any, flags: int) -> Node:  # noqa: ANN401 - no types are published for what is private
    match operator:
        case "ASSERT" | "ASSERT_NOT":
            direction, parsed = value
            return Beyond("a look-ahead" if direction > 0 else "a look-behind", (_concat(parsed, flags),))
        case "ATOMIC_GROUP":
            return Beyond("an atomic group", (_concat(value, flags),), width=True)
        case "GROUPREF_EXISTS":
            inner = tuple(_concat(branch, flags) for branch in value[1:] if branch is not None)
            return Beyond("a conditional group", inner, width=True)
        case _:
            return Beyond(_OTHER.get(operator, "something new"), width=operator == "GROUPREF")
