"""The aggregates that incidents show. Goes in: a row's incidents, some of which changed; comes out: these, with values.

An aggregate is one over the window of the incident's latest trigger, in the order of time and place. Decision: it is
worked out anew whenever the incident changes: an event that comes late into that window changes what is shown, in the
same revision in which it changes the counts. What can change an incident comes while its latest trigger is held.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stream_app.engine.row import Episode, Held, Latest, Source
from stream_app.engine.window import in_window
from stream_app.rulebook.rule import Rule

Episodes = tuple[Episode, ...]


def with_aggregates(
    rule: Rule, held: Sequence[Held], sources: Sequence[Source], episodes: Episodes, changed: Episodes
) -> tuple[Episodes, Episodes]:
    """Give the incidents, and those that changed, with the aggregates that the rule shows."""
    if not rule.shown:
        return episodes, changed
    shown = {id(episode): _shown(rule, held, sources, episode) for episode in changed}
    after = tuple([shown.get(id(episode), episode) for episode in episodes])
    return after, tuple([shown[id(episode)] for episode in changed])


def _shown(rule: Rule, held: Sequence[Held], sources: Sequence[Source], episode: Episode) -> Episode:
    latest = episode.latest
    if latest is None:
        return episode
    brought = [event.values for event in in_window(held, latest.mark, sources, rule.window)]
    values = tuple([aggregate.value(brought) for _, aggregate in rule.shown])
    born = episode.born
    if born is not None and episode.revision == 1:
        born = replace(born, values=values)
    return replace(episode, latest=Latest(latest.mark, values), born=born)
