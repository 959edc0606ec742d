"""Aggregate functions: what one attribute holds in the events of a window goes in, one value comes out, exactly.

Goes in: values in the order of (time, place), none for an event that has none. Decision: an event whose attribute is
absent, or does not read as the attribute's type, is passed over by every aggregate but ``COUNT(*)``; where that leaves
nothing, counts are 0 and every other aggregate has no value.

Decision: sums, averages, variances and percentiles are computed with integers and fractions, never with floats, so the
order in which values are added and their size do not matter. Only the result is rounded, once (:func:`rounded`).

Where Fortinet leaves a detail open, the function of ClickHouse that FortiSIEM's is made of decides, without its
sampling: ``MEDIAN`` and ``PCTILE`` interpolate between the two values around (n - 1) * p, as ``quantile`` does and
``quantileExactInclusive`` documents (https://clickhouse.com/docs/sql-reference/aggregate-functions/reference).
``STDDEV`` and ``VARIANCE`` are the population's, as ``STD`` is there: one event deviates by 0. ``MODE`` takes, of
values that are equally frequent, the one that came first. ``PctChange`` is 100 * (last - first) / first; there is none
where first is 0.
"""

from __future__ import annotations

import math
import operator
from collections import Counter
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from stream_app.language.folding import fold
from stream_app.language.reading import NOWHERE, address_of, number_of, text_of
from stream_app.language.syntax import Arithmetic, Call, Negative, Number
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from stream_app.language.syntax import Operand
    from stream_app.language.values import Value

Exact = int | float | Fraction
"""A number as it is: no NaN, no infinity."""

Result = Exact | str | None
"""What an aggregate gives; ``None`` is no value."""

_WHOLE = 1 << 53
"""From here on floats are whole numbers, and not all of them."""

_LARGEST = 1 << 64

_ROOT_BITS = 128
"""How exact a square root is, far beyond the 53 bits that are left of it."""

_CALCULATIONS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class Reading(Struct, frozen=True):
    """How an attribute's values are read, and which of them are the same: those that ``=`` finds equal."""

    kind: AttributeType
    ignore_case: bool = True
    non_negative: bool = False
    """Whether a number below 0 is no value of this attribute, so that its sum can only grow."""

    def values(self, column: Iterable[Value | None]) -> list[Value]:
        """Give the values that are there and read as the attribute's type, in the order given."""
        if self.kind is AttributeType.STRING:
            return [text for text in map(text_of, column) if text is not None]
        if self.kind is AttributeType.IP:
            return [value for value in column if value is not None and address_of(value) != NOWHERE]
        numbers = [number for number in map(number_of, column) if -math.inf < number < math.inf]
        return [number for number in numbers if number >= 0] if self.non_negative else [*numbers]

    def same(self, value: Value) -> Hashable:
        """Give what is equal for values that are the same."""
        if self.kind is AttributeType.IP:
            return address_of(value)
        return fold(value) if self.ignore_case and isinstance(value, str) else value


def function_of(call: Call, reading: Reading) -> Callable[[Sequence[Value]], Result]:
    """Give the function of an attribute's values that a call is; ``COUNT(*)``, which is of events, is none."""
    match call:
        case Call("COUNT DISTINCT"):
            return lambda values: len({reading.same(value) for value in values})
        case Call("MODE"):
            return partial(_of_some, partial(_mode, reading))
        case Call("PCTILE", (_, Number(text))):
            return partial(_of_some, partial(_percentile, Fraction(text)))
        case Call(function) if function in _PLAIN:
            return _PLAIN[function]
        case _:
            return partial(_of_some, _NUMERIC[call.function])


def evaluated(operand: Operand, value_of: Callable[[Call], Result]) -> Fraction | None:
    """Calculate with numbers and aggregates; ``None`` where one has no value or the divisor is 0."""
    match operand:
        case Number(text):
            return Fraction(text)
        case Negative(inner):
            value = evaluated(inner, value_of)
            return None if value is None else -value
        case Arithmetic(operands, operators):
            return _calculated(operators, [evaluated(part, value_of) for part in operands])
        case _:
            result = value_of(cast("Call", operand))
            return None if result is None else Fraction(cast("Exact", result))


def rounded(result: Result) -> Value | None:
    """Give a whole number as an int, any other as the nearest float; beyond 2**53 as the nearest whole number.

    No number is too large, and a larger one never becomes smaller than another: a sum that grows, grows here too.
    """
    if not isinstance(result, Fraction):
        return result
    if result.denominator > 1 and abs(result) < _WHOLE:
        return result.numerator / result.denominator
    return round(result)


def portable(value: Value | None) -> Value | None:
    """Give a value as a record can carry it: whole numbers beyond 64 bits as the nearest float, none beyond those."""
    if not isinstance(value, int) or -_LARGEST <= 2 * value < 2 * _LARGEST:
        return value
    try:
        return float(value)
    except OverflowError:
        return None


def _calculated(operators: Sequence[str], values: Sequence[Fraction | None]) -> Fraction | None:
    total = values[0]
    for sign, value in zip(operators, values[1:], strict=True):
        if total is None or value is None or (sign == "/" and value == 0):
            return None
        total = _CALCULATIONS[sign](total, value)
    return total


def _of_some(function: Callable[[Any], Result], values: Sequence[Value]) -> Result:
    """Apply a function that needs a value to begin with."""
    return function(values) if values else None


def _mode(reading: Reading, values: Sequence[Value]) -> Value:
    """Give the most frequent value as it was first written; of several the one that came first."""
    counts = Counter(map(reading.same, values))
    most = max(counts.values())
    return next(value for value in values if counts[reading.same(value)] == most)


def _summed(ratios: Iterable[tuple[int, int]]) -> Fraction:
    """Add fractions, those of one denominator first: floats have few different ones."""
    numerators: dict[int, int] = {}
    for numerator, denominator in ratios:
        numerators[denominator] = numerators.get(denominator, 0) + numerator
    return sum((Fraction(total, denominator) for denominator, total in numerators.items()), Fraction())


def _sum(values: Sequence[int | float]) -> Fraction:
    return _summed(value.as_integer_ratio() for value in values)


def _average(values: Sequence[int | float]) -> Fraction:
    return _sum(values) / len(values)


def _variance(values: Sequence[int | float]) -> Fraction:
    ratios = [value.as_integer_ratio() for value in values]
    squares = _summed((numerator * numerator, denominator * denominator) for numerator, denominator in ratios)
    return squares / len(values) - (_summed(ratios) / len(values)) ** 2


def _deviation(values: Sequence[int | float]) -> Fraction:
    """Give the variance's root: exactly where it is a fraction, else far beyond the bits of a float."""
    variance = _variance(values)
    square = variance.numerator * variance.denominator
    shift = max(0, _ROOT_BITS - square.bit_length() // 2)
    return Fraction(math.isqrt(square << 2 * shift), variance.denominator << shift)


def _percentile(percent: Fraction, values: Sequence[int | float]) -> Fraction:
    ordered = sorted(values)
    at = (len(ordered) - 1) * percent / 100
    below = math.floor(at)
    low, high = Fraction(ordered[below]), Fraction(ordered[math.ceil(at)])
    return low + (at - below) * (high - low)


def _change(values: Sequence[int | float]) -> Fraction | None:
    first, last = Fraction(values[0]), Fraction(values[-1])
    return None if first == 0 else 100 * (last - first) / first


_PLAIN: Mapping[str, Callable[[Sequence[Value]], Result]] = {
    "COUNT": len,
    "FIRST": lambda values: values[0] if values else None,
    "LAST": lambda values: values[-1] if values else None,
}

_NUMERIC: Mapping[str, Callable[[Sequence[int | float]], Exact | None]] = {
    "AVG": _average,
    "MAX": max,
    "MEDIAN": partial(_percentile, Fraction(50)),
    "MIN": min,
    "PctChange": _change,
    "Pctile95": partial(_percentile, Fraction(95)),
    "STDDEV": _deviation,
    "SUM": _sum,
    "VARIANCE": _variance,
}
