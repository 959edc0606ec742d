"""A compacted topic that a process holds as a whole: read to the end it has now, then followed. Joins no group."""

import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream_app.kafka.connection import LOGGER, Connection
from stream_app.kafka.recovery import PASSING

BATCH = 2_000
PATIENCE = 60.0
"""Seconds for which the topic may say nothing before its end is reached."""


class TopicUnread(Exception):
    """A topic could not be read to its end."""


class Compacted:
    """A consumer of every partition of a topic. For one thread."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                **connection.reading(),
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "log_level": 2,  # not each connection that fails: what that means is raised, or other clients say it
                "logger": LOGGER,
            }
        )
        self._ahead: set[int] = set()
        """Partitions whose end has not been reached yet."""

    def to_the_end(self, patience: float = PATIENCE) -> Iterator[Message]:
        """Give what stands on the topic, each partition's in order.

        Raises TopicUnread where there is no such topic, after ``patience`` seconds without a record, or for an error.
        """
        try:
            found = self._consumer.list_topics(self._topic, timeout=patience).topics[self._topic]
            self._ahead = set(found.partitions)
            if found.error is not None and found.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicUnread(f"{self._topic}: {found.error.str()}")
            if not self._ahead:
                raise TopicUnread(f"there is no topic {self._topic}: make it with `stream-app topics create`")
            self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in self._ahead])
            heard = time.monotonic()
            while self._ahead:
                for each in self.more():
                    heard = time.monotonic()
                    yield each
                if time.monotonic() - heard > patience:
                    raise TopicUnread(f"{self._topic}: nothing came for {patience:g} s, its end was not reached")
        except KafkaException as error:
            raise TopicUnread(f"{self._topic}: {error.args[0].str()}") from error

    def more(self) -> Iterator[Message]:
        """Give what has come; waits for a moment. Raises KafkaException."""
        for message in self._consumer.consume(BATCH, 0.1):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._ahead.discard(message.partition() or 0)
            elif error.code() not in PASSING:
                raise KafkaException(error)

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()


def place_of(message: Message) -> str:
    """Give where a record lies, for a person."""
    return f"{message.topic()}/{message.partition()}@{message.offset()}"
