"""Process context in a replay: what is joined, what waits, and what the seed rule makes of it."""

import gzip
import json
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine import joined
from stream_app.engine.incident import Incident
from stream_app.engine.joined import Replayed
from stream_app.engine.process import GRACE
from stream_app.engine.process_context import SLACK, Joining
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.rulebook.rule import Rule, Rulebook
from tests.corpus import RULES, seed_rulebook

FOLDER = RULES / "windows-python-initiated-connection"
CASES = tomllib.loads((FOLDER / "cases.toml").read_text())
T0 = 1_750_000_000_000
OTHER = "{5E1C0B7A-9D2F-65BA-1B0C-000000003100}"
CAPTURE = Path(__file__).parents[3].parent / "shared" / "data" / "sysmon" / "flat-nxlog.60k.jsonl.gz"


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    """Give the seed rule, every change of whose incidents is said."""
    return seed_rulebook()


def record(offset: int, time: int = 0, partition: int = 0, **fields: object) -> Record:
    """Give the event of the seed rule's cases, with these fields."""
    return Record("sysmon", partition, offset, T0 + time, json.dumps({**CASES["event"], **fields}).encode(), "T")


def run(rulebook: Rulebook, records: Iterable[Record], wait: int = 0) -> tuple[list[Incident | Rejection], Replayed]:
    """Replay with process context; gives what came and what became of connections."""
    tally = Tally()
    found = list(replay(rulebook, records, sources=None, tally=tally, joining=Joining(wait=wait)))
    assert tally.joins is not None
    return found, tally.joins


def texts(found: Iterable[Incident | Rejection]) -> list[tuple[object, object]]:
    """Give command and parent of each incident record."""
    return [
        (each.attributes.get("command"), each.attributes.get("parentProcName"))
        for each in found
        if isinstance(each, Incident)
    ]


JOINABLE = [
    case
    for case in CASES["case"]
    if len(case["events"]) == 1 and {"ParentImage", "CommandLine"} & set(case["events"][0])
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in JOINABLE])
def test_the_rule_s_exclusions_work_as_they_were_meant(
    rulebook: Rulebook, case: dict[str, list[dict[str, object]]]
) -> None:
    """What a case says of a connection that brings parent and command line holds for one whose process brought them."""
    (event,) = case["events"]
    texts_of = {name: event[name] for name in ("ParentImage", "CommandLine") if name in event}
    bare = {name: value for name, value in event.items() if name not in ("at", *texts_of)}
    records = [record(0, EventID=1, **bare, **texts_of), record(1, 1, **bare)]
    found, _ = run(rulebook, records)
    expected = [(each.get("command"), each.get("parentProcName")) for each in case["incidents"]]
    assert expected == texts(found)
    without = list(replay(rulebook, records))
    assert [(None, None)] * ("python" in str({**CASES["event"], **bare}["Image"]).lower()) == texts(without)


def test_the_cases_hold_both_exclusions() -> None:
    """The cases that are played here are not none: conda's and Jupyter's are among them, quiet ones and others."""
    quiet = [case["name"] for case in JOINABLE if not case["incidents"]]
    assert {"a conda update is quiet", "a Jupyter notebook is quiet"} <= set(quiet)
    assert len(JOINABLE) - len(quiet) >= 5


def test_partitions_know_nothing_of_each_other(rulebook: Rulebook) -> None:
    """A process that another partition told of is not known, although its names are the same."""
    records = [record(0, EventID=1, CommandLine="a.py"), record(0, 1, partition=1)]
    found, joins = run(rulebook, records)
    assert [(None, None)] == texts(found)
    assert (0, 1) == (joins.joined, joins.unknown)


def test_what_is_counted(rulebook: Rulebook) -> None:
    """Of the connections that were not joined, those whose process starts among the records are told apart."""
    records = [
        record(0),  # before its start
        record(1, EventID=1, CommandLine="a.py"),
        record(2),
        record(3, ProcessGuid=OTHER),  # of a process that started before
        record(4, EventID=5),
        record(5, GRACE + 1),  # after its end
        record(6, ProcessGuid="-"),
        Record("sysmon", 0, 7, T0, b"{", "T"),
        record(8, EventID=22, QueryName="example.org"),
        record(9, GRACE + SLACK, ProcessGuid=OTHER),
        record(10, GRACE + SLACK + 1, EventID=1, ProcessGuid=OTHER),
        record(11, GRACE + SLACK + 2, EventID=1, ProcessGuid=OTHER[:-2] + "1}"),
    ]
    _, joins = run(rulebook, records)
    assert Replayed(joined=1, unknown=5, learned=4, expired=1, stray=4) == joins
    assert (6, 5) == (joins.connections, joins.inside)


def test_a_connection_waits_for_its_process(rulebook: Rulebook) -> None:
    """Up to the wait, by the time of its partition; what stands behind it in the partition waits too."""
    early = [record(0), record(1, 1, ProcessGuid="-"), record(2, 1000, EventID=1, CommandLine="a.py")]
    found, joins = run(rulebook, early, wait=1000)
    assert [("a.py", None), (None, None)] == texts(found)
    assert (1, 1, 1, 1) == (joins.joined, joins.unknown, joins.waited, joins.learned)
    found, joins = run(rulebook, [*early[:2], record(2, 1001), *early[2:]], wait=1000)
    assert [(None, None), (None, None), ("a.py", None)] == texts(found)
    assert (1, 2, 2, 1) == (joins.joined, joins.unknown, joins.waited, joins.stray)


def test_what_still_waits_at_the_end_goes_on_without(rulebook: Rulebook) -> None:
    """No record is lost where the records end, nor one that cannot be read while another waits."""
    records = [record(0), Record("sysmon", 0, 1, T0, b"{", "T"), Record("sysmon", 0, 2, T0, None, "T"), record(3)]
    found, joins = run(rulebook, records, wait=1000)
    assert [(None, None), (None, None)] == texts(found)
    assert ["not json", "empty"] == [each.reason for each in found if isinstance(each, Rejection)]
    assert (2, 1) == (joins.unknown, joins.waited)


@pytest.mark.parametrize("wait", [0, 1000])
def test_other_events_are_as_they_were(rulebook: Rulebook, rule_of: Callable[..., Rule], wait: int) -> None:
    """An event that has no part in it passes a rule that wants everything, and one that nobody wants passes by."""
    records = [record(0, EventID=22), record(1, 1, EventID=3)]
    every = rule_of(clear_after=1, window=1)
    for rules, count in ((Rulebook({every.id: every}), 2), (rulebook, 1)):
        found, joins = run(rules, records, wait)
        assert (count, 1) == (len([each for each in found if isinstance(each, Incident)]), joins.unknown)


def test_no_more_than_so_many_are_read_ahead(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time does not move, the number of records ends a wait."""
    monkeypatch.setattr(joined, "AHEAD", 2)
    records = [record(0), record(1), record(2), record(3, EventID=1, CommandLine="a.py")]
    found, _ = run(rulebook, records, wait=1000)
    assert [(None, None), ("a.py", None), ("a.py", None)] == texts(found)


def test_the_capture(rulebook: Rulebook) -> None:
    """Of 60,000 real events, capture by capture, 98 of 100 connections whose process starts in theirs are joined."""
    if not CAPTURE.exists():
        pytest.skip(f"{CAPTURE.name} is not beside this checkout")
    with gzip.open(CAPTURE) as lines:
        values = [line.rstrip(b"\n") for line in lines]
    parts = CAPTURE.with_name("flat-nxlog.60k.sources.tsv").read_text().splitlines()[1:]
    joins = [
        run(
            rulebook,
            [Record("sysmon", 0, at, at, values[at], "T") for at in range(int(first) - 1, min(int(last), 60_000))],
        )[1]
        for first, last, *_ in (line.split("\t") for line in parts)
    ]
    assert (60_000, 1_011) == (len(values), sum(each.connections for each in joins))
    inside = sum(each.inside for each in joins)
    assert inside > 50
    assert sum(each.joined for each in joins) >= 0.98 * inside


events = st.lists(st.tuples(st.sampled_from([1, 3, 3, 5]), st.integers(0, 6)), max_size=14)


def defined(plan: list[tuple[int, int]], wait: int) -> list[bool]:
    """Say which connections are joined: for each record the place up to which was read when its turn came."""
    turn, found = 0, []
    for at, (what, time) in enumerate(plan):
        for read in range(max(turn, at), len(plan)):
            turn = read
            known = any(each == 1 for each, _ in plan[: read + 1])
            late = max(when for _, when in plan[: read + 1]) > time + wait
            if what != 3 or known or late:
                break
        if what == 3:
            found.append(any(each == 1 for each, _ in plan[: turn + 1]))
    return found


@given(events, st.integers(1, 4))
def test_waiting_is_as_defined(rulebook: Rulebook, plan: list[tuple[int, int]], wait: int) -> None:
    """Against a definition that looks at each place anew: who is joined, and everything comes in its order."""
    once = [at for at, (what, _) in enumerate(plan) if what == 1][1:]
    plan = [each for at, each in enumerate(plan) if at not in once]
    named = {1: {"CommandLine": "a.py"}, 3: {}, 5: {}}
    records = [
        record(at, time, EventID=what, DestinationIp=f"203.0.113.{at}", **named[what])
        for at, (what, time) in enumerate(plan)
    ]
    found, joins = run(rulebook, records, wait)
    joined_ = iter(defined(plan, wait))
    expected = [
        (f"203.0.113.{at}", "a.py" if next(joined_) else None) for at, (what, _) in enumerate(plan) if what == 3
    ]
    actual = [each.attributes for each in found if isinstance(each, Incident)]
    assert expected == [(each["destIpAddr"], each.get("command")) for each in actual]
    assert len([each for each in expected if each[1]]) == joins.joined
