"""Two rulebooks over the same records: which incidents and rules differ."""

from pathlib import Path

import msgspec

from stream_app.engine.compare import ChangedRule, Comparison, compare
from stream_app.engine.process_context import Joining
from stream_app.rulebook.rulefile import Defaults
from tests.unit.engine.test_explain import ONE, SUMS, connection, given, rules

EVENTS = [{"at": at, "hostName": host, "sentBytes64": at} for at in range(0, 50, 10) for host in ("pc1", "pc2")]


def compared(folder: Path, old: dict[str, str], new: dict[str, str], *events: dict, **options: object) -> Comparison:
    """Compare rules, by id, over events; what is said can be written as JSON."""
    books = []
    for name, texts in (("old", old), ("new", new)):
        (folder / name).mkdir()
        books.append(rules(folder / name, **texts))
    found = compare(*books, (each.record for each in given(*(events or EVENTS))), **options)
    assert found == msgspec.json.decode(msgspec.json.encode(found), type=Comparison) or found.changed_rules
    return found


def test_a_rulebook_is_the_same_as_itself(tmp_path: Path) -> None:
    """Whatever it finds."""
    found = compared(tmp_path, {"R": ONE}, {"R": ONE})
    assert (True, (), (), 10, (2, 2), {}) == (
        found.same, found.incidents, found.changed_rules, found.records, found.total, found.rejected
    )  # fmt: skip


def test_what_a_change_adds_and_removes_is_told_by_rule(tmp_path: Path) -> None:
    """An incident whose first trigger is another one is another incident; rules are named too."""
    found = compared(tmp_path, {"R": ONE, "GONE": ONE}, {"R": ONE.replace(">= 2", ">= 3"), "CAME": ONE})
    assert (("CAME",), ("GONE",)) == (found.added_rules, found.removed_rules)
    assert (ChangedRule(id="R", what=("content",)),) == found.changed_rules
    assert [("CAME", 2, 0, 0), ("GONE", 0, 2, 0), ("R", 2, 2, 0)] == [
        (each.rule, len(each.added), len(each.removed), each.same) for each in found.incidents
    ]
    assert {"pc1", "pc2"} == {each.attributes["hostName"] for each in found.incidents[2].added}
    assert (False, (4, 4)) == (found.same, found.total)


def test_what_a_change_alters_is_told_field_by_field(tmp_path: Path) -> None:
    """Counts, last trigger and severity, with what was and what is; those of other hosts are the same."""
    quiet = ONE.replace('procName != "good"', '(hostName != "pc1" OR winEventId != "9")')
    events = [*EVENTS, {"at": 50, "winEventId": "9"}]
    found = compared(tmp_path, {"R": ONE}, {"R": quiet}, *events)
    (incidents,) = found.incidents
    (altered,) = incidents.altered
    assert (1, (), ()) == (incidents.same, incidents.added, incidents.removed)
    start = altered.incident.first
    assert {"count": (5, 4), "events": (6, 5), "last": (start + 40_000, start + 30_000)} == altered.changes


def test_aggregates_are_compared(tmp_path: Path) -> None:
    """A rule that decides the same and shows something else alters its incidents."""
    shown = SUMS.replace('SUM(sentBytes64)"', 'MAX(sentBytes64)"') + 'totFlows = "Filter.COUNT(*)"\n'
    found = compared(tmp_path, {"R": SUMS}, {"R": shown}, {"sentBytes64": 90}, {"sentBytes64": 20})
    (altered,) = found.incidents[0].altered
    assert {"attributes.totBytes64": (110, 90), "attributes.totFlows": (None, 2)} == altered.changes


def test_rules_that_change_without_their_content_say_what(tmp_path: Path) -> None:
    """A name changes no incident."""
    found = compared(tmp_path, {"R": ONE}, {"R": 'description = "d"\nrow_limit = 200000\n' + ONE})
    assert (ChangedRule(id="R", what=("description", "row_limit")),) == found.changed_rules
    assert found.same


def test_what_is_rejected_is_counted_where_it_differs(tmp_path: Path) -> None:
    """A new exception takes an incident away, and its triggers are suppressed."""
    exception = "[[exception]]\nwhen = 'hostName = \"pc1\"'\nreason = 'r'\n"
    found = compared(tmp_path, {"R": ONE}, {"R": ONE + exception})
    assert ({"suppressed": (0, 4)}, (2, 1)) == (found.rejected, found.total)


def test_an_incident_that_became_part_of_another_is_none(tmp_path: Path) -> None:
    """Where a late event joins two, one is left."""
    text = "clear_after = 60\n" + ONE.replace(">= 2", ">= 1")
    events = [{"at": 0}, {"at": 100}, {"at": 50}]
    assert (1, 1) == compared(tmp_path, {"R": text}, {"R": text}, *events).total


def test_connections_are_joined_in_both(tmp_path: Path) -> None:
    """Each has processes of its own."""
    text = ONE.replace('"E" AND procName != "good"', '"Win-Sysmon-3-Network-Connect" AND command = "c"')
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old = rules(tmp_path / "old", Defaults(), R=text.replace(">= 2", ">= 1"))
    new = rules(tmp_path / "new", Defaults(), R=text)
    records = [connection("a", 1, EventID="1", CommandLine="c").record, connection("a", 2).record]
    assert (1, 0) == compare(old, new, records, joining=Joining()).total
