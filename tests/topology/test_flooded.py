"""A rule with a cap, through whole workers on the broker inside the process, one of them killed."""

import json
import time
from collections import Counter
from pathlib import Path

from stream_app.engine.rejection import decode_rejection
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from tests.brokers import everything, settings_of
from tests.workers import WorkerProcess

RULE = """
id = "PH_Rule_Capped"
name = "Capped"
severity = 5
category = "Security"
window = 60

[pattern.Filter]
query = 'eventType CONTAIN "Win-Sysmon-3-"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"

[incident]
hostName = "Filter.hostName"

[flood]
per_hour = 3
"""
START = 1_750_000_000_000
CAP, MADE = 3, 10


def record(number: int) -> tuple[bytes, bytes, int]:
    """Give a record of a host of its own, as a producer is given it."""
    host = f"h{number}"
    event = {"eventType": "Win-Sysmon-3-Network-Connect-IPv4", "hostName": host}
    return host.encode(), json.dumps(event).encode(), START + 1000 * number


def test_three_are_told_and_seven_are_counted(tmp_path: Path) -> None:
    """Of ten incidents of an hour, over four partitions and a kill; the seven are found on the rejected topic."""
    (tmp_path / "rules" / "capped").mkdir(parents=True)
    (tmp_path / "rules" / "capped" / "capped.toml").write_text(RULE)
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="capped")
        broker.make_topics(topic.name for topic in declare(names))
        settings = settings_of(connection, names) | {"rules": str(tmp_path / "rules"), "drained": "hold"}
        latest: dict[str, dict[str, object]] = {}

        def wait(worker: WorkerProcess, count: int) -> None:
            """Read until the summary counts so many; it is the last that a batch says."""
            deadline = time.monotonic() + 60

            def done() -> bool:
                assert worker.alive, worker.said()
                summed = [each["count"] for each in latest.values() if each["eventType"] == "PH_Rule_Capped_FLOOD"]
                return summed == [count] or time.monotonic() > deadline

            for message in follow(connection, names.incidents, from_beginning=True, stop=done):
                incident = json.loads(message.value() or b"")
                if incident["revision"] >= latest.get(incident["incidentId"], incident)["revision"]:
                    latest[incident["incidentId"]] = incident

        produce(connection, names.sysmon, [record(number) for number in range(6)])
        with WorkerProcess(tmp_path, "worker", settings) as worker:
            wait(worker, 6 - CAP)
            produce(connection, names.sysmon, [record(number) for number in range(6, MADE)])
            worker.kill()
            worker.restart()
            wait(worker, MADE - CAP)
            types = Counter(each["eventType"] for each in latest.values())
            assert {"PH_Rule_Capped": CAP, "PH_Rule_Capped_FLOOD": 1} == types
            summary = next(each for each in latest.values() if each["eventType"] == "PH_Rule_Capped_FLOOD")
            assert (MADE - CAP, "Capped", "PH_Rule_Capped") == (
                summary["count"],
                summary["incidentTitle"],
                summary["ruleId"],
            )
            assert 0 == worker.terminate()
        rejected = [decode_rejection(each.value() or b"") for each in everything(connection, names.rejected)]
        places = {(each.partition, each.offset) for each in rejected}
        assert ({"flood"}, MADE - CAP) == ({each.reason for each in rejected}, len(places))
