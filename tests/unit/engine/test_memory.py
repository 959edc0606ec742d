"""Rows that count incidents as events, and what they remember of them."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine import memory
from stream_app.engine.match import VERSION as MATCH_VERSION
from stream_app.engine.match import Match, Origin
from stream_app.engine.memory import EVERY, KEPT, forgetting, remembering
from stream_app.engine.observe import observe
from stream_app.engine.rejection import Rejection
from stream_app.engine.row import VERSION, Episode, Held, Latest, Line, Mark, Row, Source, decode_row, encode_row
from stream_app.rulebook.rule import MOST_ROW_BYTES, Rule


def told(name: str, time: int) -> Source:
    """Give the source that an incident is."""
    return Source(name, "incidents", -1, time)


def match(name: str, time: int) -> Match:
    """Give the match of an incident."""
    return Match(MATCH_VERSION, "PH_Rule_Test", "1", ("pc1",), time, Origin("incidents", name, -1, time))


def test_what_nothing_refers_to_is_forgotten_in_time(rule_of: Callable[..., Rule]) -> None:
    """What is referred to stays, under its new index, and so do source partitions; the newest gone is the floor."""
    rule = rule_of(window=10, clear_after=10, lateness=5)
    sources = (
        told("old", 7),
        Source("T", "sysmon", 0, 3),
        told("evidence", 1),
        told("older", 3),
        told("held", 2),
        told("young", 86),
        told("latest", 4),
        told("lines", 5),
    )
    one = Episode(b"a" * 16, 1, 1, 1, 1, 1, 0, (Mark(1, 2, 1),), b"", Latest(Mark(4, 6, 4), ()))
    nested = Line(("x",), (Episode(b"b" * 16, 1, 1, 1, 1, 1, 0, (Mark(5, 7, 5), Mark(9, 1, 3)), b""),))
    row = Row(VERSION, 9, 90, sources, (one,), (Held(2, 4, 2, 0),), (nested,))
    after = forgetting(rule, row, 101)
    assert (told("", 7), *(sources[index] for index in (1, 2, 4, 5, 6, 7))) == after.sources
    assert (Mark(1, 2, 1),) == after.episodes[0].evidence
    assert Latest(Mark(4, 5, 4), ()) == after.episodes[0].latest
    assert (Held(2, 3, 2, 0),) == after.held
    assert (Mark(5, 6, 5), Mark(9, 1, 3)) == after.lines[0].episodes[0].evidence
    assert after == forgetting(rule, after, 101)
    assert [told("", 86), 6] == [(last := forgetting(rule, after, 102)).sources[0], len(last.sources)]
    assert row == forgetting(rule, row, None)


def test_a_row_of_thousands_keeps_the_latest(rule_of: Callable[..., Rule]) -> None:
    """Of incidents that nothing refers to it knows so many; one that is no newer than what it forgot is too old."""
    rule = rule_of(">= 3", window=10, clear_after=1_000_000_000, lateness=10, evidence=1)
    row: Row | None = None
    for number in range(KEPT + 3 * EVERY):
        row = observe(rule, row, match(f"id-{number}", 100 * number), number, 100 * number).row
    assert row is not None
    assert KEPT <= len(row.sources) <= KEPT + EVERY + 5
    floor = row.sources[0].offset
    assert ("", "incidents", -1) == (row.sources[0].topic_id, row.sources[0].topic, row.sources[0].partition)
    late = observe(rule, row, match("new", floor), 99_999, None)
    assert (True, False, (), row.sources) == (late.late, late.repeated, late.incidents, late.row.sources)
    counted = observe(rule, row, match("new", floor + 1), 99_999, None)
    assert (False, False) == (counted.late, counted.repeated)
    again = observe(rule, row, match(f"id-{KEPT + 3 * EVERY - 1}", 0), 99_999, None)
    assert (False, True) == (again.late, again.repeated)


def test_an_incident_is_not_late(rule_of: Callable[..., Rule]) -> None:
    """However far time had jumped: two within a window are two, and one that is sent again is known."""
    rule = rule_of(">= 2", lateness=5, clear_after=30, window=10)
    row = observe(rule, None, match("one", 20), 7, 1000).row
    counted = observe(rule, row, match("two", 29), 8, 1000)
    assert [("create", 1, 2)] == [(each.activity, each.count, each.incident_count) for each in counted.incidents]
    assert not counted.late
    assert observe(rule, counted.row, match("one", 20), 9, 1000).repeated


def test_what_may_have_been_forgotten_is_named(rule_of: Callable[..., Rule]) -> None:
    """As late, with what is known of it."""
    rule, row = rule_of(), Row(VERSION, 7, 0, (told("", 20), told("one", 25)), (), ())
    assert [None, row] == [remembering(rule, row, time, None) for time in (20, 21)]
    rejected = Rejection.late(match("two", 20), 5, 1000)
    assert ("late", "two", "its row has forgotten incidents as old as this one: it may be one of them") == (
        rejected.reason,
        rejected.topic_id,
        rejected.detail,
    )


def test_a_row_that_holds_too_many_incidents_is_full(rule_of: Callable[..., Rule]) -> None:
    """What events that can still decide refer to cannot be forgotten: there is a bound on it."""
    rule = rule_of(">= 100000")
    name = "i" * 700
    sources = tuple([told(f"{name}{number}", 0) for number in range(KEPT)])
    held = tuple([Held(0, number, 0, 0) for number in range(KEPT)])
    row = Row(VERSION, 9, 0, sources, (), held)
    assert len(encode_row(row)) > MOST_ROW_BYTES
    full = observe(rule, row, match("one more", 0), 10, None)
    assert (True, sources) == (full.full, full.row.sources)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200), st.booleans()), max_size=60),
    st.integers(1, 30),
    st.integers(0, 20),
)
def test_nothing_is_counted_twice(
    rule_of: Callable[..., Rule], sent: list[tuple[int, int, bool]], clear_after: int, lateness: int
) -> None:
    """In any order, with any repeats, and with a memory that is as short as can be: each incident once, or named late.

    As brute force has it: a match is counted, known or late, and what was counted is never counted again.
    """
    rule = replace(rule_of(clear_after=clear_after, lateness=lateness, window=1), evidence=1)
    kept, every, memory.KEPT, memory.EVERY = memory.KEPT, memory.EVERY, 2, 1
    try:
        row: Row | None = None
        counted: set[str] = set()
        stream_time = 0
        for position, (name, time, moves) in enumerate(sent):
            stream_time = max(stream_time, time) if moves else stream_time
            observed = observe(rule, row, match(str(name), 3 * name), position, stream_time)
            row = decode_row(encode_row(observed.row))
            if not (observed.late or observed.repeated):
                assert str(name) not in counted
                counted.add(str(name))
            assert observed.incidents or observed.late
    finally:
        memory.KEPT, memory.EVERY = kept, every
