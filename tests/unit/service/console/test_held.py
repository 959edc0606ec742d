"""Records of the incidents topic, folded into a list that is bounded."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.service.console.held import OVERHEAD, Held, Incidents, Unread, read

PLENTY = 1 << 30


def record(incident_id: str, revision: int = 1, **fields: Any) -> bytes:
    """Give an incident's record."""
    return json.dumps(
        {
            "incidentId": incident_id, "revision": revision, "activity": "create", "incidentStatus": 0,
            "incidentTitle": "A title", "incidentFirstSeen": 1, "incidentLastSeen": 2, "count": revision,
            "incidentCount": revision, "eventSeverity": 5, "eventSeverityCat": "MEDIUM", "ruleId": "R",
        }
        | fields
    ).encode()  # fmt: skip


def held(incident_id: str, revision: int = 1, at: int = 0, **fields: Any) -> Held:
    """Give an incident as it is held."""
    return read(record(incident_id, revision, **fields), at)


def listed(incidents: Incidents) -> list[tuple[str, int]]:
    """Give ids and revisions, newest first."""
    return [(each.row.id, each.row.revision) for each in incidents.newest_first()]


def test_a_record_is_read_as_a_line_of_the_list() -> None:
    """Host, what it is about, its status and both of its times are there; absent fields are empty."""
    one = held("a", at=7, hostName="WS-1", incidentSrc="srcIpAddr:::1", incidentDetail="x:y", incidentStatus=2).row
    assert ("WS-1", "srcIpAddr:::1, x:y", "cleared", 7, 1, 2) == (
        one.host, one.what, one.status, one.at, one.first, one.last,
    )  # fmt: skip
    assert ("10.0.0.1", "open") == (held("a", hostIpAddr="10.0.0.1").row.host, held("a").row.status)
    assert "" == held("a").row.host
    assert "7" == held("a", hostName=7).row.host


def test_a_long_text_is_shown_by_its_beginning_and_kept_whole() -> None:
    """A title of a megabyte is no megabyte in every list."""
    one = held("a", incidentTitle="t" * 1000)
    assert "t" * 300 + "…" == one.row.title
    assert b"t" * 1000 in one.value


def test_words_are_found_in_every_value_as_it_reads() -> None:
    """A path is found with its single backslashes, a list by its members, without regard to case."""
    one = held("a", procName="C:\\Temp\\Größe.EXE", attackTechnique=["T1046"])
    assert all(each in one.text for each in ("c:\\temp\\grösse.exe", "t1046", "a title"))


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b"\xff", b'{"incidentId": 1}', record("a").replace(b"1", b"x")])
def test_what_is_no_incident_is_said(value: bytes) -> None:
    """It raises Unread and nothing else."""
    with pytest.raises(Unread):
        read(value, 0)


def test_the_highest_revision_wins_and_stays_where_the_first_stood() -> None:
    """Later, repeated and older revisions come in any order."""
    incidents = Incidents(10, PLENTY)
    assert ["a"] == incidents.take(held("a", 1, at=1))
    assert ["b"] == incidents.take(held("b", 1, at=2))
    assert ["a"] == incidents.take(held("a", 3, at=3))
    assert [] == incidents.take(held("a", 3, at=4))
    assert [] == incidents.take(held("a", 2, at=5))
    assert [("b", 1), ("a", 3)] == listed(incidents)
    found = incidents.get("a")
    assert found is not None
    assert (3, 1) == (found.row.at, found.row.placed)


def test_the_oldest_make_room() -> None:
    """No more than so many are held; which ones left is said, and how many."""
    incidents = Incidents(2, PLENTY)
    for at, name in enumerate("abc"):
        incidents.take(held(name, at=at))
    assert ["d", "b"] == incidents.take(held("d", at=9))
    assert ([("d", 1), ("c", 1)], 2, 2) == (listed(incidents), len(incidents), incidents.forgotten)
    assert incidents.get("a") is None
    assert ["e", "e"] == incidents.take(held("e", at=1))  # older than all that is held
    assert ["a", "c"] == incidents.take(held("a", 2, at=10))  # it comes again, and is new


def test_large_incidents_make_room_for_one_another_too() -> None:
    """What is held is bounded in bytes, but the newest is always there."""
    incidents = Incidents(1000, 3 * OVERHEAD)
    for at, name in enumerate("abc"):
        incidents.take(held(name, at=at, command="x" * 4 * OVERHEAD))
        assert [(name, 1)] == listed(incidents)


def test_revisions_of_one_incident_take_no_room_from_others() -> None:
    """Only the newest is held, and counted."""
    incidents = Incidents(1000, 6 * OVERHEAD)
    incidents.take(held("a", at=1))
    for revision in range(1, 100):
        incidents.take(held("b", revision, at=2))
    assert (2, 0) == (len(incidents), incidents.forgotten)


def test_rules_are_counted_by_what_is_held() -> None:
    """Open and cleared ones; a rule of which nothing is held is not there."""
    incidents = Incidents(2, PLENTY)
    incidents.take(held("a", at=1))
    incidents.take(held("b", at=2))
    assert (2, 2) == (incidents.rules["R"], incidents.open["R"])
    incidents.take(held("a", 2, at=3, incidentStatus=1))
    assert (2, 1) == (incidents.rules["R"], incidents.open["R"])
    incidents.take(held("c", at=4, ruleId="S"))
    incidents.take(held("d", at=5, ruleId="S"))
    assert {"S": 2} == dict(incidents.rules) == dict(incidents.open)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 5), st.integers(0, 20)), max_size=60))
def test_whatever_comes_the_list_is_in_order_and_within_its_bound(taken: list[tuple[str, int, int]]) -> None:
    """Three of at most six; places never rise from the top down, and nothing is there twice."""
    incidents = Incidents(3, PLENTY)
    for name, revision, at in taken:
        changed = incidents.take(held(name, revision, at))
        assert not changed or changed[0] == name
    places = [each.order for each in incidents.newest_first()]
    assert sorted(set(places), reverse=True) == places
    assert len(places) == len(incidents) == min(3, len({name for name, _, _ in taken})) or len(incidents) == 3
    assert len(incidents) == sum(incidents.rules.values())
