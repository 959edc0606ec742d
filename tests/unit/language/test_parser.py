"""Trees and their places; what a filter means is in the conformance tables."""

from __future__ import annotations

import pytest

from stream_app.language.diagnostics import LanguageError
from stream_app.language.operands import MAX_DEPTH
from stream_app.language.parser import parse
from stream_app.language.printer import to_text
from stream_app.language.syntax import (
    And,
    Arithmetic,
    Attribute,
    Comparison,
    Group,
    Membership,
    Number,
    Or,
    Span,
    String,
    nodes,
)


def test_every_node_knows_its_place() -> None:
    """A node's span is the text that it was read from."""
    text = 'LEN(user) + 1 > 5 AND (user IN ("a", Group@X) OR IF(user IS NULL, 1, -2) = 1)'
    spans = [text[node.span.start : node.span.end] for node in nodes(parse(text)) if not isinstance(node, And)]
    expected = [
        'user IN ("a", Group@X) OR IF(user IS NULL, 1, -2) = 1',
        "IF(user IS NULL, 1, -2) = 1",
        "1",
        "IF(user IS NULL, 1, -2)",
        "-2",
        "1",
        "user IS NULL",
        "user",
        'user IN ("a", Group@X)',
        "Group@X",
        '"a"',
        "user",
        "LEN(user) + 1 > 5",
        "5",
        "LEN(user) + 1",
        "1",
        "LEN(user)",
        "user",
    ]
    assert expected == spans


def test_terms_of_one_kind_are_one_node() -> None:
    """``AND`` holds all its terms side by side, so that hundreds are no deeper than two."""
    tree = parse(" AND ".join(["a = 1"] * 1000))
    assert (And, 1000) == (type(tree), len(tree.terms))


def test_parentheses_keep_their_own_node() -> None:
    """What an author puts into parentheses stays together."""
    a, b, c = (
        Comparison("=", Attribute(name, Span(at, at + 1)), Number("1", Span(at + 2, at + 3)), Span(at, at + 3))
        for name, at in (("a", 1), ("b", 8), ("c", 16))
    )
    assert Or((Or((a, b), Span(1, 11)), c), Span(0, 19)) == parse("(a=1 OR b=1) OR c=1")


def test_multiplication_binds_tighter_than_addition() -> None:
    """Arithmetic is read as everywhere."""
    tree = parse("a + b * 2 - 1 > 0")
    assert isinstance(tree.left, Arithmetic)
    assert (("+", "-"), ("*",)) == (tree.left.operators, tree.left.operands[1].operators)


def test_members_are_literals_and_groups() -> None:
    """``IN`` mixes values and named sets."""
    tree = parse('a in("x",Group@Y)')
    expected = (String("x", Span(5, 8)), Group("Y", Span(9, 16)))
    assert Membership(Attribute("a", Span(0, 1)), negated=False, members=expected, span=Span(0, 17)) == tree


def test_one_place_has_one_error() -> None:
    """What is missing at the end is said once, however much is missing."""
    with pytest.raises(LanguageError) as refused:
        parse("((((a")
    assert ["expected an operator, got the end of the query"] == [
        problem.message for problem in refused.value.diagnostics
    ]


@pytest.mark.parametrize("opening", ["(", "-", "LEN(", "- (", "IF((a=1) AND (b=2), 1, "])
@pytest.mark.parametrize("count", [1_000, 100_000])
def test_nesting_beyond_reason_is_refused(opening: str, count: int) -> None:
    """Deep nesting is an error of its author, never a crash."""
    with pytest.raises(LanguageError, match="too deep"):
        parse(opening * count)


def test_nesting_up_to_the_limit_is_read() -> None:
    """As many parentheses as the limit says are read."""
    text = "(" * MAX_DEPTH + "a = 1" + ")" * MAX_DEPTH
    assert "a = 1" == to_text(parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1 and(b!=2)", "a = 1 AND b != 2"),
        ("(a=1 AND b=2)or c IS null", "(a = 1 AND b = 2) OR c IS NULL"),
        ('a not IN(1,"x\\\\",::1,group@G)', 'a NOT IN (1, "x\\\\", ::1, Group@G)'),
        ("a BETWEEN(1,-2) OR a NOT between (1,2)", "a BETWEEN (1, -2) OR a NOT BETWEEN (1, 2)"),
        ('a CONTAIN "\\"" AND a NOT CONTAIN b', 'a CONTAIN "\\"" AND a NOT CONTAIN b'),
        ('a REGEXP "\\.x" AND a NOT REGEXP "\\\\"', 'a REGEXP "\\.x" AND a NOT REGEXP "\\\\"'),
        ("(a-(b-c))*-(d+1)/e>--5", "(a - (b - c)) * -(d + 1) / e > 5"),
        ("a*(b/c)*d = -(-(a))", "a * (b / c) * d = --a"),
        ('lookuptableget("my table", a, "IN")="x"', 'LookupTableGet("my table", a, "IN") = "x"'),
        ('devicetocmdbattr(a,"b")=1', "DeviceToCMDBAttr(a, b) = 1"),
    ],
)
def test_a_tree_is_printed_with_the_parentheses_it_needs(text: str, expected: str) -> None:
    """Printing writes keywords in capitals, functions as Fortinet spells them, and no parenthesis too many."""
    assert (expected, expected) == (to_text(parse(text)), to_text(parse(expected)))
