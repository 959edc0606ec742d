"""One match meets the row of its key: the whole decision of a windows worker. Row and match in, row and incidents out.

Decision: counting is idempotent by place. The row remembers, per source partition, the highest offset it has counted; a
match at or below it changes nothing, and the row's incidents are given again, since the crash that brought the match
back may have come between the row and its incident. What comes out depends on the row, the match, its position and the
stream's time there, so a worker that was believed dead and the one that took over write the same bytes.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stream_app.engine import life, nested
from stream_app.engine.correlate import alone, correlate, over
from stream_app.engine.exceptions import applying, excepting
from stream_app.engine.incident import Incident, incident
from stream_app.engine.key import Key
from stream_app.engine.match import NO_PARTITION, Match
from stream_app.engine.memory import KEPT, remembering
from stream_app.engine.observed import FOREVER, Observed, moved, source_of
from stream_app.engine.rejection import Rejection
from stream_app.engine.row import MUTED, PENDING, TRIGGER, VERSION, Episode, Mark, Row, Source, encode_row
from stream_app.engine.shown import with_aggregates
from stream_app.engine.window import Decision, arrive, decide, tidy
from stream_app.engine.window import due_at as _due_at
from stream_app.rulebook.rule import Rule

_LARGEST_HELD = 70
"""Bytes that an event held without values stays below, with its part of all else: rows of few are not measured."""


def observe(rule: Rule, row: Row | None, match: Match, position: int, stream_time: int | None) -> Observed:
    """Count a match that lies at ``position`` on the matches topic, where the stream's time is ``stream_time`` (ms).

    A match more than ``rule.lateness`` behind the stream's time is late; where that is None nothing is. A match that is
    read again from its own position is late again if it was, provided ``stream_time`` is the one of that position. One
    that finds its row full leaves no trace in it: read again, it is judged again. For matches of incidents see
    ``memory.py``.
    """
    if rule.join is not None:
        return nested.observe(rule, row, match, position, stream_time)
    time, origin = match.time, match.origin
    key = Key(match.rule, match.customer, match.group)
    if row is None:
        row = Row(VERSION, position, time, (), (), ())
    if origin.partition == NO_PARTITION:
        return _of_incident(rule, key, row, match, position, stream_time)
    late = stream_time is not None and time < stream_time - rule.lateness
    sources = row.sources
    index = 0
    if not sources or sources[0].partition != origin.partition or sources[0].topic_id != origin.topic_id:
        index = source_of(sources, origin)
    mark = Mark(time, index, origin.offset)
    if index < len(sources) and origin.offset <= sources[index].offset:
        told = current(rule, key, row)
        return Observed(moved(row, position), told, late=late and position <= row.position, repeated=True)
    source = Source(origin.topic_id, origin.topic, origin.partition, origin.offset)
    sources = (*sources[:index], source, *sources[index + 1 :]) if index or len(sources) > 1 else (source,)
    place = max(row.position, position)
    latest = max(row.latest, time)
    if rule.every_event and not late and not row.held:  # this event alone decides
        one = alone(rule, key, row.episodes, sources, mark, place, stream_time)
        if one is not None:
            after = Row(VERSION, place, latest, sources, (one,), ())
            return Observed(after, () if one.flags & (PENDING | MUTED) else (incident(rule, key, one, sources),))
    grown = Row(VERSION, place, latest, sources, row.episodes, row.held)
    if late:
        due = _due(rule, key, grown, stream_time)
        return replace(due, row=_tidied(rule, key, due.row, stream_time), late=True)
    return _counted(rule, key, row, grown, mark, match, stream_time)


def _of_incident(  # noqa: PLR0913, PLR0917 - what :func:`observe` has
    rule: Rule, key: Key, row: Row, match: Match, position: int, stream_time: int | None
) -> Observed:
    """Count the match of an incident, which is a source of its own and is not late: see ``memory.py``."""
    time, origin = match.time, match.origin
    if source_of(row.sources, origin) < len(row.sources):
        return Observed(moved(row, position), current(rule, key, row), repeated=True)
    known = remembering(rule, row, time, stream_time)
    if known is None:
        return Observed(moved(row, position), (), late=True)
    mark = Mark(time, len(known.sources), origin.offset)
    sources = (*known.sources, Source(origin.topic_id, origin.topic, origin.partition, origin.offset))
    place, latest = max(position, known.position), max(time, known.latest)
    grown = Row(VERSION, place, latest, sources, known.episodes, known.held)
    # what came before it must still be held, however far time had jumped when it was decided
    return _counted(rule, key, known, grown, mark, match, stream_time and min(stream_time, time))


def _counted(  # noqa: PLR0913, PLR0917 - a match, and what it comes into
    rule: Rule, key: Key, before: Row, row: Row, mark: Mark, match: Match, stream_time: int | None
) -> Observed:
    """Count a match in a row that has its place already, behind what time has made due there."""
    due = _due(rule, key, row, stream_time)
    row = due.row
    if rule.every_event:
        made = _decided(rule, key, replace(row, held=()), [Decision(mark.time, mark, 1)], stream_time)
    else:
        held, decisions = arrive(rule, key.group, row.held, row.sources, mark, match.values)
        made = _decided(rule, key, replace(row, held=tuple(held)), decisions, stream_time)
    after = _tidied(rule, key, made.row, stream_time)
    if _is_full(rule, after):
        kept = Row(VERSION, row.position, before.latest, before.sources, row.episodes, row.held)
        return replace(due, row=kept, full=True)
    return Observed(after, due.incidents + made.incidents, suppressed=due.suppressed + made.suppressed)


def _is_full(rule: Rule, row: Row) -> bool:
    """Tell whether a row is larger than one may be, measuring only one that may be."""
    small = len(row.held) * _LARGEST_HELD <= rule.row_limit and not rule.subpattern.carries and len(row.sources) <= KEPT
    return not small and len(encode_row(row)) > rule.row_limit


def full_detail(rule: Rule, row: Row) -> str:
    """Say, for a rejection, that a row is full."""
    return f"the row of its group holds {len(row.held)} events that can still decide; {rule.row_limit} bytes may be"


def advance(rule: Rule, key: Key, row: Row, stream_time: int, position: int) -> Observed:
    """Do what waited for the stream's time, which has come to ``stream_time`` at ``position``.

    The row comes back unchanged where nothing was due: ask :func:`due_at`. Each thing is done as of the time at which
    it came due, and each trigger is told of by itself, so what stands at the end does not depend on how often this is
    called.
    """
    if rule.join is not None:
        return nested.advance(rule, key, row, stream_time, position)
    due = due_at(rule, row)
    if due is None or stream_time < due:
        return Observed(row, ())
    made = _due(rule, key, moved(row, position), stream_time)
    return replace(made, row=_tidied(rule, key, made.row, stream_time))


def finish(rule: Rule, key: Key, row: Row) -> Observed:
    """Decide all that waits for the stream's time, and say what waited to be said; clear nothing.

    For where no more is to come, which does not say that an incident is over.
    """
    if rule.join is not None:
        return nested.finish(rule, key, row)
    return _due(rule, key, row, FOREVER, clears=False)


def current(rule: Rule, key: Key, row: Row) -> tuple[Incident, ...]:
    """Give the row's incidents as they stand, with the bytes that their revisions have wherever they are given.

    A worker that takes a partition over sends these for each row whose position is at or above the first offset that it
    reads again: a decision made by :func:`advance` has no match that would bring its incident back. What waits to be
    said is said by it.
    """
    if rule.join is not None:
        return nested.current(rule, key, row)
    return _told(rule, key, row, [episode for episode in row.episodes if not episode.flags & MUTED])


def suppressed(rule: Rule, key: Key, row: Row) -> tuple[Rejection, ...]:
    """Give the triggers held that made nothing, to be sent where :func:`current` is: some are named twice."""
    if rule.join is not None:
        return nested.suppressed(rule, key, row)
    exceptions = applying(rule, key.group) if rule.exceptions else ()
    marks = [Mark(each.time, each.source, each.offset) for each in row.held if each.state & TRIGGER]
    return _suppressed(rule, row, [Decision(each.time, each, 0, excepting(exceptions, each.time)) for each in marks])


def due_at(rule: Rule, row: Row) -> int | None:
    """Give the first stream time (ms) at which :func:`advance` has something to do; None if nothing waits."""
    if rule.join is not None:
        return nested.due_at(rule, row)
    first = life.due(rule, row.episodes)
    waits = _due_at(rule, row.held) if row.held else None
    return waits if first is None else first if waits is None else min(first, waits)


def expires_at(rule: Rule, row: Row) -> int:
    """Give the stream time (ms) after which the row decides nothing and can be removed.

    Its incidents are over then, and :func:`advance` says so first. Remove it only when what lies at its position has
    been committed: until then a match that is read again must still be known, and its incident sent again.
    """
    return row.latest + rule.quiet + rule.lateness + rule.delay


def wake_at(rule: Rule, row: Row) -> int:
    """Give the stream time (ms) at which the row is to be looked at again: it is due, or it has expired."""
    expiry = expires_at(rule, row) + 1
    due = due_at(rule, row)
    return expiry if due is None else min(due, expiry)


def hurries(before: Row | None, row: Row) -> bool:
    """Tell whether matches may have made a row due earlier than it was; one with a single incident is due ever later.

    But for one that begins to wait: it is said before it is over. One that waited already is said when it would have
    been. Of several incidents one may be made that is older than all others.
    """
    if row.held or row.lines or len(row.episodes) > 1:
        return True
    known = before.episodes[0].flags if before is not None and len(before.episodes) == 1 else 0
    return bool(row.episodes and row.episodes[0].flags & ~known & PENDING)


def _suppressed(rule: Rule, row: Row, decisions: Sequence[Decision]) -> tuple[Rejection, ...]:
    """Say which of the triggers make nothing."""
    return tuple(
        [
            Rejection.suppressed(rule.id, row.sources[each.mark.source], each.mark, each.exception)
            for each in decisions
            if each.mark is not None and each.exception is not None
        ]
    )


def _decided(rule: Rule, key: Key, row: Row, decisions: Sequence[Decision], stream_time: int | None) -> Observed:
    """Give the row with the incidents of what was decided, and what is to be sent now."""
    named = _suppressed(rule, row, decisions) if rule.exceptions else ()
    if named:
        decisions = [each for each in decisions if each.exception is None]
    episodes, changed = correlate(rule, key, row, decisions)
    episodes, changed = with_aggregates(rule, row.held, row.sources, episodes, changed)
    episodes, said = life.pace(rule, episodes, changed, stream_time)
    return Observed(replace(row, episodes=episodes), _told(rule, key, row, said), suppressed=named)


def _due(rule: Rule, key: Key, row: Row, stream_time: int | None, *, clears: bool = True) -> Observed:
    """Do what the stream's time has made due, each thing as of its own time."""
    if stream_time is None:
        return Observed(row, ())
    told: list[Incident] = []
    named: list[Rejection] = []
    if row.held:
        held, decisions = decide(rule, key.group, row.held, row.sources, stream_time)
        row = replace(row, held=tuple(held))
        for decision in decisions:
            before = _aged(rule, key, row, decision.time + rule.lateness, clears=clears)
            made = _decided(rule, key, before.row, (decision,), decision.time + rule.lateness + 1)
            told += (*before.incidents, *made.incidents)
            named += made.suppressed
            row = made.row
    last = _aged(rule, key, row, stream_time, clears=clears)
    return Observed(last.row, (*told, *last.incidents), suppressed=tuple(named))


def _aged(rule: Rule, key: Key, row: Row, stream_time: int, *, clears: bool) -> Observed:
    """Say what waited to be said, and clear what is over."""
    due = life.due(rule, row.episodes)
    if due is None or stream_time < due:
        return Observed(row, ())
    episodes, said = life.age(rule, row.episodes, stream_time, row.position, clears=clears)
    return Observed(replace(row, episodes=episodes), _told(rule, key, row, said))


def _told(rule: Rule, key: Key, row: Row, said: Sequence[Episode]) -> tuple[Incident, ...]:
    return tuple([incident(rule, key, episode, row.sources) for episode in said])


def _tidied(rule: Rule, key: Key, row: Row, stream_time: int | None) -> Row:
    """Give the row without those events and incidents that are done with."""
    kept = over(rule, row.episodes, stream_time, row.position)
    return Row(VERSION, row.position, row.latest, row.sources, kept, tidy(rule, key.group, row.held, stream_time))
