"""Which set of rules the records of a source partition are screened by, over a change of sets and over a crash.

Committed offsets carry the set's name as their metadata: what lies behind the offset was, or may have been, read with
that set. Decision: who takes such a partition over reads on with that set, up to where the partition ended when it did
(or for ``OLDER`` seconds: nobody reads so far ahead of a commit), so that what is read again after a crash is decided
by the same rules again. A worker that leaves a partition with all of it settled takes the name off: nothing is read
again then, and whoever comes next reads with the newest set. Where a name's set is not to be had, the set that runs
must do.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from faust.types import TP
from msgspec import Struct

from stream_app.kafka.connection import Connection
from stream_app.kafka.progress import SourceEnds
from stream_app.kafka.reader import Screen

if TYPE_CHECKING:
    from stream_app.kafka.transport import Consumer

log = logging.getLogger(__name__)

MARK = "rules="
"""How the metadata of a committed offset begins."""
HOLD = 30.0
"""Seconds for which records may be held back between two sets."""
OLDER = 15.0
"""Seconds for which a partition that was taken over may be read with the set that it was read with before."""
NOWHERE = 1 << 62
"""Behind every offset: where nobody said where a partition ends, the time decides."""


class Older(Struct, frozen=True):
    """The set that a partition is still read with, up to an offset."""

    name: str
    screen: Screen
    until: int


class Handover:
    """For one topic. ``running`` names the set of its screen; ``find`` gives the screens of other sets, by name."""

    def __init__(self, connection: Connection, topic: str, running: str) -> None:
        self.running = running
        self.find: Callable[[set[str]], Awaitable[Mapping[str, Screen]]] = _nothing
        self._topic = topic
        self._ends = SourceEnds(connection, topic)  # kept: such a client must not end where an answer is heard
        self._older: dict[int, Older] = {}
        self._since = 0.0
        self._left = False
        self._taken_over: int | None = None
        """The epoch in which partitions were taken over last."""

    @property
    def older(self) -> dict[int, Screen]:
        """The screens of partitions that are read with another set, by partition."""
        return {number: each.screen for number, each in self._older.items()}

    def mark(self, tp: TP) -> str:
        """Give the metadata of an offset that is committed. For any thread."""
        if tp.topic != self._topic or self._left:
            return ""
        older = self._older.get(tp.partition)
        return MARK + (self.running if older is None else older.name)

    async def begin(self, consumer: "Consumer", marks: Mapping[TP, str], new: list[int]) -> None:
        """Take partitions over before the first record of them is read: those with marks, and new ones.

        What is ``new`` has no committed offset; it is given one, to bear a mark.
        """
        epoch, self._taken_over = consumer.epoch, None
        names = {tp.partition: mark.removeprefix(MARK) for tp, mark in marks.items() if mark.startswith(MARK)}
        wanted = {name for name in names.values() if name != self.running}
        found = await self.find(wanted) if wanted else {}  # another set may run then
        self._taken_over = epoch if marks or new else None
        older = {number: name for number, name in names.items() if name != self.running}
        ends = await self._ends.ends(sorted(older)) if older else {}
        begins = await self._ends.begins(new) if new else {}
        if epoch != consumer.epoch:  # a rebalance overtook it
            return
        self._older = {
            number: Older(name, found[name], ends.get(number, NOWHERE))
            for number, name in older.items()
            if name in found
        }
        self._since, self._left = time.monotonic(), False
        for number, name in older.items():
            if number in self._older:
                log.info("%s/%d goes on with rule set %s, with which it was read", self._topic, number, name)
            else:
                log.warning("%s/%d was read with rule set %s, which is not to be had", self._topic, number, name)
        offsets = {tp: consumer.committed(tp) for tp in marks if marks[tp] != self.mark(tp)}
        offsets |= {TP(self._topic, number): offset for number, offset in begins.items()}
        if offsets:
            await consumer._commit(offsets)  # noqa: SLF001 - the mark, before anything is read

    def overdue(self, consumer: "Consumer") -> bool:
        """Whether what was taken over with another set has been read, as far as it may have been read before."""
        reader = consumer.readers.get(self._topic)
        if not self._older or reader is None:
            return False
        if time.monotonic() - self._since > OLDER:
            return True
        return all(reader.position(TP(self._topic, number)) >= each.until for number, each in self._older.items())

    async def hold(self, consumer: "Consumer", running: str) -> bool:
        """Take no record until all that was taken is out and committed, with the name of the set that is to run.

        Says whether that came true: then nothing is taken before :meth:`go_on`. It does not where a rebalance comes in
        between, or nothing can be committed for ``HOLD`` seconds: reading goes on as before. It does not either where
        partitions bear the name of the set already that they are to be read with, and are not read yet.
        """
        reader, epoch, deadline = consumer.readers.get(self._topic), consumer.epoch, time.monotonic() + HOLD
        if reader is None:  # what was taken was settled when the reader ended, or is void
            if self._taken_over == epoch and self._topic in consumer.ingest.screens:
                return False
            self.running = running
            return True
        reader.held = True
        while epoch == consumer.epoch and time.monotonic() < deadline and consumer.ingest.failure.error is None:
            if reader.empty and all((reader.settle(tp) or 0) <= consumer.committed(tp) for tp in reader.tps):
                before, self.running, self._older = (self.running, self._older), running, {}
                # also of which nothing was heard yet, as while it has no leader: it bears the name of the set before
                known = [tp for tp in reader.tps if reader.settle(tp) is not None or consumer.committed(tp)]
                offsets = {tp: consumer.committed(tp) for tp in known}
                if await consumer._commit(offsets) and epoch == consumer.epoch:  # noqa: SLF001 - as above
                    return True
                self.running, self._older = before
                break
            if reader.empty:
                await consumer.commit({self._topic})
            await asyncio.sleep(0.01)
        reader.held = False
        return False

    def go_on(self, consumer: "Consumer", screen: Screen) -> None:
        """Screen by something else from now on."""
        if self._topic in consumer.ingest.screens:  # it is not where a worker only drains
            consumer.ingest.screens[self._topic] = screen
        reader = consumer.readers.get(self._topic)
        if reader is not None:
            reader.screen, reader.older, reader.held = screen, {}, False

    async def leave(self, consumer: "Consumer") -> None:
        """Take the names off partitions of which all that was begun is out and committed.

        What was only screened has said nothing to anybody, and may be read by another set.
        """
        reader = consumer.readers.get(self._topic)
        if reader is None:
            return
        settled = {tp: offset for tp in reader.tps if (offset := reader.settle(tp)) is not None}
        if not reader.unsettled and all(offset <= consumer.committed(tp) for tp, offset in settled.items()):
            self._left = True
            await consumer._commit(settled)  # noqa: SLF001 - as above


async def _nothing(_names: set[str]) -> Mapping[str, Screen]:
    return {}
