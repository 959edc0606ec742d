"""A trigger line unfolded: against what the line itself says of who occurs, when, and of what does not."""

from __future__ import annotations

from itertools import chain, combinations, pairwise, permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.language.syntax import Span
from stream_app.language.trigger import Chain, Named, Trigger, names_in
from stream_app.language.trigger_parser import parse_trigger
from stream_app.rulebook.join import InOrder, Occurs, Together, Tree, Way, Without
from stream_app.rulebook.ways import asked_together, most_ways, unfold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAMES = ("A", "B", "C", "D", "E")
NUMBERS = {name: number for number, name in enumerate(NAMES)}
A, B, C, D, E = (Occurs(number) for number in range(5))


def ways_of(text: str) -> tuple[Way, ...]:
    """Unfold a line of the patterns A to E."""
    return unfold(parse_trigger(text), NUMBERS)


@pytest.mark.parametrize(
    ("text", "trees"),
    [
        ("A", [A]),
        ("A AND B AND C", [Together((A, B, C))]),
        ("A OR B", [A, B]),
        ("A FOLLOWED_BY (B OR C)", [InOrder((A, B)), InOrder((A, C))]),
        ("(A OR B) AND (C OR D)", [Together((A, C)), Together((A, D)), Together((B, C)), Together((B, D))]),
        ("(A OR (B AND C)) AND D", [Together((A, D)), Together((B, C, D))]),
        ("(B AND A) FOLLOWED_BY C", [InOrder((Together((B, A)), C))]),
        ("(A OR (B FOLLOWED_BY C)) FOLLOWED_BY D", [InOrder((A, D)), InOrder((B, C, D))]),
    ],
)
def test_no_way_holds_an_or(text: str, trees: list[Tree]) -> None:
    """AND and FOLLOWED_BY distribute over OR, and chains stay flat."""
    assert trees == [way.tree for way in ways_of(text)]


def test_a_negation_goes_with_each_way_of_what_it_is_of() -> None:
    """Its own OR makes several trees, of which none may come."""
    unwanted = Without((C, Together((D, E))), after=True)
    assert (Way(A, (0,), (unwanted,)), Way(B, (1,), (unwanted,))) == ways_of(
        "(A OR B) NOT_FOLLOWED_BY (C OR (D AND E))"
    )
    assert (Way(A, (0,), (Without((B, C), after=False),)), Way(D, (3,))) == ways_of("(A AND_NOT B AND_NOT C) OR D")


def test_members_rise_whatever_the_line_says_first() -> None:
    """They are numbers of the file's order."""
    assert (0, 1, 2) == ways_of("C FOLLOWED_BY (B AND A)")[0].members


def test_the_ways_are_counted_on_both_sides_of_a_negation() -> None:
    """What must not come costs as much as what must."""
    assert 4 == most_ways(ways_of("(A OR B) AND (C OR D)"))
    assert 3 == most_ways(ways_of("A NOT_FOLLOWED_BY (B OR C OR D)"))


def test_groups_are_compared_within_a_way_and_with_each_thing_that_must_not_come() -> None:
    """Two things that must not come are never compared with each other."""
    assert [{0, 1}, {0, 1, 2}, {0, 1, 3}, {4}] == list(asked_together(ways_of("((A AND B) AND_NOT C AND_NOT D) OR E")))


def trees_of(names: tuple[str, ...]) -> st.SearchStrategy[Trigger]:
    """Give positive trees in which each of the names stands once."""
    if len(names) == 1:
        return st.just(Named(names[0], Span(0, 0)))
    return st.integers(1, len(names) - 1).flatmap(
        lambda at: st.builds(
            lambda operator, left, right: Chain(operator, (left, right), 0),
            st.sampled_from(("AND", "OR", "FOLLOWED_BY")),
            trees_of(names[:at]),
            trees_of(names[at:]),
        )
    )


def satisfied(node: Trigger, order: tuple[str, ...]) -> Iterator[frozenset[str]]:
    """Give every set of those that occurred, one after the other, that satisfies a line: by its own words."""
    if isinstance(node, Named):
        yield from ({frozenset({node.name})} if node.name in order else set())
        return
    left, right = (set(satisfied(part, order)) for part in node.parts)
    if node.operator == "OR":
        yield from left | right
        return
    for first in left:
        for second in right:
            if node.operator == "AND" or max(map(order.index, first)) < min(map(order.index, second)):
                yield first | second


def holds(tree: Tree, order: tuple[int, ...]) -> bool:
    """Tell whether a way's tree holds of those that occurred, one after the other."""
    if isinstance(tree, Occurs):
        return tree.number in order
    if not all(holds(part, order) for part in tree.parts):
        return False
    places = [[order.index(number) for number in numbers(part)] for part in tree.parts]
    return isinstance(tree, Together) or all(max(before) < min(after) for before, after in pairwise(places))


def numbers(tree: Tree) -> Iterable[int]:
    """Give the numbers in a tree."""
    return (tree.number,) if isinstance(tree, Occurs) else chain.from_iterable(map(numbers, tree.parts))


@settings(max_examples=60, deadline=None)
@given(st.permutations(NAMES[:4]).flatmap(lambda names: trees_of(tuple(names))))
def test_the_ways_say_what_the_line_says(tree: Trigger) -> None:
    """Whoever occurs, in whichever order: the line is satisfied by exactly the members of the ways that hold."""
    ways = unfold(tree, NUMBERS)
    assert {way.members for way in ways} == {tuple(sorted(set(numbers(way.tree)))) for way in ways}
    for count in range(5):
        for some in combinations(NAMES[:4], count):
            for order in permutations(some):
                places = tuple(NUMBERS[name] for name in order)
                expected = {tuple(sorted(NUMBERS[name] for name in each)) for each in satisfied(tree, order)}
                assert expected == {way.members for way in ways if holds(way.tree, places)}
    assert sorted(NAMES[:4]) == sorted(named.name for named in names_in(tree))
