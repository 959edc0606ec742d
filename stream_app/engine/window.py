"""The exact sliding window: which events trigger, and which stand behind a trigger.

An event at time t is a trigger where the constraint holds over the events in (t - window, t], to the millisecond. Goes
in: the events held and a new one, or the stream's time; comes out: the events held then, and what was decided.

Decision: a constraint that more events can only make truer (``>`` ``>=``) is decided on arrival, and an event that
comes late re-decides the later ones whose windows hold it, so the triggers are the same in every order of arrival. One
that is decided as *final* waits until the stream is more than ``lateness`` past the event, when nothing can come before
it. Only what can still decide is held: nothing older than the stream's time - lateness - window, and, where a count
alone decides, of a crowd only so many that every window still counts to the number that decides (:func:`_thin`).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.exceptions import applying, excepting
from stream_app.engine.match import Group
from stream_app.engine.row import BEHIND, FREE, TRIGGER, WAITING, Held, Mark, Source
from stream_app.language.aggregate import CountConstraint
from stream_app.language.constraint import Constraint
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.rule import Rule


class Decision(Struct, frozen=True, gc=False):
    """A trigger at ``time`` (ms) with ``behind`` events that stood behind none before; no ``mark``: only those.

    One that falls under an ``exception`` makes nothing, and no event stands behind it.
    """

    time: int
    mark: Mark | None
    behind: int
    exception: RuleException | None = None


def threshold(constraint: CountConstraint) -> int | None:
    """Give the count from which a monotone constraint holds; None for one that a further event can make false."""
    if constraint.operator == ">=":
        return constraint.number
    return constraint.number + 1 if constraint.operator == ">" else None


def holds(constraint: CountConstraint, count: int) -> bool:
    """Tell whether so many events satisfy the constraint."""
    number = constraint.number
    match constraint.operator:
        case "=":
            return count == number
        case "!=":
            return count != number
        case ">":
            return count > number
        case ">=":
            return count >= number
        case "<":
            return count < number
        case _:
            return count <= number


def in_window(held: Sequence[Held], mark: Mark, sources: Sequence[Source], window: int) -> list[Held]:
    """Give the events of the window that ends with a mark, in the order of time and place, not of arrival."""
    within = [event for event in held if mark.time - window < event.time <= mark.time]
    within.sort(key=lambda event: place_of(Mark(event.time, event.source, event.offset), sources))
    return within


class _Asking:
    """The constraint of a rule, asked of the windows of one group, and its exceptions."""

    def __init__(self, rule: Rule, group: Group, sources: Sequence[Source]) -> None:
        self.constraint = rule.subpattern.constraint
        self._exceptions = applying(rule, group) if rule.exceptions else ()
        self._rule, self._group, self._sources = rule, group, sources

    @property
    def monotone(self) -> bool:
        """Whether a further event can only make it truer."""
        constraint = self.constraint
        return constraint.monotone if isinstance(constraint, Constraint) else threshold(constraint) is not None

    def excepts(self, time: int) -> RuleException | None:
        """Give the exception under which a trigger of the group falls at ``time``."""
        return excepting(self._exceptions, time)

    def __call__(self, held: Sequence[Held], times: Sequence[int], index: int) -> bool:
        """Tell whether it holds of the window that ends with an event."""
        if isinstance(self.constraint, CountConstraint):
            return holds(self.constraint, _count(times, index, self._rule.window))
        event = held[index]
        mark = Mark(event.time, event.source, event.offset)
        rows = [each.values for each in in_window(held, mark, self._sources, self._rule.window)]
        return self.constraint.holds(rows, self._group)


def arrive(  # noqa: PLR0913, PLR0917 - an event, and what it comes into
    rule: Rule, group: Group, held: Sequence[Held], sources: Sequence[Source], mark: Mark, values: Group = ()
) -> tuple[list[Held], list[Decision]]:
    """Take an event in: give what is held then, in the order of time, and what it decides, in the order of time."""
    after = list(held)
    times = [event.time for event in after]
    place = bisect_right(times, mark.time)
    times.insert(place, mark.time)
    after.insert(place, Held(mark.time, mark.source, mark.offset, WAITING if rule.final else FREE, values))
    if rule.final:
        return after, []
    ask, window = _Asking(rule, group, sources), rule.window
    touched = range(bisect_left(times, mark.time), bisect_left(times, mark.time + window))
    asked = touched if ask.monotone else [place]
    fresh = [i for i in asked if not after[i].state & TRIGGER and ask(after, times, i)]
    decisions = [_trigger(after, times, i, window, ask.excepts(times[i])) for i in fresh]
    if not after[place].state & BEHIND:
        for i in touched:
            if after[i].state & TRIGGER and ask.excepts(times[i]) is None:
                after[place] = _with(after[place], BEHIND)
                decisions.append(Decision(times[i], None, 1))
                break
    return after, decisions


def due_at(rule: Rule, held: Sequence[Held]) -> int | None:
    """Give the first stream time at which :func:`decide` has something to decide; None if nothing waits."""
    for event in held:
        if event.state & WAITING:
            return event.time + rule.lateness + 1
    return None


def decide(
    rule: Rule, group: Group, held: Sequence[Held], sources: Sequence[Source], stream_time: int
) -> tuple[list[Held], list[Decision]]:
    """Decide what waits and is more than ``lateness`` behind the stream's time, in the order of time and place."""
    after = list(held)
    times = [event.time for event in after]
    end = bisect_left(times, stream_time - rule.lateness)
    due = [i for i in range(end) if after[i].state & WAITING]
    due.sort(key=lambda i: place_of(Mark(after[i].time, after[i].source, after[i].offset), sources))
    decisions = []
    ask = _Asking(rule, group, sources)
    for i in due:
        after[i] = replace(after[i], state=after[i].state & ~WAITING)
        if ask(after, times, i):
            decisions.append(_trigger(after, times, i, rule.window, ask.excepts(times[i])))
    return after, decisions


def tidy(rule: Rule, group: Group, held: Sequence[Held], stream_time: int | None) -> tuple[Held, ...]:
    """Drop what can decide nothing any more."""
    if not held:
        return ()
    if stream_time is not None:
        horizon = stream_time - rule.lateness - rule.window
        held = [event for event in held if event.time > horizon]
    constraint = rule.subpattern.constraint
    if rule.holds_all or not isinstance(constraint, CountConstraint):
        return tuple(held)
    least = threshold(constraint)
    enough = max(1, constraint.number + 1 if least is None else least)
    never = constraint.operator in {"=", "<", "<="}
    return tuple(held) if len(held) <= 4 * enough else _thin(held, enough, rule, group, never=never)


def place_of(mark: Mark, sources: Sequence[Source]) -> tuple[int, str, str, int, int]:
    """Give where a mark stands among others: by time, then by where its record lies; not by what arrived first."""
    source = sources[mark.source]
    return mark.time, source.topic, source.topic_id, source.partition, mark.offset


def _count(times: Sequence[int], index: int, window: int) -> int:
    time = times[index]
    return bisect_right(times, time) - bisect_right(times, time - window)


def _trigger(
    held: list[Held], times: Sequence[int], index: int, window: int, exception: RuleException | None
) -> Decision:
    """Make the event a trigger and put the events of its window behind it, but for one that makes nothing."""
    event = held[index]
    held[index] = _with(event, TRIGGER)
    if exception is not None:
        return Decision(event.time, Mark(event.time, event.source, event.offset), 0, exception)
    behind = 0
    for i in range(bisect_right(times, event.time - window), bisect_right(times, event.time)):
        if not held[i].state & BEHIND:
            held[i] = _with(held[i], BEHIND)
            behind += 1
    return Decision(event.time, Mark(event.time, event.source, event.offset), behind)


def _with(event: Held, bit: int) -> Held:
    return Held(event.time, event.source, event.offset, event.state | bit, event.values)


def _thin(held: Sequence[Held], enough: int, rule: Rule, group: Group, *, never: bool) -> tuple[Held, ...]:
    """Drop events from crowds, so that each window still holds all its events or at least ``enough`` of them.

    Where ``enough`` events before one and ``enough`` after it lie no more than a window apart, each window that holds
    it holds all of the one or all of the other side, and is decided without it. Dropped is only what has been decided
    and counted, or what can never be: behind ``=``, ``<``, ``<=`` such a window never triggers.

    A trigger decided on arrival tells what comes later into its window that it stands behind one. It goes only where
    the triggers on its two sides are no more than a window apart, so that their windows hold all that its own does:
    always so behind ``>`` and ``>=``, but ``= 1`` makes a trigger of a crowd's first event alone. One under an
    exception tells nothing, and counts as no trigger here.
    """
    kept: list[Held] = []
    exceptions = applying(rule, group) if rule.exceptions else ()
    tells = [event.state & TRIGGER != 0 and excepting(exceptions, event.time) is None for event in held]
    triggers = [event.time for event, trigger in zip(held, tells, strict=True) if trigger]
    told = 0
    last: int | None = None
    for i, event in enumerate(held):
        trigger = tells[i]
        told += trigger
        goes = (
            (never or event.state & BEHIND)
            and len(kept) >= enough
            and i + enough < len(held)
            and held[i + enough].time - kept[-enough].time <= rule.window
        )
        if goes and trigger and not rule.final:
            goes = last is not None and told < len(triggers) and triggers[told] - last <= rule.window
        if not goes:
            kept.append(event)
            last = event.time if trigger else last
    return tuple(kept)
