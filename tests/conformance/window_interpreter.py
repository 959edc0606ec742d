"""A second opinion on aggregate constraints: each aggregate is defined over a window's events, which have no order.

It is slow and obvious on purpose: events carry their time and place and are searched, not sorted; equality is asked of
the interpreter of filters, pair by pair; statistics come from the standard library, over fractions.
"""

from __future__ import annotations

import math
import statistics
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from stream_app.language.printer import to_text
from stream_app.language.syntax import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Contains,
    Matches,
    Membership,
    Negative,
    Number,
    Range,
)
from tests.conformance.interpreter import Interpreter, address, number, text

if TYPE_CHECKING:
    from stream_app.language.syntax import Argument, Expression, Operand

EXACT = Context(prec=600)
OF_THE_ATTRIBUTE = ("FIRST", "LAST", "MODE")
AGGREGATES = (
    *("COUNT", "COUNT DISTINCT", "SUM", "AVG", "MIN", "MAX", "MEDIAN", "PCTILE", "Pctile95"),
    *("STDDEV", "VARIANCE", "PctChange"),
    *OF_THE_ATTRIBUTE,
)


class Event(NamedTuple):
    """An event of a window."""

    time: int
    place: int
    attributes: dict


class WindowInterpreter(Interpreter):
    """Evaluates a constraint's tree over a window's events, which are in any order."""

    non_negative = frozenset({"sentBytes"})
    group: dict = {}  # noqa: RUF012 - never changed

    def matches(self, node: Expression, event: list[Event]) -> bool:
        """Tell whether the constraint holds; a negative operator says nothing of what has no value."""
        match node:
            case Comparison("!=", left, right):
                operands = [left, right]
            case Membership(operand, True) | Matches(operand, True):
                operands = [operand]
            case Range(operand, True, low, high):
                operands = [operand, low, high]
            case Contains(operand, True, part):
                operands = [operand, part]
            case _:
                operands = []
        absent = [operand for operand in operands if self.value(operand, event) is None]
        return not absent and super().matches(node, event)

    def kind(self, node: Argument) -> str:
        """Give an operand's type."""
        if isinstance(node, Call) and node.function in AGGREGATES:
            return super().kind(node.arguments[0]) if node.function in OF_THE_ATTRIBUTE else "number"
        return super().kind(node)

    def value(self, node: Argument, event: list[Event]) -> Any:
        """Give an operand's value over a window, ``None`` if it has none."""
        if isinstance(node, Attribute):
            return self.group.get(node.name)
        if isinstance(node, Call | Arithmetic | Negative) and self.is_exact(node):
            return self.rounded(self.exact(node, event))
        return super().value(node, event)

    def is_exact(self, node: Operand) -> bool:
        """Tell whether an operand is made of aggregates and numbers only."""
        match node:
            case Negative(operand):
                return self.is_exact(operand)
            case Arithmetic(operands):
                return all(self.is_exact(operand) for operand in operands)
            case Call(function):
                return function in AGGREGATES
        return isinstance(node, Number)

    def rounded(self, value: Any) -> Any:
        """Round a fraction to the nearest float, or beyond 2**53 to the nearest whole number."""
        if not isinstance(value, Fraction):
            return value
        if value == int(value):
            return int(value)
        return float(value) if abs(value) < 2**53 else round(value)

    def exact(self, node: Operand, events: list[Event]) -> Any:
        """Calculate with fractions."""
        match node:
            case Number(written):
                return Fraction(written)
            case Negative(operand):
                value = self.exact(operand, events)
                return None if value is None else -Fraction(value)
            case Arithmetic(operands, operators):
                values = [self.exact(operand, events) for operand in operands]
                if None in values:
                    return None
                total = Fraction(values[0])
                for operator, value in zip(operators, values[1:], strict=True):
                    if operator == "/" and value == 0:
                        return None
                    steps = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__}
                    total = steps.get(operator, Fraction.__truediv__)(total, Fraction(value))
                return total
        return self.aggregate(node, events)

    def aggregate(self, call: Call, events: list[Event]) -> Any:
        """Define an aggregate."""
        if not call.arguments:
            return len(events)
        attribute = call.arguments[0]
        there = [event for event in events if self.readable(attribute, event) is not None]
        if call.function == "COUNT DISTINCT":
            return sum(not any(self.same(attribute, a, b) for b in there[:at]) for at, a in enumerate(there))
        if call.function == "COUNT" or not there:
            return len(there) if call.function == "COUNT" else None
        in_order = sorted(there, key=lambda event: (event.time, event.place))
        values = [self.readable(attribute, event) for event in in_order]
        if call.function == "MODE":
            alike = [sum(self.same(attribute, a, b) for b in there) for a in in_order]
            return values[alike.index(max(alike))]
        if call.function in {"FIRST", "LAST"}:
            return values[0 if call.function == "FIRST" else -1]
        return self.statistic(call, [Fraction(value) for value in values])

    def statistic(self, call: Call, numbers: list[Fraction]) -> Fraction | None:  # noqa: PLR0911 - one for each
        """Define an aggregate of numbers."""
        match call.function:
            case "SUM":
                return sum(numbers, Fraction())
            case "AVG":
                return statistics.mean(numbers)
            case "MIN" | "MAX":
                return min(numbers) if call.function == "MIN" else max(numbers)
            case "MEDIAN":
                return statistics.median(numbers)
            case "PCTILE" | "Pctile95":
                return self.percentile(numbers, Fraction([*call.arguments, Number("95", call.span)][1].text))
            case "VARIANCE":
                return statistics.pvariance(numbers)
            case "STDDEV":
                return self.root(statistics.pvariance(numbers))
            case "PctChange":
                return None if numbers[0] == 0 else (numbers[-1] - numbers[0]) / numbers[0] * 100
        raise AssertionError(to_text(call))

    def readable(self, attribute: Attribute, event: Event) -> Any:
        """Give what an event has of an attribute, if it reads as the attribute's type."""
        value = event.attributes.get(attribute.name)
        kind = self.kind(attribute)
        if kind == "ip":
            return None if address(value) is None else value
        if kind == "string":
            return text(value)
        value = number(value)
        if value is None or abs(value) == math.inf or (attribute.name in self.non_negative and value < 0):
            return None
        return value

    def same(self, attribute: Attribute, a: Event, b: Event) -> bool:
        """Ask the interpreter of filters whether two events have the same value."""
        left, right = Attribute("left", attribute.span), Attribute("right", attribute.span)
        filters = Interpreter(self.environment)
        filters.kind = lambda _: self.kind(attribute)
        values = {"left": self.readable(attribute, a), "right": self.readable(attribute, b)}
        return filters.compare("=", left, right, values)

    def percentile(self, numbers: list[Fraction], percent: Fraction) -> Fraction:
        """Ask the standard library, which knows cut points of two or more numbers."""
        if len(numbers) == 1 or percent in {0, 100}:
            return max(numbers) if percent == 100 else min(numbers)
        return statistics.quantiles(numbers, n=1000, method="inclusive")[int(percent * 10) - 1]

    def root(self, square: Fraction) -> Fraction:
        """Take a root to 600 digits."""
        product = Decimal(square.numerator * square.denominator)
        return Fraction(EXACT.sqrt(product)) / square.denominator
