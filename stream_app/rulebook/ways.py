"""A trigger line's tree goes in; the ways to satisfy it come out, none of which holds an OR.

Decision: AND and FOLLOWED_BY distribute over OR, so ``A FOLLOWED_BY (B OR C)`` is one of ``A FOLLOWED_BY B`` and ``A
FOLLOWED_BY C``. A negation of several parts, or of an OR, is one thing that must not come in any of its ways.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product

from stream_app.language.trigger import FOLLOWED_BY, NEGATIONS, NOT_FOLLOWED_BY, OR, Named, Trigger
from stream_app.rulebook.join import InOrder, Occurs, Together, Tree, Way, Without

MOST_WAYS = 64
"""The most ways of a trigger line, or of what must not come: each costs time for every event."""


def unfold(node: Trigger, numbers: Mapping[str, int]) -> tuple[Way, ...]:
    """Give the ways of a trigger line, of which :func:`parse_trigger` has placed the negations; in its order."""
    if isinstance(node, Named):
        return (_way(Occurs(numbers[node.name])),)
    if node.operator == OR:
        return tuple(way for part in node.parts for way in unfold(part, numbers))
    if node.operator not in NEGATIONS:
        return tuple(map(_way, _trees(node, numbers)))
    positive, *negated = node.parts
    unwanted = tuple(tree for part in negated for tree in _trees(part, numbers))
    without = Without(unwanted, after=node.operator == NOT_FOLLOWED_BY)
    return tuple(_way(tree, without) for tree in _trees(positive, numbers))


def most_ways(ways: Iterable[Way]) -> int:
    """Say how many ways there are, or how many to what must not come, whichever is more."""
    ways = tuple(ways)
    return max([len(ways), *(len(without.ways) for way in ways for without in way.without)])


def members_of(tree: Tree) -> tuple[int, ...]:
    """Give the subpatterns of a tree in rising order."""
    return tuple(sorted(_numbers(tree)))


def asked_together(ways: Iterable[Way]) -> Iterator[frozenset[int]]:
    """Give the sets of subpatterns whose groups are compared: those of each way, alone and with each negated tree."""
    for way in ways:
        members = frozenset(way.members)
        yield members
        for without in way.without:
            for tree in without.ways:
                yield members | frozenset(_numbers(tree))


def _way(tree: Tree, *without: Without) -> Way:
    return Way(tree, members_of(tree), without)


def _numbers(tree: Tree) -> Iterator[int]:
    if isinstance(tree, Occurs):
        yield tree.number
    else:
        for part in tree.parts:
            yield from _numbers(part)


def _trees(node: Trigger, numbers: Mapping[str, int]) -> tuple[Tree, ...]:
    """Unfold what has no negation."""
    if isinstance(node, Named):
        return (Occurs(numbers[node.name]),)
    parts = [_trees(part, numbers) for part in node.parts]
    if node.operator == OR:
        return tuple(tree for trees in parts for tree in trees)
    kind = InOrder if node.operator == FOLLOWED_BY else Together
    return tuple(_flat(kind, chosen) for chosen in product(*parts))


def _flat(kind: type[Together | InOrder], parts: Iterable[Tree]) -> Tree:
    """Make one chain of parts that are themselves chains of the same kind."""
    flat: list[Tree] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    return kind(tuple(flat))
