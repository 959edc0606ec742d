"""What a broker refuses ends the worker, also where nobody asked to hear of that very record."""

import asyncio

import pytest
from confluent_kafka import KafkaError, Message

from stream_app.kafka.connection import Connection
from stream_app.kafka.failure import Failure
from stream_app.kafka.sender import Outgoing, Sender
from tests.brokers import configure, fresh_topics

PATIENCE = 20.0


@pytest.mark.parametrize("apart", [False, True], ids=["in one request", "in a request of its own"])
def test_a_record_that_is_refused_unheard_lets_nothing_follow(connection: Connection, *, apart: bool) -> None:
    """A batch's rows are heard of by the last: had one before it failed, the last must not be acknowledged.

    librdkafka calls it a fatal error, since what follows would leave a gap (``enable.gapless.guarantee``), and says it
    at the next look for acknowledgements.
    """
    topic = fresh_topics(connection, f"refused-{apart}".lower(), partitions=1).changelog
    configure(connection, topic, max_message_bytes="2000")
    failure, heard = Failure(grace=0.0, leave=lambda _status: None), list[KafkaError | None]()
    sender = Sender(connection, failure, patience=60)
    refused: list[Outgoing] = [(b"x" * 5000, b"key", None)]
    last: list[Outgoing] = [(b"last", b"key", None)]

    def delivered(error: KafkaError | None, _message: Message) -> None:
        heard.append(error)

    async def ends() -> None:
        while failure.error is None:
            sender.serve()
            await asyncio.sleep(0.01)

    sender.send_all(topic, refused, None, partition=0)
    if not apart:
        sender.send_all(topic, last, delivered, partition=0)
    asyncio.run(asyncio.wait_for(ends(), PATIENCE))
    assert "gap-less" in str(failure.error)
    assert None not in heard
