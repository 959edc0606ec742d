"""Aggregate constraints and shown aggregates against a second opinion that sorts all events and recomputes."""

from collections.abc import Callable, Sequence
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.key import Key
from stream_app.engine.match import Match
from stream_app.engine.observe import advance, observe
from stream_app.engine.row import Row, decode_row, encode_row
from stream_app.language.compile import Environment
from stream_app.language.constraint import aggregate_of, constraint_of
from stream_app.rulebook.rule import Rule
from stream_app.sysmon.attributes import NOT_NEGATIVE, VOCABULARY

if TYPE_CHECKING:
    from stream_app.engine.incident import Incident

ENVIRONMENT = Environment(vocabulary=VOCABULARY)
KEY = Key("PH_Rule_Test", "1", ("pc1",))
END = 10**6
THOROUGH = settings(max_examples=max(120, settings.default.max_examples), deadline=None)
SHOWN = (("totBytes64", "SUM(sentBytes64)"), ("totFlows", "COUNT(DISTINCT destName)"), ("targetName", "LAST(destName)"))

Values = tuple[str | None, int | None]
"""destName and sentBytes64 of an event."""


class Happened(NamedTuple):
    """An event, in the order in which events sort."""

    time: int
    partition: int
    offset: int
    values: Values


Window = Sequence[Values]


def names(window: Window) -> list[str]:
    """Give the names that are there."""
    return [name for name, _ in window if name is not None]


def sizes(window: Window) -> list[int]:
    """Give the sizes that are there."""
    return [size for _, size in window if size is not None]


MONOTONE: dict[str, Callable[[Window], bool]] = {
    "COUNT(DISTINCT destName) >= 2": lambda w: len(set(names(w))) >= 2,
    "SUM(sentBytes64) > 5": lambda w: bool(sizes(w)) and sum(sizes(w)) > 5,
    "MAX(sentBytes64) >= 4": lambda w: bool(sizes(w)) and max(sizes(w)) >= 4,
    "COUNT(*) >= 2 AND COUNT(DISTINCT destName) >= 2": lambda w: len(w) >= 2 and len(set(names(w))) >= 2,
    "COUNT(*) > 4 OR MIN(sentBytes64) <= 0": lambda w: len(w) > 4 or (bool(sizes(w)) and min(sizes(w)) <= 0),
}
OTHERS: dict[str, Callable[[Window], bool]] = {
    "AVG(sentBytes64) >= 3": lambda w: bool(sizes(w)) and fmean(sizes(w)) >= 3,
    "MEDIAN(sentBytes64) < 3": lambda w: bool(sizes(w)) and median(sizes(w)) < 3,
    'LAST(destName) = "b"': lambda w: names(w)[-1:] == ["b"],
    'FIRST(destName) = "a" AND COUNT(*) >= 2': lambda w: names(w)[:1] == ["a"] and len(w) >= 2,
    "COUNT(DISTINCT destName) = 1": lambda w: len(set(names(w))) == 1,
    "COUNT(DISTINCT destName) / COUNT(*) > 0.5": lambda w: len(set(names(w))) / len(w) > 0.5,
}

EVENTS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(0, 2),
        st.tuples(st.none() | st.sampled_from("abc"), st.none() | st.integers(0, 5)),
    ),
    max_size=14,
)
OPTIONS = {"window": st.integers(1, 12), "clear_after": st.integers(0, 20), "evidence": st.integers(1, 3)}


def counted(raw: list[tuple[int, int, Values]]) -> list[Happened]:
    """Give events their offsets, in the order of arrival."""
    offsets = [0, 0, 0]
    events = []
    for time, partition, values in raw:
        events.append(Happened(time, partition, offsets[partition], values))
        offsets[partition] += 1
    return events


def rule_with(rule_of: Callable[..., Rule], text: str, **options: object) -> Rule:
    """Make a rule with this constraint that shows three aggregates."""
    constraint = constraint_of(text, ENVIRONMENT, carried=("destName", "sentBytes64"), non_negative=NOT_NEGATIVE)
    carries = constraint.attributes
    shown = tuple((name, aggregate_of(each, ENVIRONMENT, carried=carries)) for name, each in SHOWN)
    rule = rule_of(shown=shown, **options)
    subpattern = replace(rule.subpattern, constraint=constraint, carries=carries)
    return rule_of(shown=shown, subpattern=subpattern, **options)


def within(events: Sequence[Happened], trigger: Happened, window: int) -> list[Happened]:
    """Give the events of a trigger's window, sorted."""
    return sorted(event for event in events if trigger.time - window < event.time <= trigger.time)


def expected(rule: Rule, events: list[Happened], triggers: list[Happened]) -> list[tuple[object, ...]]:
    """Recompute all incidents: first, last, count, incidentCount, and the aggregates over the last trigger's window."""
    found: list[list[Happened]] = []
    for trigger in sorted(triggers):
        if found and trigger.time - found[-1][-1].time <= max(rule.clear_after, rule.window):
            found[-1].append(trigger)
        else:
            found.append([trigger])
    told = []
    for group in found:
        last = [event.values for event in within(events, group[-1], rule.window)]
        behind = set().union(*(within(events, trigger, rule.window) for trigger in group))
        shown = (sum(sizes(last)) if sizes(last) else None, len(set(names(last))), (names(last) or [None])[-1])
        told.append((group[0].time, group[-1].time, len(group), len(behind), *shown))
    return told


def run(rule: Rule, events: list[Happened], match_of: Callable[..., Match]) -> list[tuple[object, ...]]:
    """Run events through the engine, each row through its bytes and each match sent twice; give what stands."""
    row: Row | None = None
    sent: list[Incident] = []
    for position, event in enumerate(events):
        match = replace(match_of(event.time, event.offset, event.partition), values=event.values)
        observed = observe(rule, row, match, position, None)
        row = decode_row(encode_row(observed.row))
        again = observe(rule, row, match, position, None)
        assert again.repeated
        assert encode_row(row) == encode_row(again.row)
        sent += [*observed.incidents, *again.incidents]
    if row is not None:
        sent += advance(rule, KEY, row, END, row.position + 1).incidents
    newest: dict[str, Incident] = {}
    for incident in sent:
        known = newest.get(incident.incident_id)
        if known is None or incident.revision > known.revision:
            newest[incident.incident_id] = incident
        elif incident.revision == known.revision:
            assert incident == known
    return sorted(
        (
            (
                each.first_seen,
                each.last_seen,
                each.count,
                each.incident_count,
                *(each.attributes.get(name) for name, _ in SHOWN),
            )
            for each in newest.values()
            if not each.merged_into
        ),
        key=lambda told: told[:2],
    )


@THOROUGH
@pytest.mark.parametrize("text", sorted(MONOTONE))
@given(raw=EVENTS, **OPTIONS)
def test_monotone_on_arrival(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], text: str, raw: list, **options: int
) -> None:
    """What is decided on arrival is what sorting finds, in every order of arrival; so are the aggregates shown."""
    rule, events = rule_with(rule_of, text, **options), counted(raw)
    holds = MONOTONE[text]
    triggers = [each for each in events if holds([e.values for e in within(events, each, rule.window)])]
    assert expected(rule, events, triggers) == run(rule, events, match_of)


@THOROUGH
@pytest.mark.parametrize("text", sorted(MONOTONE | OTHERS))
@given(raw=EVENTS, **OPTIONS)
def test_final(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], text: str, raw: list, **options: int
) -> None:
    """Decided as final, every constraint finds what sorting finds, in every order of arrival."""
    rule, events = rule_with(rule_of, text, final=True, **options), counted(raw)
    holds = (MONOTONE | OTHERS)[text]
    triggers = [each for each in events if holds([e.values for e in within(events, each, rule.window)])]
    assert expected(rule, events, triggers) == run(rule, events, match_of)


@THOROUGH
@pytest.mark.parametrize("text", sorted(OTHERS))
@given(raw=EVENTS, **OPTIONS)
def test_others_on_arrival(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], text: str, raw: list, **options: int
) -> None:
    """What more events can make false is asked once, when an event arrives, and a trigger made stands."""
    rule, events = rule_with(rule_of, text, **options), counted(raw)
    triggers = [
        each
        for index, each in enumerate(events)
        if OTHERS[text]([e.values for e in within(events[: index + 1], each, rule.window)])
    ]
    assert expected(rule, events, triggers) == run(rule, events, match_of)
