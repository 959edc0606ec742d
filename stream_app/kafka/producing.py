"""Records → a topic: what `produce` and the demo send with. Keys are placed as Java's client and Faust place them."""

from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from stream_app.kafka.connection import LOGGER, Connection

Outgoing = tuple[bytes | None, bytes | None, int | None]
"""Key, value, timestamp in milliseconds (None: now)."""


def producer_settings(connection: Connection) -> dict[str, object]:
    """Give what every producer of ours is made with: acknowledged by all replicas, idempotent, Java's partitioner."""
    return {
        **connection.librdkafka(),
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "log_level": 3,
        "logger": LOGGER,
    }


def produce(
    connection: Connection,
    topic: str,
    records: Iterable[Outgoing],
    on_progress: Callable[[int, int], None] | None = None,
    timeout: float = 60.0,
) -> int:
    """Send all records and wait until each is acknowledged; gives their number.

    ``on_progress`` is told the number and bytes of each record that was queued. Raises KafkaException for the first
    record that could not be delivered within ``timeout`` seconds.
    """
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failed.append(error)

    producer = Producer({**producer_settings(connection), "message.timeout.ms": int(timeout * 1000)})
    sent = 0
    for key, value, timestamp in records:
        while not failed:
            try:
                producer.produce(topic, value, key, on_delivery=delivered, timestamp=timestamp or 0)
                break
            except BufferError:
                producer.poll(0.1)
        if failed:
            break
        sent += 1
        if on_progress is not None:
            on_progress(1, len(value or b""))
        producer.poll(0)
    producer.flush()
    if failed:
        raise KafkaException(failed[0])
    return sent
