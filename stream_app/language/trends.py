"""Which way a constraint goes as a window fills: its tree goes in, whether a further event can make it false comes out.

A constraint is *monotone* where a further event in the window can only make it truer. Decision: that is claimed only
where it follows from the tree. Counts, ``MAX`` and sums of attributes that cannot be negative only rise, ``MIN`` only
falls, and each of them stays there once it is there; adding, subtracting, and multiplying by a number keep or turn
that, since this arithmetic is exact. Everything else may go either way.

Decision: what is not monotone and speaks of a count is *final* by default, and waits until the window cannot change:
``COUNT(*) <= 3`` is true of the first event of every crowd, which no author means. What is not monotone otherwise is
decided on arrival.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from stream_app.language.aggregates import evaluated
from stream_app.language.signatures import AGGREGATE_NAMES, COUNTS
from stream_app.language.syntax import (
    And,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Negative,
    Number,
    Or,
    Presence,
    nodes,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from fractions import Fraction

    from stream_app.language.syntax import Argument, Expression, Operand


class Trend(Enum):
    """What further events do to a value."""

    STEADY = "nothing"
    RISING = "it grows or stays"
    FALLING = "it shrinks or stays"
    OPEN = "anything"


_TURNED = {Trend.RISING: Trend.FALLING, Trend.FALLING: Trend.RISING}


def aggregates_in(node: Expression | Argument) -> list[Call]:
    """Give the aggregates in a tree, in the order of the text."""
    calls = [part for part in nodes(node) if isinstance(part, Call) and part.function in AGGREGATE_NAMES]
    return sorted(calls, key=lambda call: call.span.start)


def is_calculated(operand: Argument) -> bool:
    """Tell whether an operand is made of numbers and aggregates alone, so that it is calculated exactly."""
    match operand:
        case Number():
            return True
        case Negative(inner):
            return is_calculated(inner)
        case Arithmetic(operands):
            return all(map(is_calculated, operands))
        case _:
            return isinstance(operand, Call) and operand.function in AGGREGATE_NAMES


def constant_of(operand: Operand) -> Fraction | None:
    """Give the value of an operand that is made of numbers alone; ``None`` for any other, and for a division by 0."""
    if aggregates_in(operand) or not is_calculated(operand):
        return None
    return evaluated(operand, lambda _: None)


def is_monotone(node: Expression, non_negative: Collection[str]) -> bool:
    """Tell whether a further event can only make a constraint truer."""
    match node:
        case And(terms) | Or(terms):
            return all(is_monotone(term, non_negative) for term in terms)
        case Comparison(">" | ">=", left, right):
            return _stays_above(trend_of(left, non_negative), trend_of(right, non_negative))
        case Comparison("<" | "<=", left, right):
            return _stays_above(trend_of(right, non_negative), trend_of(left, non_negative))
        case Presence(operand, negated):
            return negated and _stays_there(operand, non_negative)
        case _:
            return False


def is_final(node: Expression, non_negative: Collection[str]) -> bool:
    """Tell whether a constraint has a term that speaks of a count and that a further event can make false."""
    if isinstance(node, And | Or):
        return any(is_final(term, non_negative) for term in node.terms)
    counts = any(call.function in COUNTS for call in aggregates_in(node))
    return counts and not is_monotone(node, non_negative)


def trend_of(operand: Operand, non_negative: Collection[str]) -> Trend:  # noqa: PLR0911 - one for each operand
    """Tell what further events do to an operand's value."""
    match operand:
        case Call("COUNT" | "COUNT DISTINCT" | "MAX"):
            return Trend.RISING
        case Call("SUM", (Attribute(name),)) if name in non_negative:
            return Trend.RISING
        case Call("MIN"):
            return Trend.FALLING
        case _ if not aggregates_in(operand):
            return Trend.STEADY
        case Negative(inner):
            return _turned(trend_of(inner, non_negative))
        case Arithmetic(operands, operators) if is_calculated(operand):
            trends = [trend_of(part, non_negative) for part in operands]
            return _added(operators, trends) if operators[0] in "+-" else _multiplied(operators, operands, trends)
        case _:
            return Trend.OPEN


def _stays_above(high: Trend, low: Trend) -> bool:
    """Tell whether ``high > low`` stays true once it is."""
    return high in {Trend.RISING, Trend.STEADY} and low in {Trend.FALLING, Trend.STEADY}


def _stays_there(operand: Operand, non_negative: Collection[str]) -> bool:
    """Tell whether an operand that has a value keeps having one: ``PctChange`` has none where the first value is 0."""
    if isinstance(operand, Call) and operand.function in AGGREGATE_NAMES:
        return operand.function != "PctChange"
    return trend_of(operand, non_negative) is not Trend.OPEN


def _turned(trend: Trend) -> Trend:
    return _TURNED.get(trend, trend)


def _added(operators: tuple[str, ...], trends: list[Trend]) -> Trend:
    turned = [_turned(trend) if sign == "-" else trend for sign, trend in zip(operators, trends[1:], strict=True)]
    moving = {trends[0], *turned} - {Trend.STEADY}
    return moving.pop() if len(moving) == 1 else Trend.OPEN


def _multiplied(operators: tuple[str, ...], operands: tuple[Operand, ...], trends: list[Trend]) -> Trend:
    """Give the trend of a product of one moving factor and numbers."""
    moving = [at for at, trend in enumerate(trends) if trend is not Trend.STEADY]
    if len(moving) > 1 or ("", *operators)[moving[0]] == "/":
        return Trend.OPEN
    numbers = [constant_of(operand) for at, operand in enumerate(operands) if at not in moving]
    below = sum(number is not None and number < 0 for number in numbers)
    return _turned(trends[moving[0]]) if below % 2 else trends[moving[0]]
