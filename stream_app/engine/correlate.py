"""Triggers become incidents. Goes in: a row and what was decided; comes out: its incidents, and which of them changed.

A trigger belongs to an incident while it is no more than ``quiet`` after its last one or before its first one; else it
makes a new one. Decision: triggers that come in another order than their times may first look like two incidents and
then be joined by one in between. The one that was made first then takes the counts over, and the other is given once
more, cleared and with no counts, so that sums over the newest revisions are exact in every order.

Decision: what is cleared has an end. A trigger up to it counts in the incident, which stays cleared; one behind it does
not, and no incident reaches from one side of such a moment to the other.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stream_app.engine.incident import incident_id
from stream_app.engine.key import Key
from stream_app.engine.life import told_at
from stream_app.engine.row import MOST, MUTED, PENDING, Born, Episode, Latest, Mark, Row, Source
from stream_app.engine.window import Decision, place_of
from stream_app.rulebook.rule import Rule

REACH = 100_000
"""How many offsets of the matches topic are read again at most after a crash: what a worker may have in flight there.
An incident that is over stays in its row until it lies further back than that, since it may have to be sent again."""


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
    if rule.births:
        for index in changed:
            if after[index].revision == 1:
                after[index] = _born(rule, after[index], row.position)
    return tuple(after), tuple([after[index] for index in sorted(changed)])


def alone(  # noqa: PLR0913, PLR0917 - a row is not made of it first: most matches come here
    rule: Rule,
    key: Key,
    episodes: tuple[Episode, ...],
    sources: tuple[Source, ...],
    mark: Mark,
    position: int,
    stream_time: int | None,
) -> Episode | None:
    """Give the only incident of a key after a trigger with one event behind it, which it makes or goes on with.

    Nearly every match there is. None where this is not the whole story: :func:`~stream_app.engine.life.age`,
    :func:`correlate` and :func:`~stream_app.engine.life.pace` tell it of a row at ``position``, with equal results for
    a trigger that is not late. It is to be said unless it is pending or muted.
    """
    if rule.births:  # it keeps what it was made as
        return None
    time = mark.time
    if not episodes:
        evidence = _bounded((mark,), rule.evidence)
        return Episode(incident_id(rule, key, time), 1, time, time, 1, 1, position, evidence, b"", None, None, time)
    one, marks = episodes[0], episodes[0].evidence
    if len(episodes) > 1 or not marks or one.cleared is not None or not _reaches(one, time, rule.quiet):
        return None
    last = marks[-1]  # several in one second or millisecond are common, and in the order of their places as a rule
    if time < last.time or (time == last.time and place_of(mark, sources) < place_of(last, sources)):
        return None
    said, flags, end = one.said, one.flags, max(one.last, time)
    if flags & PENDING:
        if stream_time is not None and stream_time >= said + rule.update_interval:
            return None  # what it was is said first
        flags &= ~PENDING
    told = told_at(rule.update_interval, said, end, stream_time)
    if told is None:
        flags |= PENDING
    else:
        said = told
    marks = _bounded((*marks, mark), rule.evidence)
    count, events, revision = one.count + 1, one.events + 1, one.revision + 1
    return Episode(one.id, revision, one.first, end, count, events, position, marks, b"", None, None, said, flags)


def over(rule: Rule, episodes: tuple[Episode, ...], stream_time: int | None, position: int) -> tuple[Episode, ...]:
    """Drop the incidents that are over, that no trigger can reach any more and that need not be sent again."""
    if len(episodes) == 1 and position - episodes[0].position < REACH:
        return episodes
    end = None if stream_time is None else stream_time - rule.lateness - rule.quiet
    kept = [
        episode
        for episode in episodes
        if position - episode.position < REACH
        or not (episode.into or (episode.cleared is not None and end is not None and episode.last < end))
    ]
    return tuple(kept[-MOST:])


def _home(rule: Rule, row: Row, episodes: list[Episode], time: int, changed: set[int]) -> int | None:
    """Find the incident that a trigger at ``time`` belongs to, joining those that it belongs to."""
    reach = rule.quiet
    ends = [episode.cleared for episode in episodes if episode.cleared is not None]
    near = [
        index
        for index, episode in enumerate(episodes)
        if _reaches(episode, time, reach) and all((time <= end) == (episode.first <= end) for end in ends)
    ]
    if not near:
        return None
    stays = near[0]
    for goes in near[1:]:
        one, other = episodes[stays], episodes[goes]
        episodes[stays] = _joined(rule, row, one, other, one.revision + (stays not in changed))
        changed.add(stays)
        if other.revision > (goes in changed):
            revision = other.revision + (goes not in changed)
            facts = (other.id, revision, other.first, other.last, 0, 0, row.position, (), one.id)
            episodes[goes] = Episode(*facts, flags=other.flags & ~PENDING, born=other.born)
            changed.add(goes)
        else:  # made by this very step, so nobody has heard of it; it is the last one
            episodes.pop()
            changed.discard(goes)
    return stays


def _reaches(episode: Episode, time: int, reach: int) -> bool:
    """Tell whether a trigger at ``time`` belongs to the incident, for all that it knows itself."""
    end = episode.last + reach if episode.cleared is None else episode.cleared
    return episode.first - reach <= time <= end and not episode.into


def _joined(rule: Rule, row: Row, one: Episode, other: Episode, revision: int) -> Episode:
    evidence = sorted((*one.evidence, *other.evidence), key=lambda mark: place_of(mark, row.sources))
    muted = one.flags & other.flags & MUTED  # one that was told goes on being told; one that was not is no event now
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
        min((each.cleared for each in (one, other) if each.cleared is not None), default=None),
        max(one.said, other.said),
        one.flags & ~MUTED | muted,
        one.born if one.flags & MUTED == muted else None,
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
        one.cleared,
        one.said,
        one.flags,
        one.born,
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
