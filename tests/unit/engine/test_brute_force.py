"""Windows and incidents against a second opinion that sorts all events and recomputes everything from them."""

import operator
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.engine.incident import CLEAR, Incident
from stream_app.engine.key import Key
from stream_app.engine.match import Match
from stream_app.engine.observe import advance, observe
from stream_app.engine.row import Row, decode_row, encode_row
from stream_app.handoff.native import to_bytes
from stream_app.rulebook.rule import Rule

HOLDS = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
KEY = Key("PH_Rule_Test", "1", ("pc1",))
END = 10**6
THOROUGH = settings(max_examples=max(150, settings.default.max_examples), deadline=None)
"""More where the profile says more: ``--hypothesis-profile=search``."""


class Happened(NamedTuple):
    """An event, in the order in which events sort."""

    time: int
    partition: int
    offset: int


class Scene(NamedTuple):
    """What happens: events as they arrive, the stream's time and the matches offset before each, and what is resent.

    ``looked``: before which of them the row is looked at, as when nothing but time moves.
    """

    events: list[Happened]
    times: list[int | None]
    positions: list[int]
    resent: list[int]
    looked: frozenset[int] = frozenset()


@st.composite
def scenes(draw: st.DrawFn, lateness: int, *, tolerant: bool = False) -> Scene:
    """Draw events in any order, with a stream time that makes none of them late (unless ``tolerant``)."""
    raw = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2)), max_size=24))
    if draw(st.booleans()):
        raw.sort()
    next_offset = [0, 0, 0]
    events = []
    for time, partition in raw:
        events.append(Happened(time, partition, next_offset[partition]))
        next_offset[partition] += draw(st.integers(1, 3))
    times: list[int | None] = []
    positions: list[int] = []
    reached, position = None, 0
    for index in range(len(events)):
        possible = min(event.time for event in events[index:]) + lateness
        wanted = draw(st.none() | st.integers(-5, 70))
        if wanted is not None:
            wanted = wanted if tolerant else min(wanted, possible)
            reached = wanted if reached is None else max(reached, wanted)
        times.append(reached)
        position += draw(st.sampled_from((1, 1, 1, 150_000)))
        positions.append(position)
    resent = draw(st.lists(st.integers(0, len(events) - 1), max_size=4)) if events else []
    return Scene(events, times, positions, resent, draw(st.frozensets(st.integers(1, max(1, len(events))), max_size=6)))


def expected(rule: Rule, events: list[Happened], triggers: list[Happened] | None = None) -> list[tuple[object, ...]]:
    """Recompute all incidents: first and last seen, count, incidentCount, evidence."""
    constraint, window = rule.subpattern.constraint, rule.window
    events = sorted(events)

    def behind(trigger: Happened) -> set[Happened]:
        return {event for event in events if trigger.time - window < event.time <= trigger.time}

    if triggers is None:
        holds = HOLDS[constraint.operator]
        triggers = [event for event in events if holds(len(behind(event)), constraint.number)]
    found: list[list[Happened]] = []
    for trigger in sorted(triggers):
        if found and trigger.time - found[-1][-1].time <= max(rule.clear_after, window):
            found[-1].append(trigger)
        else:
            found.append([trigger])
    return [
        (
            group[0].time,
            group[-1].time,
            len(group),
            len(set().union(*(behind(trigger) for trigger in group))),
            tuple(
                f"sysmon/{each.partition}@{each.offset}"
                for each in (group[0], *group[max(1, len(group) - rule.evidence + 1) :])
            ),
        )
        for group in found
    ]


def on_arrival(rule: Rule, events: list[Happened]) -> list[Happened]:
    """Give the events for which the constraint holds over what had come when they arrived."""
    holds, number = HOLDS[rule.subpattern.constraint.operator], rule.subpattern.constraint.number
    found = []
    for index, event in enumerate(events):
        within = [e for e in events[: index + 1] if event.time - rule.window < e.time <= event.time]
        if holds(len(within), number):
            found.append(event)
    return found


def run(
    rule: Rule, scene: Scene, match_of: Callable[..., Match], *, at_rest: bool = True, again: bool = True
) -> tuple[Row | None, list[Incident], list[bool]]:
    """Run a scene through the engine, the row through its bytes between any two steps; move time on at the end.

    What is sent ``again``, for matches that were counted, is left out where that says so.
    """
    row: Row | None = None
    sent: list[Incident] = []
    late: list[bool] = []
    for index, event in enumerate(scene.events):
        match = match_of(event.time, event.offset, event.partition)
        time = scene.times[index]
        if row is not None and time is not None and index in scene.looked:
            looked = advance(rule, KEY, row, time, scene.positions[index] - 1)
            row = looked.row
            sent += looked.incidents
        observed = observe(rule, row, match, scene.positions[index], time)
        assert not observed.repeated
        late.append(observed.late)
        sent += observed.incidents
        row = decode_row(encode_row(observed.row)) if at_rest else observed.row
        for _ in range(scene.resent.count(index)):
            old = scene.events[index // 2]
            repeat = observe(rule, row, match_of(old.time, old.offset, old.partition), row.position, time)
            assert repeat.repeated
            assert encode_row(row) == encode_row(repeat.row)
            sent += repeat.incidents if again else ()
    if row is not None:
        observed = advance(rule, KEY, row, END, row.position + 1)
        sent += observed.incidents
        row = observed.row
    return row, sent, late


def newest(sent: list[Incident]) -> dict[str, Incident]:
    """Give each incident's highest revision; the same revision has the same bytes, and where all are said none lacks.

    What was cleared is over as long after its last trigger as the rule says.
    """
    by_id: dict[str, dict[int, Incident]] = {}
    for incident in sent:
        revisions = by_id.setdefault(incident.incident_id, {})
        assert to_bytes(revisions.setdefault(incident.revision, incident)) == to_bytes(incident)
        assert incident.cleared in {None, incident.last_seen + incident.rule.quiet}
    for revisions in by_id.values():
        whole = list(range(1, max(revisions) + 1))
        assert whole == list(revisions) or next(iter(revisions.values())).rule.update_interval
    return {incident_id: revisions[max(revisions)] for incident_id, revisions in by_id.items()}


def standing(sent: list[Incident]) -> list[tuple[object, ...]]:
    """Give what was cleared at the end, as :func:`expected` does: all but what became part of another incident."""
    assert {CLEAR} >= {each.activity for each in newest(sent).values()}
    return sorted(
        (each.first_seen, each.last_seen, each.count, each.incident_count, each.evidence)
        for each in newest(sent).values()
        if not each.merged_into
    )


RULES = {
    "number": st.integers(0, 5),
    "window": st.integers(1, 15),
    "lateness": st.integers(0, 30),
    "clear_after": st.integers(0, 30),
    "evidence": st.integers(1, 4),
    "update_interval": st.sampled_from((0, 0, 1, 5, 20, 100)),
    "data": st.data(),
}


@THOROUGH
@given(sign=st.sampled_from((">", ">=")), **RULES)
def test_on_arrival(
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    number: int,
    **options: int,
) -> None:
    """What a monotone constraint finds on arrival is what sorting finds, in every order of arrival, resent or not."""
    rule = rule_of(f"{sign} {number}", **options)
    scene = data.draw(scenes(rule.lateness))
    _, sent, late = run(rule, scene, match_of)
    assert not any(late)
    assert expected(rule, scene.events) == standing(sent)


@THOROUGH
@given(sign=st.sampled_from(sorted(HOLDS)), **RULES)
def test_final(
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    number: int,
    **options: int,
) -> None:
    """Decided as final, each of the six comparisons finds what sorting finds, in every order of arrival."""
    rule = rule_of(f"{sign} {number}", final=True, **options)
    scene = data.draw(scenes(rule.lateness))
    row, sent, late = run(rule, scene, match_of)
    assert not any(late)
    assert expected(rule, scene.events) == standing(sent)
    assert row is None or not any(held.state & 4 for held in row.held)


@THOROUGH
@given(sign=st.sampled_from(("=", "!=", "<", "<=")), **RULES)
def test_not_monotone_on_arrival(
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    number: int,
    **options: int,
) -> None:
    """What more events can make false is asked once, when an event arrives, and a trigger made stands."""
    rule = rule_of(f"{sign} {number}", **options)
    scene = data.draw(scenes(rule.lateness))
    _, sent, _ = run(rule, scene, match_of)
    assert expected(rule, scene.events, on_arrival(rule, scene.events)) == standing(sent)


def test_trigger_in_a_crowd(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A crowd's only trigger is not thinned out: what comes into its window later still stands behind it."""
    rule = rule_of("= 1", window=1, lateness=0, clear_after=0, evidence=1)
    events = [Happened(int(offset >= 6), 0, offset) for offset in range(10)]
    _, sent, _ = run(rule, Scene(events, [None] * 10, list(range(10)), []), match_of)
    assert [(0, 1, 2, 10, ("sysmon/0@0",))] == standing(sent)
    assert expected(rule, events, on_arrival(rule, events)) == standing(sent)


@THOROUGH
@given(sign=st.sampled_from(sorted(HOLDS)), final=st.booleans(), **RULES)
def test_late(  # noqa: PLR0913  each is one dimension of the property
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    number: int,
    *,
    final: bool,
    **options: int,
) -> None:
    """A match is late exactly when it is more than lateness behind the stream's time, and then counts nowhere."""
    rule = rule_of(f"{sign} {number}", final=final, **options)
    scene = data.draw(scenes(rule.lateness, tolerant=True))
    _, sent, late = run(rule, scene, match_of)
    assert late == [
        time is not None and event.time < time - rule.lateness
        for event, time in zip(scene.events, scene.times, strict=True)
    ]
    if final or sign in {">", ">="}:
        counted = [event for event, was_late in zip(scene.events, late, strict=True) if not was_late]
        assert expected(rule, counted) == standing(sent)


@THOROUGH
@given(sign=st.sampled_from(sorted(HOLDS)), final=st.booleans(), **RULES)
def test_same_bytes(  # noqa: PLR0913  each is one dimension of the property
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    number: int,
    *,
    final: bool,
    **options: int,
) -> None:
    """A row that was read from its bytes goes on as the row that stayed in memory does, in incidents and in bytes."""
    rule = rule_of(f"{sign} {number}", final=final, **options)
    scene = data.draw(scenes(rule.lateness, tolerant=True))
    row, sent, _ = run(rule, scene, match_of)
    row2, sent2, _ = run(rule, scene, match_of, at_rest=False)
    assert sent == sent2
    assert (row is None) == (row2 is None)
    if row is not None and row2 is not None:
        assert encode_row(row) == encode_row(row2)


@THOROUGH
@given(
    sign=st.sampled_from(sorted(HOLDS)),
    final=st.booleans(),
    number=st.integers(0, 2),
    window=st.integers(2, 12),
    lateness=st.integers(0, 20),
    times=st.lists(st.integers(0, 50), min_size=20, max_size=70),
    behind=st.integers(0, 25),
)
def test_dense(  # noqa: PLR0913  each is one dimension of the property
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    sign: str,
    number: int,
    times: list[int],
    *,
    behind: int,
    final: bool,
    **options: int,
) -> None:
    """Where crowds are thinned out, in order or with events up to ``behind`` before those in front, nothing changes."""
    rule = rule_of(f"{sign} {number}", final=final, clear_after=0, **options)
    times = [
        time for _, time in sorted((time + (index * 7919) % (behind + 1), time) for index, time in enumerate(times))
    ]
    events = [Happened(time, 0, offset) for offset, time in enumerate(times)]
    reached: list[int | None] = [min(times[index:]) + rule.lateness for index in range(len(times))]
    _, sent, late = run(rule, Scene(events, reached, list(range(len(times))), []), match_of)
    assert not any(late)
    asked_once = not final and sign in {"=", "!=", "<", "<="}
    assert expected(rule, events, on_arrival(rule, events) if asked_once else None) == standing(sent)


@THOROUGH
@given(number=st.integers(2, 4), seed=st.integers(0, 10**6))
def test_crowds(rule_of: Callable[..., Rule], match_of: Callable[..., Match], number: int, seed: int) -> None:
    """A crowd of events keeps a row small, whatever their number, and every count exact."""
    rule = rule_of(f">= {number}", window=20, lateness=40, clear_after=100)
    events = [Happened((seed * (i + 1) * 7919 + i * i * 31) % 61, 0, i) for i in range(150)]
    scene = Scene(events, [None] * len(events), list(range(len(events))), [])
    row, sent, _ = run(rule, scene, match_of)
    assert expected(rule, events) == standing(sent)
    assert row is not None
    assert len(row.held) <= 2 * number * (61 // 20 + 2)
    upper = rule_of(f"<= {number}", final=True, window=20, lateness=40, clear_after=100)
    _, sent, _ = run(upper, scene, match_of)
    assert expected(upper, events) == standing(sent)
    row = None
    for event in events:
        row = observe(upper, row, match_of(event.time, event.offset), event.offset, None).row
        assert len(row.held) <= 2 * (number + 1) * (61 // 20 + 2)
    for sign in ("=", "!=", "<", "<="):
        rule = rule_of(f"{sign} {number}", window=20, lateness=40, clear_after=100)
        row, sent, _ = run(rule, scene, match_of)
        assert expected(rule, events, on_arrival(rule, events)) == standing(sent)
        assert row is not None
        assert len(row.held) <= 3 * (number + 2) * (61 // 20 + 2)
