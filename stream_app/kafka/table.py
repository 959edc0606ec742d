"""A Faust table whose rows are bytes, recovered here and written by the batch that changes them: windows, processes.

Faust declares the table, its changelog, and which partitions are ours. Decision: no ``table[key] = row``: it costs
200 µs, keeps no order with the batch, and a row must be settled with the batch that it stands for (rows.py).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import faust
from confluent_kafka import KafkaError, Message
from faust.types import TP

from stream_app.kafka.counters import Recoveries
from stream_app.kafka.ingest import reading_settings
from stream_app.kafka.recovery import PositionOf, Recovered, Rows, recover, refuse_other_source, tombstone_headers
from stream_app.kafka.rocks import RocksRows
from stream_app.kafka.rows import ForeignWriter, RowPartitions
from stream_app.kafka.sender import DeliveryFailed

if TYPE_CHECKING:
    from stream_app.kafka.ingest import IngestApp
    from stream_app.kafka.transport import Consumer

log = logging.getLogger(__name__)


class RowTable(faust.Table[bytes, bytes]):
    """``position_of`` reads a row's position; ``partitions_held`` are the rows."""

    position_of: PositionOf
    partitions_held: RowPartitions
    source: str
    """The topic whose offsets are the rows' positions."""
    prepare: Callable[[int, Rows], int]
    """Called in a thread with the rows of a partition that was recovered, before anything reads them.

    Gives the highest position among them, -1 for none.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's signature
        super().__init__(*args, **kwargs)
        self._one_at_a_time = asyncio.Lock()
        self.recovering = Recovered(rows=dict[bytes, bytes](), end=0)
        """The partition that is being recovered, or was last: ``read`` moves while it is."""

    @property
    def _consumer(self) -> "Consumer":
        return cast("Consumer", self.app.consumer)

    def on_foreign(self, error: ForeignWriter) -> None:
        """End the worker."""
        self._consumer.sender.fail(error)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Read what is not known yet of our partitions: Faust has nothing to recover, as transport.py tells it.

        Faust does not wait for the one that a rebalance overtook: the next one does, here.
        """
        consumer, epoch = self._consumer, self._consumer.epoch

        def overtaken() -> bool:
            consumer.recovering_at = time.monotonic()
            return consumer.epoch != epoch

        async with self._one_at_a_time:
            if consumer.epoch != epoch:
                return
            recoveries = consumer.ingest.counters.recoveries.setdefault(self.name, Recoveries())
            recoveries.begin()
            self.partitions_held.keep({tp.partition for tp in active_tps})
            read = 0
            try:
                for tp in sorted(active_tps):
                    if consumer.epoch == epoch:
                        read += await self._recover(tp, overtaken)
            except Exception as error:  # noqa: BLE001 - a table that is not whole must not be used
                consumer.sender.fail(error)
                return
            finally:
                recoveries.end(read, whole=consumer.epoch == epoch and consumer.ingest.failure.error is None)
            if consumer.epoch != epoch:
                return
            took, size = recoveries.last, self.partitions_held.size
            said, where = "%s: %d rows of %d partitions, read %d in %.2f s", {"table": self.name}
            log.info(said, self.name, size, len(active_tps), read, took, extra=where)
            await super().on_recovery_completed(active_tps, standby_tps)
            consumer.recovered[self.name] = epoch

    async def _recover(self, tp: TP, cancelled: Callable[[], bool]) -> int:
        consumer, loop = self._consumer, asyncio.get_running_loop()
        settings = reading_settings(consumer.ingest, self.app.conf.id) | {"isolation.level": "read_uncommitted"}
        state = await loop.run_in_executor(None, self.partitions_held.take, tp.partition)
        self.recovering, before = state, state.read

        def read_and_prepare() -> None:
            recover(settings, tp.topic, tp.partition, state, self.position_of, cancelled)
            state.measure()
            if not cancelled():
                highest = self.prepare(tp.partition, state.rows)
                refuse_other_source(settings, self.source, tp.partition, highest)

        try:
            await loop.run_in_executor(None, read_and_prepare)
        finally:
            # one that was cancelled may not have come to the end: the next recovery reads on from there
            self.partitions_held.put(tp.partition, state)
        if not cancelled():
            await self._put_right(tp, state)
        return state.read - before

    async def _put_right(self, tp: TP, state: Recovered) -> None:
        """Write again the rows over which an older owner has written."""
        stale, state.stale = state.stale, {}
        if not stale:
            return
        consumer = self._consumer
        said, where = "%s/%d: %d rows of an older owner stand over newer ones: put right", tp._asdict()
        log.warning(said, *tp, len(stale), extra=where)
        consumer.ingest.counters.stale_rows += len(stale)

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is None:
                self.partitions_held.book(state, message)
            else:
                consumer.sender.fail(DeliveryFailed(f"a row could not be put right: {error.str()}"))

        for key, position in sorted(stale.items()):
            row = state.rows.get(key)
            headers = tombstone_headers(position) if row is None else None
            consumer.sender.send(tp.topic, row, key, delivered, partition=tp.partition, headers=headers)
        await consumer.sender.drain(consumer.ingest.drain)


def row_table(
    app: "IngestApp",
    name: str,
    partitions: int,
    position_of: PositionOf,
    disk: Callable[[int], RocksRows] | None,
) -> RowTable:
    """Declare the table on an app whose Table class is this one; ``source`` and ``prepare`` are still to be set."""
    table = cast("RowTable", app.Table(name, key_type=bytes, value_type=bytes, partitions=partitions))
    table.position_of = position_of
    table.partitions_held = RowPartitions(table.changelog_topic.get_topic_name(), table.on_foreign, disk)
    return table
