"""Where partitions begin and end, asked of the brokers: a question goes in, a future for each partition comes out.

Decision: the client is made anew after an answer that says that what it knows of a partition's leader is old.
librdkafka 2.16 keeps that knowledge and would get the same answer for ever: the stream's time would stand still once a
broker had come back (seen: FENCED_LEADER_EPOCH to every question after its restart).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream_app.kafka.connection import Connection

if TYPE_CHECKING:
    from concurrent.futures import Future

_OUTDATED = frozenset({KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH})

Asked = Mapping[TopicPartition, OffsetSpec]
Answers = dict[TopicPartition, "Future[Any]"]
"""Each gives an answer with an ``offset``, negative for none where a question timed out, or raises KafkaException."""


class Offsets:
    """Asks for offsets. For one thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = self._new()
        self._outdated = False

    def _new(self) -> AdminClient:
        return AdminClient({**self._connection.librdkafka(), "log_level": 0})

    def ask(
        self, asked: Asked, patience: float, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> Answers:
        """Ask, with ``patience`` seconds for the answers."""
        if not asked:
            return {}
        if self._outdated:
            self._client, self._outdated = self._new(), False
        futures: Answers = self._client.list_offsets({**asked}, isolation_level=isolation, request_timeout=patience)
        for future in futures.values():
            future.add_done_callback(self._hear)
        return futures

    def _hear(self, future: "Future[Any]") -> None:
        error = None if future.cancelled() else future.exception()
        if isinstance(error, KafkaException) and error.args[0].code() in _OUTDATED:
            self._outdated = True
