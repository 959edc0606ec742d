"""Processes on a real Kafka, with a kill -9 in the middle: no connection of a known process goes without context."""

import json
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from stream_app.cli.topics import declared
from stream_app.engine.incident import Incident
from stream_app.engine.process_context import Joining
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.kafka.admin import create_topics, partitions_of
from stream_app.kafka.app import WorkerOptions
from stream_app.kafka.connection import Connection
from stream_app.kafka.facts import TopicsMissing, ask_topics
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from stream_app.service.settings import read_settings
from tests.brokers import fresh_topics, settings_of
from tests.corpus import Keyed, seed_rulebook
from tests.runs import incidents_of_run, records_on
from tests.workers import WorkerProcess

START = 1_750_000_000_000
PROCESSES = [(f"pc-{host}", guid) for host in range(12) for guid in range(40)]


def record(event_id: int, process: tuple[str, int], at: int, **fields: str) -> Keyed:
    """Give an event of a process: key, value, timestamp."""
    host, guid = process
    named = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": event_id,
        "Hostname": host,
        "ProcessGuid": f"{{5E1C0B7A-9D2F-65BA-1A0C-{guid:012}}}",
        "Image": r"C:\Python311\python.exe",
        "Initiated": "true",
        "SourceIp": "10.0.0.1",
        "DestinationIp": "203.0.113.9",
    }
    return host.encode(), json.dumps({**named, **fields}).encode(), START + at


def connections(at: int) -> list[Keyed]:
    """Give a connection of every process."""
    return [record(3, process, at) for process in PROCESSES]


def wait_for_incidents(connection: Connection, names: Names, count: int, worker: WorkerProcess) -> None:
    """Wait until there are so many incident records."""
    seen, deadline = 0, time.monotonic() + 60

    def done() -> bool:
        assert worker.alive, worker.said()
        assert time.monotonic() < deadline, f"{seen} of {count} incidents came"
        return seen >= count

    for _ in follow(connection, names.incidents, from_beginning=True, stop=done):
        seen += 1


def topics_of(connection: Connection, name: str) -> tuple[Names, dict[str, str]]:
    """Make an app's topics as `topics create` does beside a sysmon topic that has more partitions than the setting."""
    names = Names(app_id=name, sysmon=f"{name}-sysmon", incidents=f"{name}-incidents", rejected=f"{name}-rejected")
    create_topics(connection, declare(names, partitions=6)[:1])
    settings = settings_of(connection, names) | {"drained": "hold", "process_context": "true"}
    given = read_settings({f"STREAM_APP_{key.upper()}": value for key, value in settings.items()})
    made = dict(create_topics(connection, declared(given)))
    assert ("exists", "created") == (made[names.sysmon], made[names.processes])
    return names, settings


def test_processes_lie_where_their_hosts_do(connection: Connection) -> None:
    """A worker does not start where its processes have other partitions than the sysmon topic, and says what to do."""
    too_few, none = (fresh_topics(connection, f"processes-{many}", processes=many) for many in (3, 0))
    made = [topic.name for names in (too_few, none) for topic in declare(names)]
    deadline = time.monotonic() + 30
    while not all(partitions_of(connection, name) for name in made):
        assert time.monotonic() < deadline, "the broker does not know the topics that it has made"
    options = WorkerOptions(connection=connection, names=too_few, joining=Joining())
    with pytest.raises(TopicsMissing, match=r"processes-3-processes-changelog has 3 partitions, .* has 4"):
        ask_topics(options, lists=False)
    assert "" == ask_topics(replace(options, names=none, joining=None), lists=False).processes_id
    with pytest.raises(TopicsMissing, match="do not exist: processes-0-processes-changelog"):
        ask_topics(replace(options, names=none), lists=False)


def test_a_kill_costs_no_connection_its_context(tmp_path: Path, connection: Connection) -> None:
    """A worker is killed over what it reads, and two others go on: each incident is what replay makes of the records,
    and has the command of its process.
    """  # noqa: D205 - one sentence
    names, settings = topics_of(connection, "process-context")
    starts = [record(1, process, 0, CommandLine=f"{process[1]}.py") for process in PROCESSES]
    produce(connection, names.sysmon, [*starts, *connections(1)])
    with WorkerProcess(tmp_path, "killed", settings) as killed:
        wait_for_incidents(connection, names, len(PROCESSES), killed)
        for at in range(2, 12):
            produce(connection, names.sysmon, connections(at))
        wait_for_incidents(connection, names, 2 * len(PROCESSES), killed)
        killed.kill()
    ends = [record(5, process, 12) for process in PROCESSES[::2]]
    produce(connection, names.sysmon, [*connections(12), *ends, *connections(13)])
    given = records_on(connection, names)
    emitted = replay(seed_rulebook(), given, sources=None, joining=Joining())
    expected = {to_bytes(each) for each in emitted if isinstance(each, Incident)}
    assert 13 * len(PROCESSES) == len(expected)
    with WorkerProcess(tmp_path, "one", settings) as one, WorkerProcess(tmp_path, "two", settings) as two:
        actual = incidents_of_run(connection, names, len(expected), [one, two])
        assert [0, 0] == [each.terminate() for each in (one, two)]
    assert expected == actual
    assert {f"{guid}.py" for _, guid in PROCESSES} == {msgspec.json.decode(each).get("command") for each in actual}
