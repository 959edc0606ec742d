"""A run: hostile records through a worker on real Kafka, from the first one sent to the last one accounted for.

Decision: the worker is the one of a deployment, as a process that is watched while it works: it must stay the one it
is, say that it is alive, move its committed offsets, and end in order when it is asked to.
"""

import functools
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, Producer, TopicPartition

from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import producer_settings
from stream_app.kafka.topics import Names
from tests.brokers import configure, fresh_topics, settings_of
from tests.corpus import seed_rulebook
from tests.hostile.ledger import Entry, Ledger
from tests.hostile.records import HUGE, Seeds, hostile, seeds
from tests.hostile.strange import Headers
from tests.workers import WorkerProcess

LARGEST = HUGE + 1_000_000
"""Bytes that the sysmon topic takes, with a record's key and headers."""

LOOK = 0.5
"""Seconds between two looks at the worker."""

PATIENCE = 60.0
"""Seconds without a committed offset that moves, or until the end of the worker, that are a stall."""

_FAILED = re.compile(r"CRITICAL|Traceback|reported dead")


class Outcome(msgspec.Struct):
    """What a run gave. Times in seconds, sizes in bytes."""

    seed: int
    real: bool
    sent: int = 0
    size: int = 0
    read: int = 0
    rejected: int = 0
    reasons: dict[str, int] = msgspec.field(default_factory=dict)
    matches: int = 0
    counted: int = 0
    late: int = 0
    incidents: int = 0
    seconds: float = 0.0
    longest_wait: float = 0.0
    """Between two moments at which committed offsets were seen to move."""
    memory: int = 0
    """Peak of the worker's resident memory."""
    wrong: int = 0
    said: list[str] = msgspec.field(default_factory=list)


class Stalled(Exception):
    """The worker ended, was reported dead, or did not move; the message holds the end of its log."""


class _Watch:
    """Looks at the worker now and then: its process, its health file, its offsets."""

    def __init__(self, worker: WorkerProcess, file: Path) -> None:
        self.worker = worker
        self.report: dict[str, Any] = {}
        self.longest = 0.0
        self._file = file
        self._looked = 0.0
        self._moved = time.monotonic()
        self._committed: dict[str, int] = {}

    def look(self) -> None:
        """Look, if it is time to. Raises Stalled."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        if not self.worker.alive:
            raise Stalled(f"the worker ended by itself\n{self.worker.said()[-4000:]}")
        if not self._file.exists():
            return
        self.report = msgspec.json.decode(self._file.read_bytes())
        committed = {name: each["committed"] for name, each in self.report["partitions"].items()}
        if committed != self._committed or self.drained:
            if any(self._committed.values()):  # before the first commit it was starting
                self.longest = max(self.longest, now - self._moved)
            self._committed, self._moved = committed, now
        if not self.report["alive"] or now - self._moved > PATIENCE:
            raise Stalled(f"the worker stands still: {self.report}\n{self.worker.said()[-4000:]}")

    @property
    def drained(self) -> bool:
        """Whether everything that there is has been committed."""
        return bool(self.report.get("ready")) and all(
            each["lag"] == 0 for each in self.report.get("partitions", {}).values()
        )


def run(  # noqa: PLR0913 - what a run varies
    connection: Connection, folder: Path, name: str, *, count: int, seed: int, say: Callable[[str], None]
) -> Outcome:
    """Do one run. Raises Stalled; what does not agree otherwise is in the outcome's ``said``."""
    began, good = time.monotonic(), seeds()
    outcome = Outcome(seed, good.real)
    names = fresh_topics(connection, name)
    configure(connection, names.sysmon, max_message_bytes=str(LARGEST))
    ledger = Ledger(seed_rulebook(), names)
    file = folder / "health"
    settings = settings_of(connection, names) | {
        "health_file": str(file),
        "reject_streak": "1000000000",
        "session_timeout_s": "10",
    }
    with WorkerProcess(folder, name, settings) as worker:
        watch = _Watch(worker, file)
        outcome.size = _send(connection, ledger, hostile_entries(ledger, count, seed, good), watch, say)
        _wait(watch, ledger, count)
        counters = watch.report["counters"]
        outcome.memory = _peak_memory(worker)
        status = worker.terminate()
        outcome.longest_wait, outcome.seconds = watch.longest, time.monotonic() - began
    say("reading what came of it")
    _audit(connection, ledger)
    outcome.read, outcome.rejected = ledger.close()
    _agree(outcome, ledger, _committed(connection, names), counters)
    if status or _FAILED.search(worker.said()):
        outcome.said.append(f"the worker ended with {status}, its log says:\n{worker.said()[-4000:]}")
    outcome.wrong = ledger.wrong + len(outcome.said)
    outcome.said += ledger.said
    return outcome


Sent = tuple[Entry, bytes | None, bytes | None, Headers | None, int]


def hostile_entries(ledger: Ledger, count: int, seed: int, good: Seeds) -> Iterator[Sent]:
    """Give each record, and what must become of it."""
    for number, record in enumerate(hostile(count, seed, good)):
        yield ledger.expect(number, record), record.key, record.value, record.headers, record.timestamp


def _send(
    connection: Connection,
    ledger: Ledger,
    records: Iterator[Sent],
    watch: _Watch,
    say: Callable[[str], None],
) -> int:
    settings = {**producer_settings(connection), "message.max.bytes": LARGEST, "queue.buffering.max.kbytes": 65_536}
    producer = Producer(settings)

    def delivered(entry: Entry, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise Stalled(f"record {entry.number} ({entry.kind}) could not be sent: {error.str()}")
        ledger.place(entry, message.partition() or 0, message.offset() or 0)

    size, told = 0, 0.0
    for entry, key, value, headers, timestamp in records:
        take = functools.partial(delivered, entry)
        while True:
            try:
                producer.produce(
                    ledger.names.sysmon, value, key, on_delivery=take, timestamp=timestamp, headers=headers
                )
            except BufferError:
                producer.poll(0.1)
                continue
            break
        size += entry.size
        producer.poll(0)
        watch.look()
        if time.monotonic() - told > 5:
            told = time.monotonic()
            worked = watch.report.get("counters", {}).get("records", 0)
            say(f"{entry.number + 1:,} sent, {size / 1e6:,.0f} MB; the worker has read {worked:,}")
    producer.flush()
    return size


def _wait(watch: _Watch, ledger: Ledger, count: int) -> None:
    """Wait until the worker has committed all that was sent, and all that it made of that. Raises Stalled."""
    if ledger.total != count:
        raise Stalled(f"{ledger.total} of {count} records were delivered")
    while True:
        watch.look()
        partitions = watch.report.get("partitions", {})
        read = sum(each["committed"] for name, each in partitions.items() if name.startswith(f"{ledger.names.sysmon}/"))
        if read >= count and watch.report["counters"]["records"] >= count and watch.drained:
            return
        time.sleep(LOOK / 5)


def _peak_memory(worker: WorkerProcess) -> int:
    status = Path("/proc") / str(worker.process.pid) / "status"
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0


def _audit(connection: Connection, ledger: Ledger) -> None:
    """Read every topic that the worker wrote, in full."""
    names = ledger.names
    for topic, take in (
        (names.rejected, ledger.rejected),
        (names.matches, ledger.matched),
        (names.incidents, ledger.incident),
    ):
        for message in in_full(connection, topic):
            take(message)


def in_full(connection: Connection, topic: str, patience: float = PATIENCE) -> Iterator[Message]:
    """Give a topic from its beginning to the end that it has now, one record at a time."""
    consumer = Consumer({**connection.librdkafka(), "group.id": "tests", "enable.auto.commit": False, "log_level": 3})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number))[1] for number in partitions}
    assigned = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions]
    consumer.assign(assigned)
    heard = time.monotonic()
    while any(each.offset < ends[each.partition] for each in consumer.position(assigned) if ends[each.partition]):
        messages = consumer.consume(1000, 0.2)
        heard = time.monotonic() if messages else heard
        if time.monotonic() - heard > patience:
            raise Stalled(f"{topic} could not be read to its end")
        yield from messages
    consumer.close()


def _committed(connection: Connection, names: Names) -> dict[int, int]:
    """Give the group's committed offsets on the sysmon topic."""
    consumer = Consumer({**connection.librdkafka(), "group.id": names.app_id, "enable.auto.commit": False})
    partitions = consumer.list_topics(names.sysmon, timeout=10).topics[names.sysmon].partitions
    found = consumer.committed([TopicPartition(names.sysmon, number) for number in partitions], timeout=10)
    consumer.close()
    return {each.partition: each.offset for each in found if each.offset > 0}


def _agree(outcome: Outcome, ledger: Ledger, committed: dict[int, int], counters: dict[str, int]) -> None:
    """Hold the numbers to one another: offsets, the worker's counters, the topics."""
    outcome.sent, outcome.matches, outcome.late = ledger.total, ledger.matches, ledger.late
    outcome.counted, outcome.incidents = ledger.counted, ledger.incidents
    outcome.reasons = dict(ledger.reasons.most_common())
    reported = {name.removeprefix("rejected."): n for name, n in counters.items() if name.startswith("rejected.")}
    for what, expected, actual in (
        ("read and rejected are as many as were sent", outcome.sent, outcome.read + outcome.rejected),
        ("committed offsets are the ends", ledger.ends, committed),
        ("the worker counts the records", outcome.sent, counters["records"]),
        ("the worker counts the matches", outcome.matches, counters["matches"]),
        ("the worker counts what it rejects", outcome.reasons, reported),
    ):
        if expected != actual:
            outcome.said.append(f"not so: {what}: {expected}, but {actual}")
