"""Periods: moments to the millisecond, and wall clocks of zones that move theirs."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.rulebook.periods import DAYS, Once, Weekly, milliseconds

BERLIN = ZoneInfo("Europe/Berlin")
EVERY_DAY = tuple(range(7))
NIGHT = (time(22), time(6))


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    """Give the milliseconds of a local time."""
    return milliseconds(datetime.fromisoformat(text).replace(tzinfo=zone))


def test_once() -> None:
    """A period holds from its begin on and not at its end; an open end is open."""
    assert [False, True, True, False] == [Once(10, 20).holds(moment) for moment in (9, 10, 19, 20)]
    assert [True, False] == [Once(None, 20).holds(moment) for moment in (-(10**15), 20)]
    assert [False, True] == [Once(10, None).holds(moment) for moment in (9, 10**15)]


def test_office_hours() -> None:
    """On its days, from the first millisecond to before the last."""
    office = Weekly((0, 1, 2, 3, 4), (time(8), time(17, 30)), BERLIN)
    inside = ("2026-03-02T08:00:00", "2026-03-06T17:29:59.999")
    outside = ("2026-03-02T07:59:59.999", "2026-03-06T17:30:00", "2026-03-07T12:00:00")
    assert [True, True, False, False, False] == [office.holds(at(text)) for text in (*inside, *outside)]


def test_over_midnight() -> None:
    """It belongs to the day on which it begins: Friday's night ends on Saturday."""
    night = Weekly((4,), NIGHT, BERLIN)
    inside = ("2026-03-06T22:00:00", "2026-03-06T23:59:59.999", "2026-03-07T00:00:00", "2026-03-07T05:59:59.999")
    outside = ("2026-03-06T21:59:59.999", "2026-03-07T06:00:00", "2026-03-06T05:00:00", "2026-03-07T22:00:00")
    assert [True] * 4 + [False] * 4 == [night.holds(at(text)) for text in (*inside, *outside)]
    sunday = Weekly((6,), NIGHT, BERLIN)
    assert [True, False] == [sunday.holds(at(f"2026-03-{day}T03:00:00")) for day in ("09", "08")]


def test_whole_days() -> None:
    """Without hours a day is the zone's own, from midnight to midnight."""
    weekend = Weekly((5, 6), None, BERLIN)
    moments = ("2026-03-06T23:59:59.999", "2026-03-07T00:00:00", "2026-03-08T23:59:59.999", "2026-03-09T00:00:00")
    assert [False, True, True, False] == [weekend.holds(at(text)) for text in moments]
    assert weekend.holds(milliseconds(datetime(2026, 3, 6, 23, 30, tzinfo=UTC)))


def test_clocks_that_are_moved() -> None:
    """An hour that is left out has no moments, and one that is shown twice is inside both times."""
    early = Weekly(EVERY_DAY, (time(2), time(3)), BERLIN)
    spring = milliseconds(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))  # 01:30, and half an hour later it is 03:00
    assert [False] * 3 == [early.holds(spring + minutes * 60_000) for minutes in (29, 30, 60)]
    autumn = milliseconds(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))  # 02:00; an hour later it is 02:00 again
    held = [early.holds(autumn + minutes * 60_000) for minutes in (-1, 0, 59, 60, 119, 120)]
    assert [False, True, True, True, True, False] == held


@pytest.mark.parametrize("moment", [10**17, -(10**17), 10**30, 253_402_300_799_999, -62_135_596_800_000])
def test_no_calendar(moment: int) -> None:
    """A time that no calendar has, there or in the zone, is in no period that comes back."""
    west, east = ZoneInfo("America/Los_Angeles"), ZoneInfo("Asia/Tokyo")
    assert not all(Weekly(EVERY_DAY, None, zone).holds(moment) for zone in (west, east))


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001 - hypothesis wants them so
    st.times(),
    st.times(),
    st.frozensets(st.integers(0, 6)),
    st.sampled_from(("Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "UTC")),
)
def test_as_a_clerk_would_tell(moment: datetime, start: time, end: time, days: frozenset[int], zone: str) -> None:
    """A second opinion that writes the period's beginning of today and of yesterday down and compares wall clocks."""
    if start == end:
        return
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    expected = False
    for day in (wall.date(), wall.date() - timedelta(days=1)):
        begins = datetime.combine(day, start)
        ends = datetime.combine(day + timedelta(days=end < start), end)
        expected |= day.weekday() in days and begins <= wall < ends
    assert expected == Weekly(tuple(days), (start, end), ZoneInfo(zone)).holds(milliseconds(moment))


def test_facts() -> None:
    """What decides is given as plain values, for the rule's hash."""
    assert ((0,), ["22:00:00", "06:00:00"], "Europe/Berlin") == Weekly((0,), NIGHT, BERLIN).facts
    assert ((0,), [], "Europe/Berlin") == Weekly((0,), None, BERLIN).facts
    assert (1, None) == Once(1, None).facts
    assert 7 == len(DAYS)
