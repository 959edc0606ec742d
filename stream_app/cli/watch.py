"""A running worker, seen from the broker: what it has written and committed. Joins no group, commits nothing."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from stream_app.kafka.connection import Connection

BATCH = 1_000
TIMEOUT = 10.0


class Watch:
    """Follows some topics from their beginning and asks for a group's offsets. A context manager."""

    def __init__(self, connection: Connection, group: str, partitions: int) -> None:
        self._partitions = range(partitions)
        self._consumer = Consumer(
            {
                **connection.librdkafka(),
                "group.id": group,  # only asked about: assign() joins nothing
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
                "allow.auto.create.topics": True,
                "log_level": 0,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def make(self, topics: Iterable[str]) -> None:
        """Ask for topics, at which the embedded broker makes those that it has not."""
        for name in topics:
            self._consumer.list_topics(name, TIMEOUT)

    def follow(self, topics: Iterable[str]) -> None:
        """Begin to read these topics."""
        self._consumer.assign(
            [TopicPartition(name, each, OFFSET_BEGINNING) for name in topics for each in self._partitions]
        )

    def read(self, wait: float) -> list[Message]:
        """Give what has come, after at most ``wait`` seconds. What is no record (an error that passes) is left out."""
        return [message for message in self._consumer.consume(BATCH, wait) if message.error() is None]

    def committed(self, topic: str) -> dict[int, int]:
        """Give the group's committed offset of each partition; 0 where it has committed none."""
        asked = [TopicPartition(topic, each) for each in self._partitions]
        return {each.partition: max(0, each.offset) for each in self._consumer.committed(asked, TIMEOUT)}

    def ends(self, topic: str) -> dict[int, int]:
        """Give the offset behind the last record of each partition."""
        return {
            each: self._consumer.get_watermark_offsets(TopicPartition(topic, each), TIMEOUT)[1]
            for each in self._partitions
        }
