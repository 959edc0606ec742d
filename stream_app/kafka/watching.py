"""What a running worker shows to another thread: plain attributes, and what the broker says of its partitions.

Decision: nothing in here waits, and nothing is asked of the event loop, since a loop that hangs is what the other
thread is there to notice.
"""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any, cast

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec
from faust.exceptions import ConsumerNotStarted
from faust.types import TP
from msgspec import Struct

from stream_app.kafka.changing import RulesReport
from stream_app.kafka.connection import Connection
from stream_app.kafka.ingest import IngestApp
from stream_app.kafka.offsets import Offsets
from stream_app.kafka.table import RowTable
from stream_app.kafka.transport import Consumer


class Watched(Struct, frozen=True, kw_only=True):
    """One look at a worker."""

    committed: dict[TP, int]
    """Every assigned partition that is read as a stream, with its committed offset (0: none)."""
    reading: bool
    """Whether there are any, and all of them are being read: tables are recovered, offsets are sought."""
    recovered: int
    """Changelog records read from the partition that is, or was last, recovered."""
    silent: float
    """Seconds for which the event loop has not run."""
    failed: str
    """The failure by which the worker is ending."""
    rules: RulesReport
    """Which rules run."""
    times: Mapping[int, tuple[int | None, int | None]]
    """By matches partition, the stream's time (ms) and the source partition that holds it back."""
    sizes: Mapping[str, Mapping[int, tuple[int, int]]] = {}
    """Rows and bytes by table and partition."""
    unsent: int = 0
    """Records sent that are not acknowledged."""


def watch(app: IngestApp) -> Watched:
    """Look at a worker, from any thread, at any time after its app was made."""
    error = app.ingest.failure.error
    failed = "" if error is None else str(error) or repr(error)
    consumer = cast("Consumer | None", app._consumer)  # noqa: SLF001 - app.consumer would make one, in this thread
    committed = {} if consumer is None else {tp: consumer.committed(tp) for tp in _assigned(consumer, app)}
    readers = () if consumer is None else tuple(consumer.readers.values())
    tables = [table for table in app.tables.values() if isinstance(table, RowTable)]
    return Watched(
        committed=committed,
        reading=bool(committed) and committed.keys() == {tp for reader in readers for tp in reader.tps},
        recovered=sum(table.recovering.read for table in tables),
        silent=0.0 if consumer is None else consumer.sender.silent,
        failed=failed,
        times=app.times(),
        rules=app.changing.report,
        sizes={table.name: table.partitions_held.sizes() for table in tables},
        unsent=0 if consumer is None else len(consumer.sender),
    )


def _assigned(consumer: Consumer, app: IngestApp) -> list[TP]:
    try:
        return sorted(tp for tp in consumer.assignment() if tp.topic in app.ingest.screens)
    except ConsumerNotStarted:
        return []


class Bounds:
    """Asks where partitions begin and end, at most every ``interval`` seconds, and keeps the last answer."""

    def __init__(self, connection: Connection, interval: float, patience: float = 5.0) -> None:
        self._offsets = Offsets(connection)
        self._interval = interval
        self._patience = patience
        self._asked_at = float("-inf")
        self._asked: frozenset[TP] = frozenset()
        self._waiting: tuple[dict[TopicPartition, Future[Any]], ...] = ()
        self._known: dict[TP, tuple[int, int]] = {}

    def known(self, tps: Iterable[TP], now: float | None = None) -> dict[TP, tuple[int, int]]:
        """Give (oldest offset, end) of the partitions of which the broker's last answer said it; asks when it is due.

        The end is what a reader may reach: records of transactions that are still open lie behind it.
        """
        now = time.monotonic() if now is None else now
        wanted = frozenset(tps)
        if self._waiting and all(each.done() for futures in self._waiting for each in futures.values()):
            self._take()
        due = now - self._asked_at >= (self._interval if wanted <= self._asked else min(1.0, self._interval))
        if wanted and due and not self._waiting:
            self._asked_at, self._asked = now, wanted
            self._waiting = (self._ask(OffsetSpec.earliest()), self._ask(OffsetSpec.latest()))  # type: ignore[no-untyped-call]  # confluent-kafka's own
        return {tp: self._known[tp] for tp in wanted & self._known.keys()}

    def _ask(self, which: OffsetSpec) -> dict[TopicPartition, Future[Any]]:
        asked = {TopicPartition(*tp): which for tp in self._asked}
        return self._offsets.ask(asked, self._patience, IsolationLevel.READ_COMMITTED)

    def _take(self) -> None:
        lows, ends = (
            {TP(where.topic, where.partition): _offset(future) for where, future in futures.items()}
            for futures in self._waiting
        )
        self._known = {tp: (lows[tp], ends[tp]) for tp in ends if lows[tp] >= 0 and ends[tp] >= 0}
        self._waiting = ()


def _offset(future: Future[Any]) -> int:
    """Give the offset that was answered, a negative number for none: a question that timed out raises nothing."""
    return -1 if isinstance(future.exception(), KafkaException) else cast("int", future.result().offset)
