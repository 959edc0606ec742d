"""The compiler beside the meaning of filters: what it is given, what it gives, what it can bear."""

from __future__ import annotations

import sys

import pytest

from stream_app.language.compile import Environment, attributes_read, compile_filter
from stream_app.language.diagnostics import LanguageError
from stream_app.language.networks import Networks
from stream_app.language.parser import parse
from stream_app.language.values import AttributeType

STRINGS = Environment(dict.fromkeys(("a", "b", "c"), AttributeType.STRING))
NUMBERS = Environment(dict.fromkeys(("a", "b", "c"), AttributeType.NUMBER))


class Counting(dict):
    """An event that counts how often each attribute is fetched."""

    def __init__(self, values: dict) -> None:
        super().__init__(values)
        self.fetched: list[str] = []

    def get(self, name: str, default: object = None) -> object:
        """Fetch an attribute and remember that."""
        self.fetched.append(name)
        return super().get(name, default)


class Numbers:
    """A watch list of 1 and 2 that counts how often it is asked; ``clocks`` says by which clocks it was wanted."""

    def __init__(self) -> None:
        self.asked = 0
        self.clocks: list[bool] = []

    def reader(self, read: object, *, event_clock: bool) -> object:
        """Give the test of a filter."""
        self.clocks.append(event_clock)

        def listed(key: object, _: object) -> bool:
            self.asked += 1
            return key in {read("1"), read("2")}

        return listed


def _parses(text: str) -> bool:
    try:
        parse(text)
    except LanguageError as error:
        assert ["too deep"] == [problem.message[:8] for problem in error.diagnostics]  # noqa: PT017 - it is expected
        return False
    return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a = "1" AND (b IS NULL OR c IN ("x"))', {"a", "b", "c"}),
        ("LEN(a) + b > -c", {"a", "b", "c"}),
        ('LookupTableGet(a, b, c) = "x"', {"b"}),
        ("IF(a = b, 1, 2) = 1", {"a", "b"}),
        ("1 = 1", set()),
    ],
)
def test_the_attributes_that_a_filter_reads_are_known(text: str, expected: set[str]) -> None:
    """Names of tables and columns are no attributes."""
    assert frozenset(expected) == attributes_read(parse(text))


def test_an_attribute_is_fetched_once() -> None:
    """However often a filter names an attribute, an event is asked for it once."""
    event = Counting({"a": "x", "b": "y"})
    text = 'a != "1" AND a != "2" AND (a CONTAIN "x" OR b = "z") AND a REGEXP "x.*y|x" AND a IS NOT NULL AND LEN(a) = 1'
    assert (True, ["a"]) == (compile_filter(parse(text), STRINGS)(event), event.fetched)


def test_what_decides_nothing_is_not_fetched() -> None:
    """A filter stops at the first term that decides."""
    event = Counting({"a": "x"})
    assert (False, ["a"]) == (compile_filter(parse('a = "y" AND b = "z" AND c = "w"'), STRINGS)(event), event.fetched)


def test_cheap_terms_run_first() -> None:
    """A plain comparison is tried before a function that its author wrote before it."""
    event = Counting({"b": "no"})
    assert (False, ["b"]) == (compile_filter(parse('LEN(a) > 5 AND b = "y"'), STRINGS)(event), event.fetched)


def test_hundreds_of_terms_compile() -> None:
    """A filter of a thousand alternatives compiles and runs."""
    predicate = compile_filter(parse(" OR ".join(f'a = "{number}"' for number in range(1000))), STRINGS)
    assert (True, False) == (predicate({"a": "999"}), predicate({"a": "1000"}))


def test_a_long_sum_compiles() -> None:
    """Arithmetic of a thousand operands is no deeper than one of two."""
    predicate = compile_filter(parse("a" + " + 1" * 1000 + " = 1000"), NUMBERS)
    assert (True, False) == (predicate({"a": 0}), predicate({"a": 1}))


def test_the_deepest_filter_compiles_within_the_default_stack() -> None:
    """A filter that nests everything to the limit compiles with Python's own recursion limit."""
    text = deepest = "a > 0"
    while _parses(text):
        deepest, text = text, f"IF(b = 1 AND (b = 2 OR -(IF({text}, a, 1) - 1 * 2) * 2 + 1 > 0), 1, 2) > 0"
    tree = parse(deepest)
    frames = 300  # what a caller may have used up
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit - frames)
    try:
        predicate = compile_filter(tree, NUMBERS)
    finally:
        sys.setrecursionlimit(limit)
    assert predicate({}) in {True, False}


def test_text_of_a_rule_never_becomes_code() -> None:
    """Quotes, braces and Python in a literal stay what they are: text."""
    text = """x' or __import__("os") or f"{1}" #"""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    predicate = compile_filter(parse(f'a = "{escaped}"'), STRINGS)
    assert (True, False) == (predicate({"a": text}), predicate({"a": "x"}))


def test_errors_come_in_the_order_of_the_text() -> None:
    """Errors are sorted by their place, whatever order terms are compiled in, and need no place to be given."""
    with pytest.raises(LanguageError) as refused:
        compile_filter(parse('LEN(x) = 1 AND y = "1"'), STRINGS)
    assert [(5, "unknown attribute 'x'"), (16, "unknown attribute 'y'")] == [
        (problem.column, problem.message) for problem in refused.value.diagnostics
    ]


def test_a_filter_in_an_environment_of_nothing() -> None:
    """Groups, tables and the case option have defaults: none, none, and ignored."""
    environment = Environment({})
    assert ({}, {}, True) == (environment.groups, environment.tables, environment.ignore_case)


@pytest.mark.parametrize(
    ("address", "expected"),
    [(0, False), (1, True), (5, True), (6, True), (9, True), (10, False), (20, True), (21, False)],
)
def test_networks_are_merged_and_searched(address: int, expected: bool) -> None:  # noqa: FBT001 - a parameter
    """Overlapping, touching and inner intervals are one."""
    networks = Networks.of([(20, 20), (1, 5), (2, 3), (6, 9)])
    assert (((1, 20), (9, 20)), expected) == ((networks.lows, networks.highs), networks.hold(address))


def test_a_watch_list_is_asked_of_each_event() -> None:
    """Also where a term reads nothing but eventType, which is otherwise asked once for a type."""
    listed = Numbers()
    environment = Environment({"eventType": AttributeType.STRING}, watch_lists={"x": listed}, event_clock=True)
    compiled = compile_filter(parse('eventType IN ("3", WatchList@x)'), environment)
    assert ("", frozenset({"x"}), (), [True]) == (
        compiled.kind_text,
        compiled.watch_lists,
        compiled.clauses,
        listed.clocks,
    )
    assert [True, True, True, False] == [compiled({"eventType": each}) for each in "1234"]
    assert 3 == listed.asked


def test_no_needle_is_known_where_a_watch_list_may_let_an_event_through() -> None:
    """A clause of another term stands; an OR with such a term requires nothing."""
    environment = Environment(dict.fromkeys(("a", "b"), AttributeType.STRING), watch_lists={"x": Numbers()})
    alone, beside, either = (
        compile_filter(parse(text), environment).clauses
        for text in (
            'a IN ("y", WatchList@x)',
            'a IN ("y", WatchList@x) AND b = "z"',
            'a IN (WatchList@x) OR b = "z"',
        )
    )
    assert ((), ["b"], ()) == (alone, [needle.attribute for clause in beside for needle in clause], either)
