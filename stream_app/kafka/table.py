"""The windows table: a Faust table whose rows are bytes, a dict per partition, logged by the batch that changed them.

Faust declares the table, its changelog and which partitions are ours; rows are recovered here (recovery.py) and written
by :meth:`WindowsTable.write`. Decision: no ``table[key] = row``: it costs 200 µs, keeps no order with the batch, and a
row must be settled with the batch that it stands for.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, cast

import faust
from confluent_kafka import KafkaError, Message
from faust.types import TP

from stream_app.kafka.batch import Batch
from stream_app.kafka.recovery import PositionOf, Recovered, Rows, recover, tombstone_headers
from stream_app.kafka.transport import reading_settings

if TYPE_CHECKING:
    from stream_app.kafka.transport import Consumer, IngestApp

log = logging.getLogger(__name__)


class ForeignWriter(Exception):
    """Another process wrote to a changelog partition of ours; only a recovery can put its rows right."""


class WindowsTable(faust.Table[bytes, bytes]):
    """``position_of`` reads a row's position; rows of one partition are one plain dict."""

    position_of: PositionOf

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's signature
        super().__init__(*args, **kwargs)
        self._partitions: dict[int, Recovered] = {}
        self.recovered_rows = 0
        self.recovery_seconds = 0.0
        self.ready = False

    def rows(self, partition: int) -> Rows:
        """Give the rows of a partition that is ours; to be changed by :meth:`write` alone."""
        return self._partitions[partition].rows

    @property
    def size(self) -> int:
        """Rows of all partitions."""
        return sum(len(each.rows) for each in self._partitions.values())

    def write(self, batch: Batch, rows: dict[bytes, bytes | None], position: int) -> None:
        """Store rows and log them, in their order; None removes one, at ``position`` (of the matches topic)."""
        partition = batch.tp.partition
        state, topic = self._partitions[partition], self.changelog_topic.get_topic_name()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._book(state, message)
            batch.delivered(error, message)

        for key, value in rows.items():
            if value is None:
                state.rows.pop(key, None)
                batch.log(topic, None, key, delivered, partition, tombstone_headers(position))
            else:
                state.rows[key] = value
                batch.log(topic, value, key, delivered, partition)

    def _book(self, state: Recovered, message: Message) -> None:
        """Our own records of a partition are neighbours; a hole between them is somebody else's record."""
        offset = cast("int", message.offset())
        if offset != state.end:
            self._consumer.sender.fail(
                ForeignWriter(
                    f"{message.topic()}/{message.partition()}: offset {state.end} is not ours (a frozen worker "
                    "that woke up?); the restart recovers and puts its rows right"
                )
            )
        state.end = offset + 1

    # ---- recovery
    @property
    def _consumer(self) -> "Consumer":
        return cast("Consumer", self.app.consumer)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Faust has nothing to recover (transport.py says so); read what is not known yet of our partitions."""
        began, consumer, epoch = time.monotonic(), self._consumer, self._consumer.epoch
        self.ready = False
        wanted = {tp.partition: tp for tp in active_tps}
        self._partitions = {number: state for number, state in self._partitions.items() if number in wanted}
        try:
            for tp in wanted.values():
                await self._recover(tp, lambda: consumer.epoch != epoch)
        except Exception as error:  # noqa: BLE001 - a table that is not whole must not be used
            consumer.sender.fail(error)
            return
        if consumer.epoch != epoch:
            return
        self.recovered_rows, self.recovery_seconds = self.size, time.monotonic() - began
        self.ready = True
        log.info("recovered %d rows of %d partitions in %.1f s", self.size, len(wanted), self.recovery_seconds)
        await super().on_recovery_completed(active_tps, standby_tps)

    async def _recover(self, tp: TP, cancelled: Any) -> None:  # noqa: ANN401 - a callable
        consumer = self._consumer
        settings = reading_settings(consumer.ingest, self.app.conf.id) | {"isolation.level": "read_uncommitted"}
        known = self._partitions.pop(tp.partition, None)
        state = await asyncio.get_running_loop().run_in_executor(
            None, recover, settings, tp.topic, tp.partition, known, self.position_of, cancelled
        )
        if cancelled():
            return  # what was read may not reach the end: it is read anew after the rebalance
        self._partitions[tp.partition] = state
        await self._put_right(tp, state)

    async def _put_right(self, tp: TP, state: Recovered) -> None:
        """Write again the rows over which an older owner has written."""
        stale, state.stale = state.stale, set()
        if not stale:
            return
        consumer = self._consumer
        log.warning("%s/%d: %d rows of an older owner stand over newer ones: put right", *tp, len(stale))
        consumer.ingest.counters.stale_rows += len(stale)

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self._book(state, message)
            else:
                consumer.sender.fail(ForeignWriter(f"a row could not be put right: {error.str()}"))

        for key in sorted(stale):
            consumer.sender.send(tp.topic, state.rows.get(key), key, delivered, partition=tp.partition)
        await consumer.sender.drain(consumer.ingest.drain)


def windows_table(app: "IngestApp", name: str, partitions: int, position_of: PositionOf) -> WindowsTable:
    """Declare the table on an app whose Table class is :class:`WindowsTable`."""
    table = cast("WindowsTable", app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions))
    table.position_of = position_of
    return table
