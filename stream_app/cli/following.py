"""A topic of ours on the command line: what it holds, as it grows, until Ctrl-C."""

from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException

from stream_app.cli.waiting import reach
from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.connection import Connection
from stream_app.kafka.following import follow


def show(connection: Connection, topic: str, each: Callable[[bytes], None], *, from_beginning: bool) -> None:
    """Hand the value of each record to ``each``. Raises KafkaUnavailable where the broker or the topic is not there."""
    reach(connection)
    try:
        for message in follow(connection, topic, from_beginning=from_beginning, stop=lambda: False):
            value = message.value()
            if value is not None:
                each(value)
    except KeyboardInterrupt:
        return
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise KafkaUnavailable(f"there is no topic {topic} yet: make it with stream-app topics create") from error
        raise
