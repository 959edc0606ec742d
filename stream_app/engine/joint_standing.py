"""What the window of an event holds of each subpattern: a row and an event of it in, occurrences and what lacks out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from stream_app.engine.combinations import MOST, Budget, Pool, TooMany
from stream_app.engine.explained import CLEARS, MUST, MUST_NOT, GroupAnswer, PatternStanding, Values, Way
from stream_app.engine.joint import found_at
from stream_app.engine.match import Group
from stream_app.engine.played import LISTED
from stream_app.engine.row import Row
from stream_app.engine.window import holds
from stream_app.language.aggregate import CountConstraint
from stream_app.language.aggregates import portable
from stream_app.language.measures import Window
from stream_app.rulebook.rule import Rule, Subpattern

if TYPE_CHECKING:
    from stream_app.rulebook.join import Join

NOT_HELD = "the event is not held: it was not counted, or nothing can be decided by it any more"


class Scene:
    """The window that ends with an event of a row of a rule with several subpatterns. ``at`` is its index, or None."""

    def __init__(self, rule: Rule, row: Row, at: int | None) -> None:
        self._rule = rule
        self._join = cast("Join", rule.join)
        self._pool = Pool(rule, row.held)
        self.note = ""
        self.patterns: tuple[PatternStanding, ...] = ()
        self.ways: tuple[Way, ...] = ()
        self.combinations: tuple[Values, ...] = ()
        if at is None:
            self.note = NOT_HELD
            return
        try:
            self._look(at)
        except TooMany:
            self.note = f"more than {MOST:,} combinations of groups would be looked at"

    def _look(self, at: int) -> None:
        numbers = range(len(self._join.names))
        self.patterns = tuple([self._pattern(number, at) for number in numbers])
        occurs = {number: each.occurs for number, each in zip(numbers, self.patterns, strict=True)}
        names = self._join.names
        window = self._pool.ending(at)
        self.ways = tuple(
            [
                Way(
                    patterns=tuple([names[number] for number in way.members]),
                    satisfied=any(True for _ in window.satisfying(way.tree, way.members, Budget())),
                    missing=tuple([names[number] for number in way.members if not occurs[number]]),
                )
                for way in self._join.ways
            ]
        )
        found = [*found_at(self._pool, at, Budget())]
        mapping = [name for name, _ in self._rule.mapping]
        self.combinations = tuple([dict(zip(mapping, each, strict=True)) for each in found[:LISTED]])

    def _pattern(self, number: int, at: int) -> PatternStanding:
        pool, window, budget = self._pool, self._pool.ending(at), Budget()
        groups, occurs = [], False
        for group in pool.groups[number]:
            events = pool.within((number, group), window.first, window.end)
            if events:
                occurring = bool(window.occurring(number, group, budget))
                occurs = occurs or occurring
                groups.append((occurring, events, group))
        groups.sort(key=lambda each: (not each[0], -each[1][-1]))
        subpattern = self._rule.subpatterns[number]
        return PatternStanding(
            name=subpattern.name,
            role=self._role(number),
            occurs=occurs,
            groups=tuple(
                [
                    grouped(subpattern, [pool.held[event].values for event in events], group, named=True)
                    for _, events, group in groups[:LISTED]
                ]
            ),
            more_groups=max(0, len(groups) - LISTED),
        )

    def _role(self, number: int) -> str:
        if self._join.clear is not None and self._join.clear.number == number:
            return CLEARS
        return MUST if any(number in way.members for way in self._join.ways) else MUST_NOT


def grouped(subpattern: Subpattern, rows: Sequence[Group], group: Group, *, named: bool = False) -> GroupAnswer:
    """Say what the aggregate constraint of a subpattern says of a group's events in a window; ``named``: of which."""
    constraint = subpattern.constraint
    names: Values = dict(zip(subpattern.group_by, group, strict=False)) if named else {}
    if isinstance(constraint, CountConstraint):
        text, count = f"COUNT(*) {constraint.operator} {constraint.number}", len(rows)
        return GroupAnswer(
            count=count, holds=holds(constraint, count), constraint=text, measures={"COUNT(*)": count}, group=names
        )
    window = Window(rows, constraint.measures, {})
    return GroupAnswer(
        count=len(rows),
        holds=constraint.holds(rows, group),
        constraint=constraint.text,
        measures={name: portable(window.get(name)) for name in constraint.measures},
        group=names,
    )
