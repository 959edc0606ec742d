"""What the worker sends, through librdkafka: acknowledged by all replicas, and one failure is the end.

Decision: an idempotent producer without time-outs, so that the broker has a *prefix* of what was sent to a partition.
Rows remember the highest offset that they counted; a match that failed while a later one got through would be lost. A
record that a broker refuses is a fatal error of the whole producer, whoever asked to hear of it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream_app.kafka.connection import Connection
from stream_app.kafka.failure import Failure
from stream_app.kafka.producing import producer_settings

Delivered = Callable[[KafkaError | None, Message], None]
Headers = list[tuple[str, str | bytes | None]]
Outgoing = tuple[bytes | None, bytes | None, Headers | None]
"""Value, key and headers of a record."""

LARGEST = 1_000_000
"""Bytes of the largest record, key and value, that is sent; what is made elsewhere is bounded so that it fits."""

LOT = 256
"""Records that are gathered and sent at once: what is not in the queue yet is bounded by nothing else."""

FULL = 60.0
"""Seconds for which one send may wait for room in the queue."""

POLL = 0.005
"""Seconds between two looks for acknowledgements."""


class StoodStill(Exception):
    """The process did not run for a session time-out: its partitions may have a new owner."""


class QueueFull(Exception):
    """No room came in the producer's queue: nothing else can run while a batch waits for it."""


class DeliveryFailed(Exception):
    """A record could not be sent; nothing after it may be."""


class Clock(Protocol):
    """A monotonic clock in seconds."""

    def __call__(self) -> float:
        """Give the time."""
        ...


class Sender:
    """One producer. ``patience`` is the longest, in seconds, that the process may stand still and still send."""

    def __init__(
        self,
        connection: Connection,
        failure: Failure,
        *,
        patience: float,
        max_bytes: int = 128 << 20,
        settings: dict[str, object] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.failure = failure
        self._clock = clock
        self._patience = patience
        self._alive = clock()
        self._producer = Producer(
            {
                **producer_settings(connection),
                "enable.gapless.guarantee": True,
                "linger.ms": 1,  # what is sent comes in lots; waiting for more would be on top of every incident's way
                "message.max.bytes": LARGEST,
                "message.timeout.ms": 0,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": max_bytes >> 10,
                **(settings or {}),
            }
        )

    def __len__(self) -> int:
        return len(self._producer)

    @property
    def silent(self) -> float:
        """Seconds since the event loop last came here, for another thread to see."""
        return self._clock() - self._alive

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        delivered: Delivered | None,
        *,
        partition: int = -1,
        headers: Headers | None = None,
    ) -> None:
        """Queue one record. Raises WorkerFailed once anything has failed.

        Waits in place while the queue is full: an await would let a rebalance fall into the middle of a batch.
        """
        since: float | None = None
        while True:
            self.failure.check()
            try:
                self._producer.produce(topic, value, key, partition, delivered, headers=headers)
            except BufferError:
                since = self._wait_for_room(since)
            except KafkaException as error:
                self.fail(error)
            else:
                return

    def send_all(
        self, topic: str, records: Iterable[Outgoing], delivered: Delivered | None, *, partition: int = -1
    ) -> None:
        """Queue records in their order, each as :meth:`send` does. ``delivered`` hears of each; None: nobody does."""
        self.failure.check()
        produce = self._producer.produce
        for value, key, headers in records:
            try:
                produce(topic, value, key, partition, delivered, None, 0, headers)
            except (BufferError, KafkaException):  # it is not queued: it waits, or it is refused again
                self.send(topic, value, key, delivered, partition=partition, headers=headers)

    def _wait_for_room(self, since: float | None) -> float:
        """Let acknowledgements come for a moment; gives since when a record waits. Fails where that is too long."""
        now = self._clock()
        since = now if since is None else since
        if now - since > FULL:
            self.fail(QueueFull(f"the queue was full for {FULL:.0f} s: the brokers take nothing"))
        self.serve(0.05)
        return since

    def serve(self, timeout: float = 0) -> None:
        """Run the acknowledgements that have come; waits ``timeout`` seconds for one."""
        self._look_at_the_clock()
        self._alive = self._clock()
        try:
            self._producer.poll(timeout)
        except KafkaException as error:  # the producer's fatal errors come up here
            self.fail(error)

    def fail(self, error: BaseException) -> None:
        """End the worker and drop what is still queued: nothing may follow what failed."""
        self.failure.set(error)
        self._producer.purge(in_queue=True, in_flight=False, blocking=False)

    def check(self) -> None:
        """Raise WorkerFailed if anything failed, or if the process stood still (SIGSTOP, a paused machine) too long."""
        self._look_at_the_clock()
        self.failure.check()

    def _look_at_the_clock(self) -> None:
        still = self.silent
        if still > self._patience:
            self.fail(StoodStill(f"stood still for {still:.1f} s: the partitions may have a new owner"))

    async def run(self) -> None:
        """Look for acknowledgements until something fails; the process then ends by itself (failure.py)."""
        self._alive = self._clock()
        while self.failure.error is None:
            self.serve()
            await asyncio.sleep(POLL)

    async def drain(self, seconds: float) -> bool:
        """Wait until nothing is outstanding; says whether that came true within ``seconds``."""
        deadline = self._clock() + seconds
        while len(self) and self.failure.error is None and self._clock() < deadline:
            self.serve()
            await asyncio.sleep(POLL)
        return not len(self)
