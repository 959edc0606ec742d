"""One match meets the row of its key: the whole decision of a windows worker. Row and match in, row and incidents out.

Decision: counting is idempotent by place. The row remembers, per source partition, the highest offset it has counted; a
match at or below it changes nothing, and the row's incidents are given again, since the crash that brought the match
back may have come between the row and its incident. What comes out depends on the row, the match, its position and the
stream's time there, so a worker that was believed dead and the one that took over write the same bytes.
"""

from collections.abc import Sequence

from msgspec import Struct

from stream_app.engine.correlate import alone, correlate, over
from stream_app.engine.incident import Incident, incident
from stream_app.engine.key import Key
from stream_app.engine.match import NO_PARTITION, Match, Origin
from stream_app.engine.memory import KEPT, remembering
from stream_app.engine.row import VERSION, Episode, Held, Mark, Row, Source, encode_row
from stream_app.engine.shown import with_aggregates
from stream_app.engine.window import Decision, arrive, decide, tidy
from stream_app.engine.window import due_at as _due_at
from stream_app.rulebook.rule import Rule

ROW_LIMIT = 700_000
"""Bytes of the largest row. With its key it fits a record of Kafka's."""

_CROWD = 10_000
"""Held events without values below which no row is as large: it is not measured."""


class Observed(Struct, frozen=True, gc=False):
    """The row to keep, and the incidents to send. ``repeated``: had been counted before.

    ``late`` and ``full`` are counted nowhere: the match came too late, or its row would be larger than ``ROW_LIMIT``.
    """

    row: Row
    incidents: tuple[Incident, ...]
    late: bool = False
    repeated: bool = False
    full: bool = False


def observe(rule: Rule, row: Row | None, match: Match, position: int, stream_time: int | None) -> Observed:
    """Count a match that lies at ``position`` on the matches topic, where the stream's time is ``stream_time`` (ms).

    A match more than ``rule.lateness`` behind the stream's time is late; where that is None nothing is. A match that is
    read again from its own position is late again if it was, provided ``stream_time`` is the one of that position. One
    that finds its row full leaves no trace in it: read again, it is judged again. For matches of incidents see
    ``memory.py``.
    """
    time, origin = match.time, match.origin
    key = Key(match.rule, match.customer, match.group)
    late = stream_time is not None and time < stream_time - rule.lateness and origin.partition != NO_PARTITION
    if row is None:
        row = Row(VERSION, position, time, (), (), ())
    sources = row.sources
    index = 0
    if not sources or sources[0].partition != origin.partition or sources[0].topic_id != origin.topic_id:
        index = _source(sources, origin)
    if index < len(sources) and (origin.offset <= sources[index].offset or origin.partition == NO_PARTITION):
        late = late and position <= row.position
        return Observed(_moved(row, position), current(rule, key, row), late=late, repeated=True)
    if origin.partition == NO_PARTITION:
        known = remembering(rule, row, time, stream_time)
        if known is None:
            return Observed(_moved(row, position), (), late=True)
        row, sources, index = known, known.sources, len(known.sources)
        # what came before it must still be held, however far time had jumped when it was decided
        stream_time = stream_time and min(stream_time, time)
    source = Source(origin.topic_id, origin.topic, origin.partition, origin.offset)
    sources = (*sources[:index], source, *sources[index + 1 :]) if index or len(sources) > 1 else (source,)
    mark = Mark(time, index, origin.offset)
    latest = max(time, row.latest)
    place = max(position, row.position)
    if rule.every_event and not late and not row.held:  # this event alone decides
        one = alone(rule, key, row.episodes, sources, mark, place)
        if one is not None:
            after = Row(VERSION, place, latest, sources, (one,), ())
            return Observed(after, (incident(rule, key, one, sources),))
    before = row
    row = Row(VERSION, place, latest, sources, row.episodes, row.held)
    row, due = _due(rule, key, row, stream_time) if row.held else (row, ())
    if late:
        return Observed(_tidied(rule, row, row.held, row.episodes, stream_time), due, late=True)
    held, decisions = (
        ([], [Decision(time, mark, 1)])
        if rule.every_event
        else arrive(rule, key.group, row.held, sources, mark, match.values)
    )
    episodes, changed = correlate(rule, key, row, decisions)
    episodes, changed = with_aggregates(rule, held, sources, episodes, changed)
    sent = (*due, *[incident(rule, key, episode, sources) for episode in changed])
    after = _tidied(rule, row, held, episodes, stream_time)
    if _is_full(rule, after):
        kept = Row(VERSION, row.position, before.latest, before.sources, row.episodes, row.held)
        return Observed(kept, due, full=True)
    return Observed(after, sent)


def _is_full(rule: Rule, row: Row) -> bool:
    """Tell whether a row is larger than one may be, measuring only one that may be."""
    if len(row.held) <= _CROWD and not rule.subpattern.carries and len(row.sources) <= KEPT:
        return False
    return len(encode_row(row)) > ROW_LIMIT


def full_detail(row: Row) -> str:
    """Say, for a rejection, that a row is full."""
    return f"the row of its group holds {len(row.held)} events that can still decide; {ROW_LIMIT} bytes are the most"


def advance(rule: Rule, key: Key, row: Row, stream_time: int, position: int) -> Observed:
    """Decide what waited for the stream's time, which has come to ``stream_time`` at ``position``.

    The row comes back unchanged where nothing was due: ask :func:`due_at`. Each trigger is an incident of its own, so
    what is sent does not depend on how often this is called.
    """
    due = due_at(rule, row)
    if due is None or stream_time < due:
        return Observed(row, ())
    row, sent = _due(rule, key, _moved(row, position), stream_time)
    return Observed(_tidied(rule, row, row.held, row.episodes, stream_time), sent)


def current(rule: Rule, key: Key, row: Row) -> tuple[Incident, ...]:
    """Give the row's incidents as they stand, with the revisions and bytes they were first given with.

    A worker that takes a partition over sends these for each row whose position is at or above the first offset that it
    reads again: a decision made by :func:`advance` has no match that would bring its incident back.
    """
    return tuple([incident(rule, key, episode, row.sources) for episode in row.episodes])


def due_at(rule: Rule, row: Row) -> int | None:
    """Give the first stream time (ms) at which :func:`advance` has something to decide; None if nothing waits."""
    return _due_at(rule, row.held) if row.held else None


def expires_at(rule: Rule, row: Row) -> int:
    """Give the stream time (ms) after which the row decides nothing and can be removed.

    Remove it only when what lies at its position has been committed: until then a match that is read again must still
    be known, and its incident sent again.
    """
    return row.latest + rule.quiet + rule.lateness


def wake_at(rule: Rule, row: Row) -> int:
    """Give the stream time (ms) at which the row is to be looked at again: it is due, or it has expired."""
    expiry = row.latest + rule.quiet + rule.lateness + 1
    due = _due_at(rule, row.held) if row.held else None
    return expiry if due is None else min(due, expiry)


def _source(sources: tuple[Source, ...], origin: Origin) -> int:
    """Find the match's source partition in the row; its length for one that the row does not know."""
    for index, source in enumerate(sources):
        if source.partition == origin.partition and source.topic_id == origin.topic_id:
            return index
    return len(sources)


def _moved(row: Row, position: int) -> Row:
    if position <= row.position:
        return row
    return Row(VERSION, position, row.latest, row.sources, row.episodes, row.held)


def _due(rule: Rule, key: Key, row: Row, stream_time: int | None) -> tuple[Row, tuple[Incident, ...]]:
    """Decide what waited; give the row then, and what is to be sent: one incident for each trigger."""
    if stream_time is None:
        return row, ()
    held, decisions = decide(rule, key.group, row.held, row.sources, stream_time)
    row = Row(VERSION, row.position, row.latest, row.sources, row.episodes, tuple(held))
    sent = []
    for decision in decisions:
        episodes, changed = correlate(rule, key, row, (decision,))
        episodes, changed = with_aggregates(rule, held, row.sources, episodes, changed)
        row = Row(VERSION, row.position, row.latest, row.sources, episodes, row.held)
        sent += [incident(rule, key, episode, row.sources) for episode in changed]
    return row, tuple(sent)


def _tidied(rule: Rule, row: Row, held: Sequence[Held], episodes: tuple[Episode, ...], stream_time: int | None) -> Row:
    """Give the row with these events and incidents, without those that are done with."""
    kept = over(rule, episodes, stream_time, row.position)
    return Row(VERSION, row.position, row.latest, row.sources, kept, tidy(rule, held, stream_time))
