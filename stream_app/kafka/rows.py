"""The rows of the partitions that are ours, and the changelog's end as we know it: what a batch changes and logs.

Decision: our own records of a changelog partition are neighbours, since nobody else may write there. A hole between two
of them is somebody else's record (a frozen worker that woke up), and only a recovery can put its rows right. So where
the last record of a batch lies says whether all of them are there, and no other is asked for.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from confluent_kafka import KafkaError, Message

from stream_app.kafka.batch import Batch
from stream_app.kafka.recovery import Recovered, Rows, tombstone_headers
from stream_app.kafka.rocks import RocksRows

if TYPE_CHECKING:
    from stream_app.kafka.sender import Outgoing


class ForeignWriter(Exception):
    """Another process wrote to a changelog partition of ours."""


class RowPartitions:
    """Rows by partition. ``on_foreign`` is told of a record that is not ours; nothing may be written after it.

    ``disk`` opens a partition's rows on disk; without it they are dicts.
    """

    def __init__(
        self,
        topic: str,
        on_foreign: Callable[[ForeignWriter], None],
        disk: Callable[[int], RocksRows] | None = None,
    ) -> None:
        self.topic = topic
        self._on_foreign = on_foreign
        self._disk = disk
        self._partitions: dict[int, Recovered] = {}

    def keep(self, partitions: set[int]) -> None:
        """Forget every other partition."""
        for number, state in self._partitions.items():
            if number not in partitions and isinstance(state.rows, RocksRows):
                state.rows.note_end(state.end)
                state.rows.close()
        self._partitions = {number: state for number, state in self._partitions.items() if number in partitions}

    def take(self, partition: int) -> Recovered:
        """Take out what is known of a partition, to be recovered further. Raises RocksUnavailable."""
        known = self._partitions.pop(partition, None)
        if known is not None:
            return known
        if self._disk is None:
            return Recovered(rows=dict[bytes, bytes](), end=0)
        rows = self._disk(partition)
        return Recovered(rows=rows, end=rows.end)

    def put(self, partition: int, state: Recovered) -> None:
        """Hold a partition that was recovered."""
        self._partitions[partition] = state

    def rows(self, partition: int) -> Rows:
        """Give a partition's rows, to be changed by :meth:`write` alone. Raises KeyError for one that is not ours."""
        return self._partitions[partition].rows

    @property
    def numbers(self) -> set[int]:
        """The partitions that are held."""
        return set(self._partitions)

    @property
    def size(self) -> int:
        """Rows of all partitions."""
        return sum(len(each.rows) for each in self._partitions.values())

    def sizes(self) -> dict[int, tuple[int, int]]:
        """Give (rows, bytes) by partition, for any thread; on disk both are RocksDB's estimates."""
        found = {}
        for number, state in [*self._partitions.items()]:
            with contextlib.suppress(Exception):  # RocksDB's, of a folder that is being closed just now
                size = state.rows.size if isinstance(state.rows, RocksRows) else state.bytes
                found[number] = len(state.rows), size
        return found

    def write(self, batch: Batch, rows: dict[bytes, bytes | None], position: int) -> None:
        """Store rows and log them, in their order; None removes one, at ``position`` (of the matches topic)."""
        partition = batch.tp.partition
        state = self._partitions[partition]
        if isinstance(state.rows, RocksRows):
            state.rows.note_end(state.end)  # what is behind it was delivered, and stands in the rows

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None and not self.book(state, message, len(records)):
                return  # the batch stays unsettled: not all of what stands there is known to be ours
            batch.delivered(error, message)

        records: list[Outgoing] = []
        memory = state.rows if isinstance(state.rows, dict) else None
        for key, value in rows.items():
            if memory is not None:
                before = memory.get(key)
                state.bytes += (0 if value is None else len(key) + len(value)) - (
                    0 if before is None else len(key) + len(before)
                )
            if value is None:
                state.rows.pop(key, None)
                records.append((None, key, tombstone_headers(position)))
            else:
                state.rows[key] = value
                records.append((value, key, None))
        batch.log(self.topic, records, partition, delivered)

    def book(self, state: Recovered, message: Message, count: int = 1) -> bool:
        """Take note of where the last of ``count`` records of ours came to lie; say whether all of them are there.

        An offset that is too low would be as wrong as one that is too high: a record of ours is missing.
        """
        offset = cast("int", message.offset())
        ours = offset == state.end + count - 1
        if not ours:
            self._on_foreign(
                ForeignWriter(
                    f"{message.topic()}/{message.partition()}: of the records at offsets {state.end} to {offset} only "
                    f"{count} are ours (a frozen worker that woke up?); the restart recovers and puts its rows right"
                )
            )
        state.end = offset + 1
        return ours
