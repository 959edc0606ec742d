"""Combinations of events that satisfy a rule with several subpatterns: events go in, groups that go together come out.

An event is an *occurrence* of a subpattern in a window if the aggregate constraint holds over the window's events of
its group up to its own time. Decision: groups are assigned, not events: where one group is chosen for each member of a
way, the earliest completion of what stands on the left of FOLLOWED_BY leaves most room for what stands on its right, so
that a walk over the tree decides exactly what trying all events would. What must not come (:class:`Without`) is looked
for in the same way, in windows of its own that end with its events.

Decision: at most ``MOST`` assignments are looked at for one event, so that none can stall a worker.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import cast

from stream_app.engine.match import Group
from stream_app.engine.row import SERVES, Held
from stream_app.engine.window import holds, threshold
from stream_app.language.aggregate import CountConstraint
from stream_app.rulebook.join import InOrder, Join, Occurs, Relation, Together, Tree
from stream_app.rulebook.rule import Rule

MOST = 10_000
"""Assignments of groups that are looked at for one event."""

_ROWS = 100
"""Asking an aggregate constraint costs as much as one assignment, and one more for so many events."""

Assigned = dict[int, Group]
"""A group for each member of a way, by the member's number."""

Part = tuple[int, Group]
"""A subpattern, by its number, and one of its groups."""


class TooMany(Exception):
    """More than ``MOST`` assignments would have to be looked at."""


class Budget:
    """What may still be looked at."""

    def __init__(self) -> None:
        self._left = MOST

    def spend(self, amount: int = 1) -> None:
        """Look at so many assignments. Raises :class:`TooMany`."""
        self._left -= amount
        if self._left < 0:
            raise TooMany


def numbers_of(event: Held) -> tuple[int, ...]:
    """Give the subpatterns that an event serves."""
    mask = event.state // SERVES
    return tuple([number for number in range(mask.bit_length()) if mask >> number & 1])


class Pool:
    """The events of a row, in the order of their places, each named by its index; and by subpattern their groups."""

    def __init__(self, rule: Rule, held: Sequence[Held]) -> None:
        self.join = cast("Join", rule.join)
        self.subpatterns = rule.subpatterns
        self.window = rule.window
        self.held = held
        self.times = [event.time for event in held]
        self.serves: list[tuple[int, ...]] = []
        self.serving: list[list[int]] = [[] for _ in self.subpatterns]
        """By subpattern, the events that serve it, in rising order."""
        self.groups: list[dict[Group, list[int]]] = [{} for _ in self.subpatterns]
        """By subpattern and group likewise."""
        known: dict[int, tuple[int, ...]] = {}
        for index, event in enumerate(held):
            numbers = known.get(event.state)
            if numbers is None:
                numbers = known[event.state] = numbers_of(event)
            self.serves.append(numbers)
            for number in numbers:
                self.serving[number].append(index)
                self.groups[number].setdefault(self.group(index, number), []).append(index)
        self._windows: dict[int, Window] = {}
        self._relations: list[list[tuple[int, Relation, bool]]] = [[] for _ in self.subpatterns]
        for relation in self.join.relations:
            self._relations[relation.left].append((relation.right, relation, True))
            self._relations[relation.right].append((relation.left, relation, False))

    def group(self, index: int, number: int) -> Group:
        """Give an event's group in a subpattern."""
        values = self.held[index].values
        return tuple([values[place] for place in self.join.groups[number]])

    def ending(self, last: int) -> "Window":
        """Give the window that ends with an event."""
        window = self._windows.get(last)
        if window is None:
            window = self._windows[last] = Window(self, last)
        return window

    def span(self, time: int) -> tuple[int, int]:
        """Give the first event of the window that ends at a time, and the one behind its last."""
        return bisect_right(self.times, time - self.window), bisect_right(self.times, time)

    def within(self, part: Part, first: int, end: int) -> list[int]:
        """Give the events of a group from ``first`` up to before ``end``."""
        events = self.groups[part[0]].get(part[1], [])
        return events[bisect_left(events, first) : bisect_left(events, end)]

    def fits(self, number: int, group: Group, *chosen: Assigned) -> bool:
        """Tell whether a group satisfies every relation to the groups that were chosen for other subpatterns."""
        for other, relation, is_left in self._relations[number]:
            for each in chosen:
                if other in each:
                    left, right = (group, each[other]) if is_left else (each[other], group)
                    if not relation.holds(left[relation.left_place], right[relation.right_place]):
                        return False
        return True


class Window:
    """The window that ends with the time of an event, up to that event."""

    def __init__(self, pool: Pool, last: int) -> None:
        self._pool = pool
        self.last = last
        self.first, self.end = pool.span(pool.times[last])
        self._occurring: dict[Part, list[int]] = {}

    def occurring(self, number: int, group: Group, budget: Budget) -> list[int]:
        """Give the occurrences of a subpattern with a group, in rising order. Raises :class:`TooMany`."""
        part = number, group
        found = self._occurring.get(part)
        if found is None:
            events = self._pool.within(part, self.first, self.end)
            found = occurrences(self._pool, number, group, events, budget)
            found = self._occurring[part] = found[: bisect_right(found, self.last)]
        return found

    def satisfying(
        self,
        tree: Tree,
        members: Sequence[int],
        budget: Budget,
        *,
        through: int | None = None,
        beside: Assigned | None = None,
    ) -> Iterator[Assigned]:
        """Give the assignments of groups to a way's members that a combination ending with the event satisfies.

        One may be given more than once. Those only in which event ``through`` takes part by its group, where one is
        named; those only that satisfy the relations to the groups ``beside``, which others have. Raises
        :class:`TooMany`.
        """
        pool, last = self._pool, self.last
        enders = last_of(tree)
        ends = [{number: pool.group(last, number)} for number in pool.serves[last] if number in enders]
        pins = ends
        if through is not None and through != last:
            parts = [{number: pool.group(through, number)} for number in pool.serves[through] if number in members]
            pins = [{**end, **part} for end, part in product(ends, parts) if {**part, **end} == {**end, **part}]
        for pinned in pins:
            budget.spend()
            chosen: Assigned = {}
            for number, group in pinned.items():
                if not pool.fits(number, group, chosen, beside or {}):
                    break
                chosen[number] = group
            else:
                free = [number for number in members if number not in chosen]
                for assigned in self._extended(chosen, free, budget, beside or {}):
                    if ends_with(tree, last, -1, {n: self.occurring(n, g, budget) for n, g in assigned.items()}):
                        yield assigned

    def _extended(self, chosen: Assigned, free: Sequence[int], budget: Budget, beside: Assigned) -> Iterator[Assigned]:
        """Choose a group with occurrences for each member that has none, in every way that the relations allow."""
        if not free:
            yield chosen
            return
        number = free[0]
        for group in self._pool.groups[number]:
            budget.spend()
            if self.occurring(number, group, budget) and self._pool.fits(number, group, chosen, beside):
                yield from self._extended({**chosen, number: group}, free[1:], budget, beside)


def occurrences(pool: Pool, number: int, group: Group, events: list[int], budget: Budget) -> list[int]:
    """Give those of a group's events in a window up to whose time the aggregate constraint holds over them."""
    constraint = pool.subpatterns[number].constraint
    times = pool.times

    def counted(event: int) -> int:
        return bisect_right(events, times[event], key=times.__getitem__)

    if isinstance(constraint, CountConstraint):
        least = threshold(constraint)
        if least is None:
            return [event for event in events if holds(constraint, counted(event))]
        if least <= 1 or least > len(events):
            return events if least <= 1 else []
        return events[bisect_left(events, times[events[least - 1]], key=times.__getitem__) :]
    answers: dict[int, bool] = {}

    def ask(event: int) -> bool:
        count = counted(event)
        if count not in answers:
            budget.spend(1 + count // _ROWS)
            answers[count] = constraint.holds([pool.held[each].values for each in events[:count]], group)
        return answers[count]

    if constraint.monotone:
        return events[bisect_right(events, 0, key=ask) :]
    return [event for event in events if ask(event)]


def members_of(tree: Tree) -> tuple[int, ...]:
    """Give the subpatterns of a tree, in its order."""
    if isinstance(tree, Occurs):
        return (tree.number,)
    return tuple([number for part in tree.parts for number in members_of(part)])


def last_of(tree: Tree) -> frozenset[int]:
    """Give the members with which a combination can end."""
    if isinstance(tree, Occurs):
        return frozenset((tree.number,))
    parts = tree.parts if isinstance(tree, Together) else tree.parts[-1:]
    return frozenset().union(*map(last_of, parts))


def earliest(tree: Tree, after: int, occurring: Mapping[int, Sequence[int]]) -> int | None:
    """Give the event with which a combination of events behind ``after`` is complete first; None if none ever is."""
    if isinstance(tree, Occurs):
        events = occurring[tree.number]
        place = bisect_right(events, after)
        return events[place] if place < len(events) else None
    in_order = isinstance(tree, InOrder)
    complete = after
    for part in tree.parts:
        done = earliest(part, complete if in_order else after, occurring)
        if done is None:
            return None
        complete = max(complete, done)
    return complete


def ends_with(tree: Tree, last: int, after: int, occurring: Mapping[int, Sequence[int]]) -> bool:
    """Tell whether a combination of events behind ``after`` ends with ``last``; no occurrence is behind that."""
    if isinstance(tree, Occurs):
        events = occurring[tree.number]
        return last > after and bool(events) and events[-1] == last
    if isinstance(tree, InOrder):
        before = earliest(InOrder(tree.parts[:-1]), after, occurring)
        return before is not None and ends_with(tree.parts[-1], last, before, occurring)
    complete = all(earliest(part, after, occurring) is not None for part in tree.parts)
    return complete and any(ends_with(part, last, after, occurring) for part in tree.parts)
