"""Records that would take minutes, through a whole worker on the broker inside the process."""

import json
import time
from pathlib import Path

from stream_app.engine.rejection import decode_rejection
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from tests.brokers import settings_of
from tests.workers import WorkerProcess

RULE = """
id = "{id}"
name = "{id}"
description = "{id}"
severity = 5
category = "Security"
tactics = ["Execution"]
techniques = ["T1059"]
window = 60

[pattern.Filter]
query = '''{query}'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"

[incident]
hostName = "Filter.hostName"
"""

RULES = {"SLOW": 'command REGEXP "(a+)+(?=!)" OR command REGEXP "(?:x|x)*(?<=y)$"', "QUICK": 'command CONTAIN "quick"'}

BAD = ("a" * 60, "x" * 60, "quick " + "a" * 60)
"""Each would keep ``re`` busy for longer than anyone waits; the last one is wanted by the other rule too."""


def write_rules(folder: Path) -> None:
    """Make a folder of the rules."""
    for rule, query in RULES.items():
        (folder / rule.lower()).mkdir(parents=True)
        (folder / rule.lower() / f"{rule.lower()}.toml").write_text(RULE.format(id=rule, query=query))


def record(command: str, host: str) -> tuple[bytes, bytes, int]:
    """Give a record as a producer is given it: key, value, no timestamp of its own."""
    event = {"eventType": "Win-Sysmon-1-Create-Process", "hostName": host, "command": command}
    return host.encode(), json.dumps(event).encode(), 0


def test_records_that_would_take_minutes_are_rejected_and_the_next_ones_are_detected(tmp_path: Path) -> None:
    """Each is rejected as too expensive with the rule named, other rules see it; its author was warned before."""
    write_rules(tmp_path / "rules")
    bad = [record(command, f"bad{number}") for number, command in enumerate(BAD)]
    good = [record("a quick one", f"good{number}") for number in range(8)]
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="expensive")
        broker.make_topics(topic.name for topic in declare(names))
        assert len(bad + good) == produce(connection, names.sysmon, [*good[:4], *bad, *good[4:]])
        settings = settings_of(connection, names) | {
            "rules": str(tmp_path / "rules"),
            "record_budget_ms": "100",
            "stall_s": "20",
        }
        with WorkerProcess(tmp_path, "worker", settings) as worker:
            deadline = time.monotonic() + 60

            def done() -> bool:
                assert worker.alive, worker.said()
                return len(rejected) >= len(bad) or time.monotonic() > deadline

            def all_are_there() -> bool:
                assert worker.alive, worker.said()
                return len(hosts) > len(good) or time.monotonic() > deadline

            rejected: list[tuple[str, str | None]] = []
            for message in follow(connection, names.rejected, from_beginning=True, stop=done):
                rejection = decode_rejection(message.value() or b"")
                rejected.append((rejection.reason, rejection.rule))
            hosts: set[str] = set()
            for message in follow(connection, names.incidents, from_beginning=True, stop=all_are_there):
                hosts.add(json.loads(message.value() or b"")["hostName"])
            assert [("too expensive", "SLOW")] * len(bad) == rejected
            assert {"bad2", *(f"good{number}" for number in range(8))} == hosts
            assert 0 == worker.terminate()
        warnings = [line for line in worker.said().splitlines() if "this pattern can take for ever" in line]
        assert 2 == len(warnings), worker.said()
