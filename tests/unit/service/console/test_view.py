"""What one reader of the list is sent: the rows that its filter lets through, and no queue."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.service.console.held import Held, Incidents, read
from stream_app.service.console.view import Changes, Filter, View
from tests.unit.service.console.test_held import PLENTY, held, record


class Reader:
    """A reader as the page is one: it applies what it is sent."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.rows: dict[str, Any] = {}
        self.apply(view.whole())

    def apply(self, changes: Changes) -> Changes:
        """Take what was sent."""
        if changes.whole:
            self.rows.clear()
        for each in changes.gone:
            self.rows.pop(each)
        self.rows |= {each.id: each for each in changes.rows}
        return changes

    @property
    def list(self) -> list[str]:
        """The ids, newest first."""
        return [each.id for each in sorted(self.rows.values(), key=lambda row: (row.placed, row.id), reverse=True)]


@pytest.fixture
def incidents() -> Incidents:
    """Give a list of at most ten."""
    return Incidents(10, PLENTY)


def take(incidents: Incidents, view: View, *new: Held) -> None:
    """Fold records in."""
    for each in new:
        view.note(incidents.take(each))


@pytest.mark.parametrize(
    ("wanted", "through"),
    [
        ({}, True),
        ({"rule": "R"}, True),
        ({"rule": "r"}, False),
        ({"host": " ws-1"}, True),
        ({"host": "WS-2"}, False),
        ({"severity": 5}, True),
        ({"severity": 6}, False),
        ({"status": "open"}, True),
        ({"status": "cleared"}, False),
        ({"text": "TEMP\\  title"}, True),
        ({"text": "temp nothing"}, False),
        ({"rule": "R", "host": "ws", "severity": 1, "status": "open", "text": "title"}, True),
        ({"rule": "R", "host": "ws", "severity": 9}, False),
    ],
)
def test_a_filter_lets_through_what_fits_all_of_it(wanted: dict[str, Any], through: bool) -> None:  # noqa: FBT001 - a case
    """Rule exactly, host in part, severity from, status, and every word; case does not count but in a rule's id."""
    one = held("a", hostName="WS-14.example", procName="C:\\Temp\\a.exe")
    assert through == Filter(**wanted).folded().lets_through(one)


def test_a_reader_is_sent_the_list_and_then_what_changed(incidents: Incidents) -> None:
    """Rows oldest first, each as its newest revision however many there were; how many were folded is said."""
    incidents.take(held("a", at=1))
    view = View(incidents, Filter(), 5)
    assert (True, ["a"], 1) == ((sent := view.whole()).whole, [each.id for each in sent.rows], sent.matching)
    take(incidents, view, held("c", at=3), held("b", at=2), held("a", 2, at=4), held("a", 5, at=5))
    assert 4 == view.waiting
    sent = view.changes()
    assert [("a", 5), ("b", 1), ("c", 1)] == [(each.id, each.revision) for each in sent.rows]
    assert (False, [], 3, 1, 0) == (sent.whole, sent.gone, sent.matching, sent.folded, view.waiting)


def test_what_a_filter_lets_through_no_more_goes(incidents: Incidents) -> None:
    """An open incident that is cleared leaves the list of open ones; one that was never in it is not named."""
    view = View(incidents, Filter(status="open"), 5)
    reader = Reader(view)
    take(incidents, view, held("a", at=1), held("b", at=2))
    reader.apply(view.changes())
    take(incidents, view, held("a", 2, at=3, incidentStatus=2), held("c", at=4, incidentStatus=2))
    sent = reader.apply(view.changes())
    assert (["a"], ["b"], 1) == (sent.gone, reader.list, sent.matching)


def test_a_reader_sees_only_the_newest(incidents: Incidents) -> None:
    """What newer ones push below the list goes; a change down there is not sent."""
    view = View(incidents, Filter(), 2)
    reader = Reader(view)
    take(incidents, view, *(held(name, at=at) for at, name in enumerate("abc")))
    sent = reader.apply(view.changes())
    assert (["c", "b"], 3) == (reader.list, sent.matching)
    take(incidents, view, held("a", 2, at=9))
    sent = reader.apply(view.changes())
    assert ([], [], 1, ["c", "b"]) == (sent.rows, sent.gone, sent.folded, reader.list)


def test_where_rows_leave_older_ones_come_up(incidents: Incidents) -> None:
    """A list that got short while more incidents match is sent anew."""
    view = View(incidents, Filter(status="open"), 2)
    reader = Reader(view)
    take(incidents, view, *(held(name, at=at) for at, name in enumerate("abc")))
    reader.apply(view.changes())
    take(incidents, view, held("c", 2, at=8, incidentStatus=2), held("b", 2, at=9, incidentStatus=2))
    assert reader.apply(view.changes()).whole
    assert ["a"] == reader.list


def test_what_is_held_no_more_goes(incidents: Incidents) -> None:
    """Also where a filter shows old ones; one that comes again is new."""
    view = View(incidents, Filter(severity=9), 5)
    reader = Reader(view)
    take(incidents, view, held("a", at=0, eventSeverity=9))
    reader.apply(view.changes())
    take(incidents, view, *(held(f"x{at}", at=at) for at in range(1, 11)))
    assert (["a"], []) == (reader.apply(view.changes()).gone, reader.list)
    take(incidents, view, held("a", 2, at=20, eventSeverity=9))
    assert ["a"] == [each.id for each in reader.apply(view.changes()).rows]


def test_what_was_pushed_out_and_came_again_between_two_sends_stands_where_it_is_now(incidents: Incidents) -> None:
    """It is new to the list, and the reader, who had it further down, has it once."""
    view = View(incidents, Filter(), 3)
    take(incidents, view, held("a", at=0))
    reader = Reader(view)
    take(incidents, view, *(held(f"x{at}", at=at) for at in range(1, 11)), held("a", 2, at=20))
    reader.apply(view.changes())
    assert ["a", "x10", "x9"] == reader.list


def test_a_reader_that_takes_nothing_costs_no_more(incidents: Incidents) -> None:
    """After ten thousand changes of twenty incidents it is sent the ten that are held."""
    view = View(incidents, Filter(), 500)
    reader = Reader(view)
    for revision in range(500):
        take(incidents, view, *(held(f"i{number}", revision, at=number) for number in range(20)))
    assert len(view._changed) <= 20
    sent = reader.apply(view.changes())
    assert 10 == len(sent.rows) == len(reader.list)


STEP = st.tuples(
    st.sampled_from("abcdefgh"), st.integers(1, 6), st.sampled_from([0, 2]), st.integers(0, 30), st.booleans()
)


@settings(max_examples=300)
@given(st.lists(STEP, max_size=80), st.integers(1, 6), st.sampled_from(["", "open"]))
def test_whatever_comes_a_reader_has_what_a_new_one_would_be_sent(
    steps: list[tuple[str, int, int, int, bool]], most: int, status: str
) -> None:
    """Apart from a few rows below the point at which a short list is filled up, whenever it is sent something."""
    incidents = Incidents(5, PLENTY)
    view = View(incidents, Filter(status=status), most)
    reader = Reader(view)
    for name, revision, state, at, send in steps:
        view.note(incidents.take(read(record(name, revision, incidentStatus=state), at)))
        if send:
            reader.apply(view.changes())
    reader.apply(view.changes())
    fresh = View(incidents, Filter(status=status), most).whole()
    expected = [each.id for each in fresh.rows]
    assert expected[: len(reader.list)] == reader.list
    assert len(reader.list) >= min(len(expected), int(most * 0.8))
    assert fresh.matching == len(view._matching)
    assert {each.id: each for each in fresh.rows}.items() >= reader.rows.items()
