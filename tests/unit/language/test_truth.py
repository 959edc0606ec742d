"""Comparisons that say the same of every event."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.language.compile import Environment, compile_filter
from stream_app.language.diagnostics import LanguageError
from stream_app.language.parser import parse
from stream_app.language.syntax import And, Or
from stream_app.language.tables import parse_table
from stream_app.language.truth import constants
from stream_app.language.values import AttributeType

VOCABULARY = {
    "text": AttributeType.STRING,
    "other": AttributeType.STRING,
    "number": AttributeType.NUMBER,
    "address": AttributeType.IP,
}
ENVIRONMENT = Environment(
    vocabulary=VOCABULARY,
    groups={"None": (), "Blank": ("",), "Some": ("a", "b"), "Nets": ("10.0.0.0/8",)},
    tables={"t": parse_table("key,value\na,1\n", "t.csv")},
)


def found(query: str, *, ignore_case: bool = True) -> list[tuple[str, bool, str]]:
    """Give what is said of a query: the comparison, its answer, the reason."""
    environment = Environment(VOCABULARY, ENVIRONMENT.groups, ENVIRONMENT.tables, ignore_case)
    compile_filter(parse(query), environment)
    told = constants(parse(query), environment)
    return [(query[each.part.span.start : each.part.span.end], each.answer, each.reason) for each in told]


@pytest.mark.parametrize(
    ("query", "answer", "reason"),
    [
        ("1 = 1", True, "it reads nothing of the event"),
        ('"a" IN (Group@None)', False, "it reads nothing of the event"),
        ('number = ""', False, 'number is a number or absent, and neither equals ""'),
        ('"" != number', True, 'number is a number or absent, and neither equals ""'),
        ('number > ""', False, 'number is a number or absent, and "" is none'),
        ('address != ""', True, 'address is an address or absent, and neither equals ""'),
        ('address NOT IN ("", Group@Blank)', True, 'address is an address or absent, and neither equals ""'),
        ("text IN (Group@None)", False, "the set is empty"),
        ("LEN(text) < 0", False, "LEN(text) is 0 or more"),
        ("0 > LEN(text)", False, "LEN(text) is 0 or more"),
        ("LEN(text) != -1", True, "LEN(text) is 0 or more"),
        ("LEN(text) = 2.5", False, "LEN(text) is a whole number"),
        ("TO_INTEGER(text) = 2.5", False, "TO_INTEGER(text) is a whole number"),
        ("HourOfDay(number) >= 24", False, "HourOfDay(number) is 0 to 23"),
        ("DayOfWeek(number) IN (7, 8)", False, "DayOfWeek(number) is 0 to 6"),
        ("HourOfDay(number) BETWEEN (24, 30)", False, "HourOfDay(number) is 0 to 23"),
        ("LEN(text) BETWEEN (-5, -1)", False, "LEN(text) is 0 or more"),
        ("LEN(text) NOT BETWEEN (5, 1)", True, "5 is not below 1"),
        ('number BETWEEN ("", 1)', False, '"" is not below 1'),
        ("address BETWEEN (10.0.0.2, 10.0.0.1)", False, "10.0.0.2 is not below 10.0.0.1"),
        ('LookupTableHas("t", text) IS NULL', False, "LookupTableHas is 0 or 1, and never absent"),
        ('TRIM(text) = " a"', False, "TRIM leaves no blanks there"),
        ('RTRIM(text) IN ("a ", "b ")', False, "RTRIM leaves no blanks there"),
        ('SUB_STR(text, 1, 2) = "abc"', False, "SUB_STR gives at most 2 characters, this is 3"),
        ('SUB_STR(text, 1, 2) CONTAIN "abc"', False, "SUB_STR gives at most 2 characters, this is 3"),
    ],
)
def test_a_comparison_that_has_one_answer(query: str, answer: bool, reason: str) -> None:  # noqa: FBT001 - a table's column
    """By the types, the literals and the functions in it."""
    query = query.replace('"t"', "t")
    assert [(query, answer, reason)] == found(query)


@pytest.mark.parametrize(
    "query",
    [
        'text = "a"',
        'text = ""',
        'text IN ("", Group@Some)',
        "number = 7",
        'number IN ("", 7)',
        "address = 10.0.0.1",
        "address IN (Group@Nets)",
        "address BETWEEN (10.0.0.1, 10.0.0.2)",
        "number BETWEEN (1, 1)",
        "number BETWEEN (LEN(text), 1)",
        "LEN(text) >= 0",
        "LEN(text) = 0",
        "LEN(text) < LEN(other)",
        "HourOfDay(number) BETWEEN (20, 30)",
        "text = other",
        'text CONTAIN "a"',
        "text CONTAIN other",
        'text REGEXP "a"',
        "text IS NULL",
        'TO_LOWER(text) = "ABC"',
        'TRIM(text) = "a b"',
        'TRIM(text) CONTAIN " a"',
        'LTRIM(text) = "a "',
        'SUB_STR(text, 1, 3) = "abc"',
        'SUB_STR(text, 1, 2.5) = "abc"',
        'SUB_STR(text, 1) = "abc"',
        'REPLACE(text, "a", "b") = "a"',
    ],
)
def test_what_events_decide_is_left_alone(query: str) -> None:
    """Also where only an absent attribute makes the difference."""
    assert [] == found(query)


def test_where_case_counts_lower_case_holds_no_capitals() -> None:
    """In a text that is equal, one of several, or a part."""
    lower = "TO_LOWER leaves no capitals, and this rule tells them apart"
    upper = "TO_UPPER leaves no small letters, and this rule tells them apart"
    for query, reason in (
        ('TO_LOWER(text) = "Abc"', lower),
        ('TO_LOWER(text) IN ("A", "B")', lower),
        ('TO_UPPER(text) CONTAIN "a"', upper),
    ):
        assert [(query, False, reason)] == found(query, ignore_case=False)
    assert [] == found('TO_LOWER(text) IN ("A", "b")', ignore_case=False)


def clash(query: str, *, ignore_case: bool = True) -> list[tuple[str, bool]]:
    """Give the terms that leave nothing together with others."""
    return [(part, answer) for part, answer, _ in found(query, ignore_case=ignore_case)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('text = "a" AND other = "b" AND text = "b"', [('text = "b"', False)]),
        ('text IN ("a", "b") AND "c" = text', [('"c" = text', False)]),
        ('text IN (Group@Some) AND text IN ("b", "c") AND text IN ("a", "c")', [('text IN ("a", "c")', False)]),
        ('text != "a" OR text != "b"', [('text != "b"', True)]),
        ('text != "a" OR text = "b"', []),
        ('text = "a" OR text = "b"', []),
        ('text != "a" AND text != "b"', []),
        ('text = "a" AND text = "A"', []),
        ("number = 1 AND number = 1.0", []),
        ("number = 1 AND number = 2 AND number = 3", [("number = 2", False)]),
        ("address IN (10.0.0.0/8) AND address IN (10.1.0.0/16) AND address = 10.1.0.1", []),
        ("address IN (10.0.0.0/8, 11.0.0.0/8) AND address = 12.0.0.1", [("address = 12.0.0.1", False)]),
        ("address != 10.0.0.0/8 OR address != 11.0.0.0/8", [("address != 11.0.0.0/8", True)]),
        ('(text = "a" OR other = "b") AND text = "c"', []),
        ('text IN (Group@None) AND text = "c"', [("text IN (Group@None)", False)]),
        ('text = other AND text = "c" AND text CONTAIN "d"', []),
    ],
)
def test_terms_that_have_nothing_in_common(query: str, expected: list[tuple[str, bool]]) -> None:
    """Positive ones that AND joins, negative ones that OR joins: the one where nothing is left is given."""
    assert expected == clash(query)


def test_a_clash_says_with_what() -> None:
    """And capitals count where the rule says so."""
    query = 'text = "a" AND text = "A"'
    told = "no value is in both this and 'text = \"a\"', which it is joined with by AND"
    assert [('text = "A"', False, told)] == found(query, ignore_case=False)


def test_a_watch_list_is_left_alone() -> None:
    """It is empty now and may not be tomorrow."""

    class Empty:
        def reader(self, _: object, *, event_clock: bool) -> object:  # noqa: ARG002 - a protocol's
            raise AssertionError

    lists = {"w": Empty()}
    environment = Environment(VOCABULARY, ENVIRONMENT.groups, watch_lists=lists)  # type: ignore[arg-type]  # never read
    tree = parse('text IN (WatchList@w, "a") AND text IN (Group@None, WatchList@w) AND text = "b"')
    assert [] == list(constants(tree, environment))


VALUES = st.sampled_from(["", "a", "A", " b ", "7", 7, 7.5, -1, 90_000_000, "10.0.0.1", "::1", "x y z"])
EVENTS = st.lists(st.dictionaries(st.sampled_from(sorted(VOCABULARY)), VALUES), min_size=1, max_size=10)
LITERALS = st.sampled_from(['""', '"a"', '"A"', '" b "', '"abc"', "7", "-1", "2.5", "30", "10.0.0.1", "10.0.0.0/8"])
OPERANDS = st.sampled_from(
    [
        *VOCABULARY, "LEN(text)", "HourOfDay(number)", "DayOfWeek(number)", "TO_INTEGER(text)", "TO_LOWER(text)",
        "TO_UPPER(text)", "TRIM(text)", "SUB_STR(text, 1, 2)", "LookupTableHas(t, text)",
    ]
)  # fmt: skip
SETS = st.lists(
    st.one_of(LITERALS, st.sampled_from(["Group@None", "Group@Blank", "Group@Some"])), min_size=1, max_size=3
)
COMPARISONS = st.one_of(
    st.tuples(OPERANDS, st.sampled_from([" = ", " != ", " < ", " <= ", " > ", " >= "]), LITERALS).map("".join),
    st.tuples(OPERANDS, st.sampled_from([" IN (", " NOT IN ("]), SETS.map(", ".join), st.just(")")).map("".join),
    st.tuples(
        OPERANDS, st.sampled_from([" BETWEEN (", " NOT BETWEEN ("]), LITERALS, st.just(", "), LITERALS, st.just(")")
    ).map("".join),
    st.tuples(OPERANDS, st.sampled_from([" CONTAIN ", " NOT CONTAIN "]), LITERALS).map("".join),
    st.tuples(OPERANDS, st.sampled_from([" IS NULL", " IS NOT NULL"])).map("".join),
)
QUERIES = st.tuples(st.sampled_from([" AND ", " OR "]), st.lists(COMPARISONS, min_size=2, max_size=4)).map(
    lambda made: made[0].join(made[1])
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(COMPARISONS, QUERIES), EVENTS, st.booleans())
def test_what_is_said_is_so_for_every_event(query: str, events: list[dict[str, str]], ignore_case: bool) -> None:  # noqa: FBT001 - Hypothesis gives it
    """Whatever the events hold: the comparison alone gives its answer, or all that it is joined with does."""
    environment = Environment(VOCABULARY, ENVIRONMENT.groups, ENVIRONMENT.tables, ignore_case)
    try:
        tree = parse(query)
        whole = compile_filter(tree, environment)
    except LanguageError:
        return
    for each in constants(tree, environment):
        joined = each.reason.startswith("no value is in both")
        asked = whole if joined else compile_filter(each.part, environment)
        assert not joined or isinstance(tree, Or if each.answer else And)
        assert {each.answer} == {asked(event) for event in events}
