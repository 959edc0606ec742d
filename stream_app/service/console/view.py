"""What one reader of the list sees: a filter and the ids that changed in, the rows to send out.

Decision: a reader has no queue. What changed since it was last sent something is a set of ids, at most as many as are
held, and it is sent their newest state: however slow a reader is, it costs no more, and a thousand revisions of one
incident are one row. A reader sees at most ``most`` rows, the newest that its filter lets through.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import islice

from msgspec import Struct

from stream_app.service.console.held import Held, Incidents, Order, Row

STATUSES = ("", "open", "cleared")
NOTHING: Order = (-1, "")
"""Older than any incident."""
LOWEST_SHARE = 0.8
"""Of a full list; where rows that left it bring it below, older ones are fetched."""


class Filter(Struct, frozen=True, kw_only=True):
    """What a reader wants to see; what is empty lets all through. Texts are compared without regard to case."""

    rule: str = ""
    host: str = ""
    """A part of the host's name or address."""
    severity: int = 0
    """The least."""
    status: str = ""
    text: str = ""
    """Words of which each must be somewhere in the record."""

    def folded(self) -> "Filter":
        """Give the filter as it is compared."""
        return Filter(
            rule=self.rule,
            host=self.host.strip().casefold(),
            severity=self.severity,
            status=self.status,
            text=self.text.casefold(),
        )

    def lets_through(self, one: Held) -> bool:
        """Tell whether a reader with this filter, which must be folded, sees an incident."""
        row = one.row
        return (
            row.severity >= self.severity
            and (not self.status or row.status == self.status)
            and (not self.rule or row.rule == self.rule)
            and (not self.host or self.host in one.host)
            and all(word in one.text for word in self.text.split())
        )


class Changes(Struct, frozen=True, kw_only=True):
    """What a reader is sent. ``whole``: forget all rows, these are the list, newest first."""

    whole: bool
    rows: list[Row]
    gone: list[str] = []
    matching: int
    """Incidents that the filter lets through, shown or not."""
    folded: int = 0
    """Changes that are not among the rows: a later one took their place, or they lie below the list."""


class View:
    """One reader's list."""

    def __init__(self, incidents: Incidents, wanted: Filter, most: int) -> None:
        self._incidents = incidents
        self._filter = wanted.folded()
        self._most = most
        self._matching: set[str] = set()
        self._shown: dict[str, Order] = {}
        self._ordered: list[Order] = []
        self._floor: Order = NOTHING
        """What matches and is newer than this is shown, all of it, and nothing else."""
        self._changed: set[str] = set()
        self._changes = 0

    def note(self, ids: Iterable[str]) -> None:
        """Remember that incidents changed, or are held no more."""
        for each in ids:
            self._changed.add(each)
            self._changes += 1

    @property
    def waiting(self) -> int:
        """How many changes have not been sent."""
        return self._changes

    def whole(self) -> Changes:
        """Give the list as it is."""
        folded, self._changes = self._changes, 0
        self._changed.clear()
        through = [each for each in self._incidents.newest_first() if self._filter.lets_through(each)]
        self._matching = {each.row.id for each in through}
        self._shown = {each.row.id: each.order for each in islice(through, self._most)}
        self._ordered = sorted(self._shown.values())
        self._floor = through[self._most].order if len(through) > self._most else NOTHING
        rows = [each.row for each in through[: self._most]]
        return Changes(whole=True, rows=rows, matching=len(through), folded=max(0, folded - len(rows)))

    def changes(self) -> Changes:
        """Give what has changed since the last time."""
        changed, count = self._changed, self._changes
        self._changed, self._changes = set(), 0
        gone: list[str] = []
        touched: set[str] = set()
        before = set(self._shown)
        for each in changed:
            self._follow(each, touched, gone)
        while len(self._ordered) > self._most:
            self._floor = self._ordered.pop(0)
            lowest = self._floor[1]
            del self._shown[lowest]
            touched.discard(lowest)
            if lowest in before:
                gone.append(lowest)
        if len(self._shown) < self._most * LOWEST_SHARE and len(self._shown) < len(self._matching):
            self._changes = count
            return self.whole()
        held = [self._incidents.get(each) for each in touched]
        rows = sorted((each for each in held if each is not None), key=lambda each: each.order)
        said = len(rows) + len(gone)
        return Changes(
            whole=False,
            rows=[each.row for each in rows],
            gone=gone,
            matching=len(self._matching),
            folded=max(0, count - said),
        )

    def _follow(self, each: str, touched: set[str], gone: list[str]) -> None:
        """Bring one incident up to date."""
        held = self._incidents.get(each)
        if held is None or not self._filter.lets_through(held):
            self._matching.discard(each)
            order = self._shown.pop(each, None)
            if order is not None:
                del self._ordered[bisect_left(self._ordered, order)]
                gone.append(each)
            return
        self._matching.add(each)
        if each not in self._shown:
            if held.order <= self._floor:
                return
            self._shown[each] = held.order
            insort(self._ordered, held.order)
        elif self._shown[each] != held.order:  # it was pushed out and has come again, newer
            del self._ordered[bisect_left(self._ordered, self._shown[each])]
            self._shown[each] = held.order
            insort(self._ordered, held.order)
        touched.add(each)
