"""One match meets a row of a rule with several subpatterns: row and match in, row and incidents out.

What ``observe`` does for all other rules, its functions of the same names do for these.
"""

from msgspec.structs import replace

from stream_app.engine import life
from stream_app.engine.combinations import MOST, TooMany
from stream_app.engine.incident import Incident, incident
from stream_app.engine.joint import Board
from stream_app.engine.key import Key
from stream_app.engine.match import NO_PARTITION, Match
from stream_app.engine.memory import remembering
from stream_app.engine.nest import REFUSED, Nest, known_at, mark_of
from stream_app.engine.observed import FOREVER, Observed, moved, source_of
from stream_app.engine.rejection import Rejection
from stream_app.engine.row import MUTED, VERSION, WAITING, Mark, Row, Source, encode_row
from stream_app.engine.window import Decision
from stream_app.rulebook.rule import Rule


def observe(rule: Rule, row: Row | None, match: Match, position: int, stream_time: int | None) -> Observed:
    """Count a match, as ``observe.observe`` does."""
    time, origin = match.time, match.origin
    is_incident = origin.partition == NO_PARTITION  # of another rule: see ``chain.py`` and ``memory.py``
    late = stream_time is not None and time < stream_time - rule.lateness and not is_incident
    row = Row(VERSION, position, time, (), (), ()) if row is None else row
    index = source_of(row.sources, origin)
    if index < len(row.sources) and (origin.offset <= row.sources[index].offset or is_incident):
        told = current(rule, Key(rule.id, match.customer, match.group), row)
        return Observed(moved(row, position), told, late=late and position <= row.position, repeated=True)
    if is_incident:
        known = remembering(rule, row, time, stream_time)
        if known is None:
            return Observed(moved(row, position), (), late=True)
        row, index = known, len(known.sources)
        stream_time = stream_time and min(stream_time, time)
    nest = Nest(rule, match.customer, moved(row, position))
    nest.come_to(stream_time)
    due = nest.seen()
    source = Source(origin.topic_id, origin.topic, origin.partition, origin.offset)
    sources = (*row.sources[:index], source, *row.sources[index + 1 :])
    nest.row = replace(nest.row, latest=max(time, row.latest), sources=sources)
    if late:
        return replace(due, row=nest.tidied(stream_time), late=True)
    mark = Mark(time, index, origin.offset)
    try:
        nest.arrive(mark, match.values, stream_time)
    except TooMany:
        refused = Rejection.too_many(rule.id, source, mark, MOST)
        return replace(due, suppressed=(*due.suppressed, refused))
    after = nest.tidied(stream_time)
    if len(encode_row(after)) > rule.row_limit:
        return replace(due, full=True)
    return replace(nest.seen(), row=after)


def advance(rule: Rule, key: Key, row: Row, stream_time: int, position: int) -> Observed:
    """Do what waited for the stream's time, as ``observe.advance`` does."""
    due = due_at(rule, row)
    if due is None or stream_time < due:
        return Observed(row, ())
    nest = Nest(rule, key.customer, moved(row, position))
    nest.come_to(stream_time)
    return replace(nest.seen(), row=nest.tidied(stream_time))


def finish(rule: Rule, key: Key, row: Row) -> Observed:
    """Decide and say all that waits, as ``observe.finish`` does."""
    nest = Nest(rule, key.customer, row)
    nest.come_to(FOREVER, quiets=False)
    return nest.seen()


def current(rule: Rule, key: Key, row: Row) -> tuple[Incident, ...]:
    """Give the incidents of all lines as they stand, but for those of which nothing is said."""
    return tuple(
        [
            incident(rule, Key(rule.id, key.customer, line.attributes), episode, row.sources)
            for line in row.lines
            for episode in line.episodes
            if not episode.flags & MUTED
        ]
    )


def suppressed(rule: Rule, key: Key, row: Row) -> tuple[Rejection, ...]:
    """Give what the events held could not make, to be sent where :func:`current` is."""
    nest = Nest(rule, key.customer, row)
    for event in nest.row.held:
        if event.state & REFUSED:
            nest.refuse(event)
        for line in [mark // 2 for mark in event.marks if mark % 2]:
            attributes = row.lines[line].attributes
            exception = Board.exception_of(rule, attributes, event.time)
            nest.suppress(attributes, (Decision(event.time, mark_of(event), 0, exception),))
    return tuple(nest.named)


def due_at(rule: Rule, row: Row) -> int | None:
    """Give the first stream time (ms) at which an event is decided, or something said of an incident; None: never."""
    times = [time for line in row.lines if (time := life.due(rule, line.episodes)) is not None]
    for event in row.held:
        if event.state & WAITING:
            times.append(known_at(rule, event.time) + 1)
            break
    return min(times, default=None)
