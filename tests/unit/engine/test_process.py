"""What is known of one process, against a definition that walks over all events each time."""

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.process import (
    GRACE,
    NAME_LIMIT,
    TEXT_LIMIT,
    VERSION,
    BadProcess,
    Process,
    decode_process,
    encode_process,
    is_known,
    over_at,
    process_key,
    process_position,
    topic_of,
    with_end,
    with_start,
)

AGE = 10 * GRACE
ROW = Process(VERSION, 9, 4, 1_700_000_000_000, 9, 1_700_000_060_000, "python -m http.server", r"C:\cmd.exe")
GOLDEN = bytes.fromhex(
    "98010904cf0000018bcfe5680009cf0000018bcfe65260b5707974686f6e202d6d20687474702e736572766572aa433a5c636d642e657865"
)


class Seen(NamedTuple):
    """An event of one process. ``what`` is s, e or c: start, end, connection."""

    what: str
    offset: int
    time: int


@st.composite
def partitions(draw: st.DrawFn, starts: int = 3) -> list[Seen]:
    """Give a partition's events of one process, out of order in time."""
    whats = draw(st.lists(st.sampled_from("sec"), max_size=12))
    if whats.count("s") > starts:
        whats = [what for what in whats if what != "s"] + ["s"] * starts
        whats = draw(st.permutations(whats))
    times = st.integers(0, 12).map(lambda step: step * GRACE)
    return [Seen(what, offset, draw(times)) for offset, what in enumerate(whats)]


def row_after(events: list[Seen], row: Process | None = None) -> Process | None:
    """Give the row after these events."""
    for each in events:
        if each.what == "s":
            row = with_start(row, each.offset, each.time, f"at {each.offset}", None)
        elif each.what == "e" and row is not None:
            row = with_end(row, each.offset, each.time)
    return row


def known(row: Process | None, at: Seen) -> bool:
    """Say whether a connection finds the process."""
    return row is not None and is_known(row, at.offset, at.time, AGE)


def defined(events: list[Seen], at: Seen) -> bool:
    """Say the same from the definition: what lies before the connection, and nothing else."""
    before = [each for each in events if each.offset < at.offset]
    starts = [each for each in before if each.what == "s"]
    if not starts:
        return False
    ends = [each for each in before if each.what == "e" and each.offset > starts[-1].offset]
    if ends:
        return at.time <= ends[0].time + GRACE
    return at.time <= starts[0].time + AGE


@given(partitions())
def test_a_connection_finds_the_process_that_began_before_it(events: list[Seen]) -> None:
    """At each place of a partition the row says what the events before it say."""
    for at in events:
        assert defined(events, at) == known(row_after(events[: at.offset]), at)


@given(partitions(starts=1), st.data())
def test_what_is_read_again_is_answered_as_before(events: list[Seen], data: st.DataObject) -> None:
    """From a row that reflects any later event of a process that starts once, each connection is answered the same."""
    reached = data.draw(st.integers(0, len(events)))
    again = data.draw(st.integers(0, reached))
    row = row_after(events[:reached])
    for at in events[again:]:
        if at.what == "c":
            assert defined(events, at) == known(row, at)
        row = row_after([at], row)
    once = row_after(events)
    assert once == row


@given(partitions())
def test_the_first_texts_stay(events: list[Seen]) -> None:
    """A start that a forwarder repeats changes no text, and the position is that of the latest event that counts."""
    row = row_after(events)
    starts = [each.offset for each in events if each.what == "s"]
    if row is None:
        assert not starts
        return
    assert (f"at {starts[0]}", starts[0]) == (row.command, row.start)
    assert max(each.offset for each in events if each.what != "c" and each.offset >= starts[0]) == row.position


def test_a_start_read_from_further_back_counts() -> None:
    """Where offsets were set back, the earliest start is the process's."""
    late = with_start(None, 7, 70, "a", "b")
    assert (3, 30, 7) == ((row := with_start(late, 3, 30, "a", "b")).start, row.started, row.position)
    assert late == with_end(late, 3, 30)


def test_one_that_waited_finds_what_came_later() -> None:
    """A start behind the connection counts only for one that has waited for it."""
    row = with_start(None, 7, 70, "a", "b")
    assert [False, True] == [is_known(row, 5, 60, AGE, ahead=ahead) for ahead in (False, True)]


def test_how_long_it_can_be_found() -> None:
    """Until its age, and from its end on for the grace."""
    row = with_start(None, 7, 70, "a", "b")
    assert [70 + AGE, 90 + GRACE] == [over_at(row, AGE), over_at(with_end(row, 8, 90), AGE)]


def test_texts_and_names_have_a_bound() -> None:
    """A text that is longer is not kept, and a process with a name that is longer is not."""
    row = with_start(None, 1, 1, "é" * (TEXT_LIMIT // 2), "x" * (TEXT_LIMIT + 1))
    assert ("é" * (TEXT_LIMIT // 2), None) == (row.command, row.parent)
    assert process_key("T", "1", "h" * NAME_LIMIT, "g") is not None
    for names in (("h" * (NAME_LIMIT + 1), "g"), ("h", "g" * (NAME_LIMIT + 1))):
        assert process_key("T", "1", *names) is None
    assert process_key("T", "1" * (NAME_LIMIT + 1), "h", "g") is None


def test_guids_compare_without_case_and_braces() -> None:
    """However a shape spells a GUID, it is one process; another host, customer or topic is another."""
    spelled = ("{5E1C0B7A-9D2F-65BA-1A0C-000000003100}", "5e1c0b7a-9d2f-65ba-1a0c-000000003100")
    keys = {process_key("T", "1", "pc", guid) for guid in spelled}
    assert 1 == len(keys)
    others = {process_key(*place, spelled[0]) for place in (("T", "1", "pd"), ("T", "2", "pc"), ("U", "1", "pc"))}
    assert 4 == len(keys | others)
    assert "T" == topic_of(keys.pop() or b"")


def test_golden_bytes() -> None:
    """What lies on a changelog is read for ever."""
    assert GOLDEN == encode_process(ROW)
    assert ROW == decode_process(GOLDEN)
    assert 9 == process_position(GOLDEN)
    assert bytes.fromhex("94a154a131a27063a167") == process_key("T", "1", "pc", "{G}")


def test_bytes_that_are_no_process() -> None:
    """Another version, other bytes and another key are refused by name."""
    other = msgspec.msgpack.encode(replace(ROW, version=2))
    for read in (decode_process, process_position):
        with pytest.raises(BadProcess, match="process version 2, this worker reads 1"):
            read(other)
        with pytest.raises(BadProcess):
            read(b"\xc1")
    with pytest.raises(BadProcess):
        topic_of(b"\xc1")
