"""Incidents on all their topics: each as its format has it, with headers; rules in shadow apart; traces passed on."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.rejection import INCIDENT_TOO_LARGE, TOPIC_MISSING, decode_rejection
from stream_app.engine.replay import replay
from stream_app.handoff.formats import FORMATS, NATIVE
from stream_app.kafka.outlets import AROUND, Outlet, Outlets
from stream_app.kafka.sender import LARGEST, Headers
from stream_app.kafka.topics import HANDED, Names
from stream_app.kafka.tracing import LONGEST_STATE, MOST, Traces, context_of
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from stream_app.service import parts
from tests.corpus import EVERY_CHANGE
from tests.unit.handoff.made import made
from tests.unit.kafka.cluster import MATCHES, Logs, Worker
from tests.unit.kafka.simulation import Stored

NAMES = Names(**{form: form for form in HANDED})
START = 1_750_000_000_000
RULE = """\
id = "{id}"
name = "{id}"
severity = 7
category = "Security"
window = 60
update_interval = {interval}
{more}
[pattern.Filter]
query = '{query}'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
"""
LIST = '[[watch_list]]\nname = "seen"\nattribute = "hostName"\n'
CONNECT = 'eventType CONTAIN "Win-Sysmon-3-"'
PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-00"
TRACE: Headers = [("other", b"x"), ("traceparent", PARENT), ("tracestate", b"a=1")]


def rulebook(folder: Path, more: str = "", interval: int = 0) -> Rulebook:
    """Load a rule that fills a list, one that reads its incidents, one that reads the list."""
    queries = {"reach": CONNECT, "meta": 'eventType = "reach"', "listed": f"{CONNECT} AND hostName IN (WatchList@seen)"}
    for name, query in queries.items():
        path = folder / name / f"{name}.toml"
        path.parent.mkdir(parents=True)
        text = RULE.format(id=name, query=query, interval=interval, more=more if name == "reach" else "")
        path.write_text(text + (LIST if name == "reach" else ""))
    return load_rulebook(folder, EVERY_CHANGE)


def connection(host: str) -> bytes:
    """Give a record that the rules want."""
    return json.dumps({"eventType": "Win-Sysmon-3-Network-Connect-IPv4", "hostName": host}).encode()


class Run:
    """One worker over records of one partition, and what it said by topic."""

    def __init__(self, rules: Rulebook, told: Outlets | None = None) -> None:
        self.logs = Logs()
        self.worker = Worker(rules, self.logs, range(MATCHES), told or parts.outlets(NAMES))
        self._read = [0] * MATCHES

    def take(self, value: bytes, headers: Headers | None = None) -> None:
        """Take one record through both stages, and what its incidents set off."""
        stored = self.logs.append((NAMES.sysmon, 0), b"", value, headers, START)
        self.worker.handle(NAMES.sysmon, 0, [stored])
        for _ in range(2):
            for number in range(MATCHES):
                matches = self.logs.logs[NAMES.matches, number][self._read[number] :]
                self._read[number] += len(matches)
                self.worker.handle(NAMES.matches, number, matches)

    def said(self, topic: str) -> list[Stored]:
        """Give what is on a topic."""
        return [each for number in range(MATCHES) for each in self.logs.logs[topic, number]]

    def headers(self, topic: str) -> list[Mapping[str, object]]:
        """Give the headers of what is on a topic."""
        return [dict(each.headers() or ()) for each in self.said(topic)]


def test_each_topic_has_what_its_format_gives(tmp_path: Path) -> None:
    """The bytes of the pure functions, keyed by the incident's id, with schema, rule, severity and activity."""
    run = Run(rulebook(tmp_path))
    for host in ("a", "b", "a"):
        run.take(connection(host))
    records = [Record("sysmon", 0, at, START, connection(host), "T") for at, host in enumerate(("a", "b", "a"))]
    found = replay(rulebook(tmp_path / "again"), records)
    incidents = [
        each for each in found if isinstance(each, Incident) and each.rule.id != "listed"
    ]  # nobody reads lists
    assert 5 == len(incidents)
    for form in (NATIVE, *FORMATS):
        said = run.said(NAMES.incidents if form is NATIVE else form.name)
        expected = [(each.incident_id.encode(), form.to_bytes(each, LARGEST)) for each in incidents]
        assert sorted(expected) == sorted((each.key(), each.value()) for each in said)
        assert len(incidents) == run.worker.counters.handed[form.name]
    assert {
        "schema": "ocsf",
        "schemaVersion": "1.5.0",
        "ruleId": "reach",
        "eventSeverity": "7",
        "activity": "update",
    } in run.headers("ocsf")
    assert {"native"} == {str(each["schema"]) for each in run.headers(NAMES.incidents)}
    assert not run.said(NAMES.rejected)


def test_a_rule_in_shadow_is_seen_on_its_own_topic_only(tmp_path: Path) -> None:
    """It says the same as it would elsewhere; no SOAR, no list and no rule hears of it, and it is counted apart."""
    lit, dark = Run(rulebook(tmp_path / "lit")), Run(rulebook(tmp_path / "dark", more="shadow = true"))
    for run in (lit, dark):
        for _ in range(2):
            run.take(connection("a"))
    reach = [each for each in lit.said(NAMES.incidents) if json.loads(each.value())["ruleId"] == "reach"]
    assert [each.value() for each in reach] == [each.value() for each in dark.said(NAMES.shadow)]
    assert not lit.said(NAMES.shadow)
    assert not [topic for topic in (NAMES.incidents, *HANDED, NAMES.watchlists) if dark.said(topic)]
    assert lit.said(NAMES.watchlists)
    assert (0, 2, 2, 0) == tuple(
        getattr(dark.worker.counters, name) for name in ("incidents", "shadowed", "matches", "chained")
    )
    assert {"native"} == {str(each["schema"]) for each in dark.headers(NAMES.shadow)}


def test_a_replay_knows_shadow_too(tmp_path: Path) -> None:
    """Neither the list nor the rule that reads incidents hears of it."""
    rules = rulebook(tmp_path, more="shadow = true")
    records = [Record("sysmon", 0, at, START + at, connection("a"), "T") for at in range(3)]
    assert {"reach"} == {each.rule.id for each in replay(rules, records) if isinstance(each, Incident)}


def test_a_rule_that_leaves_the_shadow_goes_on(tmp_path: Path) -> None:
    """Its rows stay: the incident that it had is updated, with the id that it had."""
    run = Run(rulebook(tmp_path / "dark", more="shadow = true"))
    run.take(connection("a"))
    (dark,) = run.said(NAMES.shadow)
    run.worker.windows.editions.run(rulebook(tmp_path / "lit"))
    run.take(connection("a"))
    (lit,) = run.said(NAMES.incidents)
    assert (dark.key(), 2, "update") == (
        lit.key(),
        json.loads(lit.value())["count"],
        json.loads(lit.value())["activity"],
    )


def test_a_record_s_trace_is_that_of_its_match_and_incident(tmp_path: Path) -> None:
    """On every topic, also of the incident that this one sets off; other headers are not passed on."""
    run = Run(rulebook(tmp_path))
    run.take(connection("a"), TRACE)
    run.take(connection("b"))
    trace = {"traceparent": PARENT, "tracestate": b"a=1"}
    assert [trace, trace, {}] == sorted(run.headers(NAMES.matches), key=len, reverse=True)[:3]
    for topic in (NAMES.incidents, *HANDED):
        with_trace = [each for each in run.headers(topic) if "traceparent" in each]
        assert {"reach", "meta"} == {str(each["ruleId"]) for each in with_trace}
        assert [trace] * 2 == [{name: each[name] for name in trace} for each in with_trace]


def test_a_rejected_record_keeps_its_trace(tmp_path: Path) -> None:
    """Whoever follows the trace finds where it ended."""
    run = Run(rulebook(tmp_path))
    run.take(b"{", TRACE)
    assert [{"traceparent": PARENT, "tracestate": b"a=1"}] == run.headers(NAMES.rejected)


def test_an_incident_that_is_said_later_has_the_latest_trace(tmp_path: Path) -> None:
    """Where updates are paced, the trace of the last match that changed it waits with it."""
    run = Run(rulebook(tmp_path, interval=60))
    state = run.worker.windows._partitions
    run.take(connection("a"), TRACE)
    run.take(connection("a"), [("traceparent", OTHER)])
    run.take(connection("a"))
    kept = [each.traces.waiting for each in state.values() if each.traces.waiting]
    assert [("traceparent", OTHER)] in [trace for waiting in kept for trace in waiting.values()]
    for number, each in state.items():
        for key in [*each.traces.waiting]:
            message = Stored(NAMES.matches, number, 0, key, b"", None)
            assert [("traceparent", OTHER)] == each.traces.follow(key, message, said=True)
            assert each.traces.take(key) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, None),
        ([], None),
        ([("tracestate", b"a=1")], None),
        ([("traceparent", b"00-xyz")], None),
        ([("traceparent", None)], None),
        ([("traceparent", PARENT + b"\n")], None),
        ([("traceparent", PARENT)], [("traceparent", PARENT)]),
        ([("traceparent", OTHER), ("traceparent", PARENT)], [("traceparent", PARENT)]),
        ([("traceparent", PARENT), ("tracestate", b"x" * (LONGEST_STATE + 1))], [("traceparent", PARENT)]),
        (TRACE, TRACE[1:]),
    ],
)
def test_what_is_passed_on(headers: Headers | None, expected: Headers | None) -> None:
    """A parent of the recommendation's form, the last one, and a state that is not too long."""
    assert expected == context_of(Stored("t", 0, 0, b"", b"", headers))


def test_traces_that_wait_are_bounded() -> None:
    """The oldest is forgotten first; one that is renewed is the newest."""
    traces = Traces()
    for number in range(MOST):
        traces.keep(str(number).encode(), [("traceparent", PARENT)])
    traces.keep(b"0", [("traceparent", OTHER)])
    traces.keep(b"new", [("traceparent", PARENT)])
    assert (None, [("traceparent", OTHER)]) == (traces.take(b"1"), traces.take(b"0"))


def with_format(to_bytes: object, limit: int = LARGEST) -> Outlets:
    """Give the native topic, and one more with this format."""
    plain = parts.outlets(Names())
    other = replace(plain.shadow, topic="soar", schema="soar", to_bytes=to_bytes, limit=limit)
    return Outlets((*plain.told, other), plain.shadow)


def test_what_a_topic_does_not_take_is_rejected_and_the_others_have_it(tmp_path: Path) -> None:
    """By its reason, with the incident's id and the places of its records; detection goes on."""
    run = Run(rulebook(tmp_path), with_format(lambda _, limit: b"x" * (limit + 1), 500))
    run.take(connection("a"))
    assert [2, 0] == [len(run.said(topic)) for topic in (NAMES.incidents, "soar")]
    first, second = sorted(
        (decode_rejection(each.value() or b"") for each in run.said(NAMES.rejected)), key=lambda each: each.rule or ""
    )
    assert (INCIDENT_TOO_LARGE, "meta", "reach") == (first.reason, first.rule, second.rule)
    assert "as soar 501 bytes, topic soar takes 500; its records: sysmon/0@0" == second.detail
    assert {each.key() for each in run.said(NAMES.incidents)} == {first.topic_id.encode(), second.topic_id.encode()}
    assert {INCIDENT_TOO_LARGE: 2} == run.worker.counters.rejected


def test_a_topic_that_is_not_there_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    """What it would have had is named on the rejected topic; detection goes on."""
    plain = with_format(lambda _incident, _limit: b"x")
    run = Run(rulebook(tmp_path), plain.within({}, absent=["soar"]))
    run.take(connection("a"))
    assert [2, 0] == [len(run.said(topic)) for topic in (NAMES.incidents, "soar")]
    found = [decode_rejection(each.value() or b"") for each in run.said(NAMES.rejected)]
    assert {"as soar: there was no topic soar at the start; its records: sysmon/0@0"} <= {each.detail for each in found}
    assert {TOPIC_MISSING: 2} == run.worker.counters.rejected


def test_a_format_that_fails_keeps_nothing_from_the_others(tmp_path: Path) -> None:
    """A defect of a format is named on the rejected topic, and does not end the worker."""

    def fails(_incident: Incident, _limit: int) -> bytes:
        raise KeyError("x")

    run = Run(rulebook(tmp_path), with_format(fails))
    run.take(connection("a"))
    assert [2, 0] == [len(run.said(topic)) for topic in (NAMES.incidents, "soar")]
    details = {decode_rejection(each.value() or b"").detail for each in run.said(NAMES.rejected)}
    assert any(each.startswith("as soar for topic soar: KeyError('x')") for each in details)
    assert {"failed": 2} == run.worker.counters.rejected


def test_a_topic_that_takes_less_gets_less() -> None:
    """Its own limit stands, less what is around a value; one that takes more than a worker sends changes nothing."""
    told = parts.outlets(NAMES)
    limits = {"cef": 100_000, "ocsf": 2_000_000, NAMES.shadow: 50_000}
    within = told.within(limits)
    assert {LARGEST - AROUND: 5, 98_000: 1} == {
        limit: sum(each.limit == limit for each in within.told) for limit in (LARGEST - AROUND, 98_000)
    }
    assert 48_000 == within.shadow.limit
    assert [("cef", 100_000), (NAMES.shadow, 50_000)] == told.small(limits)
    assert told == told.within({})


def test_what_is_around_a_value_fits() -> None:
    """The longest headers that there can be, an id and a frame are within what is left for them."""
    outlet = Outlet(topic="t", schema="fortisoar", version="1.2.3", to_bytes=lambda *_: b"")
    told = made()
    told = replace(told, rule=replace(told.rule, id="r" * 128))
    trace: Headers = [("traceparent", PARENT), ("tracestate", b"x" * LONGEST_STATE)]
    record = outlet.record(told, b"k" * 36, trace)
    assert isinstance(record, tuple)
    size = sum(len(name) + len(value or b"") + 10 for name, value in record[2] or ())
    assert size + 36 + 200 < AROUND
