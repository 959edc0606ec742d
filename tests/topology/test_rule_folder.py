"""A worker on the broker inside the process whose folder of rules changes: it goes over, or refuses and goes on."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from stream_app.rulebook.ruleset import read_set
from tests.brokers import everything, settings_of
from tests.faults.load import record
from tests.unit.rulebook.test_load import write
from tests.workers import WorkerProcess

RULE = """
id = "{0}"
name = "{0}"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = 'eventType CONTAIN "Win-Sysmon-3-" AND destIpAddr IS NOT NULL'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
"""
FILLS = '[[watch_list]]\nname = "hosts"\nattribute = "hostName"\n'
"""Behind a rule: its incidents put their hosts on a list."""
LISTED = "hostName IN (WatchList@hosts)"


def rule(name: str) -> dict[str, str]:
    """Give the file of a rule that every connection is an incident of."""
    return {f"{name}/{name}.toml": RULE.format(name)}


def told(connection: Connection, names: Names) -> set[tuple[str, str]]:
    """Give rules and hosts of the incidents."""
    found = [msgspec.json.decode(each.value() or b"") for each in everything(connection, names.incidents)]
    return {(each["ruleId"], each["hostName"]) for each in found}


def test_a_worker_follows_its_folder(tmp_path: Path) -> None:
    """A new rule runs without a restart; a folder with a mistake is refused, which its health shows, and mended."""
    rules, health = write(tmp_path / "rules", rule("ONE")), tmp_path / "health"
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="mock")
        broker.make_topics(topic.name for topic in declare(names))
        settings = settings_of(connection, names) | {"rules": str(rules), "health_file": str(health)}
        with WorkerProcess(tmp_path, "worker", settings) as worker:

            def until(seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
                deadline = time.monotonic() + 60
                while True:
                    assert worker.alive, worker.said()
                    assert time.monotonic() < deadline, (health.read_text(), worker.said())
                    report: dict[str, Any] = json.loads(health.read_bytes()) if health.exists() else {}
                    if report.get("ready") and seen(report):
                        return report
                    time.sleep(0.1)

            def send(host: str) -> None:
                sent = until(lambda _: True)["counters"]["records"] + 1
                produce(connection, names.sysmon, [(b"k", record(host, "192.0.2.1", "x.exe", 1), None)])
                until(lambda report: report["counters"]["records"] == sent and report["counters"]["incidents"] > 0)

            send("before")
            two = {"TWO/TWO.toml": RULE.format("TWO") + FILLS}
            listed = {"LISTED/LISTED.toml": RULE.format("LISTED").replace("destIpAddr IS NOT NULL", LISTED)}
            write(rules, two | listed)
            until(lambda report: report["rules"]["set"] == read_set(rules).id)
            send("behind")
            deadline = time.monotonic() + 60
            while ("LISTED", "behind") not in told(connection, names):  # the first time it is not on the list yet
                assert time.monotonic() < deadline
                send("behind")
            write(rules, {"TWO/TWO.toml": two["TWO/TWO.toml"].replace("= 5", "= 50")})
            refused = until(lambda report: report["rules"]["refused"] is not None)["rules"]["refused"]
            assert [f"{rules}/TWO/TWO.toml:4:12: severity must be 1 to 10, got 50"] == refused["problems"]
            send("refused")
            write(rules, two)
            mended = until(lambda report: report["rules"]["refused"] is None)
            counters = mended["counters"]
            assert (1, 1) == (counters["rule_sets_loaded"], counters["rule_sets_refused"])
            until(lambda report: report["counters"]["observed"] == report["counters"]["matches"])
            made = told(connection, names)
    both = {(rule, host) for rule in ("ONE", "TWO") for host in ("behind", "refused")}
    assert {("ONE", "before"), ("LISTED", "behind")} | both == made - {("LISTED", "refused")}
