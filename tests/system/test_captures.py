"""Real Sysmon captures through a worker on real Kafka, and through replay: the same incidents, byte for byte."""

from pathlib import Path

import msgspec
import pytest

from stream_app.cli.feed import addressed
from stream_app.engine.incident import Incident
from stream_app.engine.rejection import Rejection, decode_rejection
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import produce
from tests.brokers import everything, fresh_topics, settings_of
from tests.corpus import seed_rulebook
from tests.runs import incidents_of_run, records_on
from tests.workers import WorkerProcess

CAPTURES = Path(__file__).parents[2].parent / "shared" / "data" / "sysmon"


def _files() -> list[str]:
    if not CAPTURES.is_dir():
        pytest.skip(f"no real captures on this machine: {CAPTURES.name}/ is beside the checkout of its authors only")
    return sorted(str(each) for each in [*CAPTURES.glob("*.jsonl"), *CAPTURES.glob("*.jsonl.gz")])


def test_real_captures_give_the_incidents_of_replay(tmp_path: Path, connection: Connection) -> None:
    """Every capture on one topic: what the worker gives and rejects is what replay does, and the ten connections of
    python over ::1 are one incident.
    """  # noqa: D205 - one sentence
    names = fresh_topics(connection, "captures")
    sent = produce(
        connection, names.sysmon, ((each.key, each.record.value, each.timestamp) for each in addressed(_files(), print))
    )
    given = records_on(connection, names)
    assert sent == len(given)
    emitted = list(replay(seed_rulebook(), given, sources=None))
    expected = {to_bytes(each) for each in emitted if isinstance(each, Incident)}
    refused = {
        (each.topic, each.partition, each.offset, each.reason) for each in emitted if isinstance(each, Rejection)
    }
    with WorkerProcess(tmp_path, "worker", settings_of(connection, names) | {"drained": "hold"}) as worker:
        actual = incidents_of_run(connection, names, len(expected), [worker])
    assert expected == actual
    rejected = [decode_rejection(message.value() or b"") for message in everything(connection, names.rejected)]
    assert refused == {(each.topic, each.partition, each.offset, each.reason) for each in rejected}
    loopback = [each for each in map(msgspec.json.decode, actual) if each["destIpAddr"] == "::1"]
    assert [("::1", 10)] == [(each["srcIpAddr"], each["count"]) for each in loopback if each["count"] > 9]
