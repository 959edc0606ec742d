"""One topic's assigned partitions → batches, from one seek to the next stop of the flow, then never used again.

Decision: no thread. librdkafka's own threads fetch, check and decompress without the GIL; the screen needs the GIL
anyway. A partition's committable offset is that of its oldest unsettled batch, else of its oldest record not handed on,
else the position; a poll changes all three with no await between them, so that no commit sees one without the others.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from faust.types import TP
from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.expense import TooExpensive
from stream_app.kafka.batch import Batch, Passed
from stream_app.kafka.sender import Sender

LONG = 10_000
"""Bytes of a record behind which the reader shows that it still runs. Some records of a megabyte take the screen 50 ms,
more on a busy machine, and a poll may be 32 MB of them: a worker that seemed to stand still over its input would end,
and read it again."""

HOLD = 1.0
"""Seconds of screening after which what is left of a poll waits for the next round of the event loop."""

Screen = Callable[[Message], Any]
"""Gives what the agent needs, or None: nobody wants the record. What it raises goes to the agent instead."""


class Limits(Struct, frozen=True, kw_only=True):
    """Bounds of one worker; records and bytes are of all its topics together."""

    poll: int = 250
    """Records per poll: so many stay in a processor's cache while they are screened."""
    batch: int = 1000
    """Records per batch at most, and polled at most before others have their turn: screening holds the event loop."""
    idle: float = 0.003
    """Seconds to wait when there is nothing to read: on the way of an incident twice, and each look costs CPU."""
    gather: float = 0.02
    """Seconds that a busy reader gathers before it hands a batch on; an idle one does so at once."""
    max_records: int = 40_000
    max_bytes: int = 64 << 20
    """What has passed the screen and is not settled."""
    stall: float = 60.0
    """Seconds after which a batch that is not settled ends the worker."""
    go_on: bool = False
    """Whether reading goes on, and the gap is counted, where retention overtook a committed offset."""

    def shared_by(self, readers: int) -> "Limits":
        """Give the bounds of one of so many readers."""
        return replace(self, max_records=self.max_records // readers, max_bytes=self.max_bytes // readers)


class RetentionOvertook(Exception):
    """The committed offset is not in the topic any more: records were removed unread, or the topic was made anew."""


class Stalled(Exception):
    """A batch was not settled in time."""


class Book:
    """Where one partition stands."""

    __slots__ = ("_reached", "inflight", "newest", "pending", "pending_size", "position", "tp")

    def __init__(self, tp: TP) -> None:
        self.tp = tp
        self.position: int | None = None
        self.newest = 0
        self.pending: deque[Passed] = deque()
        self.pending_size = 0
        self.inflight: deque[Batch] = deque()
        self._reached: tuple[int, int] | None = None

    def reach(self, offset: int) -> None:
        """Note that there is no record below ``offset`` that was not taken; one that is no offset says nothing."""
        if offset >= 0 and (self.position is None or offset > self.position):
            self.position = offset

    def settle(self) -> int | None:
        """Drop the settled batches at the head; give the committable offset (None: nothing read yet)."""
        while self.inflight and self.inflight[0].settled:
            batch = self.inflight.popleft()
            self._reached = batch.end
            if batch.on_settled is not None:
                batch.on_settled()
        if self.inflight:
            return self.inflight[0].offset
        if self.pending:
            return self.pending[0][0].offset()
        return self.position

    def handled(self) -> tuple[int, int] | None:
        """Give (offset, newest timestamp in ms) up to which the agent has handled everything; None: not known."""
        reached = self._reached
        for batch in self.inflight:
            if not batch.handled:
                return reached
            reached = batch.end
        if self.pending or self.position is None:
            return reached
        return self.position, self.newest


class Reader:
    """Reads, screens and hands on. ``starts`` gives the offset to begin with by partition.

    ``on_read`` is told of each poll: records, how many of them passed, and the timestamp (ms) of the last one.
    """

    def __init__(
        self,
        topic: str,
        starts: Mapping[int, int],
        *,
        settings: Mapping[str, Any],
        limits: Limits,
        screen: Screen | None,
        older: Mapping[int, Screen] = {},
        sender: Sender,
        deliver: Callable[[Batch], Awaitable[None]],
        on_read: Callable[[int, int, int], None],
        on_gap: Callable[[int, int], None],
    ) -> None:
        self.topic = topic
        self.stopping = False
        self.held = False
        """Whether no record is taken for now."""
        self.screen = screen
        self.older = older
        """What records of these partitions are screened by instead."""
        self._limits = limits
        self._sender = sender
        self._deliver = deliver
        self._on_read = on_read
        self._on_gap = on_gap
        self._partitions = {number: Book(TP(topic, number)) for number in starts}
        self._assigned = [TopicPartition(topic, number, offset) for number, offset in starts.items()]
        self._left: list[Message] = []
        self._consumer = Consumer(dict(settings))
        self._consumer.assign(self._assigned)

    @property
    def books(self) -> list[Book]:
        """Where each partition stands."""
        return list(self._partitions.values())

    @property
    def tps(self) -> list[TP]:
        """The partitions that are read."""
        return [partition.tp for partition in self._partitions.values()]

    async def run(self) -> None:
        """Read until told to stop; whatever fails here ends the worker."""
        try:
            await self._run()
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a reader that is dead must not go unnoticed
            self._sender.fail(error)

    async def _run(self) -> None:
        limits, handed = self._limits, time.monotonic()
        while not self.stopping and self._sender.failure.error is None:
            busy = self._read_on() >= limits.batch or (bool(self._left) and not self.held)
            now = time.monotonic()
            if not busy or now - handed >= limits.gather:
                handed = now
                await self._hand_on()
            await asyncio.sleep(0 if busy else limits.idle)

    def _read_on(self) -> int:
        """Take what there is, a batch at most; give how many records. No await in here."""
        limits, took, began = self._limits, 0, time.monotonic()
        while took < limits.batch and not self.full() and not self.held:
            messages = self._left or self._consumer.consume(limits.poll, 0)
            if messages:
                self._take(messages)
            took += len(messages)
            if self._left or len(messages) < limits.poll or time.monotonic() - began > HOLD:
                break
        return took

    def _take(self, messages: list[Message]) -> None:
        """Screen one poll and book it. No await in here."""
        screen, older, read, passed = self.screen, self.older, len(messages), 0
        number, partition, stamp = -1, None, 0
        began, self._left = time.monotonic(), []
        for at, message in enumerate(messages, 1):
            if message.error() is not None:
                self._on_error(message)
                read -= 1
                continue
            if partition is None or message.partition() != number:
                number = cast("int", message.partition())
                partition = self._partitions[number]
                screen = older.get(number, self.screen)
            stamp = message.timestamp()[1]
            partition.newest = max(partition.newest, stamp)
            try:
                found = message if screen is None else screen(message)
            except Exception as error:  # noqa: BLE001 - a screen that fails must not lose the record
                found = error.with_traceback(None)  # its frame holds all of the poll, in a cycle
            if found is not None:
                partition.pending.append((message, found, partition.newest))
                partition.pending_size += len(message)
                passed += 1
            if len(message) > LONG or found.__class__ is TooExpensive:
                self._sender.serve()
                if time.monotonic() - began > HOLD:  # others need the event loop too
                    self._left = messages[at:]
                    read -= len(self._left)
                    break
        self._book_positions()
        self._on_read(read, passed, stamp)

    def _book_positions(self) -> None:
        left = {message.partition(): cast("int", message.offset()) for message in reversed(self._left)}
        for each in self._consumer.position(self._assigned):
            self._partitions[each.partition].reach(left.get(each.partition, each.offset))

    def _on_error(self, message: Message) -> None:
        error = message.error()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            # the end may lie behind markers and aborted records, which the position alone does not pass
            self._partitions[cast("int", message.partition())].reach(cast("int", message.offset()))
            return
        if error is None or error.code() != KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - its public name
            raise KafkaException(error)
        number = cast("int", message.partition())
        self._book_positions()  # of what came before the error in the same poll
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, number), timeout=10)
        wanted = self._partitions[number].position
        if wanted is None:
            wanted = next(each.offset for each in self._assigned if each.partition == number)
        made_anew_meanwhile = self._partitions[number].position is not None and high < wanted
        if not self._limits.go_on or made_anew_meanwhile:  # the restart learns the new topic's id
            raise RetentionOvertook(
                f"{self.topic}/{number}: offset {wanted} is to be read next, the topic holds {low} to {high}; "
                "records were removed before they were read, or the topic was made anew. "
                "Set STREAM_APP_ON_GAP=continue to go on from what there is and count the gap"
            )
        self._on_gap(number, max(0, low - wanted))
        self._partitions[number].position = low
        self._assign_anew()

    def _assign_anew(self) -> None:
        """Go on from the booked positions; a seek is refused in a partition that stands at an offset of nowhere."""
        for each in self._assigned:
            position = self._partitions[each.partition].position
            each.offset = each.offset if position is None else position
        self._consumer.assign(self._assigned)

    async def _hand_on(self) -> None:
        for partition in self._partitions.values():
            ready = partition.pending and (not partition.inflight or partition.inflight[-1].handled)
            if ready and not self.stopping:
                await self._deliver(self._cut(partition))

    def _cut(self, partition: Book) -> Batch:
        pending = partition.pending
        if len(pending) <= self._limits.batch:
            records, size = list(pending), partition.pending_size
            pending.clear()
        else:
            records = [pending.popleft() for _ in range(self._limits.batch)]
            size = sum([len(message) for message, _, _ in records])
        partition.pending_size -= size
        batch = Batch(self._sender, partition.tp, records, size)
        partition.inflight.append(batch)
        return batch

    def full(self) -> bool:
        """Back-pressure by what is not settled, in records and bytes; raises Stalled where a batch takes too long."""
        records = size = 0
        stale = time.monotonic() - self._limits.stall
        for partition in self._partitions.values():
            partition.settle()
            for batch in partition.inflight:
                records, size = records + len(batch.records), size + batch.size
                if batch.born < stale:
                    raise Stalled(f"{batch.tp}: the batch at offset {batch.offset} is not settled, {batch.state}")
            records, size = records + len(partition.pending), size + partition.pending_size
        return records >= self._limits.max_records or size >= self._limits.max_bytes

    def settle(self, tp: TP) -> int | None:
        """Give the offset that may be committed."""
        return self._partitions[tp.partition].settle()

    def handled(self) -> dict[int, tuple[int, int]]:
        """By partition: everything below the offset was handled, and the newest timestamp (ms) there."""
        reached = {number: partition.handled() for number, partition in self._partitions.items()}
        return {number: reach for number, reach in reached.items() if reach is not None}

    @property
    def unsettled(self) -> bool:
        """Whether an agent still has a batch of this topic that is not out yet."""
        for partition in self._partitions.values():
            partition.settle()
        return any(not batch.voided for partition in self._partitions.values() for batch in partition.inflight)

    @property
    def empty(self) -> bool:
        """Whether all that was taken is out: nothing passed the screen and is not settled."""
        for partition in self._partitions.values():
            partition.settle()
        return not any(partition.pending or partition.inflight for partition in self._partitions.values())

    def position(self, tp: TP) -> int:
        """Next offset to read; 0 where nothing was read yet."""
        return self._partitions[tp.partition].position or 0

    def freeze(self) -> None:
        """Take no more records, and void what an agent was given and has not begun: it will be read again."""
        self.stopping = True
        for partition in self._partitions.values():
            for batch in partition.inflight:
                batch.void()

    def close(self) -> None:
        """Leave the brokers; blocks for a moment."""
        self._consumer.close()
