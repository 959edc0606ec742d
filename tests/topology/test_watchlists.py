"""Rules that fill and read a watch list, through whole workers on the broker inside the process."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.engine.watchlist import Entry, encode_entry
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from stream_app.kafka.watchlists import entries_on
from stream_app.rulebook.watchlists import Listing
from tests.brokers import settings_of
from tests.workers import WorkerProcess

RULE = """
id = "{id}"
name = "{id}"
severity = 5
category = "Security"
window = 60
[pattern.Filter]
query = 'eventType = "{event}"{reads}'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
{fills}
"""
FILLS = '[[watch_list]]\nname = "scanners"\nattribute = "hostName"'
START = 1_750_000_000_000
NAMES = Names(app_id="lists")


@pytest.fixture
def connection() -> Iterator[Connection]:
    """Give a broker that has the topics."""
    with EmbeddedBroker() as broker:
        broker.make_topics(topic.name for topic in declare(NAMES))
        yield Connection(bootstrap_servers=broker.bootstrap_servers)


def write_rules(folder: Path) -> None:
    """Make a folder of one rule that fills a list and one that reads it."""
    texts = {
        "fills": RULE.format(id="FILLS", event="Scan", reads="", fills=FILLS),
        "reads": RULE.format(id="READS", event="Login", reads=" AND hostName IN (WatchList@scanners)", fills=""),
    }
    for name, text in texts.items():
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.toml").write_text(text)


def send(connection: Connection, *events: tuple[str, str, int]) -> None:
    """Put events onto the sysmon topic: type, host, seconds."""
    made = (json.dumps({"eventType": kind, "hostName": host}).encode() for kind, host, _ in events)
    times = [START + seconds * 1000 for _, _, seconds in events]
    produce(connection, NAMES.sysmon, [(b"k", value, at) for value, at in zip(made, times, strict=True)])


def incidents(connection: Connection, worker: WorkerProcess, expected: int) -> list[tuple[str, str]]:
    """Give rule and host of the incident records, once there are as many as expected and nothing more comes."""
    found: list[tuple[str, str]] = []
    deadline = time.monotonic() + 60
    quiet = 0

    def done() -> bool:
        nonlocal quiet
        assert worker.alive, worker.said()
        quiet = quiet + 1 if len(found) >= expected else 0
        return quiet > 10 or time.monotonic() > deadline

    for message in follow(connection, NAMES.incidents, from_beginning=True, stop=done):
        incident = json.loads(message.value() or b"")
        found.append((incident["ruleId"], incident["hostName"]))
    return sorted(found)


def test_what_a_rule_lists_another_reads_also_after_a_restart(tmp_path: Path, connection: Connection) -> None:
    """An entry is known to the worker that made it, to one that starts later, and to who looks at the list."""
    write_rules(tmp_path / "rules")
    settings = settings_of(connection, NAMES) | {"rules": str(tmp_path / "rules"), "drained": "hold"}
    send(connection, ("Login", "a", 0), ("Scan", "a", 1))
    listed = {Entry("1", "scanners", "a"): Listing(START + 1000, START + 1000 + 2_592_000_000)}
    with WorkerProcess(tmp_path, "worker", settings) as worker:
        assert [("FILLS", "a")] == incidents(connection, worker, 1)
        assert listed == entries_on(connection, NAMES.watchlists)
        seconds = 2
        found: list[tuple[str, str]] = []
        while ("READS", "a") not in found and seconds < 20:  # how soon an entry is known is not said
            send(connection, ("Login", "a", seconds), ("Login", "b", seconds))
            found = incidents(connection, worker, 2)
            seconds += 1
        assert {("FILLS", "a"), ("READS", "a")} == set(found)
        assert 0 == worker.terminate(), worker.said()
        worker.restart()
        send(connection, ("Login", "a", 30), ("Login", "b", 31))
        again = incidents(connection, worker, len(found) + 1)
        assert sorted([*found, ("READS", "a")]) == again
        assert 0 == worker.terminate(), worker.said()
    assert listed == entries_on(connection, NAMES.watchlists)


def test_a_list_is_shown(connection: Connection) -> None:
    """As text or JSON, one list or all; of an entry the last record counts, and one that was taken off is not shown."""
    entries = [Entry("1", "b", "x\x1b[31m"), Entry("2", "a", "pc"), Entry("1", "a", "gone"), Entry("1", "a", 80)]
    records = [(*encode_entry(entry, Listing(at, START)), 0) for at, entry in enumerate(entries)]
    records += [(*encode_entry(entries[1], Listing(START, START + 1000)), 0), (b"\xc1", b"no entry", 0)]
    produce(connection, NAMES.watchlists, [*records, (encode_entry(entries[2], Listing(0, 0))[0], None, 0)])

    def shown(*arguments: str) -> list[str]:
        given = {"STREAM_APP_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "STREAM_APP_APP_ID": NAMES.app_id}
        done = subprocess.run(
            [sys.executable, "-m", "stream_app", "watchlist", *arguments],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), **given},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert 0 == done.returncode, done.stderr
        assert "is passed over: it is no entry of a watch list" in done.stderr
        return done.stdout.splitlines()

    assert [
        "a  80  customer 1  1970-01-01 00:00:00.003Z to 2025-06-15 15:06:40.000Z",
        "a  pc  customer 2  2025-06-15 15:06:40.000Z to 2025-06-15 15:06:41.000Z",
        r"b  x\x1b[31m  customer 1  1970-01-01 00:00:00.000Z to 2025-06-15 15:06:40.000Z",
    ] == shown()
    assert [{"list": "b", "customer": "1", "value": "x\x1b[31m", "time": 0, "until": START}] == [
        json.loads(line) for line in shown("b", "--json")
    ]
