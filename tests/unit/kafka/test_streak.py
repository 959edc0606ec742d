"""A streak of records that cannot be read: counted exactly, said once, and by choice the end."""

import logging
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.kafka.counters import Counters
from stream_app.kafka.screening import screen_of
from stream_app.kafka.streak import RejectStreak, Streak
from stream_app.sysmon.normalise import Unreadable
from tests.corpus import seed_rulebook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Message

RULEBOOK = seed_rulebook()
GOOD, BAD = b'{"EventID": 1, "Computer": "ws", "Channel": "Microsoft-Windows-Sysmon/Operational"}', b"not json"


class Record:
    """What the screen takes of a message."""

    def __init__(self, value: bytes | None, offset: int) -> None:
        self._value = value
        self._offset = offset

    def topic(self) -> str:
        """Give the topic."""
        return "sysmon"

    def partition(self) -> int:
        """Give the partition."""
        return 0

    def offset(self) -> int:
        """Give the offset."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """Give type and time."""
        return 1, 1_750_000_000_000

    def value(self) -> bytes | None:
        """Give the bytes."""
        return self._value


def screened(
    values: "Sequence[bytes | None]", limit: int, *, stops: bool = False
) -> tuple[Counters, list[BaseException]]:
    """Give what was counted, and the errors that would have ended the worker."""
    counters = Counters()
    errors: list[BaseException] = []
    screen = screen_of(RULEBOOK, "id", 1_000_000, Streak(limit, counters, errors.append if stops else None))
    for offset, value in enumerate(values):
        try:
            screen(cast("Message", Record(value, offset)))
        except Unreadable:
            assert value != GOOD
    return counters, errors


def test_a_streak_is_broken_off_by_a_record_that_can_be_read() -> None:
    """One fewer than the limit, a good record, and one fewer again: no streak."""
    counters, errors = screened([BAD, None, GOOD, BAD, BAD], 3, stops=True)
    assert (2, 0, []) == (counters.reject_streak, counters.reject_streaks, errors)


def test_the_record_that_makes_the_limit_stops_the_worker(caplog: pytest.LogCaptureFixture) -> None:
    """The error names count, place and reason, and the setting that goes on; it comes once."""
    counters, errors = screened([GOOD, BAD, None, BAD, BAD], 3, stops=True)
    (error,) = errors
    assert isinstance(error, RejectStreak)
    assert str(error).startswith("3 records in a row could not be read, the last of them sysmon/0@3: ")
    assert "STREAM_APP_ON_REJECT_STREAK=continue" in str(error)
    assert (4, 1, []) == (counters.reject_streak, counters.reject_streaks, caplog.records)


def test_a_worker_that_goes_on_says_each_streak_once(caplog: pytest.LogCaptureFixture) -> None:
    """Two streaks are two lines of the log, whatever their length, and are counted."""
    with caplog.at_level(logging.ERROR):
        counters, _ = screened([BAD] * 5 + [GOOD] + [BAD] * 3 + [GOOD], 3)
    assert (0, 2) == (counters.reject_streak, counters.reject_streaks)
    assert ["sysmon/0@2", "sysmon/0@8"] == [
        each.getMessage().split("them ")[1].split(":")[0] for each in caplog.records
    ]


@settings(deadline=None)  # each example makes a screen
@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_streaks_are_counted_exactly(readable: list[bool], limit: int) -> None:
    """The number of streaks is that of the runs of unreadable records which are long enough."""
    counters, errors = screened([GOOD if each else BAD for each in readable], limit, stops=True)
    runs = "".join(".x"[not each] for each in readable).split(".")
    expected = sum(len(run) >= limit for run in runs)
    assert (expected, expected, len(runs[-1])) == (counters.reject_streaks, len(errors), counters.reject_streak)
