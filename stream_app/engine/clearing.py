"""A rule's clear pattern: an event of it that makes its constraint hold ends the incidents with the same values.

Decision: an incident is cleared by the first such event that is not before its last trigger; within one millisecond the
clear comes behind the triggers. A trigger that comes late and before it counts in the cleared incident.

Decision: on arrival, what has been told of stands: an event of the pattern that comes late ends no incident that has
triggered again behind it. Where that must not depend on the order of arrival, the rule is to be decided as final.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stream_app.engine.combinations import Budget, Pool
from stream_app.engine.match import Group
from stream_app.engine.row import Episode
from stream_app.rulebook.rule import Rule

Episodes = tuple[Episode, ...]


def clears(pool: Pool, event: int, budget: Budget) -> bool:
    """Tell whether an event makes the clear pattern hold. Raises ``TooMany``."""
    clear = pool.join.clear
    if clear is None or clear.number not in pool.serves[event]:
        return False
    found = pool.ending(event).occurring(clear.number, pool.group(event, clear.number), budget)
    return bool(found) and found[-1] == event


def is_cleared_by(pool: Pool, event: int, attributes: Group) -> bool:
    """Tell whether incidents with these attributes are over when an event makes the clear pattern hold."""
    clear = pool.join.clear
    if clear is None:
        return False
    group = pool.group(event, clear.number)
    return all(relation.holds(attributes[place], group[relation.right_place]) for place, relation in clear.matched)


def cleared(
    rule: Rule, episodes: Episodes, changed: Episodes, times: Sequence[int], position: int
) -> tuple[Episodes, Episodes]:
    """Clear the incidents that stand, each from the first of ``times`` that is not before its last trigger.

    ``times`` are ms, rising. Gives all incidents then, and those that changed: one revision more for one that was not
    among them already.
    """
    told = {episode.id for episode in changed}
    after, changes = [], []
    for one in episodes:
        episode = one
        time = next((each for each in times if one.last <= each <= one.last + rule.quiet), None)
        if time is not None and episode.cleared is None and not episode.into:
            revision = episode.revision + (episode.id not in told)
            episode = replace(episode, cleared=time, revision=revision, position=position)
            told.add(episode.id)
        after.append(episode)
        if episode.id in told:
            changes.append(episode)
    return tuple(after), tuple(changes)
