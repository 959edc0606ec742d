"""The key of rules whose subpatterns meet: worked examples, and every claim of it against all groups that there can be.

A rule is written here as its trigger line, what each pattern groups by (``A.x``), the values that are equal, and what
incidents show. Patterns are numbered by the alphabet.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.language.trigger_parser import parse_trigger
from stream_app.language.values import AttributeType
from stream_app.rulebook.join import ClearPattern, Relation, Way
from stream_app.rulebook.relations import Node, relation
from stream_app.rulebook.shared import Shared, shared
from stream_app.rulebook.ways import asked_together, unfold

S, N, I = AttributeType.STRING, AttributeType.NUMBER, AttributeType.IP  # noqa: E741 - the initials of the three
NAMES = "ABCD"
NUMBERS = {name: number for number, name in enumerate(NAMES)}


def node(text: str) -> Node:
    """Read ``A.x``: x is the first group-by value of a pattern, y the second, z the third."""
    pattern, attribute = text.split(".")
    return NUMBERS[pattern], "xyz".index(attribute)


def related(text: str) -> tuple[Relation, ...]:
    """Read ``A.x=B.x A.y=B.y``; ``!=`` is a relation that equates nothing."""
    found = []
    for each in text.split():
        equates = "!=" not in each
        left, right = each.replace("!=", "=").split("=")
        found.append(relation(node(left), node(right), each, lambda _: True, equates=equates))
    return tuple(found)


def key_of(
    trigger: str, equal: str, mapped: str, kinds: list[list[AttributeType]] | None = None, clear: str = ""
) -> Shared:
    """Work out a key; unless said, each pattern groups by two strings. ``clear`` relates pattern D, which clears."""
    ways = unfold(parse_trigger(trigger), NUMBERS)
    matched = tuple(enumerate(related(clear)))
    numbers = sorted({number for unit in asked_together(ways) for number in unit})
    count = len(NAMES) if clear else numbers[-1] + 1
    return shared(
        kinds or [[S, S]] * count,
        ways,
        related(equal),
        tuple(map(node, mapped.split())),
        ClearPattern(NUMBERS["D"], matched) if clear else None,
    )


@pytest.mark.parametrize(
    ("trigger", "equal", "mapped", "parts"),
    [
        ("A FOLLOWED_BY B", "A.x=B.x", "A.x", [(0, 0)]),
        ("A FOLLOWED_BY B", "A.x=B.y", "B.y", [(0, 1)]),
        ("A FOLLOWED_BY B", "A.x=B.x A.y=B.y", "A.x A.y", [(0, 0), (1, 1)]),
        ("A FOLLOWED_BY B", "A.x!=B.x", "A.x", []),
        ("A FOLLOWED_BY B", "", "A.x B.x", []),
        ("A AND B AND C", "A.x=B.x B.x=C.y", "A.x", [(0, 0, 1)]),
        ("A AND B AND C", "A.x=B.x B.y=C.x", "A.x C.x", []),
        ("A AND B AND C", "A.x=B.x A.x=B.y C.x=B.y", "C.x", [(0, 0, 0)]),
        ("A OR B", "", "A.x B.y", [(0, 1)]),
        ("A OR B", "", "A.x A.y B.y", [(0, 1), (1, 1)]),
        ("A OR B", "A.x=B.x", "A.x B.x", [(0, 0)]),
        ("(A OR B) AND C", "A.x=C.x B.x=C.x", "C.x", [(0, 0, 0)]),
        ("(A OR B) AND C", "A.x=C.x B.x=C.y", "C.x C.y", []),
        ("(A OR B) AND C", "A.x=C.x B.x=A.x", "C.x", []),
        ("(A OR B) AND C", "A.x=C.x A.x=C.y B.x=C.y", "C.y", [(0, 0, 1)]),
        ("(A OR B) AND C", "A.x=C.x A.x=C.y B.x=C.y", "C.x", []),
        ("(A OR B) AND C", "A.x=C.x B.x=C.x", "A.x", []),
        ("(A OR B) AND C", "A.x=C.x B.x=C.x", "A.x B.x", [(0, 0, 0)]),
        ("A NOT_FOLLOWED_BY B", "A.x=B.y", "A.x", [(0, 1)]),
        ("A NOT_FOLLOWED_BY B", "", "A.x", []),
        ("(A AND B) NOT_FOLLOWED_BY C", "A.x=B.x B.x=C.x", "A.x", [(0, 0, 0)]),
        ("(A AND B) NOT_FOLLOWED_BY C", "A.x=C.x B.x=C.x", "A.x", []),
        ("A AND_NOT B AND_NOT C", "A.x=B.x A.x=C.x", "A.x", [(0, 0, 0)]),
        ("A AND_NOT B AND_NOT C", "A.x=B.x B.x=C.x", "A.x", []),
        ("A AND_NOT (B AND C)", "A.x=B.x B.x=C.x", "A.x", [(0, 0, 0)]),
        ("(A NOT_FOLLOWED_BY B) OR C", "A.x=B.x", "A.x C.y", [(0, 0, 1)]),
    ],
)
def test_what_all_subpatterns_share_makes_the_key(
    trigger: str, equal: str, mapped: str, parts: list[tuple[int, ...]]
) -> None:
    """Within every way, with each negated tree, and shown in every way; each value that is so is a part."""
    assert [(S, places) for places in parts] == list(key_of(trigger, equal, mapped).parts)


@pytest.mark.parametrize(
    ("trigger", "equal", "clear", "mapped", "parts"),
    [
        ("A", "", "A.x=D.y", "A.x A.y", [(0, 0, 0, 1)]),
        ("A", "", "A.x=D.x A.y=D.y", "A.x A.y", [(0, 0, 0, 0), (1, 0, 0, 1)]),
        ("A", "", "A.x=D.x A.y=D.x", "A.x A.y", [(0, 0, 0, 0), (1, 0, 0, 0)]),
    ],
)
def test_a_clear_pattern_makes_the_key_of_a_single_one(
    trigger: str, equal: str, clear: str, mapped: str, parts: list[tuple[int, ...]]
) -> None:
    """What it is matched with is what clear events and the others have in common. B and C are not in this rule."""
    ways = unfold(parse_trigger(trigger), NUMBERS)
    found = shared(
        [[S, S], [S, S]],
        ways,
        related(equal),
        tuple(map(node, mapped.split())),
        ClearPattern(1, tuple(enumerate(related(clear.replace("D", "B"))))),
    )
    assert [(S, (first, last)) for first, _, _, last in parts] == list(found.parts)


def test_a_clear_pattern_must_share_the_value_too() -> None:
    """Equal in all patterns is not enough where a clear event has another value."""
    equal = "A.x=B.x B.x=C.x"
    assert ((S, (0, 0, 0, 0)),) == key_of("A AND B AND C", equal, "A.x", clear="A.x=D.x").parts
    assert () == key_of("A AND B AND C", equal, "A.x A.y", clear="A.y=D.x").parts


def test_a_way_that_a_clear_pattern_is_not_about_need_not_share_its_value() -> None:
    """Incidents of B lack the attribute that is matched: no clear event is ever about them."""
    assert ((S, (0, 1, 0, 1)),) == key_of("(A AND C) OR B", "A.x=C.x", "A.x B.y", clear="A.x=D.y").parts


def test_parts_are_of_one_type() -> None:
    """Equal values of one spelling are made by type, so alternatives of different types share none."""
    assert () == key_of("A OR B", "", "A.x B.x", [[S], [I]]).parts
    assert ((N, (1, 0)), (I, (0, 1))) == key_of("A OR B", "", "A.x A.y B.x B.y", [[I, N], [N, I]]).parts


def test_what_is_shared_and_not_shown_is_said_only_where_nothing_else_is() -> None:
    """It would make the key, if incidents showed it."""
    assert Shared((), ((0, 0),)) == key_of("A AND B", "A.x=B.x", "A.y")
    assert Shared((), ()) == key_of("A AND B", "", "A.y")
    assert Shared(((S, (1, 1)),), ()) == key_of("A AND B", "A.x=B.x A.y=B.y", "A.y")


TRIGGERS = (
    *("A", "A AND B", "A OR B", "A AND B AND C", "A OR B OR C", "(A OR B) AND C", "(A AND B) OR C"),
    *("A NOT_FOLLOWED_BY B", "(A AND B) AND_NOT C", "A AND_NOT B AND_NOT C", "A NOT_FOLLOWED_BY (B AND C)"),
    *("(A NOT_FOLLOWED_BY B) OR C", "(A OR B) NOT_FOLLOWED_BY C"),
)
NODES = st.sampled_from([(number, place) for number in range(3) for place in range(2)])
VALUES = (None, 0, 1)


def satisfies(group: dict[Node, int | None], unit: frozenset[int], relations: tuple[Relation, ...]) -> bool:
    """Tell whether groups of a unit's subpatterns satisfy the relations that are asked there: absent equals nothing."""
    for each in relations:
        if {each.left, each.right} <= unit:
            left, right = group[each.left, each.left_place], group[each.right, each.right_place]
            if left is None or left != right:
                return False
    return True


def groups_of(unit: frozenset[int], relations: tuple[Relation, ...]) -> list[dict[Node, int | None]]:
    """Give all groups of a unit's subpatterns that satisfy its relations, of two values and none."""
    nodes = [(number, place) for number in sorted(unit) for place in range(2)]
    every = (dict(zip(nodes, values, strict=True)) for values in product(VALUES, repeat=len(nodes)))
    return [group for group in every if satisfies(group, unit, relations)]


def is_a_key(
    places: tuple[int, ...], ways: tuple[Way, ...], relations: tuple[Relation, ...], mapped: tuple[Node, ...]
) -> bool:
    """Tell, by trying all groups, whether all that meets has one value there, and so has each tuple of an incident."""
    keys: dict[tuple[int | None, ...], set[int | None]] = {}
    for unit in asked_together(ways):
        for group in groups_of(unit, relations):
            if len({group[number, places[number]] for number in unit}) > 1:
                return False
    for way in ways:
        for group in groups_of(frozenset(way.members), relations):
            shown = tuple(group.get(source) for source in mapped)
            keys.setdefault(shown, set()).add(group[way.members[0], places[way.members[0]]])
    return all(len(found) == 1 for found in keys.values())


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(TRIGGERS),
    st.lists(st.tuples(NODES, NODES), max_size=4),
    st.lists(NODES, max_size=4, unique=True),
)
def test_all_that_can_meet_has_one_key_and_so_has_every_incident(
    trigger: str, pairs: list[tuple[Node, Node]], mapped: list[Node]
) -> None:
    """Every part holds for all groups that there can be; and where some choice would hold, there is a part."""
    ways = unfold(parse_trigger(trigger), NUMBERS)
    there = {number for unit in asked_together(ways) for number in unit}
    members = {number for way in ways for number in way.members}
    relations = tuple(
        relation(left, right, "", lambda _: True, equates=True)
        for left, right in pairs
        if left[0] != right[0] and {left[0], right[0]} <= there
    )
    shown = tuple(source for source in mapped if source[0] in members)
    found = shared([[S, S]] * len(there), ways, relations, shown, None)
    assert [True] * len(found.parts) == [is_a_key(places, ways, relations, shown) for _, places in found.parts]
    if not found.parts:
        choices = product(range(2), repeat=len(there))
        assert [] == [places for places in choices if is_a_key(places, ways, relations, shown)]
