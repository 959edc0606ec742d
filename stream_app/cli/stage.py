"""The demonstration's play: records go out no faster than the worker reads; what comes of them is shown as it comes.

Decision: nothing is asked of the worker; all that is said was seen on the broker. The play is over when the group has
committed all records and all matches: a commit waits for what it stands for, so that every incident is written then.
"""

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import msgspec
from confluent_kafka import KafkaError, Message, Producer
from msgspec import Struct

from stream_app.cli.failure import Failure
from stream_app.cli.feed import Addressed, addressed
from stream_app.cli.files import files_in
from stream_app.cli.screen import Bar, Screen, counted
from stream_app.cli.throttle import Throttle
from stream_app.cli.watch import Watch
from stream_app.cli.workers import WorkerProcess
from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.rejection import decode_rejection
from stream_app.kafka.connection import Connection
from stream_app.kafka.partition import partition_of
from stream_app.kafka.producing import producer_settings
from stream_app.kafka.topics import Names, Topic

STALLED = 60.0
"""Seconds without a further commit after which the worker is given up."""

LOOK = 0.05
"""Seconds between two looks at what has come, while records are sent."""

BROKER_TAKES = 4 << 20
"""Bytes of the largest record that the embedded broker is given: it keeps hardly more than one such."""


class _Activity(Struct):
    """As much of an incident as is counted."""

    activity: str


class Stage:
    """One play. A context manager; afterwards ``summary`` says what was done."""

    def __init__(
        self, connection: Connection, names: Names, topics: Sequence[Topic], partitions: int, screen: Screen
    ) -> None:
        self._names = names
        self._topics = topics
        self._partitions = partitions
        self._screen = screen
        self._watch = Watch(connection, names.app_id, partitions)
        self._producer = Producer(
            {**producer_settings(connection), "message.max.bytes": BROKER_TAKES + 10_000, "log_level": 0}
        )
        self._undelivered: list[KafkaError] = []
        self._throttle = Throttle()
        self._sent: Counter[int] = Counter()
        self._next: dict[tuple[str, int], int] = {}
        """Offset behind what was read back, by topic and partition."""
        self._matches = self.lost = 0
        self._activities: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._began = self._looked = self._moved = time.monotonic()
        self._done = self._reached = 0
        self._seconds = 0.0

    def __enter__(self) -> Self:
        names = self._names
        self._watch.make(topic.name for topic in self._topics)
        self._watch.follow([names.matches, names.incidents, names.rejected])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)

    def play(self, source: str, worker: WorkerProcess, bar: Bar) -> None:
        """Play a file until all that comes of it has been shown. Raises Failure, FileUnreadable."""
        self._began = self._moved = time.monotonic()
        for each in addressed(files_in([source]), self._screen.say):
            self._send(each, worker)
            bar.advance(each.record.read)
            if time.monotonic() - self._looked > LOOK:
                self._look(worker, 0)
        self._producer.flush()
        while not self._over():
            self._look(worker, LOOK)
        self._seconds = time.monotonic() - self._began

    @property
    def summary(self) -> str:
        """What was played and what came of it, in one line or, where something is missing, two."""
        reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(self._rejected.items()))
        said = (
            f"{counted(self._done, 'record')} read, {counted(self._matches, 'match')}, "
            f"{counted(self._activities['create'], 'incident')} in {counted(self._activities.total(), 'record')}, "
            f"{self._rejected.total():,} rejected{f' ({reasons})' if reasons else ''}, {self._seconds:.1f} s"
        )
        missing = f"{said}\n{counted(self.lost, 'record')} left the embedded broker before they were read."
        return missing if self.lost else said

    def _send(self, each: Addressed, worker: WorkerProcess) -> None:
        """Send one record as soon as there is room for it."""
        topic, partition = self._names.sysmon, partition_of(each.key, self._partitions)
        size = len(each.key) + len(each.record.value)
        if size > BROKER_TAKES:
            self._screen.say(
                f"{each.record.place}: {size:,} bytes are too many for the embedded broker: not sent", "red"
            )
            return
        while not self._throttle.room(topic, partition, size):
            self._look(worker, LOOK)
        self._throttle.sent(topic, partition, self._sent[partition], size)
        self._sent[partition] += 1
        self._producer.produce(
            topic, each.record.value, each.key, partition, on_delivery=self._delivered, timestamp=each.timestamp
        )

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._undelivered.append(error)

    def _look(self, worker: WorkerProcess, wait: float) -> None:
        """Show what has come, and see how far the worker is. Raises Failure if it is not getting on."""
        self._producer.poll(0)
        if self._undelivered:
            raise Failure(f"the embedded broker does not take records: {self._undelivered[0].str()}")
        for message in self._watch.read(wait):
            self._take(message)
        worker.check()
        self._looked = time.monotonic()
        done = {topic: self._watch.committed(topic) for topic in (self._names.sysmon, self._names.matches)}
        for topic, offsets in done.items():
            for partition, offset in offsets.items():
                self._throttle.committed(topic, partition, offset)
        self._done = sum(done[self._names.sysmon].values())
        moved = sum(map(sum, (offsets.values() for offsets in done.values())))
        if moved != self._reached:
            self._reached, self._moved = moved, self._looked
        elif self._looked - self._moved > STALLED:
            raise Failure(
                f"the worker has done nothing for {STALLED:.0f} s; the end of its log:\n{worker.last_lines()}"
            )

    def _take(self, message: Message) -> None:
        """Count a record that was read back, and show it if it is an incident or a rejection."""
        topic, partition, offset = str(message.topic()), int(message.partition() or 0), int(message.offset() or 0)
        value = message.value() or b""
        self.lost += offset - self._next.get((topic, partition), 0)
        self._next[topic, partition] = offset + 1
        if topic == self._names.matches:
            self._matches += message.key() != PROGRESS_KEY
            self._throttle.sent(topic, partition, offset, len(value))
        elif topic == self._names.incidents:
            self._activities[msgspec.json.decode(value, type=_Activity).activity] += 1
            self._screen.incident(value)
        else:
            rejection = decode_rejection(value)
            self._rejected[rejection.reason] += 1
            place = f"{rejection.topic}/{rejection.partition}@{rejection.offset}"
            self._screen.say(f"{place}: rejected: {rejection.reason}: {rejection.detail}", "red")

    def _over(self) -> bool:
        """Whether the worker is done with all that was sent, and all that it wrote has been read back."""
        names = self._names
        done = self._watch.committed(names.sysmon)
        self._done = sum(done.values())  # the last look may have been before it
        if any(done[partition] < sent for partition, sent in self._sent.items()):
            return False
        done, ends = self._watch.committed(names.matches), self._watch.ends(names.matches)
        if any(done[partition] < end for partition, end in ends.items()):
            return False
        return all(
            self._next.get((topic, partition), 0) >= end
            for topic in (names.matches, names.incidents, names.rejected)
            for partition, end in self._watch.ends(topic).items()
        )
