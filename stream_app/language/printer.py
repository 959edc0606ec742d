"""A filter's tree goes in, query text comes out, and parsing that text gives the same tree, spans apart.

Decision: only the parentheses that the tree needs are written, and every mix of ``AND`` and ``OR`` gets its own, since
a bare mix is refused.
"""

from __future__ import annotations

import re

from stream_app.language.syntax import (
    Address,
    And,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Contains,
    Expression,
    Group,
    Matches,
    Membership,
    Name,
    Negative,
    Number,
    Operand,
    Or,
    Pattern,
    Presence,
    Range,
    String,
    WatchList,
)
from stream_app.language.words import KEYWORDS

_BARE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def to_text(node: Expression | Operand | Pattern | Group | WatchList | Name) -> str:  # noqa: PLR0911 - one for each node
    """Write a filter, or a part of one, as its author would."""
    match node:
        case And(terms):
            return " AND ".join(_term(term) for term in terms)
        case Or(terms):
            return " OR ".join(_term(term) for term in terms)
        case Comparison(operator, left, right):
            return f"{to_text(left)} {operator} {to_text(right)}"
        case Membership(operand, negated, members):
            return f"{to_text(operand)}{_not(negated)} IN ({', '.join(to_text(member) for member in members)})"
        case Range(operand, negated, low, high):
            return f"{to_text(operand)}{_not(negated)} BETWEEN ({to_text(low)}, {to_text(high)})"
        case Contains(operand, negated, part):
            return f"{to_text(operand)}{_not(negated)} CONTAIN {to_text(part)}"
        case Matches(operand, negated, pattern):
            return f"{to_text(operand)}{_not(negated)} REGEXP {to_text(pattern)}"
        case Presence(operand, negated):
            return f"{to_text(operand)} IS{_not(negated)} NULL"
        case _:
            return _operand(node)


def _operand(node: Operand | Pattern | Group | WatchList | Name) -> str:  # noqa: PLR0911 - one for each node
    match node:
        case Attribute(text) | Number(text) | Address(text):
            return text
        case String(value):
            return _quoted(value)
        case Pattern(text):
            return f'"{text}"'
        case Group(name) | WatchList(name):
            return f"{type(node).__name__}@{name}"
        case Name(text):
            return text if _BARE_NAME.fullmatch(text) and text.upper() not in KEYWORDS else _quoted(text)
        case Call("COUNT", ()):
            return "COUNT(*)"
        case Call("COUNT DISTINCT", (attribute,)):
            return f"COUNT(DISTINCT {to_text(attribute)})"
        case Call(function, arguments):
            return f"{function}({', '.join(to_text(argument) for argument in arguments)})"
        case Negative(operand):
            return f"-{_factor(operand)}"
        case _:
            operands, operators = node.operands, node.operators
            write = _summand if operators[0] in "+-" else _factor
            rest = (f" {operator} {write(operand)}" for operator, operand in zip(operators, operands[1:], strict=True))
            return write(operands[0]) + "".join(rest)


def _term(term: Expression) -> str:
    return f"({to_text(term)})" if isinstance(term, And | Or) else to_text(term)


def _summand(operand: Operand) -> str:
    is_sum = isinstance(operand, Arithmetic) and operand.operators[0] in "+-"
    return f"({to_text(operand)})" if is_sum else to_text(operand)


def _factor(operand: Operand) -> str:
    return f"({to_text(operand)})" if isinstance(operand, Arithmetic) else to_text(operand)


def _not(negated: bool) -> str:  # noqa: FBT001 - a node's own field
    return " NOT" if negated else ""


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
