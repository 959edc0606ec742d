"""The life of incidents: what is said of them, and when they are over. Goes in: a line; comes out: the line after it.

A *line* is the incidents of one tuple of attributes, as they were made. Beside it comes out which of them are told of
now: of each one a record is to be sent.

Decision: the first record of an incident is sent at once, a later one at the earliest ``update_interval`` after the one
before it, told by the times of triggers and by the stream's time, never by the wall clock. What is held back waits for
the stream's time, also without a further trigger, and is part of whatever is sent before that. The revision grows with
every change, sent or not, so what is sent does not depend on what was not. An incident that is over, or was taken over
by another one, is never held back.

Decision: an incident is over (auto cleared) when no trigger that is in time can belong to it any more: the stream's
time is more than ``quiet`` and ``lateness`` past its last one. So it is over in every order of arrival, with the same
numbers. ``cleared`` is the time from which on it is over, not the one at which that was known.
"""

from msgspec.structs import replace

from stream_app.engine.row import MOST, MUTED, PENDING, Episode
from stream_app.rulebook.rule import Rule

Episodes = tuple[Episode, ...]


def told_at(interval: int, said: int, last: int, stream_time: int | None) -> int | None:
    """Give the time (ms) that a change counts as said at, None where it has to wait.

    ``said`` is the time of the record before it and ``last`` the incident's last trigger after the change: since that
    only grows, it is ``interval`` past the former exactly where the change is.
    """
    due = said + interval
    if last >= due or not interval:
        return max(said, last)
    return due if stream_time is not None and stream_time >= due else None


def pace(rule: Rule, episodes: Episodes, changed: Episodes, stream_time: int | None) -> tuple[Episodes, Episodes]:
    """Decide which of the incidents that have changed are told of now; the others wait for the stream's time.

    Decision: of more incidents than a row holds the oldest are told of as over: the row lets go of them.
    """
    paced = {id(episode): _paced(rule, episode, stream_time) for episode in changed}
    after = [paced.get(id(episode), episode) for episode in episodes]
    said = [*paced.values()]
    for index in range(len(after) - MOST):
        if _stands(after[index]):
            after[index] = _cleared(rule, after[index], after[index].position)
            said.append(after[index])
    return tuple(after), tuple([each for each in said if not each.flags & (PENDING | MUTED)])


def due(rule: Rule, episodes: Episodes) -> int | None:
    """Give the first stream time (ms) at which :func:`age` has something to do; None where nothing waits."""
    first: int | None = None
    for episode in episodes:
        if _stands(episode):
            time = _over_at(rule, episode)
            if episode.flags & PENDING:
                time = min(time, episode.said + rule.update_interval)
            if first is None or time < first:
                first = time
    return first


def age(
    rule: Rule, episodes: Episodes, stream_time: int, position: int, *, clears: bool = True
) -> tuple[Episodes, Episodes]:
    """Let the stream's time come to ``stream_time``, at ``position`` of the matches topic.

    What was held back is told of, and what is over is cleared; in one record where both come due at once. Who comes at
    once to where another came in steps is told the same. ``clears=False`` clears nothing.
    """
    after: list[Episode] = []
    said: list[Episode] = []
    for episode in episodes:
        steps = _aged(rule, episode, stream_time, position, clears=clears) if _stands(episode) else ()
        after.append(steps[-1] if steps else episode)
        said += [] if episode.flags & MUTED else steps
    return tuple(after), tuple(said)


def _stands(episode: Episode) -> bool:
    return episode.cleared is None and not episode.into


def _over_at(rule: Rule, episode: Episode) -> int:
    """Give the first stream time at which no trigger can belong to the incident any more."""
    return episode.last + rule.quiet + rule.lateness + rule.delay + 1


def _aged(rule: Rule, episode: Episode, stream_time: int, position: int, *, clears: bool) -> list[Episode]:
    """Give an incident as it is after each thing that the stream's time does to it."""
    steps: list[Episode] = []
    over = _over_at(rule, episode)
    told = episode.said + rule.update_interval
    if episode.flags & PENDING and stream_time >= told and not (clears and told >= over):
        episode = replace(episode, said=told, flags=episode.flags & ~PENDING, position=position)
        steps.append(episode)
    if clears and stream_time >= over:
        steps.append(_cleared(rule, episode, position))
    return steps


def _cleared(rule: Rule, episode: Episode, position: int) -> Episode:
    return replace(
        episode,
        revision=episode.revision + 1,
        cleared=episode.last + rule.quiet,
        flags=episode.flags & ~PENDING,
        position=position,
    )


def _paced(rule: Rule, episode: Episode, stream_time: int | None) -> Episode:
    flags = episode.flags & ~PENDING
    if not _stands(episode):
        return replace(episode, flags=flags)
    told: int | None = episode.last
    if episode.revision > 1:
        told = told_at(rule.update_interval, episode.said, episode.last, stream_time)
    if told is None:
        return replace(episode, flags=flags | PENDING)
    return replace(episode, said=told, flags=flags)
