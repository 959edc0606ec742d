"""Which incidents a row has counted as events: a source for each, forgotten in time. A row in, a smaller row out.

A source partition is one source with an offset that grows; of incidents each is a source of its own, and without an end
to it a row of a rule that reads them would only grow. What no event held and no evidence refers to is forgotten when a
row that had nothing else would be removed (``quiet`` and ``lateness`` behind the stream's time), or when it is none of
the latest ``KEPT``. Decision: an incident is not late, however far behind its worker was, but nothing is counted twice
either: one that is no newer than the newest that its row has forgotten (the *floor*, a source without an id, in front
of the others) may be among them, and is named as late. That takes thousands of incidents in one row.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from stream_app.engine.match import INCIDENTS, NO_PARTITION
from stream_app.engine.row import Episode, Row, Source
from stream_app.rulebook.rule import Rule

KEPT = 1024
"""How many incidents that nothing refers to a row remembers at most: 60,000 bytes."""

EVERY = 64
"""Sources after each of which a row is looked through."""


def remembering(rule: Rule, row: Row, time: int, stream_time: int | None) -> Row | None:
    """Give the row that is to count the match of an incident, of ``time`` (ms), that it does not know.

    Now and then it comes back without the incidents that are to be forgotten. None: this one may have been, itself.
    """
    if _has_floor(row.sources) and time <= row.sources[0].offset:
        return None
    return row if not row.sources or len(row.sources) % EVERY else forgetting(rule, row, stream_time)


def forgetting(rule: Rule, row: Row, stream_time: int | None) -> Row:
    """Give the row without the incidents that are to be forgotten, and with the floor that this makes."""
    needed = _referred(row)
    old = [
        index
        for index, source in enumerate(row.sources)
        if source.partition == NO_PARTITION and source.topic_id and index not in needed
    ]
    old.sort(key=lambda index: (row.sources[index].offset, row.sources[index].topic_id))
    horizon = None if stream_time is None else stream_time - rule.lateness - rule.quiet
    over = len(old) - KEPT
    goes = [
        index
        for place, index in enumerate(old)
        if place < over or (horizon is not None and row.sources[index].offset < horizon)
    ]
    if not goes:
        return row
    gone = {*goes, *range(_has_floor(row.sources))}
    floor = max(row.sources[index].offset for index in gone)
    left = [index for index in range(len(row.sources)) if index not in gone]
    sources = (Source("", INCIDENTS, NO_PARTITION, floor), *[row.sources[index] for index in left])
    return _renumbered(row, sources, {before: after for after, before in enumerate(left, 1)})


def _has_floor(sources: Sequence[Source]) -> bool:
    return bool(sources) and sources[0].partition == NO_PARTITION and not sources[0].topic_id


def _referred(row: Row) -> set[int]:
    """Give the indices of the sources that something refers to."""
    episodes = [*row.episodes, *(episode for line in row.lines for episode in line.episodes)]
    marks = [mark for episode in episodes for mark in episode.evidence]
    marks += [episode.latest.mark for episode in episodes if episode.latest is not None]
    return {mark.source for mark in marks}.union(event.source for event in row.held)


def _renumbered(row: Row, sources: tuple[Source, ...], places: Mapping[int, int]) -> Row:
    """Give the row with these sources; ``places`` are the new indices of those that it had."""

    def moved(episode: Episode) -> Episode:
        latest = episode.latest
        if latest is not None:
            latest = replace(latest, mark=replace(latest.mark, source=places[latest.mark.source]))
        evidence = tuple([replace(mark, source=places[mark.source]) for mark in episode.evidence])
        return replace(episode, evidence=evidence, latest=latest)

    return replace(
        row,
        sources=sources,
        episodes=tuple([moved(episode) for episode in row.episodes]),
        held=tuple([replace(event, source=places[event.source]) for event in row.held]),
        lines=tuple([replace(line, episodes=tuple(map(moved, line.episodes))) for line in row.lines]),
    )
