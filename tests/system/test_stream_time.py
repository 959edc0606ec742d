"""The stream's time on real Kafka: nothing is late because another partition was read faster, and rows do not stay."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from stream_app.engine.row import row_position
from stream_app.kafka.connection import Connection
from stream_app.kafka.failure import EXIT_STATUS
from stream_app.kafka.recovery import Recovered, recover
from stream_app.kafka.topics import Names
from tests.brokers import configure, everything, fresh_topics, settings_of
from tests.corpus import RULES
from tests.faults.load import Load, record
from tests.faults.oracle import Wire
from tests.runs import incidents_of_run
from tests.workers import WorkerProcess

PYTHON = r"C:\Python311\python.exe"
HOUR = 3_600_000
PATIENCE = 60.0


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for a condition; fail with its name."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what


def rows_at_rest(connection: Connection, names: Names) -> int:
    """Give how many keys the changelog holds for a worker that recovers now."""
    settings = {**connection.librdkafka(), "group.id": "test"}
    states = [Recovered(dict[bytes, bytes](), 0) for _ in range(4)]
    for number, state in enumerate(states):
        recover(settings, names.changelog, number, state, row_position, lambda: False)
    return sum(len(state.rows) for state in states)


def test_a_partition_that_is_read_an_hour_behind_the_others_loses_nothing(
    tmp_path: Path, connection: Connection
) -> None:
    """Records an hour older than those of the other partitions are counted, none is late."""
    names = fresh_topics(connection, "behind")
    now = int(time.time() * 1000)
    producer = Producer(connection.librdkafka())
    for number in range(2000):
        partition = number % 4
        stamp = now - HOUR + number if partition == 1 else now
        value = record(f"host-{partition}", "203.0.113.1", PYTHON, number)
        producer.produce(names.sysmon, value, partition=partition, timestamp=stamp)
    producer.flush()
    health = tmp_path / "health.json"
    settings = settings_of(connection, names) | {"health_file": str(health)}
    with WorkerProcess(tmp_path, "worker", settings) as worker:
        incidents = [msgspec.json.decode(each) for each in incidents_of_run(connection, names, 2000, [worker])]
        until(lambda: rows_at_rest(connection, names) == 4 + 4, "four groups and four clocks were not at rest")
        until(lambda: _times_known(health), "the health report did not say the time and what holds it back")
    counts = {incident["hostName"]: 0 for incident in incidents}
    for incident in incidents:
        counts[incident["hostName"]] = max(counts[incident["hostName"]], incident["count"])
    assert {f"host-{partition}": 500 for partition in range(4)} == counts
    assert everything(connection, names.rejected) == []


def _times_known(health: Path) -> bool:
    times = msgspec.json.decode(health.read_bytes())["times"] if health.exists() else {}
    return len(times) == 4 and all(each["time"] and each["held_back_by"] in range(4) for each in times.values())


@pytest.fixture
def short_lived(tmp_path: Path) -> Path:
    """Give the seed rule with a window of one second, after which its incidents are over."""
    folder = tmp_path / "rules" / "short"
    folder.mkdir(parents=True)
    seed = (RULES / "windows-python-initiated-connection" / "windows-python-initiated-connection.toml").read_text()
    changed = seed.replace("window = 300 ", "window = 1\nclear_after = 1\nlateness = 1 ")
    assert seed != changed
    (folder / "short.toml").write_text(changed)
    return tmp_path / "rules"


def test_rows_of_ever_new_keys_do_not_stay(tmp_path: Path, connection: Connection, short_lived: Path) -> None:
    """Wave after wave of new keys: each incident is over, and table and changelog come back to the clocks alone."""
    names = fresh_topics(connection, "waves")
    settings = settings_of(connection, names) | {"rules": str(short_lived)}
    producer = Producer(connection.librdkafka())
    with WorkerProcess(tmp_path, "worker", settings) as worker:
        for wave in range(3):
            for number in range(500):
                host = f"wave-{wave}-{number}"
                producer.produce(names.sysmon, record(host, "203.0.113.1", PYTHON, number), host)
            producer.flush()
            seen = incidents_of_run(connection, names, 1000 * (wave + 1), [worker])
            told = Counter(msgspec.json.decode(each)["activity"] for each in seen)
            assert {"create": 500 * (wave + 1), "clear": 500 * (wave + 1)} == told
            until(lambda: rows_at_rest(connection, names) == 4, f"rows of wave {wave} stayed")


def test_a_changelog_that_the_cleaner_has_been_through_recovers_exactly(tmp_path: Path, connection: Connection) -> None:
    """Small segments, the cleaner on: most records are gone, and every count goes on from where it was."""
    names = fresh_topics(connection, "cleaned")
    configure(
        connection,
        names.changelog,
        segment_ms="500",
        min_cleanable_dirty_ratio="0.01",
        min_compaction_lag_ms="0",
        delete_retention_ms="100",
    )
    load = Load(connection, names.sysmon, seed=7, rate=400, seconds=8)
    settings = settings_of(connection, names)
    with WorkerProcess(tmp_path, "worker", settings) as worker:
        load.start()
        load.finish()
        written = load.matches
        until(lambda: _counted(connection, names, load), "not everything was counted")
        until(lambda: len(everything(connection, names.changelog)) < written, "the cleaner did not clean")
        worker.kill()
        worker.restart()
        load.one_of_each()
        until(lambda: _counted(connection, names, load), "not everything was counted after the recovery")
    wire = Wire()
    for message in everything(connection, names.incidents):
        wire.take(message)
    assert wire.verdict(load.truth, []).good


def _counted(connection: Connection, names: Names, load: Load) -> bool:
    wire = Wire()
    for message in everything(connection, names.incidents):
        wire.take(message)
    return wire.complete(load.truth)


def test_a_matches_topic_made_anew_without_its_changelog_is_refused(tmp_path: Path, connection: Connection) -> None:
    """Rows that are ahead of the matches topic are of another one: the worker ends, and says what to do."""
    names = fresh_topics(connection, "remade")
    load = Load(connection, names.sysmon, seed=9, rate=200, seconds=1)
    settings = settings_of(connection, names)
    with WorkerProcess(tmp_path, "worker", settings) as worker:
        load.start()
        load.finish()
        until(lambda: _counted(connection, names, load), "not everything was counted")
        worker.terminate()
        admin = AdminClient({**connection.librdkafka()})
        admin.delete_topics([names.matches])[names.matches].result(10)
        until(lambda: names.matches not in admin.list_topics(timeout=10).topics, "the topic was not deleted")
        fresh_topics(connection, "remade")
        worker.restart()
        assert EXIT_STATUS == worker.process.wait(60)
        assert "the changelog knows of offset" in worker.said()
