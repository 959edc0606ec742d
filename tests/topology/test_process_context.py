"""Connections joined with their processes by workers on the broker inside the process, one after the other."""

import json
import time
from pathlib import Path

import msgspec

from stream_app.engine.incident import Incident
from stream_app.engine.process import decode_process
from stream_app.engine.process_context import Joining
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import PARTITIONS, EmbeddedBroker
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from tests.brokers import everything, settings_of
from tests.corpus import seed_rulebook
from tests.runs import records_on
from tests.workers import WorkerProcess

START = 1_750_000_000_000
HOSTS = [f"pc-{number}" for number in range(6)]
JUPYTER = r"python C:\ProgramData\Anaconda3\Scripts\jupyter-notebook-script.py"


def record(host: str, event_id: int, at: int, guid: int = 1, **fields: str) -> tuple[bytes, bytes, int]:
    """Give a record as a producer is given it: key, value, timestamp."""
    event = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": event_id,
        "Hostname": host,
        "ProcessGuid": f"{{5E1C0B7A-9D2F-65BA-1A0C-{guid:012}}}",
        "Image": r"C:\ProgramData\Anaconda3\python.exe",
        "Initiated": "true",
        "SourceIp": "10.0.0.1",
        "DestinationIp": "203.0.113.9",
        **fields,
    }
    return host.encode(), json.dumps(event).encode(), START + at


def begun(host: str, at: int, command: str, guid: int = 1) -> tuple[bytes, bytes, int]:
    """Give the event 1 of a process that Anaconda's python has started."""
    return record(host, 1, at, guid, ParentImage=r"C:\ProgramData\Anaconda3\python.exe", CommandLine=command)


def incidents(connection: Connection, names: Names, count: int, worker: WorkerProcess) -> set[bytes]:
    """Give the distinct incident records on the topic, once there are so many and a moment more."""
    seen: set[bytes] = set()
    deadline, quiet = time.monotonic() + 60, 0

    def done() -> bool:
        nonlocal quiet
        assert worker.alive, worker.said()
        quiet = quiet + 1 if len(seen) >= count else 0
        return quiet > 5 or time.monotonic() > deadline

    for message in follow(connection, names.incidents, from_beginning=True, stop=done):
        seen.add(message.value() or b"")
    return seen


def replayed(connection: Connection, names: Names) -> set[bytes]:
    """Give what replay makes of the records that lie on the topic."""
    found = replay(seed_rulebook(), records_on(connection, names), sources=None, joining=Joining())
    return {to_bytes(each) for each in found if isinstance(each, Incident)}


def test_a_process_that_started_before_a_restart_is_found_after_it(tmp_path: Path) -> None:
    """A second worker finds in the changelog what the first one learned: the incidents are those of replay, an excluded
    process stays quiet, and the process that ended is removed.
    """  # noqa: D205 - one sentence
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="context")
        broker.make_topics(topic.name for topic in declare(names, processes=PARTITIONS))
        settings = settings_of(connection, names) | {"drained": "hold", "process_context": "true"}
        produce(connection, names.sysmon, [begun(host, 0, JUPYTER) for host in HOSTS])
        produce(connection, names.sysmon, [begun(host, 0, f"{host}.py", 2) for host in HOSTS])
        produce(connection, names.sysmon, [record(host, 3, 1, 2) for host in HOSTS])
        with WorkerProcess(tmp_path, "first", settings) as worker:
            assert len(HOSTS) == len(incidents(connection, names, len(HOSTS), worker))
            assert 0 == worker.terminate()
        produce(connection, names.sysmon, [record(host, 3, 2, guid) for host in HOSTS for guid in (1, 2)])
        produce(connection, names.sysmon, [record(host, 5, 3, 2) for host in HOSTS])
        produce(connection, names.sysmon, [record(host, 3, 4, 2) for host in HOSTS])
        with WorkerProcess(tmp_path, "second", settings) as worker:
            expected = replayed(connection, names)
            assert 3 * len(HOSTS) == len(expected)
            assert expected == incidents(connection, names, len(expected), worker)
            assert 0 == worker.terminate()
        commands = {msgspec.json.decode(each)["command"] for each in expected}
        assert {f"{host}.py" for host in HOSTS} == commands
        rows = [decode_process(each.value() or b"") for each in everything(connection, names.processes)]
        assert {(JUPYTER, False), *((command, ended) for command in commands for ended in (False, True))} == {
            (row.command, row.end is not None) for row in rows
        }
