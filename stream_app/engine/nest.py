"""A row of a rule with several subpatterns while a match, or the stream's time, changes it: what is decided and said.

The incidents nest in *lines* of the row, one for each tuple of incident attributes. Decision: on arrival, an event
re-decides the later ones whose windows hold it, if all constraints are monotone, else it decides for itself alone. As
final, events are decided in the order of their places, when nothing can come between them any more, and each trigger is
told of by itself. An event for which too many combinations would have to be looked at is refused: on arrival it is as
if it had not come, as final it triggers nothing, but stands where it is.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import cast

from msgspec.structs import replace

from stream_app.engine import life
from stream_app.engine.clearing import cleared, clears, is_cleared_by
from stream_app.engine.combinations import MOST, Budget, Pool, TooMany
from stream_app.engine.correlate import correlate, over
from stream_app.engine.incident import Incident, incident
from stream_app.engine.joint import Board, found_at
from stream_app.engine.joint_shown import with_aggregates
from stream_app.engine.key import Key
from stream_app.engine.match import Group, too_long
from stream_app.engine.observed import Observed
from stream_app.engine.rejection import Rejection
from stream_app.engine.row import BEHIND, SERVES, TRIGGER, VERSION, WAITING, Episode, Held, Line, Mark, Row
from stream_app.engine.window import Decision, place_of, threshold
from stream_app.language.aggregate import CountConstraint
from stream_app.rulebook.join import Join
from stream_app.rulebook.rule import Rule

CLEARING, REFUSED = TRIGGER, BEHIND
"""What two bits of an event's state say here: it made the clear pattern hold; too much was to be looked at for it."""


def known_at(rule: Rule, time: int) -> int:
    """Give the stream time (ms) behind which nothing can come that matters to an event that is decided as final."""
    return time + rule.lateness + rule.delay


class Nest:
    """A row while a match or the stream's time changes it; ``told`` and ``named`` grow.

    Decision: events are held in the order of their places, so that one index names an event and says where it stands.
    What an earlier text of the rule left in the row and this one cannot read is let go.
    """

    def __init__(self, rule: Rule, customer: str, row: Row) -> None:
        self.rule = rule
        self.join = cast("Join", rule.join)
        width = len(self.join.carries)
        held = tuple([event for event in row.held if len(event.values) == width])
        self.row = Row(VERSION, row.position, row.latest, row.sources, (), held, row.lines)
        self.told: list[Incident] = []
        self.named: list[Rejection] = []
        self._customer = customer

    def seen(self) -> Observed:
        """Give the row as it stands, with what is to be sent."""
        return Observed(self.row, tuple(self.told), suppressed=tuple(self.named))

    def arrive(self, mark: Mark, values: Group, stream_time: int | None) -> None:
        """Take a new event in. Raises :class:`TooMany`; then nothing of this is to be used any more."""
        rule, row = self.rule, self.row
        state = _served(self.join, values)
        if not state:
            return
        held = list(row.held)
        place = bisect_left(held, mark.time, key=lambda event: event.time)
        own = place_of(mark, row.sources)
        while place < len(held) and place_of(mark_of(held[place]), row.sources) < own:
            place += 1
        state |= WAITING if rule.final else 0
        held.insert(place, Held(mark.time, mark.source, mark.offset, state, values[:-1]))
        self.row = replace(row, held=tuple(held))
        if not rule.final:
            self._decide_now(Pool(rule, held), place, stream_time)

    def _decide_now(self, pool: Pool, new: int, stream_time: int | None) -> None:
        budget = Budget()
        board = Board(self.rule, pool, self.row.lines)
        time = pool.times[new]
        touched = range(bisect_left(pool.times, time), bisect_left(pool.times, time + self.rule.window))
        monotone = _is_monotone(self.rule)
        asked: Sequence[int] = touched if monotone else (new,)
        decisions: dict[int, list[Decision]] = defaultdict(list)
        for last in asked:
            for line, decision in board.triggered(last, found_at(pool, last, budget, through=new)):
                decisions[line].append(decision)
        for line, decision in () if monotone else board.joined(new, touched):
            decisions[line].append(decision)
        fresh = [each for each in asked if not pool.held[each].state & CLEARING and clears(pool, each, budget)]
        self._write(pool, board, clearing=fresh)
        every = [each for each, event in enumerate(self.row.held) if event.state & CLEARING]
        for line in range(len(self.row.lines)) if fresh else sorted(decisions):
            held = every if line in decisions else fresh
            at = [pool.times[each] for each in held if self._is_cleared(pool, each, line)]
            self._settle(pool, line, decisions.get(line, ()), at, stream_time)

    def come_to(self, stream_time: int | None, *, quiets: bool = True) -> None:
        """Do what the stream's time has made due; ``quiets=False``: no incident is over because nothing came."""
        if stream_time is None:
            return
        end = stream_time - self.rule.lateness - self.rule.delay
        due = [each for each, event in enumerate(self.row.held) if event.time < end and event.state & WAITING]
        if due:
            self._decide_due(due, quiets=quiets)
        for line in range(len(self.row.lines)):
            self._age(line, stream_time, quiets=quiets)

    def _decide_due(self, due: Sequence[int], *, quiets: bool) -> None:
        """Decide events that waited, each as of its own time; clears come behind the triggers of their millisecond."""
        pool = Pool(self.rule, self.row.held)
        board = Board(self.rule, pool, self.row.lines)
        refused: list[int] = []
        steps = [(pool.times[each], is_clear, each) for each in due for is_clear in (False, True)]
        for time, is_clear, event in sorted(steps):
            known = known_at(self.rule, time)
            try:
                if is_clear and clears(pool, event, Budget()):
                    for line in range(len(self.row.lines)):
                        if self._is_cleared(pool, event, line):
                            self._age(line, known, quiets=quiets)
                            self._settle(pool, line, (), (time,), known + 1)
                found = {} if is_clear else found_at(pool, event, Budget())
            except TooMany:
                refused.append(event)
                self.refuse(pool.held[event])
                continue
            for line, decision in board.triggered(event, found):
                self._grow(board)
                self._age(line, known, quiets=quiets)
                self._settle(pool, line, (decision,), (), known + 1)
        self._write(pool, board, decided=due, refused=refused)

    def _is_cleared(self, pool: Pool, event: int, line: int) -> bool:
        return is_cleared_by(pool, event, self.row.lines[line].attributes)

    def refuse(self, event: Held) -> None:
        """Say that an event decides nothing, since too much would have to be looked at."""
        self.named.append(Rejection.too_many(self.rule.id, self.row.sources[event.source], mark_of(event), MOST))

    def suppress(self, attributes: Group, decisions: Sequence[Decision]) -> Sequence[Decision]:
        """Say which triggers of a line make nothing, and give the other decisions."""
        unfit = too_long(self._customer, attributes)
        for each in decisions:
            if each.mark is None:
                continue
            source = self.row.sources[each.mark.source]
            if each.exception is not None:
                self.named.append(Rejection.suppressed(self.rule.id, source, each.mark, each.exception))
            elif unfit:
                self.named.append(Rejection.too_long(self.rule.id, source, each.mark, unfit))
        return () if unfit else [each for each in decisions if each.exception is None]

    def _settle(
        self, pool: Pool, number: int, decisions: Sequence[Decision], at: Iterable[int], stream_time: int | None
    ) -> None:
        """Tell a line's incidents what was decided, and when a clear pattern held; say what is to be said of them."""
        row, rule, line = self.row, self.rule, self.row.lines[number]
        decisions = self.suppress(line.attributes, decisions)
        own = Row(VERSION, row.position, row.latest, row.sources, line.episodes, ())
        key = Key(rule.id, self._customer, line.attributes)
        episodes, changed = correlate(rule, key, own, decisions) if decisions else (line.episodes, ())
        episodes, changed = with_aggregates(rule, pool, line.attributes, episodes, changed)
        episodes, changed = cleared(rule, episodes, changed, sorted(at), row.position)
        self._tell(number, *life.pace(rule, episodes, changed, stream_time))

    def _age(self, number: int, stream_time: int, *, quiets: bool) -> None:
        episodes = self.row.lines[number].episodes
        due = life.due(self.rule, episodes)
        if due is not None and stream_time >= due:
            self._tell(number, *life.age(self.rule, episodes, stream_time, self.row.position, clears=quiets))

    def _tell(self, number: int, episodes: tuple[Episode, ...], said: Sequence[Episode]) -> None:
        """Write a line's incidents down, and say those that are to be said."""
        row, attributes = self.row, self.row.lines[number].attributes
        self.row = replace(row, lines=(*row.lines[:number], Line(attributes, episodes), *row.lines[number + 1 :]))
        key = Key(self.rule.id, self._customer, attributes)
        self.told += [incident(self.rule, key, episode, row.sources) for episode in said]

    def _grow(self, board: Board) -> None:
        """Give the row a line for each tuple that is new."""
        lines = self.row.lines
        if len(board.tuples) > len(lines):
            fresh = [Line(attributes, ()) for attributes in board.tuples[len(lines) :]]
            self.row = replace(self.row, lines=(*lines, *fresh))

    def _write(
        self,
        pool: Pool,
        board: Board,
        decided: Iterable[int] = (),
        clearing: Iterable[int] = (),
        refused: Iterable[int] = (),
    ) -> None:
        """Write what was decided into the events."""
        states = [event.state for event in pool.held]
        for index in decided:
            states[index] &= ~WAITING
        for indexes, bit in ((clearing, CLEARING), (refused, REFUSED)):
            for index in indexes:
                states[index] |= bit
        held = [
            event
            if state == event.state and marks is event.marks
            else Held(event.time, event.source, event.offset, state, event.values, marks)
            for event, state, marks in zip(pool.held, states, board.marks, strict=True)
        ]
        self.row = replace(self.row, held=tuple(held))
        self._grow(board)

    def tidied(self, stream_time: int | None) -> Row:
        """Give the row without the events that can decide nothing any more, and without lines that tell nothing.

        An event that is not decided yet is no more than ``lateness`` and ``delay`` behind the stream's time. What must
        not come beside it may come up to a window before it, in a window of its own.
        """
        row, rule = self.row, self.rule
        held = row.held
        if stream_time is not None:
            horizon = stream_time - rule.lateness - rule.window - 2 * rule.delay
            held = held[bisect_right(held, horizon, key=lambda event: event.time) :]
        kept = [over(rule, line.episodes, stream_time, row.position) for line in row.lines]
        lines = row.lines
        if not all(kept):
            marked = {mark // 2 for event in held for mark in event.marks}
            stays = [number for number, episodes in enumerate(kept) if episodes or number in marked]
            numbers = {number: place for place, number in enumerate(stays)}
            lines, kept = tuple([lines[number] for number in stays]), [kept[number] for number in stays]
            held = tuple([_renumbered(event, numbers) for event in held])
        lines = tuple(
            [
                line if episodes is line.episodes else Line(line.attributes, episodes)
                for line, episodes in zip(lines, kept, strict=True)
            ]
        )
        return replace(row, lines=lines, held=held)


def mark_of(event: Held) -> Mark:
    """Give where an event lies."""
    return Mark(event.time, event.source, event.offset)


def _served(join: Join, values: Group) -> int:
    """Give the state of an event that came with these values: what it serves; 0 where they are none of this rule."""
    if len(values) != len(join.carries) + 1 or not isinstance(values[-1], int):
        return 0
    return (values[-1] & (1 << len(join.names)) - 1) * SERVES


def _is_monotone(rule: Rule) -> bool:
    """Tell whether a further event can only make the constraints truer, those of all subpatterns."""
    constraints = [subpattern.constraint for subpattern in rule.subpatterns]
    return all(
        threshold(each) is not None if isinstance(each, CountConstraint) else each.monotone for each in constraints
    )


def _renumbered(event: Held, numbers: dict[int, int]) -> Held:
    marks = tuple([2 * numbers[mark // 2] + mark % 2 for mark in event.marks])
    return event if marks == event.marks else replace(event, marks=marks)
