"""All outlets of a worker on a real Kafka: each topic has what its format gives, with headers; shadow is apart."""

import json
import re
import time
from collections import Counter
from pathlib import Path

from confluent_kafka import Message, Producer
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.rejection import TOPIC_MISSING, decode_rejection
from stream_app.engine.replay import replay
from stream_app.handoff.formats import FORMATS, NATIVE, Format
from stream_app.kafka.admin import create_topics
from stream_app.kafka.connection import Connection
from stream_app.kafka.outlets import AROUND
from stream_app.kafka.sender import LARGEST
from stream_app.kafka.topics import HANDED, Names, declare
from stream_app.rulebook.load import load_rulebook
from tests.brokers import configure, everything, fresh_topics, settings_of
from tests.corpus import EVERY_CHANGE
from tests.workers import WorkerProcess

RULE = """\
id = "{id}"
name = "A | name = with \\\\ signs"
severity = {severity}
category = "Security"
techniques = ["T1046"]
window = 60
{more}
[pattern.Filter]
query = 'eventType CONTAIN "Win-Sysmon-3-"'
group_by = ["hostName", "command", "destIpAddr"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
command = "Filter.command"
destIpAddr = "Filter.destIpAddr"
"""
START = 1_750_000_000_000
SMALL = 100_000
"""Bytes that the topic of CEF takes."""
TRACE = [("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("tracestate", b"a=1")]
COMMANDS = ("python.exe", "a=b|c\\d\r\n", "=" * 60_000, "python.exe", "</script>\u202e")


def write_rules(folder: Path) -> Path:
    """Make a rule, and the same in shadow."""
    for name, severity, more in (("reach", 9, ""), ("dark", 3, "shadow = true")):
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.toml").write_text(RULE.format(id=name, severity=severity, more=more))
    return folder


def values() -> list[bytes]:
    """Give the records."""
    return [
        json.dumps(
            {
                "eventType": "Win-Sysmon-3-Network-Connect-IPv4",
                "hostName": "h",
                "command": command,
                "destIpAddr": "203.0.113.9",
            }
        ).encode()
        for command in COMMANDS
    ]


def send(connection: Connection, topic: str) -> None:
    """Send the records to one partition; the second one has a trace context."""
    producer = Producer(connection.librdkafka())
    for number, value in enumerate(values()):
        headers = TRACE if number == 1 else None
        producer.produce(topic, value, b"h", 0, timestamp=START + number, headers=headers)
    assert 0 == producer.flush(20)


def expected(rules: Path, topic: str) -> list[Incident]:
    """Give the incidents of a replay of these records."""
    records = [Record(topic, 0, number, START + number, value, "") for number, value in enumerate(values())]
    return [each for each in replay(load_rulebook(rules, EVERY_CHANGE), records) if isinstance(each, Incident)]


def read(connection: Connection, topic: str, count: int, worker: WorkerProcess) -> list[Message]:
    """Read a topic until it has so many records, or it takes too long."""
    deadline = time.monotonic() + 40
    while len(found := everything(connection, topic)) < count and time.monotonic() < deadline:
        assert worker.alive, worker.said()
        time.sleep(0.1)
    return found


def check(found: list[Message], incidents: list[Incident], form: Format, limit: int) -> None:
    """Compare what is on a topic with what the format gives, and look at the headers."""
    said = Counter((each.key(), each.value()) for each in found)
    assert Counter((each.incident_id.encode(), form.to_bytes(each, limit)) for each in incidents) == said
    for each in found:
        headers = dict(each.headers() or ())
        assert (form.name.encode(), form.version.encode()) == (headers["schema"], headers["schemaVersion"])
        assert headers["activity"] in {b"create", b"update"}
    traced = [dict(each.headers() or ()) for each in found if "traceparent" in dict(each.headers() or ())]
    assert [TRACE] == [[(name, each[name]) for name, _ in TRACE] for each in traced]


def test_every_outlet_has_each_incident(connection: Connection, tmp_path: Path) -> None:
    """Byte for byte what the pure functions give; a topic that takes less has it cut; shadow is told to nobody."""
    plain = fresh_topics(connection, "handoff")
    names: Names = replace(plain, **{form: f"handoff-{form}" for form in HANDED})
    settings = settings_of(connection, names) | {"drained": "hold", "rules": str(write_rules(tmp_path / "rules"))}
    create_topics(connection, declare(names))
    configure(connection, names.cef, max_message_bytes=str(SMALL))
    send(connection, names.sysmon)
    incidents = expected(tmp_path / "rules", names.sysmon)
    lit = [each for each in incidents if not each.rule.shadow]
    assert (5, 5) == (len(lit), len(incidents) - len(lit))
    with WorkerProcess(tmp_path, "worker", settings) as worker:
        for form in FORMATS:
            limit = (SMALL if form.name == "cef" else LARGEST) - AROUND
            check(read(connection, f"handoff-{form.name}", len(lit), worker), lit, form, limit)
        check(read(connection, names.incidents, len(lit), worker), lit, NATIVE, LARGEST)
        dark = [each for each in incidents if each.rule.shadow]
        check(read(connection, names.shadow, len(dark), worker), dark, NATIVE, LARGEST)
        assert [b" streamAppCut=true" in (each.value() or b"") for each in everything(connection, names.cef)].count(
            True
        ) == 1
        assert [] == everything(connection, names.rejected)
        assert f"topic handoff-cef takes records of {SMALL} bytes" in worker.said()
        refused_on_the_way(connection, names, worker)
        assert 0 == worker.terminate()


def refused_on_the_way(connection: Connection, names: Names, worker: WorkerProcess) -> None:
    """Let a topic take less while a worker runs: it ends by name, and its successor says what fits."""
    configure(connection, names.ecs, max_message_bytes="40000")
    producer = Producer(connection.librdkafka())
    late = json.loads(values()[0]) | {"command": "x" * 50_000}
    producer.produce(names.sysmon, json.dumps(late).encode(), b"h", 0, timestamp=START + 5)
    assert 0 == producer.flush(20)
    assert 70 == worker.process.wait(40)
    assert re.search("handoff-ecs .* failed: Broker: Message size too large", worker.said())
    worker.restart()
    deadline = time.monotonic() + 40
    while not any(b'"cut":true' in (each.value() or b"") for each in everything(connection, names.ecs)):
        assert worker.alive, worker.said()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_topic_that_is_not_there_keeps_no_incident(connection: Connection, tmp_path: Path) -> None:
    """The worker says so and detects: all other topics have the incident, and the rejected topic names it."""
    names: Names = replace(fresh_topics(connection, "handoff-less"), ocsf="handoff-nowhere")
    settings = settings_of(connection, names) | {"drained": "hold", "rules": str(write_rules(tmp_path / "rules"))}
    send(connection, names.sysmon)
    lit = [each for each in expected(tmp_path / "rules", names.sysmon) if not each.rule.shadow]
    with WorkerProcess(tmp_path, "worker", settings | {"ocsf_topic": names.ocsf}) as worker:
        check(read(connection, names.incidents, len(lit), worker), lit, NATIVE, LARGEST)
        named = [decode_rejection(each.value() or b"") for each in read(connection, names.rejected, len(lit), worker)]
        assert {TOPIC_MISSING} == {each.reason for each in named}
        assert {each.incident_id for each in lit} == {each.topic_id for each in named}
        assert "topic handoff-nowhere does not exist: incidents are not told there" in worker.said()
