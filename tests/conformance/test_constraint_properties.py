"""What holds for every aggregate constraint and every window, whatever they are."""

from __future__ import annotations

import operator
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from stream_app.language.aggregate import CountConstraint
from stream_app.language.aggregate_parser import parse_aggregate, parse_condition
from stream_app.language.constraint import Constraint, MappedAggregate, aggregate_of, compile_constraint, constraint_of
from stream_app.language.diagnostics import LanguageError
from stream_app.language.printer import to_text
from stream_app.language.syntax import (
    And,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Contains,
    Expression,
    Matches,
    Membership,
    Name,
    Negative,
    Number,
    Or,
    Pattern,
    Presence,
    Range,
    Span,
    String,
)
from stream_app.language.trends import Trend, trend_of
from tests.conformance.window_interpreter import Event, WindowInterpreter

if TYPE_CHECKING:
    from stream_app.language.compile import Environment
    from stream_app.language.syntax import Operand

NOWHERE = Span(0, 0)
MANY = settings(max_examples=100, deadline=None)
GROUP_BY = ("hostName",)
NON_NEGATIVE = WindowInterpreter.non_negative
ATTRIBUTES = {
    "number": ("sentBytes", "destIpPort"),
    "string": ("user", "procId"),
    "ip": ("destIpAddr",),
}
NUMERIC = ("SUM", "AVG", "MIN", "MAX", "MEDIAN", "STDDEV", "VARIANCE", "PctChange", "Pctile95")
OWN = ("FIRST", "LAST", "MODE")
SIGNS = ("+-", "*/")


def _attribute(*kinds: str) -> st.SearchStrategy:
    return st.sampled_from([Attribute(name, NOWHERE) for kind in kinds for name in ATTRIBUTES[kind]])


def _aggregate(functions: tuple[str, ...], *kinds: str) -> st.SearchStrategy:
    return st.builds(lambda name, of: Call(name, (of,), NOWHERE), st.sampled_from(functions), _attribute(*kinds))


def _number(text: str) -> Number:
    return Number(text, NOWHERE)


NUMBER = st.sampled_from(("0", "1", "-1", "2", "3", "2.5", "0.1", "100", "9007199254740993")).map(_number)
PERCENT = st.sampled_from(("0", "1", "12.5", "50", "99.9", "100")).map(_number)
COUNT = st.just(Call("COUNT", (), NOWHERE)) | _aggregate(("COUNT", "COUNT DISTINCT"), "number", "string", "ip")
PERCENTILE = st.builds(lambda of, percent: Call("PCTILE", (of, percent), NOWHERE), _attribute("number"), PERCENT)
MEASURED = st.deferred(lambda: COUNT | _aggregate((*NUMERIC, *OWN), "number") | PERCENTILE)
TEXT = _aggregate(OWN, "string")
ADDRESS = _aggregate(OWN, "ip")
STRING = st.sampled_from(("a", "A", "b", "", "4", "Bob")).map(lambda text: String(text, NOWHERE))
PATTERN = st.sampled_from(("a", "^b?$", "[a4]", "")).map(lambda text: Pattern(text, NOWHERE))
LEVEL = st.builds(
    lambda key: Call("LookupTableGet", (Name("UserLoc", NOWHERE), key, Name("Level", NOWHERE)), NOWHERE), TEXT | STRING
)
LENGTH = st.builds(lambda text: Call("LEN", (text,), NOWHERE), TEXT)


def _chain(parts: st.SearchStrategy) -> st.SearchStrategy:
    def build(signs: str) -> st.SearchStrategy:
        pairs = st.lists(st.tuples(st.sampled_from(signs), parts | NUMBER), min_size=1, max_size=3)
        return st.builds(
            lambda first, rest: Arithmetic((first, *(part for _, part in rest)), tuple(s for s, _ in rest), NOWHERE),
            parts,
            pairs,
        )

    return st.sampled_from(SIGNS).flatmap(build)


def _computed(leaf: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        leaf, lambda inner: _chain(inner) | inner.map(lambda operand: Negative(operand, NOWHERE)), max_leaves=4
    )


def _joined(terms: st.SearchStrategy) -> st.SearchStrategy:
    return st.recursive(
        terms,
        lambda inner: st.builds(
            lambda node, parts: node(tuple(parts), NOWHERE),
            st.sampled_from((And, Or)),
            st.lists(inner, min_size=2, max_size=3),
        ),
        max_leaves=4,
    )


def _comparison(left: st.SearchStrategy, right: st.SearchStrategy, *operators: str) -> st.SearchStrategy:
    return st.builds(Comparison, st.sampled_from(operators), left, right, st.just(NOWHERE))


GROUP = Attribute("hostName", NOWHERE)
ORDER = ("=", "!=", ">", ">=", "<", "<=")
NUMBERS = st.deferred(lambda: _computed(MEASURED) | _computed(MEASURED | LENGTH))
ANY = NUMBERS | TEXT | ADDRESS
SINGLE = (
    _comparison(NUMBERS, NUMBER | NUMBERS | LEVEL, *ORDER)
    | _comparison(NUMBER | LEVEL, NUMBERS, *ORDER)
    | _comparison(TEXT, STRING | TEXT | NUMBERS | st.just(GROUP), "=", "!=")
    | _comparison(ADDRESS, ADDRESS, "=", "!=")
    | st.builds(Range, NUMBERS, st.booleans(), NUMBER | NUMBERS, NUMBER, st.just(NOWHERE))
    | st.builds(
        Membership, NUMBERS, st.booleans(), st.lists(NUMBER, min_size=1, max_size=3).map(tuple), st.just(NOWHERE)
    )
    | st.builds(Membership, TEXT, st.booleans(), st.lists(STRING, min_size=1, max_size=3).map(tuple), st.just(NOWHERE))
    | st.builds(Contains, TEXT | NUMBERS, st.booleans(), STRING | TEXT, st.just(NOWHERE))
    | st.builds(Matches, TEXT, st.booleans(), PATTERN, st.just(NOWHERE))
    | st.builds(Presence, ANY, st.booleans(), st.just(NOWHERE))
)
CONSTRAINTS = _joined(SINGLE)

POSITIVE = st.sampled_from(("1", "2", "0.1", "1024")).map(_number)
STEADY = NUMBER | st.just(
    Call("LookupTableGet", (Name("Ports", NOWHERE), _number("22"), Name("port", NOWHERE)), NOWHERE)
)
SUM_OF_BYTES = st.just(Call("SUM", (Attribute("sentBytes", NOWHERE),), NOWHERE))


def _moving() -> st.SearchStrategy:
    """Give sums, differences and multiples of two aggregates that mostly rise, or mostly fall."""
    part = COUNT | SUM_OF_BYTES | _aggregate(("SUM", "MAX", "MIN"), "number") | MEASURED
    number = NUMBER | POSITIVE
    return st.builds(
        lambda a, b, n, m, sign, shape: {
            "a": a,
            "-a": Negative(a, NOWHERE),
            "a+b": Arithmetic((a, b, n), (sign, "+"), NOWHERE),
            "a*n": Arithmetic((a, n, m), ("*", "/"), NOWHERE),
            "n*a+b": Arithmetic((Arithmetic((n, a), ("*",), NOWHERE), Negative(b, NOWHERE)), (sign,), NOWHERE),
        }[shape],
        part,
        part,
        number,
        number,
        st.sampled_from("+-"),
        st.sampled_from(("a", "-a", "a+b", "a*n", "n*a+b")),
    )


MOVING = st.deferred(_moving)
DIRECTED_TERM = (
    _comparison(MOVING, STEADY | MOVING, ">", ">=", "<", "<=")
    | _comparison(STEADY, MOVING, ">", ">=", "<", "<=")
    | st.builds(Presence, MEASURED | MOVING, st.just(value=True), st.just(NOWHERE))
)
DIRECTED = DIRECTED_TERM | st.builds(
    lambda node, *terms: node(terms, NOWHERE), st.sampled_from((And, Or)), DIRECTED_TERM, DIRECTED_TERM
)
"""Constraints of which many are monotone."""

WHOLE = st.integers(-3, 6) | st.sampled_from((2**53 + 1, 2**63, -(2**54) - 1))
SMALL = st.sampled_from((0.1, 0.25, -0.5, 2.0, 1e16, 5e-324, 1e300))
VALUES = {
    **dict.fromkeys(ATTRIBUTES["number"], WHOLE | SMALL | st.sampled_from(("2", " 3.5 ", "x", "", "1e999"))),
    **dict.fromkeys(ATTRIBUTES["string"], st.sampled_from(("a", "A", "b", "", "bob", "\u0130", 4, 2.0))),
    "destIpAddr": st.sampled_from(("10.0.0.1", "::1", "0:0:0:0:0:0:0:1", "host", "")),
}
EVENTS = st.fixed_dictionaries({}, optional=VALUES)
WINDOWS = st.lists(st.tuples(st.integers(0, 3), EVENTS), max_size=8).map(
    lambda events: [Event(time, place, attributes) for place, (time, attributes) in enumerate(events)]
)
"""Events with times, of which some are equal; as they arrived."""

ANYTHING = st.text(max_size=4) | st.integers() | st.floats() | st.booleans() | st.just(10**5000) | st.just("9" * 5000)


def _compiled(tree: Expression, environment: Environment) -> Constraint:
    """Compile a tree; one that is refused because of what it says of a count is no example."""
    try:
        return compile_constraint(tree, environment, group_by=GROUP_BY, non_negative=NON_NEGATIVE)
    except LanguageError as error:
        assume("hold" not in str(error))
        raise


def _rows(read: Constraint | MappedAggregate, events: list[Event]) -> list[tuple]:
    in_order = sorted(events, key=lambda event: (event.time, event.place))
    return [tuple(event.attributes.get(name) for name in read.attributes) for event in in_order]


def _without_spans(tree: Expression) -> object:
    def forget(value: object) -> object:
        if isinstance(value, dict):
            return {key: forget(item) for key, item in value.items() if key != "span"}
        return [forget(item) for item in value] if isinstance(value, list | tuple) else value

    return forget(msgspec.to_builtins(tree))


@MANY
@given(tree=CONSTRAINTS, events=WINDOWS, host=st.sampled_from(("a", "", None)), option=st.booleans())
def test_the_compiler_and_the_interpreter_agree(
    tree: Expression, events: list[Event], host: str | None, *, option: bool, environment: dict[bool, Environment]
) -> None:
    """A compiled constraint says of every window what defining its aggregates over it says, whatever came when."""
    constraint = _compiled(tree, environment[option])
    second = WindowInterpreter(environment[option])
    second.group = {"hostName": host}
    assert second.matches(tree, events) == constraint.holds(_rows(constraint, events), (host,))


@MANY
@given(call=MEASURED | TEXT | ADDRESS, events=WINDOWS)
def test_a_mapped_aggregate_has_the_value_that_the_interpreter_defines(
    call: Call, events: list[Event], environment: dict[bool, Environment]
) -> None:
    """An aggregate's value is exactly that of its definition; beyond 64 bits it is the nearest float."""
    aggregate = aggregate_of(f"Filter.{to_text(call)}", environment[True], non_negative=NON_NEGATIVE)
    expected = WindowInterpreter(environment[True]).value(call, events)
    if isinstance(expected, int) and not -(2**63) <= expected < 2**64:
        expected = float(expected) if abs(expected) < 2**1023 else None
    assert expected == aggregate.value(_rows(aggregate, events))


@settings(max_examples=500, deadline=None)
@given(operand=MOVING, events=st.lists(st.tuples(st.integers(0, 3), EVENTS), min_size=2, max_size=6))
def test_a_value_goes_only_the_way_that_is_claimed_of_it(
    operand: Operand, events: list[tuple[int, dict]], environment: dict[bool, Environment]
) -> None:
    """As a window fills, a rising value is there or comes and never shrinks, a falling one never grows."""
    second = WindowInterpreter(environment[True])
    window = [Event(time, place, attributes) for place, (time, attributes) in enumerate(events)]
    values = [second.value(operand, window[:size]) for size in range(len(window) + 1)]
    trend = trend_of(operand, NON_NEGATIVE)
    if trend is not Trend.OPEN:
        ways = {Trend.RISING: operator.le, Trend.FALLING: operator.ge, Trend.STEADY: operator.eq}
        steps = [(before, after) for before, after in pairwise(values) if before is not None]
        assert [True] * len(steps) == [after is not None and ways[trend](before, after) for before, after in steps]


def _sum_is_at_least(text: str) -> Comparison:
    return Comparison(">=", Call("SUM", (Attribute("sentBytes", NOWHERE),), NOWHERE), _number(text), NOWHERE)


@settings(max_examples=300, deadline=None)
@given(tree=DIRECTED, events=WINDOWS)
@example(tree=_sum_is_at_least("5"), events=[Event(0, 0, {"sentBytes": 5}), Event(0, 1, {"sentBytes": -1})])
@example(  # a float near 2**54 + 1.25 is 2**54
    tree=_sum_is_at_least("18014398509481985"),
    events=[Event(1, 0, {"sentBytes": 2**54 + 1}), Event(0, 1, {"sentBytes": 0.25})],
)
def test_a_further_event_never_makes_a_monotone_constraint_false(
    tree: Expression, events: list[Event], environment: dict[bool, Environment]
) -> None:
    """What a monotone constraint holds over, it holds over with further events, wherever they lie in time."""
    constraint = _compiled(tree, environment[True])
    answers = [constraint.holds(_rows(constraint, events[:size])) for size in range(len(events) + 1)]
    assert not constraint.monotone or sorted(answers) == answers


@MANY
@given(tree=CONSTRAINTS | DIRECTED)
def test_no_constraint_is_both_monotone_and_final(tree: Expression, environment: dict[bool, Environment]) -> None:
    """What a further event cannot spoil does not wait; a bare count is monotone or waits."""
    constraint = _compiled(tree, environment[True])
    assert not (constraint.monotone and constraint.final_by_default)
    if constraint.count:
        assert constraint.monotone != constraint.final_by_default


@MANY
@given(tree=CONSTRAINTS)
def test_printing_a_tree_and_parsing_it_gives_the_tree(tree: Expression) -> None:
    """``parse_condition(to_text(tree))`` is the tree, wherever its nodes stand."""
    assert _without_spans(tree) == _without_spans(parse_condition(to_text(tree)))


@MANY
@given(call=MEASURED | TEXT | ADDRESS)
def test_printing_an_aggregate_and_parsing_it_gives_the_aggregate(call: Call) -> None:
    """``parse_aggregate(to_text(call))`` is the call."""
    assert _without_spans(call) == _without_spans(parse_aggregate(to_text(call)))


WORDS = ("AND", "or", "NOT", "IN", "BETWEEN", "(", ")", ",", "=", ">", "-", "*", "/", "COUNT", "DISTINCT", "PCTILE")
SOUP = st.lists(
    st.sampled_from(
        (*WORDS, "COUNT(*)", "SUM(sentBytes)", "max", "LEN", "IF", "user", "hostName", "EMA", '"a"', "1", "0.5")
    )
    | st.text(max_size=3),
    max_size=20,
).map(" ".join)


@MANY
@given(text=SOUP | st.text())
@example(text="PCTILE(0.5, user) > 1")
@example(text="Filter.PCTILE(sentBytes, 95)")
def test_a_text_compiles_or_is_refused(text: str, environment: dict[bool, Environment]) -> None:
    """Nothing is raised but the language's own error, which names a place in the text."""
    for read in (constraint_of, aggregate_of):
        try:
            read(text, environment[True])
        except LanguageError as error:
            problems = error.diagnostics
        else:
            continue
        assert (True, [True] * len(problems)) == (bool(problems), [problem.column > 0 for problem in problems])


@MANY
@given(tree=CONSTRAINTS, data=st.data())
def test_a_constraint_never_raises(tree: Expression, data: st.DataObject, environment: dict[bool, Environment]) -> None:
    """Whatever the events hold, the answer is true or false."""
    constraint = _compiled(tree, environment[True])
    row = st.tuples(*(ANYTHING | st.none() for _ in constraint.attributes))
    rows = data.draw(st.lists(row, max_size=6))
    assert constraint.holds(rows, (data.draw(ANYTHING | st.none()),)) in {True, False}


@MANY
@given(call=MEASURED | TEXT | ADDRESS, values=st.lists(ANYTHING | st.none(), max_size=6))
def test_a_mapped_aggregate_can_be_carried_by_a_record(
    call: Call, values: list, environment: dict[bool, Environment]
) -> None:
    """Whatever the events hold, the value is one that JSON and MessagePack write and read as it is."""
    aggregate = aggregate_of(to_text(call), environment[True])
    value = aggregate.value([(value,) for value in values])
    assert value == msgspec.msgpack.decode(msgspec.msgpack.encode(value))


@MANY
@given(sign=st.sampled_from(ORDER), number=st.integers(0, 4), count=st.integers(1, 6))
def test_a_bare_count_is_the_constraint_that_the_count_of_events_decides(
    sign: str, number: int, count: int, environment: dict[bool, Environment]
) -> None:
    """A comparison with a whole number is a count, whichever side the number is on."""
    mirrored = {"=": "=", "!=": "!=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}[sign]
    for text in (f"COUNT(*) {sign} {number}", f"{number} {mirrored} COUNT (*)"):
        try:
            constraint = constraint_of(text, environment[True])
        except LanguageError as error:
            assert "the event that is counted last counts itself" in str(error)  # noqa: PT017 - it is expected
            continue
        assert CountConstraint(sign, number) == constraint.count
        expected = {"=": count == number, "!=": count != number, ">": count > number, ">=": count >= number}
        expected |= {"<": count < number, "<=": count <= number}
        assert expected[sign] == constraint.holds([()] * count)


@pytest.mark.parametrize(
    "text", ["COUNT(*) > 1.5", "COUNT(user) > 1", "COUNT(*) > 1 AND COUNT(*) > 2", "MAX(sentBytes) > 1"]
)
def test_what_is_not_a_bare_count_says_so(text: str, environment: dict[bool, Environment]) -> None:
    """Only a constraint on the number of events is given as one."""
    assert constraint_of(text, environment[True]).count is None


def test_several_aggregates_share_a_row(environment: dict[bool, Environment]) -> None:
    """What is carried already comes first, each attribute once; a row may hold more than a constraint asks for."""
    first = constraint_of(
        "MAX(sentBytes) > MIN(destIpPort) AND SUM(sentBytes) > 1", environment[True], carried=("user",)
    )
    second = aggregate_of("F.COUNT(DISTINCT procName)", environment[True], carried=first.attributes)
    third = aggregate_of("LAST(user)", environment[True], carried=second.attributes)
    attributes = ("user", "sentBytes", "destIpPort", "procName")
    assert (attributes[:3], attributes, attributes) == (first.attributes, second.attributes, third.attributes)
    row = ("bob", 5, 4, "x")
    assert (True, 1, "bob", "F", "") == (
        first.holds([row]),
        second.value([row]),
        third.value([row]),
        second.subpattern,
        third.subpattern,
    )


def test_a_constraint_says_itself_in_one_way(environment: dict[bool, Environment]) -> None:
    """Blanks and case of keywords do not count."""
    texts = ("count (*)>1 and  pctchange( sentBytes )<5", "COUNT(*) > 1 AND PctChange(sentBytes) < 5")
    assert [texts[1]] * 2 == [constraint_of(text, environment[True]).text for text in texts]
