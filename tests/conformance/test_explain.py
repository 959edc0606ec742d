"""Explanations of filters: they say what the filter says, down to the comparison that decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.language.compile import compile_value
from stream_app.language.explain import Explainer, Part, Seen, deciding
from stream_app.language.parser import parse
from stream_app.language.syntax import Presence
from tests.conformance.interpreter import number, text
from tests.conformance.test_properties import EVENTS, MANY, NOWHERE, compiled, conditions, numbers, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_app.language.compile import Environment
    from stream_app.language.syntax import Expression, Operand


def every(part: Part) -> Iterator[Part]:
    """Give a part and all that are in it."""
    yield part
    for each in part.parts:
        yield from every(each)


@MANY
@given(tree=conditions, events=st.lists(EVENTS, min_size=1, max_size=3), option=st.booleans())
def test_an_explanation_says_what_the_filter_and_the_interpreter_say(
    tree: Expression, events: list[dict], *, option: bool, environment: dict[bool, Environment], interpreter: type
) -> None:
    """Of every event, and of every comparison in the tree; those that decided make the answer by themselves."""
    predicate = compiled(tree, environment[option])
    explainer = Explainer(tree, environment[option])
    second = interpreter(environment[option])
    for event in events:
        part = explainer.explain(event)
        assert [second.matches(tree, event), predicate(event)] == [part.holds] * 2
        for node, each in zip(_expressions(tree), every(part), strict=True):
            assert second.matches(node, event) == each.holds
        assert all(each.asked and each.holds == part.holds for each in deciding(part))


def _expressions(node: Expression) -> Iterator[Expression]:
    """Give a condition and those that AND and OR join in it, in the order in which parts are explained."""
    yield node
    for term in getattr(node, "terms", ()):
        yield from _expressions(term)


@MANY
@given(operand=texts | numbers, event=EVENTS, option=st.booleans())
def test_a_value_that_is_shown_is_what_walking_the_operand_gives(
    operand: Operand, event: dict, *, option: bool, environment: dict[bool, Environment], interpreter: type
) -> None:
    """What a comparison is said to have seen is the value that is compared; absent is None."""
    compiled(Presence(operand, negated=False, span=NOWHERE), environment[option])
    second = interpreter(environment[option])
    read = number if second.kind(operand) == "number" else text
    assert read(second.value(operand, event)) == compile_value(operand, environment[option])(event)


def asked(query: str, event: dict, environment: dict[bool, Environment]) -> Part:
    """Explain a query of an event."""
    return Explainer(parse(query), environment[True]).explain(event)


def test_what_stands_behind_the_term_that_decides_is_not_asked(environment: dict[bool, Environment]) -> None:
    """It has its own answer all the same, and so have the terms within it."""
    query = 'procName = "a" AND (user = "u" OR destIpPort > 1) AND (user = "b" OR fileName = "f")'
    part = asked(query, {"procName": "A", "user": "b"}, environment)
    assert [
        ("AND", False, True),
        ("", True, True),
        ("OR", False, True),
        ("", False, True),
        ("", False, True),
        ("OR", True, False),
        ("", True, False),
        ("", False, False),
    ] == [(each.joins, each.holds, each.asked) for each in every(part)]
    assert ['user = "u"', "destIpPort > 1"] == [each.text for each in deciding(part)]
    assert [query[each.start : each.end] for each in part.parts][1] == 'user = "u" OR destIpPort > 1'


def test_what_was_enough_decides(environment: dict[bool, Environment]) -> None:
    """Of an OR that holds the first term that does; of an AND that holds every term."""
    part = asked(
        'procName = "a" AND (user = "u" OR user = "b" OR user = "B")', {"procName": "A", "user": "b"}, environment
    )
    assert ['procName = "a"', 'user = "b"'] == [each.text for each in deciding(part)]
    assert [True, True, False] == [each.asked for each in part.parts[1].parts]


@pytest.mark.parametrize(
    ("query", "event", "seen"),
    [
        ("destIpPort > 5", {"destIpPort": 6}, [Seen("destIpPort", 6)]),
        ("destIpPort > 5", {}, [Seen("destIpPort", None)]),
        ("destIpPort > 5", {"destIpPort": "x"}, [Seen("destIpPort", "x", "a number")]),
        ("destIpAddr = 10.0.0.0/8", {"destIpAddr": "host"}, [Seen("destIpAddr", "host", "an IP address")]),
        ("destIpAddr = 10.0.0.0/8", {"destIpAddr": "10.1.1.1"}, [Seen("destIpAddr", "10.1.1.1")]),
        ("fileName = procName", {"fileName": "a"}, [Seen("fileName", "a"), Seen("procName", None)]),
        ("LEN(user) + 1 > 5", {"user": "bob"}, [Seen("LEN(user) + 1", 4), Seen("LEN(user)", 3), Seen("user", "bob")]),
        ("TO_INTEGER(user) > LEN(user)", {"user": "bob"}, None),
    ],
)
def test_values_are_shown_as_they_are(
    query: str, event: dict, seen: list[Seen] | None, environment: dict[bool, Environment]
) -> None:
    """Each attribute once, as the event has it, with what it cannot be read as; and what is computed, in its order."""
    expected = seen or [Seen("TO_INTEGER(user)", None), Seen("user", "bob"), Seen("LEN(user)", 3)]
    assert expected == list(asked(query, event, environment).seen)


@pytest.mark.parametrize(
    ("query", "event", "member"),
    [
        (
            "destIpAddr IN (1.1.1.1, Group@PH_SYS_INTERNAL)",
            {"destIpAddr": "192.168.4.4"},
            "192.168.0.0/16 of Group@PH_SYS_INTERNAL",
        ),
        ("destIpAddr NOT IN (1.1.1.1, 10.0.0.0/8, 10.0.0.1)", {"destIpAddr": "10.0.0.1"}, "10.0.0.0/8"),
        ("destIpAddr IN (Group@EMPTY, WatchList@addresses)", {"destIpAddr": "::1"}, "WatchList@addresses"),
        ("destIpAddr IN (1.1.1.1, 2.2.2.2)", {"destIpAddr": "3.3.3.3"}, ""),
        ("destIpAddr NOT IN (1.1.1.1, 2.2.2.2)", {}, ""),
    ],
)
def test_the_member_that_was_found_is_named(
    query: str, event: dict, member: str, environment: dict[bool, Environment]
) -> None:
    """The first one that the value is, with the group that holds it; also where NOT IN is false for it."""
    assert member == asked(query, event, environment).member
