"""A changelog by hand, with no worker running: rows as a recovery would have them out, rows to a named partition in."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, Message, Producer

from stream_app.engine.row import row_position
from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import producer_settings
from stream_app.kafka.recovery import Recovered, recover

TIMEOUT = 60.0
LARGEST = 1_048_000
"""Bytes of the largest row that is sent, below what the topics take (topics.py)."""


def rows_at_rest(connection: Connection, topic: str, partition: int) -> dict[bytes, bytes]:
    """Give a partition's rows, its clock among them. Raises RecoveryFailed."""
    state = Recovered(rows=dict[bytes, bytes](), end=0)
    settings = {
        **connection.reading(),
        "isolation.level": "read_uncommitted",
        "enable.partition.eof": True,
        "log_level": 3,
    }
    recover(settings, topic, partition, state, row_position, lambda: False)
    return dict(state.rows.items())


class RowLog:
    """Writes to one topic. Nothing is sure before :meth:`flush`, which raises KafkaUnavailable for what failed."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        self._failed: list[KafkaError] = []
        settings = {"message.timeout.ms": int(TIMEOUT * 1000), "message.max.bytes": LARGEST}
        self._producer = Producer({**producer_settings(connection), **settings})

    def put(self, partition: int, key: bytes, row: bytes) -> None:
        """Write a row."""
        self._send(partition, key, row, [])

    def remove(self, partition: int, key: bytes, headers: Sequence[tuple[str, str | bytes | None]]) -> None:
        """Remove a row; ``headers`` say at which position."""
        self._send(partition, key, None, headers)

    def flush(self) -> None:
        """Wait for every acknowledgement."""
        left = self._producer.flush(TIMEOUT + 5)
        if self._failed or left:
            why = self._failed[0].str() if self._failed else "no acknowledgement came"
            raise KafkaUnavailable(f"{self._topic}: rows could not be written: {why}")

    def _send(
        self, partition: int, key: bytes, value: bytes | None, headers: Sequence[tuple[str, str | bytes | None]]
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic, value, key, partition, on_delivery=self._delivered, headers=list(headers)
                )
                self._producer.poll(0)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(error)
