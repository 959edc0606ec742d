"""The incidents that were just made meet the caps of their rule: what was observed in, what of it is told out.

Decision: caps come behind everything else. The rows of groups know nothing of them but what is muted, and a rule
without caps never comes here.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from stream_app.engine.agenda import Agenda
from stream_app.engine.flood import (
    NEW,
    Flood,
    decode_flood,
    encode_flood,
    flood_key,
    judge,
    pass_time,
    say_all,
    wake_at,
)
from stream_app.engine.incident import Incident, id_text
from stream_app.engine.observed import Observed
from stream_app.engine.rejection import Rejection
from stream_app.engine.row import MUTED, Episode, Row
from stream_app.rulebook.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Floods:
    """The flood rows of a partition. ``stored`` gives one at rest by its key, None for none.

    What changed is held here, and stands on the agenda.
    """

    def __init__(self, stored: Callable[[bytes], bytes | None], agenda: Agenda) -> None:
        self._stored = stored
        self._agenda = agenda
        self._changed: dict[bytes, Flood | None] = {}

    def admit(self, rule: Rule, customer: str, observed: Observed, position: int, stream_time: int | None) -> Observed:
        """Judge the new incidents of a step, taken at ``position`` and ``stream_time``; what was told before stands.

        Gives what is left to be said; what is held back is named among what is suppressed.
        """
        if rule.caps is None or observed.repeated or not observed.incidents:
            return observed
        key = flood_key(rule.id, customer)
        flood = before = self._row(key)
        held: set[bytes] = set()
        said: list[Incident] = []
        for each in observed.incidents:
            one = each.episode
            if one.revision == 1 and one.born is not None:
                flood, told, summary = judge(rule, customer, flood, one.id, one.born, position, stream_time)
                if not told:
                    held.add(one.id)
                if summary is not None:
                    said.append(summary)
            if not one.flags & MUTED and one.id not in held:
                said.append(each)
        if flood is not before:
            self._put(key, rule, flood)
        row = _muted(observed.row, held)
        named = (*observed.suppressed, *_rejections(rule, row, held))
        return replace(observed, row=row, incidents=tuple(said), suppressed=named)

    def look(self, rule: Rule, customer: str, stream_time: int, position: int, settled: int) -> tuple[Incident, ...]:
        """Say what has become due, as :func:`~stream_app.engine.flood.pass_time` has it."""
        key = flood_key(rule.id, customer)
        before = self._row(key)
        after, said = pass_time(rule, customer, before, stream_time, position, settled)
        if after is None:
            self._changed[key] = None
        elif after == before:
            self._agenda.put(key, wake_at(rule, before))
        else:
            self._put(key, rule, after)
        return said

    def finish(self, rule: Rule, customer: str) -> tuple[Incident, ...]:
        """Say what waits to be said, for where no more is to come; clear nothing."""
        key = flood_key(rule.id, customer)
        self._changed[key], said = say_all(rule, customer, self._row(key))
        return said

    def written(self, position: int) -> dict[bytes, bytes | None]:
        """Give the rows that changed, as they stand when all up to ``position`` was judged; None for one to remove."""
        return {
            key: None if flood is None else encode_flood(replace(flood, position=position))
            for key, flood in self._changed.items()
        }

    def _row(self, key: bytes) -> Flood:
        if key in self._changed:
            return self._changed[key] or NEW
        data = self._stored(key)
        return NEW if data is None else decode_flood(data)

    def _put(self, key: bytes, rule: Rule, flood: Flood) -> None:
        self._changed[key] = flood
        self._agenda.put(key, wake_at(rule, flood))


def held_back(rule: Rule, row: Row, since: int) -> tuple[Rejection, ...]:
    """Give the rejections of the incidents of a row that were held back at position ``since`` or behind it."""
    held = {one.id for one in _episodes(row) if one.flags & MUTED and one.born and one.born.position >= since}
    return _rejections(rule, row, held)


def _episodes(row: Row) -> list[Episode]:
    return [*row.episodes, *(one for line in row.lines for one in line.episodes)]


def _muted(row: Row, held: "AbstractSet[bytes]") -> Row:
    """Give the row in which these incidents are muted."""
    if not held:
        return row

    def muted(episodes: Sequence[Episode]) -> tuple[Episode, ...]:
        return tuple([replace(one, flags=one.flags | MUTED) if one.id in held else one for one in episodes])

    lines = tuple([replace(line, episodes=muted(line.episodes)) for line in row.lines])
    return replace(row, episodes=muted(row.episodes), lines=lines)


def _rejections(rule: Rule, row: Row, held: "AbstractSet[bytes]") -> tuple[Rejection, ...]:
    """Say where the first triggers of incidents that were held back lie."""
    found = []
    for one in _episodes(row):
        if one.id in held:
            mark = one.evidence[0]
            found.append(Rejection.held_back(rule.id, row.sources[mark.source], mark, id_text(one.id)))
    return tuple(found)
