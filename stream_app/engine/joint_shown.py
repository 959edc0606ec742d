"""The aggregates that incidents of a rule with several subpatterns show: incidents in, incidents with values out.

Each is one over the events of one subpattern that stand behind the latest trigger, in the order of time and place.

Decision: an aggregate is absent where its subpattern takes no part. The groups that take part are looked for anew, for
this trigger; where that is not possible any more (its window has been let go of, or what was true on arrival no longer
is), what was shown stays.
"""

from bisect import bisect_left

from msgspec.structs import replace

from stream_app.engine.combinations import Budget, Pool, TooMany
from stream_app.engine.joint import found_at
from stream_app.engine.match import Group
from stream_app.engine.row import Episode, Latest, Mark
from stream_app.rulebook.rule import Rule

Episodes = tuple[Episode, ...]


def with_aggregates(
    rule: Rule, pool: Pool, attributes: Group, episodes: Episodes, changed: Episodes
) -> tuple[Episodes, Episodes]:
    """Give a line's incidents, and those that changed, with the aggregates that the rule shows."""
    if not rule.shown:
        return episodes, changed
    shown = {episode.id: _shown(rule, pool, attributes, episode) for episode in changed}
    after = tuple([shown.get(episode.id, episode) for episode in episodes])
    return after, tuple([shown[episode.id] for episode in changed])


def _shown(rule: Rule, pool: Pool, attributes: Group, episode: Episode) -> Episode:
    latest = episode.latest
    event = None if latest is None else _event_of(pool, latest.mark)
    if latest is None or event is None:
        return episode
    try:
        parts = found_at(pool, event, Budget()).get(attributes)
    except TooMany:
        parts = None
    if parts is None:
        return episode
    window = pool.ending(event)
    rows = []
    for _, aggregate in rule.shown:
        own = [part for part in parts if pool.join.names[part[0]] == aggregate.subpattern]
        events = sorted({each for part in own for each in pool.within(part, window.first, window.end)})
        rows.append([pool.held[each].values for each in events])
    values = [aggregate.value(each) if each else None for (_, aggregate), each in zip(rule.shown, rows, strict=True)]
    born = episode.born
    if born is not None and episode.revision == 1:
        born = replace(born, values=tuple(values))
    return replace(episode, latest=Latest(latest.mark, tuple(values)), born=born)


def _event_of(pool: Pool, mark: Mark) -> int | None:
    """Find the event that a mark names, where it is still held."""
    for index in range(bisect_left(pool.times, mark.time), len(pool.times)):
        event = pool.held[index]
        if event.time > mark.time:
            break
        if (event.source, event.offset) == (mark.source, mark.offset):
            return index
    return None
