"""Process context in a replay: records in, the same records out, their connections completed where they are read.

Decision: a connection that waits for the event 1 of its process holds up what is behind it in its source partition, as
it would on Kafka: a group counts the records of a partition in the order of their offsets. So records are read ahead,
and only they; the wait ends with the event 1, or when the partition's time has passed it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.engine.detect import receive_time
from stream_app.engine.expense import TooExpensive
from stream_app.engine.process_context import CONNECTS, STARTS, Involved, Joining, Joins, Processes
from stream_app.engine.record import Record
from stream_app.sysmon.parts import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_app.sysmon.lazy import Admitted


AHEAD = 10_000
"""Records of a partition that are read ahead at most: where time jumps back, as in captures that were joined, none of
them would say that a wait is over."""


class Replayed(Joins):
    """What became of a replay's connections."""

    stray: int = 0
    """Connections that were not joined although the event 1 of their process is among the records."""

    @property
    def connections(self) -> int:
        """All of them."""
        return self.joined + self.unknown

    @property
    def inside(self) -> int:
        """Connections whose process starts among the records."""
        return self.joined + self.stray


class _Read(Struct):
    """A record that was read ahead. ``key`` is that of a connection's process, None for what need not wait."""

    record: Record
    key: bytes | None
    time: int


class _Source(Struct):
    """One source partition."""

    rows: dict[bytes, bytes]
    processes: Processes
    queue: deque[_Read]
    time: int = 0
    """The highest receive time read so far, ms."""
    waits: bool = False
    """Whether the first of the queue was counted as waiting."""


class Joined:
    """The processes of every source partition of a replay."""

    def __init__(self, joining: Joining, joins: Replayed) -> None:
        self._joining = joining
        self._joins = joins
        self._sources: dict[tuple[str, str, int], _Source] = {}
        self._started: set[bytes] = set()
        self._missed: Counter[bytes] = Counter()

    def take(self, record: Record, event: "Admitted") -> None:
        """Complete a connection, or learn of a process. Raises Unreadable."""
        if not isinstance(event.wanted, Involved):
            return
        source = self._source(record)
        if event.wanted.part == CONNECTS:
            self._complete(source, record, event)
        elif not self._joining.wait:
            self._learn(source, record, event)
        _store(source, record.offset)

    def delayed(self, records: Iterable[Record], read: "Callable[[bytes], Admitted | None]") -> Iterator[Record]:
        """Give the records, those of a partition in order, each once it need not wait any longer."""
        if not self._joining.wait:
            yield from records
            return
        for record in records:
            source = self._source(record)
            source.queue.append(self._ahead(source, record, read))
            yield from self._released(source)
        for source in self._sources.values():
            yield from [each.record for each in source.queue]

    def _ahead(self, source: _Source, record: Record, read: "Callable[[bytes], Admitted | None]") -> _Read:
        """Read a record ahead; one that cannot be read waits for nothing, and is rejected when its turn comes."""
        key, time = None, record.timestamp
        try:
            event = read(record.value or b"")
            if event is not None:
                time = receive_time(record, event)
                key = self._looked_at(source, record, event)
        except (Unreadable, TooExpensive):
            pass
        source.time = max(source.time, time)
        return _Read(record, key, time)

    def _looked_at(self, source: _Source, record: Record, event: "Admitted") -> bytes | None:
        """Learn of a process; give the key of one that a connection may wait for."""
        if not isinstance(event.wanted, Involved):
            return None
        if event.wanted.part == CONNECTS:
            return source.processes.key(event)
        self._learn(source, record, event)
        return None

    def _released(self, source: _Source) -> Iterator[Record]:
        while source.queue:
            first = source.queue[0]
            late = source.time > first.time + self._joining.wait or len(source.queue) > AHEAD
            if first.key is not None and not late and not source.processes.knows(*_place(first)):
                if not source.waits:
                    self._joins.waited += 1
                    source.waits = True
                return
            source.waits = False
            yield source.queue.popleft().record

    def _learn(self, source: _Source, record: Record, event: "Admitted") -> None:
        source.processes.take(event, record.offset, record.timestamp)
        key = source.processes.key(event)
        if key is not None and event.wanted.part == STARTS:
            self._started.add(key)
            self._joins.stray += self._missed.pop(key, 0)

    def _complete(self, source: _Source, record: Record, event: "Admitted") -> None:
        unknown, key = self._joins.unknown, source.processes.key(event)
        source.processes.take(event, record.offset, record.timestamp)
        if self._joins.unknown == unknown or key is None:
            return
        if key in self._started:
            self._joins.stray += 1
        else:
            self._missed[key] += 1

    def _source(self, record: Record) -> _Source:
        place = record.topic, record.topic_id, record.partition
        source = self._sources.get(place)
        if source is None:
            rows: dict[bytes, bytes] = {}
            processes = Processes(record.topic_id, rows, self._joins, self._joining)
            source = self._sources[place] = _Source(rows, processes, deque())
        return source


def _place(read: _Read) -> tuple[bytes | None, int, int]:
    return read.key, read.record.offset, read.time


def _store(source: _Source, offset: int) -> None:
    for key, row in source.processes.changes(offset + 1, offset + 1).items():
        if row is None:
            del source.rows[key]
        else:
            source.rows[key] = row
