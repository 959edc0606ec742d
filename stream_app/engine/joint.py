"""What an event of a rule with several subpatterns triggers: a pool of events goes in, marks and decisions come out.

An event is a trigger of a tuple of incident attributes if a combination in the window that ends at its time has that
tuple and ends with it. Behind it stand all events of that window that belong to groups which took part. Decision: the
tuple's *line* in the row counts each event once, however many of its triggers it stands behind.

Decision: NOT_FOLLOWED_BY is violated by what completes behind the trigger and less than a window after it, AND_NOT by
what completes less than a window before or after it, the trigger itself included; each is a trigger as if it stood
alone, with windows of its own, whose groups satisfy the relations to those of the combination.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from stream_app.engine.combinations import Assigned, Budget, Part, Pool, last_of, members_of
from stream_app.engine.exceptions import applying, excepting
from stream_app.engine.match import Group
from stream_app.engine.row import Line, Mark
from stream_app.engine.window import Decision
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.join import Without
from stream_app.rulebook.rule import Rule

Found = dict[Group, dict[Part, None]]
"""What an event triggers: by tuple of incident attributes the groups that took part, in the order of their finding."""


def found_at(pool: Pool, last: int, budget: Budget, through: int | None = None) -> Found:
    """Give what combinations that end with an event have for tuples, and the groups of each.

    Only those in which the group of event ``through`` takes part, where one is named. Raises ``TooMany``.
    """
    found: Found = {}
    for way in pool.join.ways:
        for assigned in pool.ending(last).satisfying(way.tree, way.members, budget, through=through):
            if not any(_violated(pool, without, assigned, last, budget) for without in way.without):
                found.setdefault(_tuple_of(pool, assigned), {}).update(dict.fromkeys(assigned.items()))
    return found


def _tuple_of(pool: Pool, assigned: Assigned) -> Group:
    """Give the incident attributes: absent for a subpattern that takes no part."""
    return tuple([assigned[number][place] if number in assigned else None for number, place in pool.join.mapped])


def _violated(pool: Pool, without: Without, assigned: Assigned, last: int, budget: Budget) -> bool:
    """Tell whether something comes that must not. Raises ``TooMany``."""
    time = pool.times[last]
    first = last + 1 if without.after else bisect_right(pool.times, time - pool.window)
    end = bisect_left(pool.times, time + pool.window)
    for tree in without.ways:
        members, enders = members_of(tree), last_of(tree)
        for event in sorted({each for number in enders for each in _between(pool.serving[number], first, end)}):
            for _ in pool.ending(event).satisfying(tree, members, budget, beside=assigned):
                return True
    return False


def _between(events: Sequence[int], first: int, end: int) -> Sequence[int]:
    return events[bisect_left(events, first) : bisect_left(events, end)]


class Board:
    """The events of a row while something is decided: of which lines they are triggers, and behind which they stand."""

    def __init__(self, rule: Rule, pool: Pool, lines: Sequence[Line]) -> None:
        self._rule = rule
        self._pool = pool
        self.marks = [event.marks for event in pool.held]
        self.tuples = [line.attributes for line in lines]
        """By number of the line: its incident attributes. New ones come behind the others."""
        self._numbers = {each: number for number, each in enumerate(self.tuples)}
        self._seen: dict[tuple[int, Part], int] = {}

    def triggered(self, last: int, found: Found) -> list[tuple[int, Decision]]:
        """Make an event the trigger of what was found; give what that decides for each line to which it is news.

        Ask in the order of the events. No event stands behind a trigger that falls under an exception.
        """
        pool = self._pool
        event = pool.held[last]
        first, end = pool.span(event.time)
        decided = []
        for attributes, parts in found.items():
            line = self._line(attributes)
            fresh = not self._has(last, 2 * line + 1)
            if fresh:
                self._add(last, 2 * line + 1)
            mark = Mark(event.time, event.source, event.offset) if fresh else None
            exception = self.exception_of(self._rule, attributes, event.time)
            if exception is not None:
                decided.append((line, Decision(event.time, mark, 0, exception)))
                continue
            behind = 0
            for part in parts:
                # What lies before was put behind an earlier trigger of this line, from which the same group is seen.
                since = max(first, self._seen.get((line, part), 0))
                self._seen[line, part] = end
                for each in pool.within(part, since, end):
                    behind += self._put_behind(each, line)
            if fresh or behind:
                decided.append((line, Decision(event.time, mark, behind)))
        return decided

    @staticmethod
    def exception_of(rule: Rule, attributes: Group, time: int) -> RuleException | None:
        """Give the exception under which a trigger of a line falls at a time."""
        return excepting(applying(rule, attributes), time) if rule.exceptions else None

    def joined(self, new: int, events: Sequence[int]) -> list[tuple[int, Decision]]:
        """Put a new event behind the triggers among ``events`` that hold it in their windows and its group behind them.

        Decision: that is how an event counts that comes late into the window of a trigger that stands, where the
        constraints are not asked again: if another event of its group does.
        """
        pool = self._pool
        parts = [(number, pool.group(new, number)) for number in pool.serves[new]]
        decided = []
        for last in events:
            first, end = pool.span(pool.times[last])
            for line in [mark // 2 for mark in self.marks[last] if mark % 2]:
                others = (each for part in parts for each in pool.within(part, first, end) if each != new)
                if any(self._has(each, 2 * line) for each in others) and self._put_behind(new, line):
                    decided.append((line, Decision(pool.times[last], None, 1)))
        return decided

    def _line(self, attributes: Group) -> int:
        number = self._numbers.get(attributes)
        if number is None:
            number = self._numbers[attributes] = len(self.tuples)
            self.tuples.append(attributes)
        return number

    def _has(self, event: int, mark: int) -> bool:
        marks = self.marks[event]
        place = bisect_left(marks, mark)
        return place < len(marks) and marks[place] == mark

    def _add(self, event: int, mark: int) -> None:
        marks = self.marks[event]
        place = bisect_left(marks, mark)
        self.marks[event] = (*marks[:place], mark, *marks[place:])

    def _put_behind(self, event: int, line: int) -> bool:
        if self._has(event, 2 * line):
            return False
        self._add(event, 2 * line)
        return True
