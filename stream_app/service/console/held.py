"""Records of the incidents topic in, the newest incidents out, each as its highest revision.

Decision: an incident stands where its first record that was read put it, by that record's timestamp, and changes in
place: a list whose lines move cannot be read. What is held is bounded by number and by bytes; the oldest go first.
"""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

SHOWN_CHARACTERS = 300
"""Of a text in a row; the detail shows it whole."""
OVERHEAD = 1_500
"""Bytes that an incident takes besides its texts, roughly."""

UNSEARCHED = frozenset({"schemaVersion", "revision", "ruleName", "incidentSrc", "incidentTarget", "incidentDetail"})
"""What holds nothing that other fields do not."""

OPEN, CLEARED = "open", "cleared"

Order = tuple[int, str]
"""Milliseconds of the first record that was read, and the incident's id: larger is newer."""


class Wire(Struct, frozen=True):
    """What is read of an incident's record before somebody asks for all of it; the names are FortiSIEM's."""

    incidentId: str  # noqa: N815 - as on the wire
    revision: int
    activity: str
    incidentStatus: int  # noqa: N815 - as on the wire
    incidentTitle: str  # noqa: N815 - as on the wire
    incidentFirstSeen: int  # noqa: N815 - as on the wire
    incidentLastSeen: int  # noqa: N815 - as on the wire
    count: int
    incidentCount: int  # noqa: N815 - as on the wire
    eventSeverity: int  # noqa: N815 - as on the wire
    eventSeverityCat: str  # noqa: N815 - as on the wire
    ruleId: str  # noqa: N815 - as on the wire
    incidentSrc: str = ""  # noqa: N815 - as on the wire
    incidentTarget: str = ""  # noqa: N815 - as on the wire
    incidentDetail: str = ""  # noqa: N815 - as on the wire
    hostName: Any = None  # noqa: N815 - as on the wire
    hostIpAddr: Any = None  # noqa: N815 - as on the wire


class Row(Struct, frozen=True):
    """An incident as a line of the list. Times are ms since 1970; ``at`` is when Kafka got this revision."""

    id: str
    revision: int
    activity: str
    status: str
    title: str
    rule: str
    severity: int
    category: str
    host: str
    what: str
    first: int
    last: int
    count: int
    events: int
    at: int
    placed: int


class Held(Struct, frozen=True):
    """An incident: its row, all of its record, and what free text is looked for in (casefolded)."""

    order: Order
    row: Row
    value: bytes
    host: str
    text: str

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        return OVERHEAD + len(self.value) + len(self.text)


class Unread(Exception):
    """A record that is no incident; the message says why."""


_decode = msgspec.json.Decoder(Wire).decode


def read(value: bytes, timestamp: int) -> Held:
    """Read a record of the incidents topic. Raises Unread."""
    try:
        wire = _decode(value)
        said = msgspec.json.decode(value, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unread(str(error)) from error
    host = _text(wire.hostName if wire.hostName is not None else wire.hostIpAddr)
    what = ", ".join(each for each in (wire.incidentSrc, wire.incidentTarget, wire.incidentDetail) if each)
    row = Row(
        id=wire.incidentId,
        revision=wire.revision,
        activity=wire.activity,
        status=CLEARED if wire.incidentStatus else OPEN,
        title=_short(wire.incidentTitle),
        rule=wire.ruleId,
        severity=wire.eventSeverity,
        category=wire.eventSeverityCat,
        host=_short(host),
        what=_short(what),
        first=wire.incidentFirstSeen,
        last=wire.incidentLastSeen,
        count=wire.count,
        events=wire.incidentCount,
        at=timestamp,
        placed=timestamp,
    )
    text = " ".join(_text(each) for name, each in said.items() if name not in UNSEARCHED)
    return Held((timestamp, wire.incidentId), row, value, host.casefold(), text.casefold())


class Incidents:
    """The incidents that are held, at most ``most`` of them and at most ``most_bytes``, roughly."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._by_id: dict[str, Held] = {}
        self._ordered: list[Order] = []
        self._bytes = 0
        self.forgotten = 0
        """Incidents that made room for newer ones."""
        self.rules: Counter[str] = Counter()
        """Incidents that are held, by rule."""
        self.open: Counter[str] = Counter()
        """Those of them that are not over."""

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, incident_id: str) -> Held | None:
        """Give an incident that is held."""
        return self._by_id.get(incident_id)

    def newest_first(self) -> Iterator[Held]:
        """Give what is held; nothing may be taken meanwhile."""
        return (self._by_id[each] for _, each in reversed(self._ordered))

    def take(self, new: Held) -> list[str]:
        """Fold a record in; gives the ids of the incidents that it changed or pushed out, none for an old revision."""
        known = self._by_id.get(new.row.id)
        if known is not None:
            if new.row.revision <= known.row.revision:
                return []
            placed = known.order[0]
            new = msgspec.structs.replace(new, order=known.order, row=msgspec.structs.replace(new.row, placed=placed))
            self._drop(known)
        else:
            insort(self._ordered, new.order)
        self._by_id[new.row.id] = new
        self._bytes += new.size
        self.rules[new.row.rule] += 1
        self.open[new.row.rule] += new.row.status == OPEN
        return [new.row.id, *self._pushed_out()]

    def _pushed_out(self) -> Iterator[str]:
        while len(self._by_id) > self._most or (self._bytes > self._most_bytes and len(self._by_id) > 1):
            _, oldest = order = self._ordered[0]
            del self._ordered[bisect_left(self._ordered, order)]
            self._drop(self._by_id.pop(oldest))
            self.forgotten += 1
            yield oldest

    def _drop(self, one: Held) -> None:
        rule = one.row.rule
        self._bytes -= one.size
        self.rules[rule] -= 1
        self.open[rule] -= one.row.status == OPEN
        if not self.rules[rule]:
            del self.rules[rule], self.open[rule]


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
