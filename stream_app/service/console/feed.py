"""The incidents topic in, batches of incidents out, in a thread that outlives every trouble with the brokers.

Decision: no group is joined and nothing is committed, so that any number of these may look. The offsets to begin with
are asked by time; what the topic gets later, new partitions too, is read from its beginning.
"""

import logging
import threading
import time
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from stream_app.kafka.connection import Connection
from stream_app.service.console.held import Held, Unread, read

log = logging.getLogger(__name__)

BATCH = 1_000
WAIT = 0.1
"""Seconds for which a batch is waited for."""
LOOK_AGAIN = 10.0
"""Seconds between looks for new partitions."""
RETRY = 1.0
GRACE = 1.0
TIMEOUT = 5.0

Batch = tuple[list[Held], int]
"""Incidents, and how many records could not be read."""


class Feed:
    """A thread between ``start`` and ``stop``. ``deliver`` is called in it and may hold it back.

    ``since`` is in ms since 1970, None for all that there is.
    """

    def __init__(self, connection: Connection, topic: str, since: int | None, deliver: Callable[[Batch], None]) -> None:
        self._topic, self._since, self._deliver = topic, since, deliver
        self._settings = {
            **connection.reading(),
            "auto.offset.reset": "earliest",
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 16_384,
            "reconnect.backoff.max.ms": 2_000,
            "log_level": 0,
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console-feed", daemon=True)
        self._ends: dict[int, int] = {}
        self.behind = -1
        """Records that lay on the topic at the start and are still to be read; -1 before that is known."""

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End; a thread that waits for brokers which do not answer is not waited for long."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(GRACE)

    def _run(self) -> None:
        """Read; after an exception (no topic yet, no broker) begin where it stood."""
        positions: dict[int, int] = {}
        while not self._stop.is_set():
            consumer = Consumer(self._settings)
            try:
                self._read(consumer, positions)
            except KafkaException as error:
                log.warning("topic %s cannot be read, trying again: %s", self._topic, error.args[0].str())
                self._stop.wait(RETRY)
            finally:
                consumer.close()

    def _read(self, consumer: Consumer, positions: dict[int, int]) -> None:
        partitions = self._begin(consumer, positions)
        looked = time.monotonic()
        while not self._stop.is_set():
            messages = [each for each in consumer.consume(BATCH, WAIT) if _is_record(each)]
            if messages:
                for each in messages:
                    positions[each.partition() or 0] = (each.offset() or 0) + 1
                self._deliver(incidents_of(messages))
            self.behind = sum(max(0, end - positions.get(each, 0)) for each, end in self._ends.items())
            if time.monotonic() - looked > LOOK_AGAIN:
                looked = time.monotonic()
                if self._partitions(consumer) > partitions:
                    return

    def _begin(self, consumer: Consumer, positions: dict[int, int]) -> int:
        """Assign every partition; those that were not read before begin at the time that was asked for."""
        partitions = self._partitions(consumer)
        new = [each for each in range(partitions) if each not in positions]
        if not self._ends:
            asked = [TopicPartition(self._topic, each, self._since or 0) for each in new]
            begins = (
                {}
                if self._since is None
                else {each.partition: each.offset for each in consumer.offsets_for_times(asked, TIMEOUT)}
            )
            for each in new:
                low, high = consumer.get_watermark_offsets(TopicPartition(self._topic, each), TIMEOUT)
                found = low if self._since is None else begins.get(each, OFFSET_END)
                positions[each] = found if found >= 0 else high
                self._ends[each] = high
        consumer.assign(
            [TopicPartition(self._topic, each, positions.get(each, OFFSET_BEGINNING)) for each in range(partitions)]
        )
        return partitions

    def _partitions(self, consumer: Consumer) -> int:
        found = consumer.list_topics(self._topic, timeout=TIMEOUT).topics[self._topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return len(found.partitions)


def incidents_of(messages: list[Message]) -> Batch:
    """Read records; of those that are no incidents only how many there are."""
    found, unread = [], 0
    for message in messages:
        value = message.value()
        if value is None:
            continue
        try:
            found.append(read(value, message.timestamp()[1]))
        except Unread:
            unread += 1
    return found, unread


def _is_record(message: Message) -> bool:
    """Tell a record from an error; librdkafka mends what an error of a consumer is about, and the probe says so."""
    return message.error() is None
