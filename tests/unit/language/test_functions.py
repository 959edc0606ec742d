"""The scalar functions, where the tables of the language do not reach."""

from __future__ import annotations

import math

import pytest

from stream_app.language import functions

NAN = math.nan
HUGE = 10**400


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (functions.hour_of_day(math.inf), NAN),
        (functions.hour_of_day(HUGE), HUGE // 3_600_000 % 24),
        (functions.day_of_week(-math.inf), NAN),
        (functions.integer(math.inf), NAN),
        (functions.double(HUGE), NAN),
        (functions.double("1"), 1.0),
        (functions.calculate(1, "+", NAN), NAN),
        (functions.calculate(math.inf, "-", math.inf), NAN),
        (functions.calculate(HUGE, "/", 3), NAN),
        (functions.calculate(HUGE, "*", 0.5), NAN),
        (functions.calculate(7, "-", 2, "-", 1), 4),
        (functions.calculate(7, "*", 2, "/", 4), 3.5),
        (functions.logarithm(HUGE), 400.0),
        (functions.logarithm(HUGE, 0.5), math.log(HUGE, 0.5)),
        (functions.logarithm(5, -1), NAN),
        (functions.length(None), NAN),
    ],
)
def test_numbers_beyond_the_ordinary_give_a_number_or_absence(value: float, expected: float) -> None:
    """Overflow, infinity and NaN end as absence, and nothing raises."""
    assert (True, True) == (value == expected or math.isnan(expected), math.isnan(value) == math.isnan(expected))


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (math.inf, 1, None),
        (-math.inf, 1, None),
        (NAN, 1, None),
        (1, NAN, None),
        (1, math.inf, "abcd"),
        (1, -math.inf, ""),
        (1.9, 2, "ab"),
        (-9, 2, ""),
        (HUGE, 1, ""),
    ],
)
def test_a_substring_takes_any_number(start: float, count: float, expected: str | None) -> None:
    """Positions far outside take nothing; those that are no number give absence."""
    assert expected == functions.substring("abcd", start, count)
