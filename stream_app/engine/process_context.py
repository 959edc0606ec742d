"""A connection gets the command line and the parent of its process: events in, connections completed in place.

Goes in: the events 1, 3 and 5 of one source partition, in the order of their offsets. An event 3 carries neither
command nor parentProcName; the event 1 of its process does, found by customer, host and process GUID. What comes out is
the same event, with those of the two that it lacks put in, so that filters, group-by and carried values see them; and
the rows to be kept. Decision: only Sysmon's events 1, 3 and 5 take part, and of events 3 only those of a type that some
rule's filter may want: nobody would see the others.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from stream_app.engine.agenda import Agenda
from stream_app.engine.key import canonical
from stream_app.engine.process import (
    Process,
    decode_process,
    encode_process,
    is_known,
    over_at,
    process_key,
    topic_of,
    with_end,
    with_start,
)
from stream_app.sysmon.event_type import SYSMON

if TYPE_CHECKING:
    from stream_app.engine.screen import Screen
    from stream_app.language.values import Value
    from stream_app.sysmon.lazy import Admitted

READS = frozenset({"command", "hostName", "parentProcName", "phCustId", "procGUID"})
"""Attributes that are read here."""

STARTS, CONNECTS, ENDS = range(3)
"""What an event is to its process: Sysmon's events 1, 3 and 5."""

SLACK = 600_000
"""Milliseconds for which a row stays beyond what can still find it: records of a partition may be out of order."""

DAY = 86_400_000
AGE = 30 * DAY
"""Milliseconds after which a process is over whose end was never heard of."""

_PARTS = {
    f"{source}-{event_id}-": part for source in SYSMON for event_id, part in ((1, STARTS), (3, CONNECTS), (5, ENDS))
}


class Joining(Struct, frozen=True, kw_only=True):
    """How connections are joined. Times are in ms."""

    age: int = AGE
    wait: int = 0
    """For how long, by the time of its source partition, a connection may wait for the event 1 of its process."""


class Joins(Struct):
    """What has become of connections and processes, as numbers that only grow."""

    joined: int = 0
    """Connections whose process was known."""
    unknown: int = 0
    """Connections whose process was not known: it started before, or the record names none."""
    waited: int = 0
    """Connections that waited for the event 1 of their process."""
    learned: int = 0
    """Events 1 and 5 that changed or confirmed what is known of a process."""
    expired: int = 0
    """Rows removed because their time had passed."""


class Involved:
    """What the gate is told of an event type that takes part: in what way, and which rules want it."""

    __slots__ = ("part", "wanting")

    def __init__(self, part: int, screen: "Screen") -> None:
        self.part = part
        self.wanting = screen.wanting


def involving(screen_of: Callable[[str], "Screen"]) -> Callable[[str], object]:
    """Give what the gate asks about event types, where ``screen_of`` knows the rules that want one."""
    known: dict[tuple[int, int], tuple[Involved, Screen]] = {}

    def asked(event_type: str) -> object:
        screen = screen_of(event_type)
        part = part_of(event_type)
        if part is None or (part == CONNECTS and not screen):
            return screen
        found = known.get((part, id(screen)))
        if found is None:  # the screen is kept beside it: while it lives no other one has its id
            found = known[part, id(screen)] = Involved(part, screen), screen
        return found[0]

    return asked


def part_of(event_type: str) -> int | None:
    """Say what events of this type are to their process."""
    return next((part for start, part in _PARTS.items() if event_type.startswith(start)), None)


class Stored(Protocol):
    """Rows at rest, by key."""

    def get(self, key: bytes, /) -> bytes | None:
        """Give the row of a key, or None."""

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """Give every row."""


class Processes:
    """The processes of one source partition. ``rows`` are those at rest, which the owner changes by :meth:`changes`."""

    def __init__(self, topic_id: str, rows: Stored, joins: Joins, joining: Joining) -> None:
        self._topic_id = topic_id
        self._rows = rows
        self._joins = joins
        self._age = joining.age
        self._ahead = joining.wait > 0
        self._fresh: dict[bytes, bytes] = {}
        """Rows that were learned and are not at rest yet."""
        self._learned: deque[tuple[int, bytes, bytes]] = deque()
        """(offset, key, row) of what was learned, in order."""
        self._agenda = Agenda()
        self._leaving: deque[tuple[int, bytes]] = deque()
        """(offset below which all had been read when its time had passed, key)."""
        self._reached = 0
        self.time = 0
        """The highest time of an event that was taken, ms."""
        self.highest = -1
        """The highest position of the rows at rest, as they were at first."""
        for key, data in rows.items():
            row = decode_process(data)
            self._agenda.put(key, self._due(key, row))
            if topic_of(key) == topic_id:
                self.highest = max(self.highest, row.position)

    def take(self, event: "Admitted", offset: int, timestamp: int, now: int | None = None) -> bool:
        """Complete a connection, or learn from a start or an end. Raises Unreadable.

        ``timestamp`` is Kafka's; where ``now`` is given, a time from the future counts as now. Says whether it was
        learned from: :meth:`changes` then has something to give for it.
        """
        part, key = event.wanted.part, self.key(event)
        received = event.received
        time = timestamp if received is None else received
        if now is not None and time > now:
            time = now
        row = None if key is None else self._row(key)
        if part == CONNECTS:
            self._join(event, row, offset, time)
            learned = None
        elif part == ENDS:
            learned = None if row is None else with_end(row, offset, time)
        else:
            learned = with_start(row, offset, time, _text(event["command"]), _text(event["parentProcName"]))
        self.time = max(self.time, time)
        self._reached = max(self._reached, offset + 1)
        if key is None or learned is None:
            return False
        data = self._fresh[key] = encode_process(learned)
        self._learned.append((offset, key, data))  # also what was known: the crash may have come before its row
        self._joins.learned += 1
        return True

    def key(self, event: "Admitted") -> bytes | None:
        """Give the key of an event's process; None where it names none, or one whose names are too long."""
        guid, host = event["procGUID"], event["hostName"]  # a GUID of zeros was read as absent
        if guid is None or host is None:
            return None
        return process_key(self._topic_id, str(canonical(event["phCustId"])), str(host), str(guid))

    def knows(self, key: bytes | None, offset: int, time: int) -> bool:
        """Say whether a connection finds its process."""
        row = None if key is None else self._row(key)
        return row is not None and is_known(row, offset, time, self._age, ahead=self._ahead)

    def changes(self, end: int, settled: int) -> dict[bytes, bytes | None]:
        """Give the rows to be stored for what was learned below offset ``end``, and None for each to be removed.

        A row whose time has passed is removed when all that had been read by then is below ``settled``, the committed
        offset: what is read again after a crash finds what it found.
        """
        changed: dict[bytes, bytes | None] = {}
        while self._learned and self._learned[0][0] < end:
            _, key, data = self._learned.popleft()
            changed[key] = data
            self._agenda.put(key, self._due(key, decode_process(data)))
            if self._fresh.get(key) is data:
                del self._fresh[key]
        self._leaving.extend((self._reached, key) for key in self._over())
        while self._leaving and self._leaving[0][0] <= settled:
            _, key = self._leaving.popleft()
            if key not in changed and key not in self._fresh and self._still_over(key):
                changed[key] = None
                self._joins.expired += 1
        return changed

    def _over(self) -> list[bytes]:
        return [key for _, key in self._agenda.take(self.time - 1) if self._still_over(key)]

    def _still_over(self, key: bytes) -> bool:
        """Say whether a row's time has passed; one that has gone on since is looked at again when it is due."""
        row = self._row(key)
        if row is None:
            return False
        due = self._due(key, row)
        if due < self.time:
            return True
        self._agenda.put(key, due)
        return False

    def _join(self, event: "Admitted", row: Process | None, offset: int, time: int) -> None:
        if row is None or not is_known(row, offset, time, self._age, ahead=self._ahead):
            self._joins.unknown += 1
            return
        self._joins.joined += 1
        if event["command"] is None:
            event["command"] = row.command
        if event["parentProcName"] is None:
            event["parentProcName"] = row.parent

    def _row(self, key: bytes) -> Process | None:
        data = self._fresh.get(key) or self._rows.get(key)
        return None if data is None else decode_process(data)

    def _due(self, key: bytes, row: Process) -> int:
        return over_at(row, self._age) + SLACK if topic_of(key) == self._topic_id else -1


def _text(value: "Value | None") -> str | None:
    return None if value is None else str(value)
