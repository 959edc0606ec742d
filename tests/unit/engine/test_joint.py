"""Rules with several subpatterns by example: what triggers, when it is decided, what is said and what is refused."""

from collections.abc import Sequence
from typing import cast

import pytest
from msgspec.structs import replace

from stream_app.engine import joint_shown
from stream_app.engine.combinations import Budget, TooMany
from stream_app.engine.correlate import REACH
from stream_app.engine.incident import AUTO_CLEARED, CLEAR, CREATE, UPDATE, Incident, shown_by
from stream_app.engine.key import Key
from stream_app.engine.match import GROUP_LIMIT, NO_PARTITION, WITH_VALUES, Match, Origin
from stream_app.engine.observe import advance, current, due_at, expires_at, finish, observe, suppressed, wake_at
from stream_app.engine.observed import Observed
from stream_app.engine.rejection import SUPPRESSED, TOO_LARGE, TOO_MANY
from stream_app.engine.row import PENDING, Row, Source, encode_row
from stream_app.language.compile import Environment, compile_filter
from stream_app.language.parser import parse
from stream_app.language.values import Value
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.periods import Once
from stream_app.rulebook.rule import Rule
from stream_app.sysmon.attributes import VOCABULARY
from tests.unit.engine.joint_oracle import And, Is, Node, Not, Or, Pattern, Related, Spec, Then
from tests.unit.engine.joint_scenes import compared, rule_of

KEY = Key("PH_Rule_Test", "1", ())
A, B, C = Is(0), Is(1), Is(2)
HOUR = 3_600_000


def rule(
    trigger: Node,
    *group_bys: tuple[str, ...],
    mapping: Sequence[tuple[int, str]] = ((0, "hostName"),),
    relations: Sequence[Related] = (),
    **options: object,
) -> Rule:
    """Give a rule with a window of a second whose subpatterns group by these attributes, else by hostName."""
    texts = cast("Sequence[str]", options.pop("constraints", ["COUNT(*) >= 1"] * 9))
    patterns = [Pattern(each, text, bool) for each, text in zip(group_bys or [("hostName",)] * 3, texts, strict=False)]
    cleared_by, shown = options.pop("cleared_by", None), options.pop("shown", ())
    spec = Spec(tuple(patterns), trigger, tuple(relations), tuple(mapping), 1000, HOUR, 5, cleared_by, shown)
    return rule_of(spec, keyed=False, **{"lateness": 0, **options})


def match(time: int, offset: int, *serves: int, host: str | None = "h", port: Value | None = None) -> Match:
    """Give a match of an event that serves these subpatterns."""
    mask = sum(1 << number for number in serves)
    return Match(WITH_VALUES, "PH_Rule_Test", "1", (), time, Origin("sysmon", "T", 0, offset), (host, "u", port, mask))


def feed(
    of: Rule, *matches: Match, row: Row | None = None, stream_time: int | None = None
) -> tuple[Row, list[Observed]]:
    """Feed matches to a row, at positions behind its own."""
    seen = []
    for each in matches:
        observed = observe(of, row, each, 0 if row is None else row.position + 1, stream_time)
        row = observed.row
        seen.append(observed)
    assert row is not None
    return row, seen


def told(incidents: Sequence[Incident]) -> list[tuple[object, ...]]:
    """Give incidents' attributes and numbers: activity, count, incidentCount, first and last seen."""
    return [(i.key.group, i.activity, i.count, i.incident_count, i.first_seen, i.last_seen) for i in incidents]


def numbers(observed: Sequence[Observed]) -> list[list[tuple[object, ...]]]:
    """Give, for each step, what is told without the attributes."""
    return [[each[1:] for each in told(step.incidents)] for step in observed]


def test_followed_by() -> None:
    """The event that completes the order is the trigger; those of both groups stand behind it."""
    _, seen = feed(
        rule(Then((A, B))), match(0, 0, 1), match(10, 1, 0), match(20, 2, 1), match(30, 3, 0), match(40, 4, 1)
    )
    assert [[], [], [(CREATE, 1, 3, 20, 20)], [], [(UPDATE, 2, 5, 20, 40)]] == numbers(seen)


def test_one_millisecond_has_an_order() -> None:
    """Within one millisecond an event follows another by its place, whichever came first; none follows itself."""
    for order in ((0, 1), (1, 0)):
        row, seen = feed(
            rule(Then((A, B))),
            *(replace(match(5, 1, each), origin=Origin("sysmon", "T", each, 1)) for each in order),
        )
        assert [(CREATE, 1, 2, 5, 5)] == numbers(seen)[1]
        assert [8, 16] == [event.state for event in row.held]
    _, seen = feed(rule(Then((A, B))), match(5, 0, 0, 1), match(6, 1, 0))
    assert [[], []] == numbers(seen)


def test_and() -> None:
    """AND asks for no order, and one event may be both."""
    _, seen = feed(rule(And((A, B))), match(5, 0, 1), match(6, 1, 0))
    assert [[], [(CREATE, 1, 2, 6, 6)]] == numbers(seen)
    _, seen = feed(rule(And((A, B))), match(5, 0, 0, 1))
    assert [[(CREATE, 1, 1, 5, 5)]] == numbers(seen)


def test_all_lies_in_one_window() -> None:
    """To the millisecond: what is a whole window before the trigger is too old."""
    _, seen = feed(rule(Then((A, B))), match(0, 0, 0), match(1000, 1, 1), match(2000, 2, 0), match(2999, 3, 1))
    assert [[], [], [], [(CREATE, 1, 2, 2999, 2999)]] == numbers(seen)


def test_each_of_the_left_stands_before_each_of_the_right() -> None:
    """(A AND B) FOLLOWED_BY C: it is not enough that one of the two comes first."""
    _, seen = feed(
        rule(Then((And((A, B)), C))), match(0, 0, 0), match(1, 1, 2), match(2, 2, 1), match(3, 3, 0), match(4, 4, 2)
    )
    assert [[], [], [], [], [(CREATE, 1, 5, 4, 4)]] == numbers(seen)


def test_a_chain_is_walked_link_by_link() -> None:
    """A FOLLOWED_BY (B AND C) FOLLOWED_BY D: what came before A does not count for B or C."""
    chain = rule(Then((A, And((B, C)), Is(3))), *[("hostName",)] * 4)
    serves = (1, 0, 2, 3, 1, 3)
    _, seen = feed(chain, *(match(each, each, number) for each, number in enumerate(serves)))
    assert [[]] * 5 + [[(CREATE, 1, 6, 5, 5)]] == numbers(seen)


def test_what_comes_late_decides_again() -> None:
    """An event that comes late makes triggers of later events, in one record; of none that is a window behind it."""
    _, seen = feed(rule(Then((A, B))), match(500, 0, 1), match(600, 1, 1), match(1100, 2, 1), match(100, 3, 0))
    assert [[], [], [], [(CREATE, 2, 3, 500, 600)]] == numbers(seen)


def test_or() -> None:
    """Each way has its own tuple: attributes of a subpattern that takes no part are absent."""
    either = rule(Or((A, And((B, C)))), mapping=((0, "hostName"), (1, "hostName"), (2, "hostName")))
    _, seen = feed(either, match(0, 0, 0, host="a"), match(1, 1, 1, host="b"), match(2, 2, 2, host="c"))
    assert [[("a", None, None)], [], [(None, "b", "c")]] == [[i.key.group for i in step.incidents] for step in seen]
    assert {"a1": "b", "a2": "c"} == seen[2].incidents[0].attributes


def test_relations() -> None:
    """Groups go together only where the relations hold between them."""
    low = [Related(0, "destIpPort", "<", 1, "destIpPort", compared("<"))]
    group_bys = (("hostName", "destIpPort"), ("destIpPort",))
    pairs = rule(And((A, B)), *group_bys, mapping=((0, "destIpPort"), (1, "destIpPort")), relations=low)
    _, seen = feed(pairs, match(0, 0, 0, port=1), match(1, 1, 0, port=2), match(2, 2, 1, port=2), match(3, 3, 1))
    assert [[], [], [(1, 2)], []] == [[i.key.group for i in step.incidents] for step in seen]


@pytest.mark.parametrize(("at", "comes"), [(99, True), (100, False), (1099, False), (1100, True)])
def test_not_followed_by(at: int, *, comes: bool) -> None:
    """A trigger stands where nothing completes behind it and less than a window after it."""
    quiet = rule(Not(A, ((True, B),)), lateness=50)
    row, _ = feed(quiet, match(100, 1, 0), replace(match(at, 2, 1), origin=Origin("sysmon", "T", 1, 2)))
    first = min(100, at)
    assert (first + 1051, first + 1051) == (due_at(quiet, row), wake_at(quiet, row))
    assert row is advance(quiet, KEY, row, first + 1050, 8).row
    assert not advance(quiet, KEY, row, 1150, 8).incidents
    done = advance(quiet, KEY, row, 1151, 9)
    assert ([(CREATE, 1, 1, 100, 100)] if comes else []) == numbers([done])[0]
    assert 9 == done.row.position


@pytest.mark.parametrize(("at", "comes"), [(-900, True), (-899, False), (100, False), (1099, False), (1100, True)])
def test_and_not(at: int, *, comes: bool) -> None:
    """A trigger stands where nothing completes less than a window before or after it."""
    alone = rule(Not(A, ((False, B),)))
    row, _ = feed(alone, match(100, 1, 0), replace(match(at, 2, 1), origin=Origin("sysmon", "T", 1, 2)))
    done = advance(alone, KEY, row, 3000, 9)
    assert ([(CREATE, 1, 1, 100, 100)] if comes else []) == numbers([done])[0]


def test_what_must_not_come_completes_in_a_window_of_its_own() -> None:
    """NOT_FOLLOWED_BY (B AND C): the event that completes it must be behind the trigger, the other one need not."""
    quiet = rule(Not(A, ((True, And((B, C))),)))
    for other, comes in ((-400, False), (-500, True)):
        row, _ = feed(quiet, match(other, 0, 1), match(0, 1, 0), match(500, 2, 2))
        assert comes == bool(advance(quiet, KEY, row, 3000, 9).incidents)


def test_what_may_still_decide_is_held() -> None:
    """AND_NOT (B FOLLOWED_BY C): what began nearly two windows before an event is there when that is decided."""
    alone = rule(Not(A, ((False, Then((B, C))),)))
    row, _ = feed(alone, match(0, 0, 1), match(999, 1, 2), match(1998, 2, 0))
    row, _ = feed(alone, match(2998, 3, 0, host="x"), row=row, stream_time=2998)
    assert 4 == len(row.held)
    assert () == advance(alone, KEY, row, 2999, 9).incidents
    row, _ = feed(alone, match(3001, 4, 0, host="x"), row=row, stream_time=3001)
    assert [999, 1998, 2998, 3001] == [event.time for event in row.held]


def test_and_not_of_itself() -> None:
    """An event that is what must not come beside it makes nothing; what has another group does not matter."""
    alone = rule(Not(A, ((False, B),)), relations=[Related(0, "hostName", "=", 1, "hostName", compared("="))])
    row, _ = feed(alone, match(100, 0, 0, 1), match(200, 1, 0, host="other"))
    assert [("other",)] == [i.key.group for i in advance(alone, KEY, row, 3000, 9).incidents]


def test_decided_before_a_further_match() -> None:
    """What is due is decided before a match counts, also where that is late; each trigger is told of by itself."""
    final = rule(And((A, B)), final=True)
    row, _ = feed(final, match(0, 0, 0), match(1, 1, 1), match(1, 2, 1))
    for time, late in ((6, False), (4, True)):
        observed = observe(final, row, match(time, 3, 0), 3, 5)
        assert late == observed.late
        assert [(CREATE, 1, 3, 1, 1), (UPDATE, 2, 3, 1, 1)] == numbers([observed])[0]


def test_late() -> None:
    """A late match counts nowhere, and is late again when it is read again; one that was counted is answered."""
    both = rule(And((A, B)), lateness=10)
    row, seen = feed(both, match(100, 0, 0), match(100, 1, 1), match(89, 2, 0), stream_time=100)
    assert [False, False, True] == [each.late for each in seen]
    assert (2, 2) == (len(row.held), row.sources[0].offset)
    again = observe(both, row, match(89, 2, 0), 2, 100)
    assert (True, True) == (again.late, again.repeated)
    assert seen[1].incidents == observe(both, row, match(100, 1, 1), 1, 100).incidents == again.incidents
    assert 50 == observe(both, row, match(100, 1, 1), 50, 100).row.position


def test_a_line_is_held_back_and_cleared() -> None:
    """Updates of a line are paced, and it is over when nothing has come for long: as of any other incident."""
    paced = rule(And((A, B)), update_interval=1000)
    row, seen = feed(paced, match(0, 0, 0), match(1, 1, 1), match(500, 2, 0))
    assert [0, 1, 0] == [len(each.incidents) for each in seen]
    assert PENDING == row.lines[0].episodes[0].flags
    assert 1001 == due_at(paced, row)
    said = advance(paced, KEY, row, 1001, 5)
    assert [(UPDATE, 2, 3, 1, 500)] == numbers([said])[0]
    assert 500 + HOUR + 1 == due_at(paced, said.row) == wake_at(paced, said.row) == expires_at(paced, row) + 1
    over = advance(paced, KEY, said.row, 500 + HOUR + 1, 6)
    assert [(CLEAR, 2, 3, 1, 500)] == numbers([over])[0]
    assert (AUTO_CLEARED, 500 + HOUR) == (over.incidents[0].status, over.incidents[0].cleared)
    assert over.incidents == current(paced, KEY, over.row)
    assert [(UPDATE, 2, 3, 1, 500)] == numbers([finish(paced, KEY, row)])[0]


def test_lines_that_are_over_go() -> None:
    """A line whose incidents are over leaves the row, and the events that are left know the others by new numbers."""
    pairs = rule(And((A, B)), mapping=((0, "hostName"), (1, "hostName")))
    row, _ = feed(pairs, match(0, 0, 0, host="a"), match(1, 1, 1, host="a"), stream_time=0)
    late = 2 * HOUR
    row = observe(pairs, row, match(late, 2, 0, host="b"), REACH, late).row
    assert [("a", "a")] == [line.attributes for line in row.lines]
    row = observe(pairs, row, match(late + 1, 3, 1, host="b"), 2 * REACH + 1, late + 1).row
    assert [("b", "b")] == [line.attributes for line in row.lines]
    assert [(0,), (0, 1)] == [event.marks for event in row.held]
    update = observe(pairs, row, match(late + 2, 4, 1, host="b"), 2 * REACH + 2, late + 2)
    assert [(("b", "b"), UPDATE, 2, 3, late + 1, late + 2)] == told(update.incidents)


# ---- constraints


@pytest.mark.parametrize(
    ("constraint", "triggers"),
    [
        ("COUNT(*) >= 2", [2, 3, 4, 4, 4]),
        ("COUNT(*) > 5", []),
        ("COUNT(*) = 2", [2, 4]),
        ("COUNT(DISTINCT destIpPort) >= 2", [2, 3, 4, 4, 4]),
        ("COUNT(DISTINCT destIpPort) > 3", []),
        ("AVG(destIpPort) < 2", [1, 2, 4]),
    ],
)
def test_occurrences(constraint: str, triggers: list[int]) -> None:
    """An event occurs where its group's constraint holds up to its time; an absent value is passed over."""
    final = rule(And((A, B)), constraints=["COUNT(*) >= 1", constraint], final=True)
    events = (
        match(0, 0, 0),
        match(1, 1, 1, port=1),
        match(2, 2, 1, port=2),
        match(3, 3, 1, port=3),
        match(4, 4, 1),
        match(4, 5, 0),
        match(4, 6, 1),
    )
    row, _ = feed(final, *events, match(3, 7, 1, host="other"))
    assert triggers == [i.last_seen for i in advance(final, KEY, row, 5, 9).incidents]


def test_what_comes_into_the_window_of_a_trigger_that_stands() -> None:
    """Where a constraint is asked once, a late event stands behind a trigger if another one of its group does."""
    once = rule(And((A, B)), ("hostName",), ("user",), constraints=["COUNT(*) = 1", "COUNT(*) >= 1"])
    row, seen = feed(once, match(5, 0, 0), match(6, 1, 1), match(4, 2, 0), match(3, 3, 0, host="x"), match(6, 4, 2))
    assert [[], [(CREATE, 1, 2, 6, 6)], [(UPDATE, 1, 3, 6, 6)], [], []] == numbers(seen)
    assert [(), (0,), (0,), (0, 1)] == [event.marks for event in row.held]


# ---- incidents of other rules


def test_incidents_are_events() -> None:
    """An incident of another rule is never late, and is counted once, by its id."""
    both = rule(And((A, B)))
    row, _ = feed(both, match(5, 0, 0))
    of_other = replace(match(6, 0, 1), origin=Origin("incidents", "some-id", NO_PARTITION, 6))
    row, seen = feed(both, of_other, of_other, row=row, stream_time=2000)
    assert [[(CREATE, 1, 2, 6, 6)]] * 2 == numbers(seen)
    assert [(False, False), (False, True)] == [(each.late, each.repeated) for each in seen]
    assert 5 == observe(both, row, replace(of_other, time=8), 5, 3000).row.position


def test_an_incident_that_may_have_been_forgotten_is_late() -> None:
    """One that is no newer than what its row has forgotten may have been counted already."""
    both = rule(And((A, B)))
    row, _ = feed(both, match(5, 0, 0))
    floor = Source("", "incidents", NO_PARTITION, 9)
    held = tuple([replace(event, source=1) for event in row.held])
    row = replace(row, sources=(floor, *row.sources), held=held)
    of_other = replace(match(9, 0, 1), origin=Origin("incidents", "some-id", NO_PARTITION, 9))
    observed = observe(both, row, of_other, 7, None)
    assert (True, (), replace(row, position=7)) == (observed.late, observed.incidents, observed.row)


def test_what_an_incident_was_made_as() -> None:
    """Where other rules read it, an incident keeps the aggregates that it was made with."""
    both = rule(And((A, B)), chained=True, shown=(0,))
    _, seen = feed(both, match(5, 0, 0), match(6, 1, 1), match(7, 2, 0))
    made, later = seen[1].incidents[0], seen[2].incidents[0]
    assert ((1, "u"), (2, "u")) == (shown_by(both, made.episode), shown_by(both, later.episode))
    assert made.episode.born is not None
    assert (1, "u") == made.episode.born.values
    assert made.episode.born == later.episode.born


# ---- what is refused


def test_too_many_on_arrival() -> None:
    """A match for which too much would be looked at is as if it had not come, and judged again when it comes again."""
    three = rule(And((A, B, C)), *[("destIpPort",)] * 3, mapping=())
    row, seen = feed(three, *(match(each, each, each % 2, port=each) for each in range(220)))
    assert {()} == {each.suppressed for each in seen}
    for _ in range(2):
        refused = observe(three, row, match(500, 220, 2, port=1), 220, None)
        ((reason, offset, name),) = [(each.reason, each.offset, each.rule) for each in refused.suppressed]
        assert (TOO_MANY, 220, "PH_Rule_Test") == (reason, offset, name)
        assert replace(row, position=220) == refused.row
    assert "more than 10,000 combinations of groups would be looked at" == refused.suppressed[0].detail


def test_too_many_as_final() -> None:
    """An event for which too much would be looked at decides nothing but stands; it is named again after a crash."""
    three = rule(And((A, B, C)), *[("destIpPort",)] * 3, mapping=(), final=True)
    row, _ = feed(three, *(match(each, each, each % 2, port=each) for each in range(220)), match(500, 220, 2, port=1))
    done = advance(three, KEY, row, 501, 300)
    assert ((), [(TOO_MANY, 220, 500)]) == (
        done.incidents,
        [(e.reason, e.offset, e.timestamp) for e in done.suppressed],
    )
    assert 221 == len(done.row.held)
    assert done.suppressed == suppressed(three, KEY, done.row)
    assert None is due_at(three, done.row)


def test_a_constraint_costs_what_it_reads() -> None:
    """Asking what many events hold is counted with the combinations."""
    budget = Budget()
    budget.spend(10_000)
    with pytest.raises(TooMany):
        budget.spend()


def test_full() -> None:
    """A match whose row would be too large leaves no trace."""
    both = rule(And((A, B)))
    row, _ = feed(both, match(0, 0, 0))
    both = replace(both, row_limit=len(encode_row(row)))
    observed = observe(both, row, match(1, 1, 1), 1, None)
    assert (True, (), replace(row, position=1)) == (observed.full, observed.incidents, observed.row)


def excepted(of: Rule, text: str, period: Once | None = None) -> Rule:
    """Give the rule with an exception on its first incident attribute, which is called hostName."""
    when = compile_filter(parse(text), Environment(vocabulary=VOCABULARY))
    mapping = (("hostName", of.mapping[0][1]), *of.mapping[1:])
    return replace(of, mapping=mapping, exceptions=(RuleException(text, when, period, "known", "r.toml:7"),))


def test_exceptions() -> None:
    """A trigger under an exception makes nothing and is named, once; other tuples of the same event are told of."""
    pairs = rule(And((A, B)), mapping=((0, "hostName"),))
    silent = excepted(pairs, 'hostName = "a"')
    row, seen = feed(silent, match(0, 0, 0, host="a"), match(1, 1, 0, host="b"), match(9, 2, 1), match(5, 3, 1))
    assert [[], [], [("b",)], [("b",)]] == [[i.key.group for i in step.incidents] for step in seen]
    assert [[], [], [(SUPPRESSED, 2)], [(SUPPRESSED, 3)]] == [
        [(each.reason, each.offset) for each in step.suppressed] for step in seen
    ]
    assert "r.toml:7: known" == seen[2].suppressed[0].detail
    assert [3, 2] == [each.offset for each in suppressed(silent, KEY, row)]
    assert 3 == seen[3].incidents[0].incident_count


def test_exceptions_end() -> None:
    """What stands behind a trigger under an exception is counted when another one comes that makes something."""
    silent = excepted(rule(And((A, B))), "hostName IS NOT NULL", Once(0, 5))
    _, seen = feed(silent, match(0, 0, 0), match(4, 1, 1), match(5, 2, 1))
    assert [[], [], [(CREATE, 1, 3, 5, 5)]] == numbers(seen)


def test_a_tuple_too_long_for_a_record() -> None:
    """A trigger whose incident could not be sent makes nothing, and says so."""
    pairs = rule(And((A, B)), mapping=((0, "hostName"), (1, "hostName")))
    long = "\x01" * (GROUP_LIMIT // 11)
    row, seen = feed(
        pairs, match(0, 0, 0, host=long), match(1, 1, 1, host=long), match(2, 2, 1), match(1, 3, 0, host="x")
    )
    tuples = [[i.key.group for i in step.incidents] for step in seen]
    assert [[], [], [(long, "h")], [("x", long), ("x", "h")]] == tuples
    assert [[], [TOO_LARGE], [], []] == [[each.reason for each in step.suppressed] for step in seen]
    assert seen[1].suppressed == suppressed(pairs, KEY, row)


def test_what_another_text_of_the_rule_left() -> None:
    """Events held with other values go; a match with other values is known and counts nowhere."""
    both = rule(And((A, B)))
    row, _ = feed(both, match(0, 0, 0))
    row = replace(row, held=(replace(row.held[0], values=("h",)),))
    for values in ((), ("h", 1), ("h", "u", 1, "x"), ("h", "u", 1, 0), ("h", "u", 1, 0b11000)):
        observed = observe(both, row, replace(match(1, 1, 1), values=values), 1, None)
        assert ((), (), 1) == (observed.row.held, observed.incidents, observed.row.sources[0].offset)


# ---- clear patterns


def test_a_clear_pattern_of_one_subpattern() -> None:
    """A clear pattern ends what stands with its values; the next trigger makes a new incident."""
    opened = rule(A, ("hostName",), ("hostName",), cleared_by=((0, "hostName"),))
    _, seen = feed(
        opened, match(0, 0, 0), match(5, 1, 1, host="x"), match(7, 2, 1), match(8, 3, 1), match(9, 4, 0), match(6, 5, 0)
    )
    assert [
        [(CREATE, 1, 1, 0, 0)],
        [],
        [(CLEAR, 1, 1, 0, 0)],
        [],
        [(CREATE, 1, 1, 9, 9)],
        [(CLEAR, 2, 2, 0, 6)],
    ] == numbers(seen)
    assert (AUTO_CLEARED, 7) == (seen[2].incidents[0].status, seen[2].incidents[0].cleared)


def test_a_trigger_that_comes_late_meets_the_clear_behind_it() -> None:
    """An incident that is made before a clear that has come already is over when it is told of."""
    opened = rule(A, ("hostName",), ("hostName",), cleared_by=((0, "hostName"),))
    _, seen = feed(opened, match(7, 0, 1), match(5, 1, 0))
    assert [[], [(CLEAR, 1, 1, 5, 5)]] == numbers(seen)
    assert (1, 7) == (seen[1].incidents[0].revision, seen[1].incidents[0].cleared)


def test_a_clear_as_final() -> None:
    """As final, clears are decided in their turn, behind the triggers of their millisecond."""
    opened = rule(A, ("hostName",), ("hostName",), cleared_by=((0, "hostName"),), final=True)
    events = (match(5, 0, 1), match(5, 1, 0), match(6, 2, 1, host="x"), match(7, 3, 0))
    row, _ = feed(opened, *events)
    done = advance(opened, KEY, row, 8, 9)
    assert [(CREATE, 1, 1, 5, 5), (CLEAR, 1, 1, 5, 5), (CREATE, 1, 1, 7, 7)] == numbers([done])[0]


def test_a_clear_pattern_that_is_there_no_more() -> None:
    """Where the rule lost its clear pattern, what it cleared before clears nothing any more."""
    opened = rule(A, ("hostName",), ("hostName",), cleared_by=((0, "hostName"),))
    row, _ = feed(opened, match(7, 0, 1))
    assert [[(CREATE, 1, 1, 5, 5)]] == numbers(feed(rule(A), match(5, 1, 0), row=row)[1])


# ---- aggregates


def test_shown_stays_where_it_cannot_be_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An aggregate for which too much would be looked at, or whose trigger is not held any more, stays as it was."""
    both = rule(And((A, B)), shown=(0,))
    row, seen = feed(both, match(0, 0, 0), match(1, 1, 1))
    assert {"a0": "h", "s0C": 1, "s0L": "u"} == seen[1].incidents[0].attributes

    def refuse(*_: object) -> None:
        raise TooMany

    with monkeypatch.context() as patched:
        patched.setattr(joint_shown, "found_at", refuse)
        assert {"a0": "h", "s0C": 1, "s0L": "u"} == feed(both, match(0, 2, 0), row=row)[1][0].incidents[0].attributes
    gone = replace(row, held=row.held[:1])
    assert 1 == feed(both, match(0, 2, 1), row=gone)[1][0].incidents[0].attributes["s0C"]
    other = replace(row.held[1], offset=7)
    gone = replace(row, held=(row.held[0], other))
    assert 1 == feed(both, match(0, 9, 0), row=gone)[1][0].incidents[0].attributes["s0C"]
    gone = replace(row, held=(row.held[0], replace(other, time=2)))
    assert 1 == feed(both, match(0, 9, 1), row=gone)[1][0].incidents[0].attributes["s0C"]
