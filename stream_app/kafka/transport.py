"""The Faust transport ``rdkafka://``: aiokafka keeps the group, librdkafka reads every stream topic and sends all.

Goes in: an app with an :class:`Ingest`; comes out: one Faust event per batch. Decision: Faust's fetcher, acks, gaps and
changelog recovery are not used at all, since each of them loses or repeats records at a restart or a rebalance; group
membership, Faust's assignor, the order of a rebalance, and commits are. Hooks of Faust that are used, all of them
private, so that faust-streaming is pinned: App._crash; Consumer.on_start, on_stop, perform_seek, resume_flow,
stop_flow, on_partitions_assigned, on_partitions_revoked, highwaters, earliest_offsets, seek_wait, highwater,
verify_event_path, callback, flow_active, _getmany, _commit, _new_offset, _filter_tps_with_pending_acks,
_new_consumer_thread, _thread, _active_partitions, _read_offset, _committed_offset, _acked, _acked_index; and those of
group.py.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, cast

from confluent_kafka import OFFSET_BEGINNING
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from stream_app.kafka.batch import Batch
from stream_app.kafka.ingest import IngestApp, reading_settings
from stream_app.kafka.membership import ConsumerThread
from stream_app.kafka.progress import wall_clock
from stream_app.kafka.reader import Reader
from stream_app.kafka.sender import Sender

log = logging.getLogger(__name__)

GROUP_SILENCE = 5
"""Sessions without a coordinator after which a worker ends: a broker that restarts is back long before."""

IDLE = 5
"""Sessions in which a worker may have partitions without reading or recovering them: a rebalance takes one."""

NOWHERE = TP("", -1)
"""A partition that nobody has: asking aiokafka for no partition at all would mean every partition."""


class SeekFailed(Exception):
    """The committed offsets could not be had in time. Faust would end its recovery for good, without a word."""


class GroupSilent(Exception):
    """The group's coordinator has not been heard for so long that others surely own these partitions."""


class NotReading(Exception):
    """Partitions are assigned, but neither recovered nor read: whatever the cause, a restart is better than silence."""


class RevokedTooEarly(Exception):
    """A partition was taken away while records for it were still unacknowledged."""


class Consumer(driver.Consumer):
    """Starts readers when Faust has sought, ends them when it stops the flow, and commits what they have settled."""

    app: IngestApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust's signature
        super().__init__(*args, **kwargs)
        self.ingest = self.app.ingest
        conf = self.app.conf
        self.sender = Sender(
            self.ingest.connection,
            self.ingest.failure,
            patience=conf.broker_session_timeout * 0.9,
            settings=self.ingest.sender_settings,
        )
        self.readers: dict[str, Reader] = {}
        self._seeked: frozenset[TP] = frozenset()
        self.epoch = 0
        """Of the assignment and flow that a seek or a recovery belongs to."""
        self.recovered: dict[str, int] = {}
        """By table, the epoch in which it was last recovered whole: nothing is read before all are of this one."""
        self.recovering_at = 0.0
        """When a recovery last moved, on the monotonic clock."""
        self._surely_committed: dict[TP, int] = {}

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_start(self) -> None:
        """Begin to look for acknowledgements."""
        await super().on_start()
        self.add_future(self.sender.run())
        self.add_future(self._listen_to_the_group())
        self.add_future(self._look_at_the_readers())

    # ---- readers: from a seek ...
    async def perform_seek(self) -> None:
        """Learn the committed offsets, from which readers will start."""
        epoch = self.epoch
        try:
            async with asyncio.timeout(self.app.conf.broker_request_timeout * 0.9):
                await super().perform_seek()
                source = [tp for tp in self.assignment() if tp.topic == self.ingest.counted]
                marks = await cast("ConsumerThread", self._thread).marks(source)
        except TimeoutError:
            self.sender.fail(SeekFailed("the group's coordinator did not say the committed offsets in time"))
            return
        if epoch == self.epoch:  # else a rebalance overtook the seek
            tps = frozenset(tp for tp in self.assignment() if tp.topic in self.ingest.screens)
            self._surely_committed = {tp: self._committed_offset[tp] or 0 for tp in tps}
            new = sorted(tp.partition for tp in source if tp not in marks)
            await self.ingest.handover.begin(self, marks, new)
        if epoch == self.epoch:
            self._seeked = tps

    def resume_flow(self) -> None:
        """Let records flow. Faust calls this last, after it has emptied the agents' queues: readers start here."""
        super().resume_flow()
        self.start_readers()

    def start_readers(self) -> None:
        """Start a reader for each topic, once recovery and seek of *this* epoch have finished.

        Faust turns the flow on in the middle of a rebalance where a recovery was overtaken by it.
        """
        if self.readers or not self.flow_active:
            return
        if any(self.recovered.get(table) != self.epoch for table in self.app.tables):
            return
        starts: dict[str, dict[int, int]] = defaultdict(dict)
        for tp in self._seeked & self._active_partitions:  # paused ones are still recovering their tables
            committed = self._read_offset[tp]  # put there by perform_seek
            starts[tp.topic][tp.partition] = OFFSET_BEGINNING if committed is None else committed
        for topic, offsets in starts.items():
            self.readers[topic] = self._reader(topic, offsets)
            log.info("generation %d reads %s from %s", self.app.consumer_generation_id, topic, offsets)
        for reader in self.readers.values():
            self.add_future(reader.run())

    def _reader(self, topic: str, starts: dict[int, int]) -> Reader:
        ingest, counters = self.ingest, self.ingest.counters
        counted = topic == ingest.counted
        generation = self.app.consumer_generation_id

        def on_read(records: int, passed: int, stamp: int) -> None:
            if counted:
                counters.records += records
                counters.passed += passed
                if stamp > 0:
                    counters.read_delays.add((stamp,), wall_clock())

        def on_gap(partition: int, records: int) -> None:
            counters.gap += records
            where = {"topic": topic, "partition": partition}
            said = "%s/%d: %d records were removed by retention before they were read"
            log.error(said, topic, partition, records, extra=where)
            # on a topic that was made anew, what is committed next lies below what was committed last
            self._committed_offset[TP(topic, partition)] = None

        async def deliver(batch: Batch) -> None:
            tp, (first, _, _) = batch.tp, batch.records[0]
            stamp = first.timestamp()[1] / 1000
            value: Any = batch  # Faust's message carries whatever its schema understands
            await self.callback(
                ConsumerMessage(
                    topic,
                    tp.partition,
                    batch.offset,
                    stamp,
                    0,
                    None,
                    None,
                    value,
                    None,
                    tp=tp,
                    generation_id=generation,
                )
            )

        return Reader(
            topic,
            starts,
            settings=reading_settings(ingest, self.app.conf.id),
            limits=ingest.limits.shared_by(len(ingest.screens)),
            screen=ingest.screens[topic],
            older=ingest.handover.older if counted else {},
            sender=self.sender,
            deliver=deliver,
            on_read=on_read,
            on_gap=on_gap,
        )

    # ---- ... to a stop of the flow
    def stop_flow(self) -> None:
        """Stop reading at once; what agents have not begun is void."""
        super().stop_flow()
        self._begin_epoch()
        for reader in self.readers.values():
            reader.freeze()

    def _begin_epoch(self) -> None:
        self.epoch += 1
        self._seeked = frozenset()

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Forget every seek and reader of before."""
        self.ingest.counters.rebalances += 1
        self._begin_epoch()
        await self._end_readers()
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Stop reading, wait (bounded) for what agents have, commit, and only then let the rebalance go on."""
        await self._settle_readers()
        # the first commit may only have waited for one that was under way
        await self.commit() or await self.commit()
        await self.ingest.handover.leave(self)
        await super().on_partitions_revoked(revoked)  # stops the flow
        await self._end_readers()
        await self._no_late_rows()

    async def on_stop(self) -> None:
        """As a revoke of everything; the agents have stopped, so what they have not begun is void."""
        for reader in self.readers.values():
            reader.freeze()
        await self._settle_readers()
        await self.commit() or await self.commit()
        await self.ingest.handover.leave(self)
        await super().on_stop()
        await self._end_readers()
        await self._no_late_rows()

    async def _settle_readers(self) -> None:
        deadline = time.monotonic() + self.ingest.drain
        readers = list(self.readers.values())
        for reader in readers:
            reader.stopping = True
        while any(reader.unsettled for reader in readers) and time.monotonic() < deadline:
            self.sender.serve()
            if self.ingest.failure.error is not None:
                return
            await asyncio.sleep(0.005)

    async def _end_readers(self) -> None:
        readers, self.readers = self.readers, {}
        for reader in readers.values():
            reader.freeze()
            await asyncio.get_running_loop().run_in_executor(None, reader.close)

    async def _no_late_rows(self) -> None:
        """End the worker rather than let a row arrive after the next owner has recovered, undoing that owner's."""
        if not await self.sender.drain(self.ingest.drain):
            self.sender.fail(RevokedTooEarly("partitions were revoked while records were still unacknowledged"))

    # ---- offsets
    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401 - Faust's signature
        for reader in self.readers.values():
            for tp in reader.tps:
                if not topics or tp in topics or tp.topic in topics:
                    yield tp

    def _new_offset(self, tp: TP) -> int | None:
        self._acked[tp].clear()  # Faust's own book, not kept here; it would grow for ever
        self._acked_index[tp].clear()
        reader = self.readers.get(tp.topic)
        return None if reader is None else reader.settle(tp)

    def committed(self, tp: TP) -> int:
        """Give the offset that is surely committed; 0 where none is known. For any thread."""
        return self._surely_committed.get(tp, 0)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        done = await super()._commit(offsets)
        if done:  # Faust books them in any case
            self._surely_committed.update(offsets)
        return done

    async def _look_at_the_readers(self) -> None:
        """End a worker that has partitions and does nothing with them."""
        limit = IDLE * self.app.conf.broker_session_timeout
        well = time.monotonic()
        while self.ingest.failure.error is None:
            await asyncio.sleep(1)
            client = self._thread._consumer  # noqa: SLF001 - aiokafka's, None before it is started
            if client is None or self.readers or not client.assignment():
                well = time.monotonic()
            elif time.monotonic() - max(well, self.recovering_at) > limit:
                self.sender.fail(NotReading(f"partitions are assigned, and not read for {limit:.0f} s"))

    async def _listen_to_the_group(self) -> None:
        """End the worker when the group has long gone on without it, as where only its coordinator is out of reach."""
        session = self.app.conf.broker_session_timeout
        heard = time.monotonic()
        while self.ingest.failure.error is None:
            client = self._thread._consumer  # noqa: SLF001 - aiokafka's, which has no coordinator before it subscribes
            coordinator = getattr(client, "_coordinator", None)
            if coordinator is None or coordinator.coordinator_id is not None:
                heard = time.monotonic()
            elif time.monotonic() - heard > GROUP_SILENCE * session:
                self.sender.fail(GroupSilent(f"the group's coordinator was not heard for {GROUP_SILENCE} sessions"))
            await asyncio.sleep(1)

    # ---- what Faust would do with changelogs, and aiokafka with partitions
    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """Say that there is nothing to recover: tables do it themselves, faster (recovery.py)."""
        return dict.fromkeys(partitions, 0)

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """As :meth:`highwaters`."""
        return dict.fromkeys(partitions, 0)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Do nothing: aiokafka fetches none of them."""

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ANN401, ASYNC109, ARG002 - Faust's signature
        # aiokafka must be asked now and then, else it leaves the group (max_poll_interval)
        return await super()._getmany({NOWHERE}, timeout)

    def highwater(self, tp: TP) -> int:
        """Give the end of a partition as far as the reader knows it."""
        reader = self.readers.get(tp.topic)
        return 0 if reader is None else reader.position(tp)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Do nothing: Faust's detector watches its own fetcher; health.py watches the commits."""


class Transport(driver.Transport):
    """Registered for the scheme ``rdkafka`` in pyproject.toml."""

    Consumer = Consumer
