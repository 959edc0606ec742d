"""A topic → its records, as they come: what `incidents` and the demo read with. Joins no group, commits nothing."""

from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream_app.kafka.connection import Connection

BATCH = 500


def follow(
    connection: Connection, topic: str, *, from_beginning: bool, stop: Callable[[], bool], wait: float = 0.1
) -> Iterator[Message]:
    """Give the topic's records, those of a partition in order, until ``stop`` says so at a moment with nothing to read.

    Raises KafkaException where the topic does not exist or the broker refuses.
    """
    consumer = Consumer(
        {
            **connection.reading(),
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 50,
            "log_level": 3,
        }
    )
    try:
        found = consumer.list_topics(topic, timeout=10).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        consumer.assign([TopicPartition(topic, partition, start) for partition in found.partitions])
        while True:
            batch = consumer.consume(BATCH, wait)
            for message in batch:
                error = message.error()
                if error is None:
                    yield message
                elif error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - confluent-kafka's public name for it
                    raise KafkaException(error)
            if not batch and stop():
                return
    finally:
        consumer.close()
