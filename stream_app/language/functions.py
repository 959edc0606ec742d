"""The scalar functions at run time: values go in, a value or absence comes out, and nothing is ever raised.

Decision: a function of an absent value is absent; text is ``None`` then and a number NaN, as in ``reading``. Where
Fortinet's documents leave a detail open, ClickHouse's function of that name decides, which FortiSIEM runs them on:
positions count from 1, ``REPLACE`` takes its text literally, ``EXTRACT`` gives the first group.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING

from stream_app.language.linear import Linear
from stream_app.language.reading import NAN, number_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

Number = int | float
Text = str | None

_HOUR = 3_600_000  # milliseconds
_THURSDAY = 4  # 1970-01-01, where 0 is Sunday


def length(text: Text) -> Number:
    """LEN: how many characters."""
    return NAN if text is None else len(text)


def lower(text: Text) -> Text:
    """TO_LOWER."""
    return None if text is None else text.lower()


def upper(text: Text) -> Text:
    """TO_UPPER."""
    return None if text is None else text.upper()


def trim(text: Text) -> Text:
    """TRIM: without the blanks at both ends."""
    return None if text is None else text.strip()


def trim_left(text: Text) -> Text:
    """LTRIM: without the blanks at the beginning."""
    return None if text is None else text.lstrip()


def trim_right(text: Text) -> Text:
    """RTRIM: without the blanks at the end."""
    return None if text is None else text.rstrip()


def substring(text: Text, start: Number, count: Number = math.inf) -> Text:
    """SUB_STR(text, start, count): positions count from 1, a negative start from the end; 0 or less takes nothing."""
    if text is None or not _is_finite(start) or count != count:  # noqa: PLR0124 - NaN is absence
        return None
    size = len(text)
    begin = start - 1 if start > 0 else size + start
    if start == 0 or count <= 0 or begin >= size:
        return ""
    end = min(begin + count, size)
    return text[max(int(begin), 0) : max(int(end), 0)]


def replace(text: Text, old: Text, new: Text) -> Text:
    """REPLACE(text, old, new): every occurrence, letter by letter; an empty ``old`` replaces nothing."""
    if text is None or old is None or new is None:
        return None
    return text.replace(old, new) if old else text


def extractor(pattern: re.Pattern[str] | Linear) -> Callable[[Text], Text]:
    """EXTRACT(text, pattern): the first group of the first match, all of the match if the pattern has no group."""
    if isinstance(pattern, Linear):
        linear = pattern.extract
        return lambda text: None if text is None else linear(text)
    group = min(pattern.groups, 1)

    def extract(text: Text) -> Text:
        match = None if text is None else pattern.search(text)
        return None if match is None else match.group(group)

    return extract


def integer(value: object) -> Number:
    """TO_INTEGER: a number without its fraction."""
    number = number_of(value)
    return int(number) if _is_finite(number) else NAN


def double(value: object) -> Number:
    """TO_DOUBLE."""
    try:
        return float(number_of(value))
    except OverflowError:
        return NAN


def hour_of_day(time: Number) -> Number:
    """HourOfDay: 0 to 23 in UTC, of milliseconds since 1970."""
    return time // _HOUR % 24 if _is_finite(time) else NAN


def day_of_week(time: Number) -> Number:
    """DayOfWeek: 0 is Sunday, 6 is Saturday, in UTC, of milliseconds since 1970."""
    return (time // (24 * _HOUR) + _THURSDAY) % 7 if _is_finite(time) else NAN


def logarithm(number: Number, base: Number = 10) -> Number:
    """LOG(number, base): absent where there is none."""
    try:
        return math.log10(number) if base == 10 else math.log(number, base)  # noqa: PLR2004 - the default base
    except (ValueError, ZeroDivisionError, OverflowError):
        return NAN


def calculate(first: Number, *steps: str | Number) -> Number:
    """Go through ``operator, operand, operator, operand, …`` from left to right; what cannot be computed is absent."""
    total = first
    try:
        for sign, operand in zip(steps[::2], steps[1::2], strict=True):
            total = _CALCULATIONS[sign](total, operand)
    except (ZeroDivisionError, OverflowError):
        return NAN
    return total


_CALCULATIONS: Mapping[str | Number, Callable[[Number, str | Number], Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _is_finite(number: Number) -> bool:
    return isinstance(number, int) or math.isfinite(number)
