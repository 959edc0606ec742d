"""Trigger lines and global constraints: trees, and texts printed from them (their errors: tests/conformance)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.language.diagnostics import LanguageError
from stream_app.language.environment import Environment
from stream_app.language.relation import compile_relation, parse_relations
from stream_app.language.syntax import Span
from stream_app.language.trigger import NEGATIONS, OPERATORS, Chain, Named, Trigger, names_in, trigger_text
from stream_app.language.trigger_parser import parse_trigger
from stream_app.language.values import AttributeType, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_app.language.diagnostics import Diagnostic


def test_a_name_knows_its_place() -> None:
    """And an operator too: errors point there."""
    tree = parse_trigger("Create  FOLLOWED_BY Connect")
    assert Chain("FOLLOWED_BY", (Named("Create", Span(0, 6)), Named("Connect", Span(20, 27))), 8) == tree


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("A", "A"),
        (" ( (A) ) ", "A"),
        ("a and B", "a AND B"),
        ("(A AND B) AND (C AND D)", "A AND B AND C AND D"),
        ("A followed_by(B FOLLOWED_BY C)", "A FOLLOWED_BY B FOLLOWED_BY C"),
        ("(A AND B) OR (C AND_NOT D) OR E", "(A AND B) OR (C AND_NOT D) OR E"),
        ("(A OR B) not_followed_by (C AND D)", "(A OR B) NOT_FOLLOWED_BY (C AND D)"),
        ("(A AND_NOT B) AND_NOT (C OR D)", "A AND_NOT B AND_NOT (C OR D)"),
        ("A OR (B OR (C NOT_FOLLOWED_BY D))", "A OR B OR (C NOT_FOLLOWED_BY D)"),
    ],
)
def test_lines_that_say_the_same_print_the_same(text: str, printed: str) -> None:
    """Case of keywords, blanks and parentheses without need do not count."""
    assert printed == trigger_text(parse_trigger(text))


def _positive(depth: int, without: str = "") -> st.SearchStrategy[Trigger]:
    """Give trees without negation, chains flattened: none directly within one of its own operator."""
    leaf = st.sampled_from(("A", "B", "Filter_1", "_x", "NOTE")).map(lambda name: Named(name, Span(0, 0)))
    if depth == 0:
        return leaf
    chains = [
        st.lists(_positive(depth - 1, operator), min_size=2, max_size=3).map(
            lambda parts, operator=operator: Chain(operator, tuple(parts), 0)
        )
        for operator in ("AND", "OR", "FOLLOWED_BY")
        if operator != without
    ]
    return st.one_of(leaf, *chains)


NEGATED = st.builds(
    lambda operator, parts: Chain(operator, tuple(parts), 0),
    st.sampled_from(sorted(NEGATIONS)),
    st.lists(_positive(2), min_size=2, max_size=3),
)
TRIGGERS = st.one_of(
    _positive(3),
    NEGATED,
    st.lists(st.one_of(NEGATED, _positive(2, "OR")), min_size=2, max_size=3).map(
        lambda parts: Chain("OR", tuple(parts), 0)
    ),
)


def _bare(node: Trigger) -> Trigger:
    """Forget where things stand."""
    if isinstance(node, Named):
        return Named(node.name, Span(0, 0))
    return Chain(node.operator, tuple(_bare(part) for part in node.parts), 0)


@given(TRIGGERS)
def test_what_is_printed_reads_as_the_same_tree(tree: Trigger) -> None:
    """Printing and parsing are each other's opposite, places apart."""
    assert tree == _bare(parse_trigger(trigger_text(tree)))


@given(st.lists(st.sampled_from((*OPERATORS, "A", "B", "(", ")", "NOT", ",", "1st", '"', ".x", "=")), max_size=12))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    """Whatever stands there, it is a tree or errors within the text, for both kinds of line."""
    text = " ".join(words)
    for read in (parse_trigger, parse_relations):
        columns = [each.column for each in diagnostics_of(read, text)]
        assert [] == [column for column in columns if not 1 <= column <= len(text) + 1]


def diagnostics_of(read: Callable[[str], object], text: str) -> tuple[Diagnostic, ...]:
    """Give what is said of a text; anything else that is raised is a defect."""
    try:
        read(text)
    except LanguageError as error:
        return error.diagnostics
    return ()


def test_names_come_as_they_stand_there() -> None:
    """From left to right, negated ones too."""
    tree = parse_trigger("(C OR A) AND_NOT (B FOLLOWED_BY A)")
    assert ["C", "A", "B", "A"] == [named.name for named in names_in(tree)]


def test_a_global_constraint_is_a_list_of_comparisons() -> None:
    """Blanks are optional, also around the point, and each side knows its place."""
    related = parse_relations("A.x=B.y and A . z >= B .w")
    assert ["A.x = B.y", "A.z >= B.w"] == [str(each) for each in related]
    assert [Span(0, 3), Span(4, 7), Span(12, 17), Span(21, 25)] == [
        side.span for each in related for side in (each.left, each.right)
    ]


@pytest.mark.parametrize(
    ("operator", "kind", "left", "right", "holds"),
    [
        ("=", AttributeType.STRING, "PC1", "pc1", True),
        ("=", AttributeType.STRING, "PC1", None, False),
        ("=", AttributeType.STRING, None, None, False),
        ("!=", AttributeType.STRING, "PC1", "pc1", False),
        ("!=", AttributeType.STRING, "PC1", None, True),
        ("!=", AttributeType.STRING, None, None, True),
        ("=", AttributeType.IP, "::1", "0:0:0:0:0:0:0:1", True),
        ("=", AttributeType.IP, "nowhere", "nowhere", False),
        ("=", AttributeType.NUMBER, "443", 443.0, True),
        ("<", AttributeType.NUMBER, 80, "443", True),
        (">=", AttributeType.NUMBER, 80, 443, False),
        ("<=", AttributeType.NUMBER, None, 443, False),
    ],
)
def test_a_relation_compares_as_the_query_language_does(
    operator: str, kind: AttributeType, left: Value | None, right: Value | None, *, holds: bool
) -> None:
    """By type, without case, and false of what is absent, but for ``!=``."""
    values = {name: value for name, value in (("left", left), ("right", right)) if value is not None}
    assert holds == compile_relation(operator, kind, Environment(vocabulary={}))(values)


def test_a_relation_minds_case_where_the_rule_does() -> None:
    """The rule's own option counts, not the default."""
    exact = Environment(vocabulary={}, ignore_case=False)
    assert not compile_relation("=", AttributeType.STRING, exact)({"left": "PC1", "right": "pc1"})
