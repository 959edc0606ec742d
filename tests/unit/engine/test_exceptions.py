"""Exceptions: triggers that make nothing, told of with their places, in every order and after every crash."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.exceptions import applying, excepting
from stream_app.engine.match import Match
from stream_app.engine.observe import advance, observe, suppressed
from stream_app.engine.observed import Observed
from stream_app.engine.rejection import SUPPRESSED, Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.engine.row import Row, decode_row, encode_row
from stream_app.language.compile import EVERYTHING, Environment, compile_filter
from stream_app.language.parser import parse
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.periods import Once
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.attributes import VOCABULARY
from tests.unit.engine.test_brute_force import END, HOLDS, KEY, THOROUGH, Happened, Scene, expected, scenes, standing
from tests.unit.engine.test_replay import records


def exception(when: str = "", begin: int | None = None, end: int | None = None, reason: str = "works") -> RuleException:
    """Make an exception; without a condition it is true of everything."""
    condition = compile_filter(parse(when), Environment(vocabulary=VOCABULARY)) if when else EVERYTHING
    period = None if begin is None and end is None else Once(begin, end)
    return RuleException(when, condition, period, reason, "r.toml:9")


def places(named: tuple[Rejection, ...]) -> list[tuple[str, int, int]]:
    """Give the reason, the time and the offset."""
    return [(each.reason, each.timestamp, each.offset) for each in named]


def feed(rule: Rule, *matches: Match, time: int | None = None) -> tuple[Row, list[Observed]]:
    """Feed matches to an empty row, at positions 0, 1, ..."""
    row: Row | None = None
    seen = []
    for position, match in enumerate(matches):
        seen.append(observe(rule, row, match, position, time))
        row = seen[-1].row
    assert row is not None
    return row, seen


def test_what_is_asked(rule_of: Callable[..., Rule]) -> None:
    """A condition is asked of the incident's attributes, by their names; one that is absent is absent."""
    whens = ('targetUser = "ada"', "targetUser IS NULL", 'hostName = "pc1"', "")
    rule = rule_of(
        group_by=("hostName", "user"),
        mapping=(("targetUser", "user"), ("hostName", "hostName")),
        exceptions=tuple(map(exception, whens)),
    )

    def asked(*group: str | None) -> list[str]:
        return [each.when for each in applying(rule, group)]

    assert ['targetUser = "ada"', 'hostName = "pc1"', ""] == asked("pc1", "ada")
    assert ["targetUser IS NULL", ""] == asked("pc2", None)
    assert ["targetUser IS NULL", 'hostName = "pc1"', ""] == asked("pc1")


def test_the_first_that_holds() -> None:
    """Of several the first one that holds at the time is the reason."""
    rules = (exception(begin=5, end=9, reason="a"), exception(begin=7, reason="b"))
    found = [excepting(rules, time) for time in (4, 5, 8, 9)]
    assert [None, "a", "a", "b"] == [each and each.reason for each in found]


def test_every_event(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A trigger under an exception makes nothing and is named, with the rule, its place and the reason."""
    rule = rule_of(exceptions=(exception('hostName = "pc1"', 1000, 2000, "patches"),))
    row, seen = feed(rule, *(match_of(time, offset, 3) for offset, time in enumerate((999, 1000, 1999, 2000))))
    assert [1, 0, 0, 1] == [len(each.incidents) for each in seen]
    assert [(SUPPRESSED, 1000, 1)] == places(seen[1].suppressed)
    named = seen[2].suppressed[0]
    assert ("PH_Rule_Test", "sysmon", "T", 3, 2) == (
        named.rule,
        named.topic,
        named.topic_id,
        named.partition,
        named.offset,
    )
    assert "r.toml:9: patches" == named.detail
    assert (2, 4, 3) == (row.episodes[0].count, row.episodes[0].events, row.sources[0].offset)


def test_held_again(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Triggers that are held are named again for a worker that takes over, and each but once before."""
    rule = rule_of(">= 2", exceptions=(exception(end=2000),), window=1000)
    row, seen = feed(rule, *(match_of(time, offset) for offset, time in enumerate((1000, 1001, 1002, 2000, 1003))))
    assert [[], [1], [2], [], [4]] == [[each.offset for each in one.suppressed] for one in seen]
    assert [1, 2, 4] == [each.offset for each in suppressed(rule, KEY, row)]
    assert () == suppressed(rule_of(">= 2", window=1000), KEY, row)
    assert () == observe(rule, row, match_of(1001, 1), 1, None).suppressed
    # The trigger at 2000 has four events behind it: 1001, 1002, 2000, and 1003, which came later.
    assert [(1, 4)] == [(each.count, each.events) for each in row.episodes]


def test_final(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What is decided by time is named by time."""
    rule = rule_of("= 1", final=True, lateness=0, window=10, exceptions=(exception(end=50),))
    row, seen = feed(rule, match_of(0, 0), match_of(100, 1), time=0)
    assert [(), ()] == [each.suppressed for each in seen]
    done = advance(rule, KEY, row, 1, 2)
    assert ([(SUPPRESSED, 0, 0)], ()) == (places(done.suppressed), done.incidents)
    done = advance(rule, KEY, done.row, 101, 3)
    assert ([], 1) == (places(done.suppressed), len(done.incidents))


def test_due_in_observe(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What was due is named before what a further match makes."""
    rule = rule_of("= 1", final=True, lateness=0, window=10, exceptions=(exception(),))
    row, _ = feed(rule, match_of(0, 0), time=0)
    assert [(SUPPRESSED, 0, 0)] == places(observe(rule, row, match_of(100, 1), 1, 50).suppressed)


def test_replay(rule_of: Callable[..., Rule]) -> None:
    """A replay gives them as rejections, and counts them."""
    rule = rule_of(exceptions=(exception('hostName = "pc1"'),))
    waits = rule_of(">= 1", id="PH_Rule_Waits", final=True, exceptions=(exception(),))
    tally = Tally()
    rulebook = Rulebook({rule.id: rule, waits.id: waits})
    found = list(replay(rulebook, [*records([0, 5]), *records([9], "pc2")], tally=tally))
    assert {SUPPRESSED: 5} == tally.rejected
    assert (3, 1) == (tally.records, tally.incidents)
    assert ["PH_Rule_Test"] * 2 + ["PH_Rule_Waits"] * 3 == [each.rule for each in found if isinstance(each, Rejection)]


def run(rule: Rule, scene: Scene, match_of: Callable[..., Match]) -> tuple[list[Any], list[tuple[int, int, int]]]:
    """Run a scene; give the incidents that stand, and (time, partition, offset) of what was suppressed."""
    row: Row | None = None
    sent, named = [], []
    for index, event in enumerate(scene.events):
        match = match_of(event.time, event.offset, event.partition)
        observed = observe(rule, row, match, scene.positions[index], scene.times[index])
        row = decode_row(encode_row(observed.row))
        sent += observed.incidents
        named += observed.suppressed
    if row is not None:
        observed = advance(rule, KEY, row, END, row.position + 1)
        sent += observed.incidents
        named += observed.suppressed
    return standing(sent), [(each.timestamp, each.partition, each.offset) for each in named]


@THOROUGH
@given(
    data=st.data(),
    sign=st.sampled_from(sorted(HOLDS)),
    final=st.booleans(),
    number=st.integers(0, 4),
    window=st.integers(1, 15),
    lateness=st.integers(0, 30),
    clear_after=st.integers(0, 30),
    spans=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30)), max_size=2),
)
def test_in_every_order(  # noqa: PLR0913  each is one dimension of the property
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    spans: list[tuple[int, int]],
    *,
    final: bool,
    number: int,
    **options: int,
) -> None:
    """Triggers under an exception are named once each, and incidents are those that sorting finds without them."""
    if not final and sign not in {">", ">="}:
        final = True
    rule = rule_of(f"{sign} {number}", final=final, **options)
    rule = replace(rule, exceptions=tuple(exception(begin=begin, end=begin + size) for begin, size in spans))
    scene = data.draw(scenes(rule.lateness))

    def behind(trigger: Happened) -> int:
        return sum(trigger.time - rule.window < event.time <= trigger.time for event in scene.events)

    triggers = [event for event in scene.events if HOLDS[sign](behind(event), number)]
    excepted = [each for each in triggers if any(begin <= each.time < begin + size for begin, size in spans)]
    stand, named = run(rule, scene, match_of)
    assert sorted(excepted) == sorted(named)
    assert expected(rule, scene.events, [each for each in triggers if each not in excepted]) == stand


@pytest.mark.parametrize("constraint", [">= 2", "= 1", "<= 3"])
@given(
    times=st.lists(st.integers(0, 50), min_size=20, max_size=70),
    window=st.integers(2, 12),
    behind=st.integers(0, 25),
    span=st.tuples(st.integers(0, 50), st.integers(1, 20)),
)
@THOROUGH
def test_in_crowds(  # noqa: PLR0913, PLR0917  each is one dimension of the property
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    constraint: str,
    times: list[int],
    window: int,
    behind: int,
    span: tuple[int, int],
) -> None:
    """Where crowds are thinned out, what stands behind a trigger beside an exception is counted all the same."""
    begin, size = span
    final = constraint != ">= 2"
    rule = rule_of(constraint, window=window, lateness=behind, clear_after=0, final=final)
    rule = replace(rule, exceptions=(exception(begin=begin, end=begin + size),))
    arriving = sorted((time + (index * 7919) % (behind + 1), time) for index, time in enumerate(times))
    events = [Happened(time, 0, offset) for offset, (_, time) in enumerate(arriving)]
    reached: list[int | None] = [min(each.time for each in events[index:]) + behind for index in range(len(events))]
    stand, named = run(rule, Scene(events, reached, list(range(len(events))), []), match_of)
    sign, number = constraint.split()
    within = {each: sum(each.time - window < other.time <= each.time for other in events) for each in events}
    triggers = [each for each in events if HOLDS[sign](within[each], int(number))]
    excepted = [each for each in triggers if begin <= each.time < begin + size]
    assert sorted(excepted) == sorted(named)
    assert expected(rule, events, [each for each in triggers if each not in excepted]) == stand
