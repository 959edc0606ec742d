"""The second opinion on rules with several subpatterns: it tries every combination of events, by the definition.

It knows neither groups that are assigned nor earliest completions nor marks: it sorts all events, and recomputes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from stream_app.language.values import Value

Group = tuple[Value | None, ...]
Values = Mapping[str, Value | None]


class Happened(NamedTuple):
    """An event, in the order in which events sort; ``serves`` are the numbers of subpatterns."""

    time: int
    partition: int
    offset: int
    serves: frozenset[int]
    values: tuple[tuple[str, Value | None], ...]

    def get(self, name: str) -> Value | None:
        """Give an attribute."""
        return dict(self.values).get(name)

    @property
    def place(self) -> tuple[int, int, int]:
        """Where it stands among others."""
        return self[:3]


class Is(NamedTuple):
    """A subpattern."""

    number: int


class And(NamedTuple):
    """All of them."""

    parts: tuple["Node", ...]


class Or(NamedTuple):
    """Any of them."""

    parts: tuple["Node", ...]


class Then(NamedTuple):
    """Each behind the one before it."""

    parts: tuple["Node", ...]


class Not(NamedTuple):
    """``kept`` without any of ``never``: (whether it is NOT_FOLLOWED_BY, what must not come)."""

    kept: "Node"
    never: tuple[tuple[bool, "Node"], ...]


Node = Is | And | Or | Then | Not
Combination = dict[int, Happened]


class Pattern(NamedTuple):
    """A subpattern: its group-by, its constraint as text, and what that means for a window's events."""

    group_by: tuple[str, ...]
    constraint: str
    holds: Callable[[Sequence[Happened]], bool]


class Related(NamedTuple):
    """A relation: ``left.a operator right.b``."""

    left: int
    attribute: str
    operator: str
    right: int
    other: str
    holds: Callable[[Value | None, Value | None], bool]


class Spec(NamedTuple):
    """A rule, as its author means it. A clear pattern is the last of ``patterns``."""

    patterns: tuple[Pattern, ...]
    trigger: Node
    relations: tuple[Related, ...]
    mapping: tuple[tuple[int, str], ...]
    window: int
    quiet: int
    evidence: int
    cleared_by: tuple[tuple[int, str], ...] | None = None
    """(place in the mapping, attribute of the clear event), where there is a clear pattern."""
    shown: tuple[int, ...] = ()
    """The subpatterns of which incidents show COUNT(*) and LAST(user)."""


Trigger = tuple[Happened, Group]
Behind = dict[Trigger, set[tuple[int, Happened]]]
"""What stands behind each trigger: events, each with the number of the subpattern that it serves there."""


def combinations(spec: Spec, node: Node, events: Sequence[Happened], end: int) -> Iterator[tuple[Combination, tuple]]:
    """Give every combination of occurrences in the window that ends at ``end``, with what must not come beside it."""
    match node:
        case Is(number):
            for event in occurrences(spec, number, events, end):
                yield {number: event}, ()
        case Or(parts):
            for part in parts:
                yield from combinations(spec, part, events, end)
        case Not(kept, never):
            for combination, _ in combinations(spec, kept, events, end):
                yield combination, never
        case And(parts) | Then(parts):
            for chosen in product(*(list(combinations(spec, part, events, end)) for part in parts)):
                found = [combination for combination, _ in chosen]
                if isinstance(node, And) or all(
                    max(e.place for e in left.values()) < min(e.place for e in right.values())
                    for left, right in pairwise(found)
                ):
                    yield {number: event for each in found for number, event in each.items()}, ()


def occurrences(spec: Spec, number: int, events: Sequence[Happened], end: int) -> list[Happened]:
    """Give the events up to whose time the constraint holds over the window's events of their group."""
    within = [event for event in events if end - spec.window < event.time <= end and number in event.serves]
    return [
        event
        for event in within
        if spec.patterns[number].holds(
            [
                each
                for each in within
                if each.time <= event.time and group_of(spec, number, each) == group_of(spec, number, event)
            ]
        )
    ]


def group_of(spec: Spec, number: int, event: Happened) -> Group:
    """Give an event's group in a subpattern."""
    return tuple(event.get(name) for name in spec.patterns[number].group_by)


def related(spec: Spec, combination: Combination) -> bool:
    """Tell whether each relation holds whose two subpatterns take part."""
    return all(
        each.holds(combination[each.left].get(each.attribute), combination[each.right].get(each.other))
        for each in spec.relations
        if each.left in combination and each.right in combination
    )


def ending(
    spec: Spec, node: Node, events: Sequence[Happened], last: Happened, beside: Combination
) -> Iterator[tuple[Combination, tuple]]:
    """Give the combinations in a window of its own that end with an event, related to each other and to ``beside``."""
    for combination, never in combinations(spec, node, events, last.time):
        if max(event.place for event in combination.values()) == last.place and related(spec, beside | combination):
            yield combination, never


def violated(spec: Spec, never: tuple, events: Sequence[Happened], last: Happened, combination: Combination) -> bool:
    """Tell whether something comes that must not."""
    for follows, node in never:
        for event in events:
            near = abs(event.time - last.time) < spec.window
            if (
                near
                and (not follows or event.place > last.place)
                and any(ending(spec, node, events, event, combination))
            ):
                return True
    return False


def triggers(spec: Spec, events: Sequence[Happened], ends: Sequence[Happened] | None = None) -> Behind:
    """Give every trigger, an event and a tuple, with what stands behind it; of ``ends`` only, where they are given."""
    found: Behind = {}
    for last in events if ends is None else ends:
        for combination, never in ending(spec, spec.trigger, events, last, {}):
            if violated(spec, never, events, last, combination):
                continue
            attributes = tuple(
                combination[number].get(name) if number in combination else None for number, name in spec.mapping
            )
            behind = found.setdefault((last, attributes), set())
            for number, event in combination.items():
                behind.update((number, each) for each in beside(spec, number, event, events, last))
    return found


def beside(spec: Spec, number: int, event: Happened, events: Sequence[Happened], last: Happened) -> Iterator[Happened]:
    """Give the events of an event's group, in a subpattern, in the window that ends with ``last``."""
    for each in events:
        held = last.time - spec.window < each.time <= last.time and number in each.serves
        if held and group_of(spec, number, each) == group_of(spec, number, event):
            yield each


def arriving(spec: Spec, events: Sequence[Happened]) -> Behind:
    """Give the triggers that are asked for once, when an event arrives, of what has come until then.

    A trigger made stands, and what comes later into its window stands behind it if another event of its group does.
    """
    found: Behind = {}
    for index, new in enumerate(events):
        known = events[: index + 1]
        found |= triggers(spec, known, [new])
        for (last, attributes), behind in found.items():
            line = {each for (_, tuple_), those in found.items() if tuple_ == attributes for _, each in those}
            for number in new.serves:
                if last.time - spec.window < new.time <= last.time and any(
                    each in line and each != new for each in beside(spec, number, new, known, last)
                ):
                    behind.add((number, new))
    return found


def clears(spec: Spec, events: Sequence[Happened], attributes: Group) -> list[int]:
    """Give the times at which the clear pattern holds for these incident attributes."""
    if spec.cleared_by is None:
        return []
    number = len(spec.patterns) - 1
    return [
        event.time
        for event in events
        if event in occurrences(spec, number, events, event.time)
        and all(
            attributes[place] is not None and attributes[place] == event.get(name) for place, name in spec.cleared_by
        )
    ]


def incidents(spec: Spec, events: Sequence[Happened], behind: Behind | None = None) -> list[tuple[object, ...]]:
    """Recompute all incidents: attributes, first and last, count, incidentCount, when cleared, evidence, aggregates.

    ``behind``: what the triggers are, where it is not what all events say.
    """
    events = sorted(events, key=lambda event: event.place)
    behind = triggers(spec, events) if behind is None else behind
    told: list[tuple[object, ...]] = []
    for attributes in {attributes for _, attributes in behind}:
        own = sorted((event for event, those in behind if those == attributes), key=lambda event: event.place)
        steps = [(event.time, 0, event) for event in own] + [(at, 1, None) for at in clears(spec, events, attributes)]
        runs: list[list[Happened]] = []
        over: list[int | None] = []
        for time, _, event in sorted(steps, key=lambda step: step[:2]):
            if runs and over[-1] is None and time - runs[-1][-1].time <= spec.quiet:
                if event is None:
                    over[-1] = time
                else:
                    runs[-1].append(event)
            elif event is not None:
                runs.append([event])
                over.append(None)
        counted: set[Happened] = set()
        for run, cleared in zip(runs, over, strict=True):
            fresh = {event for trigger in run for _, event in behind[trigger, attributes]} - counted
            counted |= fresh
            end = run[-1].time + spec.quiet if cleared is None else cleared
            marks = (run[0], *run[max(1, len(run) - spec.evidence + 1) :])
            evidence = tuple(f"sysmon/{each.partition}@{each.offset}" for each in marks)
            shown = tuple(_shown(number, behind[run[-1], attributes]) for number in spec.shown)
            told.append((attributes, run[0].time, run[-1].time, len(run), len(fresh), end, evidence, *shown))
    return sorted(told, key=repr)


def _shown(number: int, behind: set[tuple[int, Happened]]) -> tuple[int, Value] | None:
    """Give COUNT(*) and LAST(user) of a subpattern's events behind a trigger."""
    events = sorted((event for of, event in behind if of == number), key=lambda event: event.place)
    return (len(events), events[-1].get("user") or "") if events else None
