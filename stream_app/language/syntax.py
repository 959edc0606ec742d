"""The tree of a filter: what the parser makes, and what the printer and the compiler read.

Decision: ``AND`` and ``OR`` are n-ary and arithmetic is a flat chain, since converted rules hold hundreds of terms in
one ``OR``; a tree is therefore only as deep as its author's parentheses. Equality of nodes includes their spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard


class Span(Struct, frozen=True):
    """Where a node stands in the query's text: characters ``start`` to ``end``, half-open."""

    start: int
    end: int


class Attribute(Struct, frozen=True, tag=True):
    """The value that the event has under ``name``."""

    name: str
    span: Span


class String(Struct, frozen=True, tag=True):
    r"""A quoted literal, escapes resolved: ``\\`` was one backslash, ``\"`` one quote, any other backslash itself."""

    value: str
    span: Span


class Pattern(Struct, frozen=True, tag=True):
    """A quoted regular expression: the text between the quotes, nothing resolved."""

    text: str
    span: Span


class Number(Struct, frozen=True, tag=True):
    """A number as written, with its sign; without a point it is an integer of at most 64 bits."""

    text: str
    span: Span


class Address(Struct, frozen=True, tag=True):
    """An IP address or a network (CIDR) as written; both are known to be valid."""

    text: str
    span: Span


class Group(Struct, frozen=True, tag=True):
    """``Group@name``: a named set, a member of ``IN`` only."""

    name: str
    span: Span


class WatchList(Struct, frozen=True, tag=True):
    """``WatchList@name``: what rules have put on a list by now, a member of ``IN`` only."""

    name: str
    span: Span


class Name(Struct, frozen=True, tag=True):
    """The name of a table, a column or a CMDB attribute in a function's argument."""

    text: str
    span: Span


class Call(Struct, frozen=True, tag=True):
    """A function, spelled as Fortinet spells it, with its arguments; ``IF`` alone has a condition among them.

    An aggregate constraint also has functions of many events: ``COUNT(*)`` has no argument, ``COUNT(DISTINCT a)`` is
    the function ``COUNT DISTINCT`` of one, ``PCTILE`` has an attribute and a number, all others have an attribute.
    """

    function: str
    arguments: tuple[Argument, ...]
    span: Span


class Negative(Struct, frozen=True, tag=True):
    """``-operand``; the sign of a number belongs to the number."""

    operand: Operand
    span: Span


class Arithmetic(Struct, frozen=True, tag=True):
    """``operands[0] operators[0] operands[1] …`` from left to right; the operators are all ``+ -`` or all ``* /``."""

    operands: tuple[Operand, ...]
    operators: tuple[str, ...]
    span: Span


Operand = Attribute | String | Number | Address | Call | Negative | Arithmetic
"""What has a value: a string, a number, an address, or absence."""


class Comparison(Struct, frozen=True, tag=True):
    """``left operator right``; operator is one of ``= != > >= < <=``."""

    operator: str
    left: Operand
    right: Operand
    span: Span


class Membership(Struct, frozen=True, tag=True):
    """``operand [NOT] IN (members)``, at least one member."""

    operand: Operand
    negated: bool
    members: tuple[String | Number | Address | Group | WatchList, ...]
    span: Span


class Range(Struct, frozen=True, tag=True):
    """``operand [NOT] BETWEEN (low, high)``, both ends included."""

    operand: Operand
    negated: bool
    low: Operand
    high: Operand
    span: Span


class Contains(Struct, frozen=True, tag=True):
    """``operand [NOT] CONTAIN part``."""

    operand: Operand
    negated: bool
    part: Operand
    span: Span


class Matches(Struct, frozen=True, tag=True):
    """``operand [NOT] REGEXP pattern``."""

    operand: Operand
    negated: bool
    pattern: Pattern
    span: Span


class Presence(Struct, frozen=True, tag=True):
    """``operand IS NULL``, negated ``IS NOT NULL``."""

    operand: Operand
    negated: bool
    span: Span


class And(Struct, frozen=True, tag=True):
    """All of at least two terms."""

    terms: tuple[Expression, ...]
    span: Span


class Or(Struct, frozen=True, tag=True):
    """Any of at least two terms."""

    terms: tuple[Expression, ...]
    span: Span


Expression = Comparison | Membership | Range | Contains | Matches | Presence | And | Or
"""What is true or false of an event."""

Argument = Operand | Expression | Pattern | Name
"""What a function may be given."""


def nodes(root: Expression | Argument) -> Iterator[Struct]:
    """Give every node of a tree, ``root`` first; without recursion, so that depth is no matter."""
    waiting: list[Struct] = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for field in node.__struct_fields__:
            value = getattr(node, field)
            waiting += (child for child in (value if isinstance(value, tuple) else (value,)) if _is_node(child))


def _is_node(value: object) -> TypeGuard[Struct]:
    return isinstance(value, Struct) and not isinstance(value, Span)
