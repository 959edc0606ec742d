"""The matches of one rule as they were counted in a replay: what a row has let go of is still known here.

Decision: rows keep no more than can still decide, and of a rule that triggers at every event nothing at all. Who asks
what a window holds wants all of it, so every match is remembered beside the rows, with what was decided of it.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping

from msgspec import Struct

from stream_app.engine.explained import WindowEvent
from stream_app.engine.match import INCIDENTS, NO_PARTITION, Group, Match, Origin
from stream_app.engine.row import TRIGGER, WAITING, Held, Row
from stream_app.rulebook.rule import Rule

Place = tuple[str, str, int, int]
"""Where a record lies: topic, its id, partition, offset."""

LISTED = 20
"""How many events, groups and combinations are listed of those that there are."""


class Remembered(Struct):
    """A match that was counted."""

    time: int
    place: Place
    values: Group
    triggers: bool = False
    waits: bool = False


class Played:
    """The matches of a rule, by key. ``names`` says what a record is called, by its place."""

    def __init__(self, rule: Rule, names: Mapping[Place, str]) -> None:
        self._rule = rule
        self._names = names
        self._by_key: dict[bytes, list[Remembered]] = {}
        self._by_place: dict[tuple[bytes, Place], Remembered] = {}

    def take(self, key: bytes, match: Match) -> None:
        """Remember a match that was counted."""
        place = place_of(match.origin)
        remembered = Remembered(match.time, place, match.values, triggers=self._rule.every_event)
        insort(self._by_key.setdefault(key, []), remembered, key=_order)
        self._by_place[key, place] = remembered

    def settle(self, key: bytes, row: Row) -> None:
        """Note what was decided of the events that a row still holds."""
        for event in row.held:
            each = self._by_place[key, _place(row, event)]
            each.waits = bool(event.state & WAITING)
            each.triggers = is_trigger(self._rule, event)

    def window(self, key: bytes, time: int) -> list[Remembered]:
        """Give the matches of a key in the window that ends at a time."""
        every = self._by_key.get(key, [])
        begin = bisect_right(every, time - self._rule.window, key=lambda each: each.time)
        return every[begin : bisect_right(every, time, key=lambda each: each.time)]

    def listed(self, window: list[Remembered]) -> tuple[WindowEvent, ...]:
        """List the latest events of a window."""
        return tuple(
            [
                WindowEvent(
                    place=self._name(each.place),
                    time=each.time,
                    triggers=each.triggers,
                    waits=each.waits,
                    patterns=self._served(each.values),
                )
                for each in window[-LISTED:]
            ]
        )

    def _name(self, place: Place) -> str:
        _, topic_id, partition, _ = place
        if partition == NO_PARTITION:
            return f"{INCIDENTS}/{topic_id}"
        return self._names[place]

    def _served(self, values: Group) -> tuple[str, ...]:
        join = self._rule.join
        if join is None:
            return ()
        return tuple([name for number, name in enumerate(join.names) if int(values[-1] or 0) >> number & 1])


def _order(each: Remembered) -> tuple[int, Place]:
    return each.time, each.place


def place_of(origin: Origin) -> Place:
    """Give where the record of a match lies."""
    return origin.topic, origin.topic_id, origin.partition, origin.offset


def held_at(row: Row, place: Place) -> int | None:
    """Find the event of a place among those that a row holds."""
    return next((index for index, event in enumerate(row.held) if _place(row, event) == place), None)


def is_trigger(rule: Rule, event: Held) -> bool:
    """Tell whether an event that is held triggers: of a rule with several subpatterns, any tuple of attributes."""
    if rule.join is not None:
        return any(mark % 2 for mark in event.marks)
    return bool(event.state & TRIGGER)


def _place(row: Row, event: Held) -> Place:
    source = row.sources[event.source]
    return source.topic, source.topic_id, source.partition, event.offset
