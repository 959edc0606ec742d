"""A part of a topic, read once: which offsets, or which times, in; its records, in one order, out.

Decision: what lies there when reading begins is read and nothing that comes later, so that a range has an end. Records
of one partition keep their order; of several partitions the record with the lower timestamp comes first, so that two
runs over one range read the same.

Decision: timestamps need not rise within a partition. A range of times is therefore read to the end of the partition,
from the first offset that the broker names for its begin, and what lies outside is left out.
"""

import time
from collections import deque
from collections.abc import Iterator
from typing import Self

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition
from msgspec import Struct

from stream_app.kafka.connection import Connection

BATCH = 500
AHEAD = 2_000
"""Records of a partition that are held while others are waited for."""

TIMEOUT = 10.0
WAIT = 0.1
"""Seconds for which a batch is waited for until it is full."""
STALLED = 30.0
"""Seconds without a record after which reading is given up."""


class Range(Struct, frozen=True, kw_only=True):
    """Half-open: from the first one on, up to before the other. Times are ms since 1970; None: no bound."""

    topic: str
    partition: int | None = None
    """None: all of them."""
    from_offset: int | None = None
    to_offset: int | None = None
    since: int | None = None
    until: int | None = None

    def holds(self, time: int) -> bool:
        """Tell whether a timestamp lies inside."""
        return (self.since is None or self.since <= time) and (self.until is None or time < self.until)


class RangeUnreadable(Exception):
    """A topic or partition that is not there, or does not give what it holds."""


class RangeReader:
    """Reads one range. A context manager.

    ``ends`` are the offsets at which reading begins and ends, by partition, empty ones left out; ``missing`` says of
    which offsets that were asked for nothing is there (any more). Raises RangeUnreadable, KafkaException.
    """

    def __init__(self, connection: Connection, asked: Range) -> None:
        self._asked = asked
        self._consumer = Consumer(
            {
                **connection.reading(),
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "queued.max.messages.kbytes": 16_384,
                "log_level": 3,
            }
        )
        self.missing: list[str] = []
        try:
            self.ends = self._bounds()
        except BaseException:
            self._consumer.close()
            raise
        self._held: dict[int, deque[Message]] = {partition: deque() for partition in self.ends}
        self._open = set(self.ends)
        """Partitions that may still give a record."""
        self._paused: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    @property
    def total(self) -> int:
        """How many offsets lie in the range, at most so many records."""
        return sum(end - begin for begin, end in self.ends.values())

    def records(self) -> Iterator[Message]:
        """Give the records."""
        if self.ends:
            self._consumer.assign([self._at(partition, begin) for partition, (begin, _) in self.ends.items()])
        while self._open or any(self._held.values()):
            while any(not self._held[partition] for partition in self._open):
                self._fill()
            heads = [(_time(held[0]), partition) for partition, held in self._held.items() if held]
            if heads:
                yield self._held[min(heads)[1]].popleft()

    def _fill(self) -> None:
        """Read until something came; partitions that are far ahead of others wait."""
        self._balance()
        deadline = time.monotonic() + STALLED
        while not (found := self._consumer.consume(BATCH, WAIT)):
            if time.monotonic() > deadline:
                raise RangeUnreadable(f"topic {self._asked.topic} has given nothing for {STALLED:.0f} s")
        for message in found:
            self._take(message)

    def _take(self, message: Message) -> None:
        partition, error = int(message.partition() or 0), message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - confluent-kafka's public name for it
                raise KafkaException(error)
            self._open.discard(partition)
            return
        offset, end = int(message.offset() or 0), self.ends[partition][1]
        if offset >= end - 1:
            self._open.discard(partition)
            self._pause(partition)
        if offset < end and self._asked.holds(_time(message)):
            self._held[partition].append(message)

    def _balance(self) -> None:
        for partition in self._open:
            if len(self._held[partition]) > AHEAD:
                self._pause(partition)
            elif partition in self._paused:
                self._paused.discard(partition)
                self._consumer.resume([self._at(partition)])

    def _pause(self, partition: int) -> None:
        if partition not in self._paused:
            self._paused.add(partition)
            self._consumer.pause([self._at(partition)])

    def _bounds(self) -> dict[int, tuple[int, int]]:
        asked = self._asked
        found = self._consumer.list_topics(asked.topic, timeout=TIMEOUT).topics[asked.topic]
        partitions = sorted(found.partitions)
        if found.error is not None or not partitions:
            raise RangeUnreadable(f"there is no topic {asked.topic}")
        if asked.partition is not None and asked.partition not in partitions:
            raise RangeUnreadable(
                f"topic {asked.topic} has no partition {asked.partition}: they are 0 to {partitions[-1]}"
            )
        wanted = partitions if asked.partition is None else [asked.partition]
        begins = self._begins(wanted)
        bounds: dict[int, tuple[int, int]] = {}
        for partition in wanted:
            low, high = self._consumer.get_watermark_offsets(self._at(partition), TIMEOUT)
            begin, end = asked.from_offset or 0, high if asked.to_offset is None else asked.to_offset
            if asked.from_offset is not None and begin < min(low, end):
                self.missing.append(f"partition {partition} begins at offset {low}: what lay before it is gone")
            if end > high and asked.to_offset is not None:
                self.missing.append(
                    f"partition {partition} ends with offset {high - 1}" if high else f"partition {partition} is empty"
                )
            begin, end = max(begin, low, begins.get(partition, 0)), min(end, high)
            if begin < end:
                bounds[partition] = begin, end
        return bounds

    def _begins(self, partitions: list[int]) -> dict[int, int]:
        """Ask the broker for the first offset that is not before the begin of a range of times."""
        since = self._asked.since
        if since is None:
            return {}
        found = self._consumer.offsets_for_times([self._at(each, since) for each in partitions], TIMEOUT)
        return {each.partition: 1 << 62 if each.offset in {OFFSET_END, -1} else max(0, each.offset) for each in found}

    def _at(self, partition: int, offset: int = 0) -> TopicPartition:
        return TopicPartition(self._asked.topic, partition, offset)


def _time(message: Message) -> int:
    """Give a record's timestamp, ms since 1970; 1 where it has none, as records of files that say no time have."""
    return max(1, message.timestamp()[1])
