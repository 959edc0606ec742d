"""How far each source partition has come → progress records on every matches partition, at a bounded rate.

Decision: a partition that was read to its end follows the wall clock, the one place where that clock speaks; whether it
*is* at its end is asked of the broker each time, so that a broker out of reach makes time stand still, not run ahead.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import OffsetSpec

from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.stream_time import VERSION, Progress, Reading, encode_progress
from stream_app.kafka.connection import Connection
from stream_app.kafka.offsets import Offsets
from stream_app.kafka.sender import Delivered, DeliveryFailed, Sender
from stream_app.kafka.topics import Names

if TYPE_CHECKING:
    from stream_app.kafka.ingest import IngestApp
    from stream_app.kafka.transport import Consumer

Reached = Mapping[int, tuple[int, int]]
"""Source partition to (offset below which all was handled, newest timestamp there in ms; 0 for none)."""


class SourceEnds:
    """Asks where the source topic's partitions end."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._offsets = Offsets(connection)
        self._topic = topic

    async def ends(self, partitions: list[int], patience: float = 5.0) -> dict[int, int]:
        """Give the end offset by partition; a partition that was not answered for is left out."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # confluent-kafka's
        asked = {TopicPartition(self._topic, number): latest for number in partitions}
        futures = self._offsets.ask(asked, patience)
        found = {}
        for where, future in futures.items():
            try:
                offset = (await asyncio.wrap_future(future)).offset
            except (KafkaException, TimeoutError):
                continue
            if offset >= 0:  # a question that timed out may raise nothing, and give a negative offset
                found[where.partition] = offset
        return found


def readings(topic_id: str, reached: Reached, ends: Mapping[int, int], now: int) -> tuple[Reading, ...]:
    """Say how far each partition has come; ``now`` is the wall clock in ms at which ``ends`` were asked for.

    A partition with no record and no known end says nothing. A record from the future moves time no further than now.
    """
    said = []
    for partition, (offset, newest) in sorted(reached.items()):
        drained = partition in ends and offset >= ends[partition]
        when = now if drained else min(newest, now)
        if when > 0:
            said.append(Reading(topic_id, partition, offset, when))
    return tuple(said)


def send_progress(sender: Sender, topic: str, partitions: int, progress: Progress, delivered: Delivered) -> None:
    """Write one progress record into every matches partition, behind the matches that it speaks of."""
    value = encode_progress(progress)
    for partition in range(partitions):
        sender.send(topic, value, PROGRESS_KEY, delivered, partition=partition)


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def add_progress(app: "IngestApp", names: Names, source: tuple[str, int], partitions: int, interval: float) -> None:
    """Let an app say every ``interval`` seconds how far the source partitions of its worker have come.

    ``source`` is the sysmon topic's id and how many partitions it has, ``partitions`` how many the matches topic has.
    """
    ends = SourceEnds(app.ingest.connection, names.sysmon)
    topic_id, sources = source

    @app.timer(interval)  # type: ignore[untyped-decorator]  # Faust's
    async def progress() -> None:
        consumer = cast("Consumer", app.consumer)
        reader = consumer.readers.get(names.sysmon)
        if reader is None:
            return
        now = wall_clock()
        found = await ends.ends(sorted(tp.partition for tp in reader.tps))
        if reader.stopping:
            return
        said = readings(topic_id, reader.handled(), found, now)
        if said:

            def delivered(error: KafkaError | None, _message: Message) -> None:
                if error is not None:
                    consumer.sender.fail(DeliveryFailed(f"a progress record could not be sent: {error.str()}"))

            send_progress(consumer.sender, names.matches, partitions, Progress(VERSION, sources, said), delivered)
