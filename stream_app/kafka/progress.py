"""How far each source partition has come → progress records on every matches partition, at a bounded rate.

Decision: a partition that was read to its end follows the wall clock, the one place where that clock speaks; whether it
*is* at its end is asked of the broker each time, so that a broker out of reach makes time stand still, not run ahead.
"""

import asyncio
import time
from collections.abc import Mapping

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.stream_time import Progress, Reading, encode_progress
from stream_app.kafka.connection import Connection
from stream_app.kafka.offsets import Offsets
from stream_app.kafka.sender import Delivered, Sender

Reached = Mapping[int, tuple[int, int]]
"""Source partition to (offset below which all was handled, newest timestamp there in ms; 0 for none)."""


class SourceEnds:
    """Asks where the source topic's partitions end."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._offsets = Offsets(connection)
        self._topic = topic

    async def ends(self, partitions: list[int], patience: float = 5.0) -> dict[int, int]:
        """Give the end offset by partition; a partition that was not answered for is left out."""
        return await self._ask(partitions, OffsetSpec.latest(), patience)  # type: ignore[no-untyped-call]  # confluent-kafka's

    async def begins(self, partitions: list[int], patience: float = 5.0) -> dict[int, int]:
        """Give the oldest offset by partition, as :meth:`ends` does."""
        return await self._ask(partitions, OffsetSpec.earliest(), patience)  # type: ignore[no-untyped-call]  # as above

    async def _ask(self, partitions: list[int], which: OffsetSpec, patience: float) -> dict[int, int]:
        asked = {TopicPartition(self._topic, number): which for number in partitions}
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
