"""Triggers become incidents. Goes in: a row and what was decided; comes out: its incidents, and which of them changed.

A trigger belongs to an incident while it is no more than ``quiet`` after its last one or before its first one; else it
makes a new one. Decision: triggers that come in another order than their times may first look like two incidents and
then be joined by one in between. The one that was made first then takes the counts over, and the other is given once
more, cleared and with no counts, so that sums over the newest revisions are exact in every order.
"""

from collections.abc import Sequence

from stream_app.engine.incident import incident_id
from stream_app.engine.key import Key
from stream_app.engine.row import Episode, Mark, Row, Source
from stream_app.engine.window import Decision, place_of
from stream_app.rulebook.rule import Rule

REACH = 100_000
"""How many offsets of the matches topic are read again at most after a crash: what a worker may have in flight there.
An incident that is over stays in its row until it lies further back than that, since it may have to be sent again."""

MOST = 64
"""Incidents of one key that a row holds; more are only possible where records carry invented times, centuries apart."""


def quiet(rule: Rule) -> int:
    """Give how long an incident stands without a trigger, ms. It is never over while its window holds its events."""
    return max(rule.clear_after, rule.window)


def correlate(
    rule: Rule, key: Key, row: Row, decisions: Sequence[Decision]
) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """Give the incidents after these decisions, and those of them that changed, each with its revision one higher.

    The row's position is the one that decided.
    """
    after = list(row.episodes)
    changed: set[int] = set()
    for decision in decisions:
        index = _home(rule, after, decision.time, changed, row.sources)
        if index is None:
            if decision.mark is None:
                continue
            index = len(after)
            made = incident_id(rule, key, decision.time)
            after.append(Episode(made, 0, decision.time, decision.time, 0, 0, row.position, (), b""))
        after[index] = _grown(rule, after[index], decision, row.sources)
        changed.add(index)
    for index in changed:
        e = after[index]
        after[index] = Episode(
            e.id, e.revision + 1, e.first, e.last, e.count, e.events, row.position, e.evidence, e.into
        )
    return tuple(after), tuple([after[index] for index in sorted(changed)])


def over(rule: Rule, episodes: Sequence[Episode], stream_time: int | None, position: int) -> tuple[Episode, ...]:
    """Drop the incidents that no trigger can reach any more and that need not be sent again."""
    end = None if stream_time is None else stream_time - rule.lateness - quiet(rule)
    kept = [
        episode
        for episode in episodes
        if position - episode.position < REACH or not (episode.into or (end is not None and episode.last < end))
    ]
    return tuple(kept[-MOST:])


def _home(rule: Rule, episodes: list[Episode], time: int, changed: set[int], sources: Sequence[Source]) -> int | None:
    """Find the incident that a trigger at ``time`` belongs to, joining two where it belongs to both."""
    reach = quiet(rule)
    near = [
        index
        for index, episode in enumerate(episodes)
        if episode.first - reach <= time <= episode.last + reach and not episode.into
    ]
    if not near:
        return None
    if len(near) > 1:
        stays, goes = near
        one, other = episodes[stays], episodes[goes]
        episodes[stays] = _joined(rule, one, other, sources)
        changed.add(stays)
        if other.revision:
            episodes[goes] = Episode(
                other.id, other.revision, other.first, other.last, 0, 0, other.position, (), one.id
            )
            changed.add(goes)
        else:  # made by this very step, so nobody has heard of it; it is the last one
            episodes.pop()
            changed.discard(goes)
    return near[0]


def _joined(rule: Rule, one: Episode, other: Episode, sources: Sequence[Source]) -> Episode:
    evidence = sorted((*one.evidence, *other.evidence), key=lambda mark: place_of(mark, sources))
    return Episode(
        one.id,
        one.revision,
        min(one.first, other.first),
        max(one.last, other.last),
        one.count + other.count,
        one.events + other.events,
        one.position,
        _bounded(tuple(evidence), rule.evidence),
        b"",
    )


def _grown(rule: Rule, one: Episode, decision: Decision, sources: Sequence[Source]) -> Episode:
    mark = decision.mark
    if mark is None:
        return Episode(
            one.id,
            one.revision,
            one.first,
            one.last,
            one.count,
            one.events + decision.behind,
            one.position,
            one.evidence,
            one.into,
        )
    evidence = (*one.evidence, mark)
    if one.evidence and mark.time <= one.evidence[-1].time:
        evidence = tuple(sorted(evidence, key=lambda each: place_of(each, sources)))
    return Episode(
        one.id,
        one.revision,
        min(one.first, mark.time),
        max(one.last, mark.time),
        one.count + 1,
        one.events + decision.behind,
        one.position,
        _bounded(evidence, rule.evidence),
        one.into,
    )


def _bounded(evidence: tuple[Mark, ...], most: int) -> tuple[Mark, ...]:
    """Keep the first mark and the latest of the others, ``most`` in all."""
    if len(evidence) <= most:
        return evidence
    return (evidence[0], *evidence[len(evidence) - most + 1 :]) if most > 0 else ()
