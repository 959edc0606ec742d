"""A rule that counts distinct values and shows aggregates, through a whole worker on the broker inside the process."""

import json
import time
from pathlib import Path

from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from tests.brokers import settings_of
from tests.workers import WorkerProcess

RULE = """
id = "SCAN"
name = "SCAN"
severity = 5
category = "Security"
tactics = ["Discovery"]
techniques = ["T1046"]
window = 60

[pattern.Filter]
query = 'eventType CONTAIN "Win-Sysmon-3-" AND initiated = "true"'
group_by = ["hostName", "procName"]
aggregate = "COUNT(DISTINCT destIpAddr) >= 3 AND COUNT(*) >= 4"

[incident]
hostName = "Filter.hostName"
procName = "Filter.procName"
destIpAddr = "Filter.LAST(destIpAddr)"
totFlows = "Filter.COUNT(DISTINCT destIpAddr)"
srcIpPort = "MAX(srcIpPort)"
"""
START = 1_750_000_000_000


def record(host: str, seconds: int, address: str, port: int) -> tuple[bytes, bytes, int]:
    """Give a record as a producer is given it: key, value, timestamp."""
    event = {
        "eventType": "Win-Sysmon-3-Network-Connect-IPv4",
        "initiated": "true",
        "hostName": host,
        "procName": "C:\\scan.exe",
        "destIpAddr": address,
        "srcIpPort": port,
    }
    return host.encode(), json.dumps(event).encode(), START + seconds * 1000


def test_distinct_addresses_are_counted_and_shown(tmp_path: Path) -> None:
    """A host that reaches three addresses within a minute is one incident, which shows the newest window's figures."""
    (tmp_path / "rules" / "scan").mkdir(parents=True)
    (tmp_path / "rules" / "scan" / "scan.toml").write_text(RULE)
    sent = [
        *(record("a", seconds, f"10.0.0.{number}", 100 - seconds) for seconds, number in enumerate((1, 1, 2, 3, 2))),
        *(record("b", 40 * number, f"10.0.0.{number}", 7) for number in range(6)),
    ]
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="aggregates")
        broker.make_topics(topic.name for topic in declare(names))
        produce(connection, names.sysmon, sent)
        settings = settings_of(connection, names) | {"rules": str(tmp_path / "rules"), "drained": "hold"}
        with WorkerProcess(tmp_path, "worker", settings) as worker:
            deadline = time.monotonic() + 60
            found: list[dict[str, object]] = []

            def done() -> bool:
                assert worker.alive, worker.said()
                return len(found) >= 2 or time.monotonic() > deadline

            for message in follow(connection, names.incidents, from_beginning=True, stop=done):
                found += [json.loads(message.value() or b"")]  # one by one: done() looks at it
            shown = ("hostName", "count", "incidentCount", "destIpAddr", "totFlows", "srcIpPort")
            assert [("a", 1, 4, "10.0.0.3", 3, 100), ("a", 2, 5, "10.0.0.2", 3, 100)] == [
                tuple(incident[name] for name in shown) for incident in found
            ]
            assert "totFlows:3, srcIpPort:100" in str(found[-1]["incidentDetail"])
            assert 0 == worker.terminate()
