"""The stream's time is that of the slowest source partition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.row import row_position
from stream_app.engine.stream_time import (
    TRAIL,
    VERSION,
    BadProgress,
    Clock,
    Progress,
    Reading,
    decode_clock,
    decode_progress,
    encode_clock,
    encode_progress,
)

PROGRESS = Progress(VERSION, 2, (Reading("id", 0, 42, 1_700_000_000_000), Reading("id", 1, 7, 5)))
GOLDEN = bytes.fromhex("9301" + "02" + "92" + "94a26964002acf0000018bcfe56800" + "94a26964010705")
CLOCK = Clock.new(2).after(PROGRESS, 300)
CLOCK_GOLDEN = bytes.fromhex("9701cd012c02a2696490" + "8200922acf0000018bcfe5680001920705" + "9192cd012c05")


def said(partition: int, time: int, topic_id: str = "T", offset: int = 0) -> Progress:
    """Give progress of one source partition."""
    return Progress(VERSION, 1, (Reading(topic_id, partition, offset, time),))


def test_golden() -> None:
    """Progress and clock have these bytes, and these bytes are they."""
    assert GOLDEN == encode_progress(PROGRESS)
    assert PROGRESS == decode_progress(GOLDEN)
    assert CLOCK_GOLDEN == encode_clock(CLOCK)
    assert CLOCK == decode_clock(CLOCK_GOLDEN)


def test_position() -> None:
    """A clock at rest tells its position as a row does, so that the older of two is refused in the same way."""
    assert row_position(CLOCK_GOLDEN) == 300


def test_slowest_decides() -> None:
    """There is no time until every partition has reported; then it is the lowest, and a fast one does not move it."""
    clock = Clock.new(2)
    assert (None, None) == (clock.time, clock.slowest)
    clock = clock.after(said(1, 500), 0)
    assert (None, 0) == (clock.time, clock.slowest)
    clock = clock.after(said(0, 100), 1)
    assert (100, 0) == (clock.time, clock.slowest)
    clock = clock.after(said(1, 9_000), 2)
    assert (100, 0) == (clock.time, clock.slowest)
    clock = clock.after(said(0, 9_500), 3)
    assert (9_000, 1) == (clock.time, clock.slowest)


def test_never_back() -> None:
    """A partition that reports an older time or offset keeps its own; a further partition does not turn time back."""
    clock = Clock.new(1).after(said(0, 100, offset=5), 0).after(said(0, 50, offset=4), 1)
    assert (100, {0: (5, 100)}) == (clock.time, clock.known)
    assert Clock.new(1).after(said(0, 100), 0).after(said(1, 10), 1).time == 100


def test_again() -> None:
    """Progress at or below the clock's position has been heard, and changes nothing."""
    clock = Clock.new(1).after(said(0, 100), 5)
    assert clock is clock.after(said(0, 200), 5)


def test_topic_made_anew() -> None:
    """A topic with another id has a time of its own, none at first; what is still said of the old one is ignored."""
    clock = Clock.new(2).after(said(0, 100), 0).after(said(1, 100), 1)
    clock = clock.after(said(0, 20, "U"), 2)
    assert clock.time is None
    clock = clock.after(said(0, 999, "T"), 3).after(said(1, 30, "U"), 4)
    assert 20 == clock.time
    assert [100, None, None, 20] == [clock.time_at(position) for position in (1, 2, 3, 4)]


def test_time_at() -> None:
    """The time at a position that is read again is the time that it was read with first."""
    clock = Clock.new(1).after(said(0, 100), 3).after(said(0, 100), 5).after(said(0, 200), 9)
    assert [None, 100, 100, 200, 200] == [clock.time_at(position) for position in (2, 3, 8, 9, 10)]


def test_trail_is_bounded() -> None:
    """A clock remembers so many changes of its time, and says of older ones that it does not know."""
    clock = Clock.new(1)
    for position in range(TRAIL + 10):
        clock = clock.after(said(0, position), position)
    assert TRAIL == len(clock.trail)
    assert (None, 10) == (clock.time_at(9), clock.time_at(10))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), max_size=40), st.integers(1, 3))
def test_lowest(reports: list[tuple[int, int]], expected: int) -> None:
    """Over any reports, time never goes back and is the lowest of the partitions' highest times."""
    clock, highest, times = Clock.new(expected), dict[int, int](), list[int]()
    for position, (partition, time) in enumerate(reports):
        partition %= expected  # noqa: PLW2901  of as many as are expected
        clock = decode_clock(encode_clock(clock.after(said(partition, time), position)))
        highest[partition] = max(time, highest.get(partition, 0))
        assert (min(highest.values()) if len(highest) == expected else None) == clock.time
        times += [] if clock.time is None else [clock.time]
    assert sorted(times) == times


@pytest.mark.parametrize("data", [b"", b"{}", b"\x91\x01", GOLDEN[:-1], b"\x93\x01\x01\x91\x94\xa1\xff\x00\x00\x00"])
def test_no_progress(data: bytes) -> None:
    """Bytes that are neither progress nor a clock are refused by name."""
    with pytest.raises(BadProgress):
        decode_progress(data)
    with pytest.raises(BadProgress):
        decode_clock(data)


def test_more_partitions() -> None:
    """A source topic that is given more partitions holds time until each new one has reported; it never goes back."""
    clock = Clock.new(0).after(said(0, 100), 0)
    more = Progress(VERSION, 2, (Reading("T", 0, 9, 300),))
    held = clock.after(more, 1)
    assert (100, 100) == (clock.time, held.time)
    assert 250 == held.after(said(1, 250), 2).time


def test_version() -> None:
    """Another version is refused, and the message says both."""
    with pytest.raises(BadProgress, match="progress version 2, this worker reads 1"):
        decode_progress(b"\x93\x02" + GOLDEN[2:])
    with pytest.raises(BadProgress, match="clock version 2, this worker reads 1"):
        decode_clock(b"\x97\x02" + CLOCK_GOLDEN[2:])
