"""Triggers become incidents. Goes in: a row and what was decided; comes out: its incidents, and which of them changed.

A trigger belongs to an incident while it is no more than ``quiet`` after its last one or before its first one; else it
makes a new one. Decision: triggers that come in another order than their times may first look like two incidents and
then be joined by one in between. The one that was made first then takes the counts over, and the other is given once
more, cleared and with no counts, so that sums over the newest revisions are exact in every order.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stream_app.engine.incident import incident_id
from stream_app.engine.key import Key
from stream_app.engine.row import Born, Episode, Latest, Mark, Row, Source
from stream_app.engine.window import Decision, place_of
from stream_app.rulebook.rule import Rule

REACH = 100_000
"""How many offsets of the matches topic are read again at most after a crash: what a worker may have in flight there.
An incident that is over stays in its row until it lies further back than that, since it may have to be sent again."""

MOST = 64
"""Incidents of one key that a row holds; more are only possible where records carry invented times, centuries apart."""


def correlate(
    rule: Rule, key: Key, row: Row, decisions: Sequence[Decision]
) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """Give the incidents after these decisions, and those of them that changed, each with its revision one higher.

    The row's position is the one that decided.
    """
    if len(decisions) == 1 == len(row.episodes) and _reaches(row.episodes[0], decisions[0].time, rule.quiet):
        one = row.episodes[0]
        grown = (_grown(rule, row, one, decisions[0], one.revision + 1),)
        return grown, grown
    after = list(row.episodes)
    changed: set[int] = set()
    for decision in decisions:
        index = _home(rule, row, after, decision.time, changed)
        if index is None:
            if decision.mark is None:
                continue
            index = len(after)
            made = incident_id(rule, key, decision.time)
            after.append(Episode(made, 0, decision.time, decision.time, 0, 0, row.position, (), b""))
        one = after[index]
        after[index] = _grown(rule, row, one, decision, one.revision + (index not in changed))
        changed.add(index)
    if rule.chained:
        for index in changed:
            if after[index].revision == 1:
                after[index] = _born(rule, after[index], row.position)
    return tuple(after), tuple([after[index] for index in sorted(changed)])


def alone(  # noqa: PLR0913, PLR0917 - a row is not made of it first: most matches come here
    rule: Rule, key: Key, episodes: tuple[Episode, ...], sources: tuple[Source, ...], mark: Mark, position: int
) -> Episode | None:
    """Give the only incident of a key after a trigger with one event behind it, which it makes or goes on with.

    Nearly every match there is. None where this is not the whole story: :func:`correlate` tells it of a row at
    ``position``, with equal results.
    """
    if rule.chained:  # it keeps what it was made as
        return None
    time = mark.time
    if not episodes:
        evidence = _bounded((mark,), rule.evidence)
        return Episode(incident_id(rule, key, time), 1, time, time, 1, 1, position, evidence, b"")
    one, marks = episodes[0], episodes[0].evidence
    if len(episodes) > 1 or not marks or not _reaches(one, time, rule.quiet):
        return None
    last = marks[-1]  # several in one second or millisecond are common, and in the order of their places as a rule
    if time < last.time or (time == last.time and place_of(mark, sources) < place_of(last, sources)):
        return None
    marks = _bounded((*marks, mark), rule.evidence)
    end = max(one.last, time)
    return Episode(one.id, one.revision + 1, one.first, end, one.count + 1, one.events + 1, position, marks, b"")


def over(rule: Rule, episodes: tuple[Episode, ...], stream_time: int | None, position: int) -> tuple[Episode, ...]:
    """Drop the incidents that no trigger can reach any more and that need not be sent again."""
    if len(episodes) == 1 and position - episodes[0].position < REACH:
        return episodes
    end = None if stream_time is None else stream_time - rule.lateness - rule.quiet
    kept = [
        episode
        for episode in episodes
        if position - episode.position < REACH or not (episode.into or (end is not None and episode.last < end))
    ]
    return tuple(kept[-MOST:])


def _home(rule: Rule, row: Row, episodes: list[Episode], time: int, changed: set[int]) -> int | None:
    """Find the incident that a trigger at ``time`` belongs to, joining those that it belongs to."""
    reach = rule.quiet
    near = [index for index, episode in enumerate(episodes) if _reaches(episode, time, reach)]
    if not near:
        return None
    stays = near[0]
    for goes in near[1:]:
        one, other = episodes[stays], episodes[goes]
        episodes[stays] = _joined(rule, row, one, other, one.revision + (stays not in changed))
        changed.add(stays)
        if other.revision > (goes in changed):
            revision = other.revision + (goes not in changed)
            episodes[goes] = Episode(
                other.id, revision, other.first, other.last, 0, 0, row.position, (), one.id, born=other.born
            )
            changed.add(goes)
        else:  # made by this very step, so nobody has heard of it; it is the last one
            episodes.pop()
            changed.discard(goes)
    return stays


def _reaches(episode: Episode, time: int, reach: int) -> bool:
    """Tell whether a trigger at ``time`` belongs to the incident."""
    return episode.first - reach <= time <= episode.last + reach and not episode.into


def _joined(rule: Rule, row: Row, one: Episode, other: Episode, revision: int) -> Episode:
    evidence = sorted((*one.evidence, *other.evidence), key=lambda mark: place_of(mark, row.sources))
    return Episode(
        one.id,
        revision,
        min(one.first, other.first),
        max(one.last, other.last),
        one.count + other.count,
        one.events + other.events,
        row.position,
        _bounded(tuple(evidence), rule.evidence),
        b"",
        _later(one.latest, other.latest, row.sources),
        born=one.born,
    )


def _born(rule: Rule, one: Episode, position: int) -> Episode:
    """Say of an incident that was just made what it is made as.

    Decision: the event's time is that of the decision: the trigger's, or, where it was decided as final, the stream's
    time at which it became due.
    """
    time = one.first + rule.delay + rule.lateness + 1 if rule.final else one.first
    return replace(one, born=Born(time, position, one.first, one.last, one.count, one.events, ()))


def _grown(rule: Rule, row: Row, one: Episode, decision: Decision, revision: int) -> Episode:
    mark, events = decision.mark, one.events + decision.behind
    if mark is None:
        return replace(one, revision=revision, events=events, position=row.position)
    time, first, last = mark.time, one.first, one.last
    if time > last:
        last = time
    elif time < first:
        first = time
    evidence = (*one.evidence, mark)
    if one.evidence and time <= one.evidence[-1].time:
        evidence = tuple(sorted(evidence, key=lambda each: place_of(each, row.sources)))
    return Episode(
        one.id,
        revision,
        first,
        last,
        one.count + 1,
        events,
        row.position,
        _bounded(evidence, rule.evidence),
        b"",
        _later(one.latest, Latest(mark, ()), row.sources) if rule.shown else None,
        born=one.born,
    )


def _later(one: Latest | None, other: Latest | None, sources: tuple[Source, ...]) -> Latest | None:
    """Give the trigger that stands behind the other."""
    if one is None or other is None:
        return other if one is None else one
    return other if place_of(other.mark, sources) > place_of(one.mark, sources) else one


def _bounded(evidence: tuple[Mark, ...], most: int) -> tuple[Mark, ...]:
    """Keep the first mark and the latest of the others, ``most`` in all."""
    if len(evidence) <= most:
        return evidence
    return (evidence[0], *evidence[len(evidence) - most + 1 :]) if most > 0 else ()
