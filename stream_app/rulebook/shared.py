"""The values that all subpatterns of a rule share: ways, relations and mapped values in, parts of a match's key out.

All events that can decide together must meet under one key, and all triggers of one incident too. So a part of a key is
a choice of one group-by value for each subpattern, such that

* within each way, by itself, with each tree that must not come, and with the clear pattern, the chosen values are equal
  wherever the relations hold that are asked there;
* each way shows its chosen value in a mapped attribute, so that the tuple of an incident's attributes settles the key.

Decision: what fails the second is no part, although it could spread the work further: two keys would each keep an
incident of the same tuple. Where nothing is shared, the rule runs under one key.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from stream_app.language.values import AttributeType
from stream_app.rulebook.join import ClearPattern, Relation, Way
from stream_app.rulebook.relations import Node
from stream_app.rulebook.ways import asked_together

Unit = frozenset[int]
"""Subpatterns whose groups are compared with each other."""
Choice = frozenset[Node]
"""Group-by values, one or more of each subpattern: of one subpattern's any will do."""


class Shared(Struct, frozen=True):
    """What all subpatterns share."""

    parts: tuple[tuple[AttributeType, tuple[int, ...]], ...]
    """Each of one type: by subpattern, the place in its group-by."""
    hidden: tuple[tuple[int, ...], ...]
    """What would be parts if incidents showed them, where there is none that is shown."""


def shared(
    kinds: Sequence[Sequence[AttributeType]],
    ways: Sequence[Way],
    relations: Iterable[Relation],
    mapped: Sequence[Node],
    clear: ClearPattern | None,
) -> Shared:
    """Work out the parts. ``kinds``: by subpattern, the types of its group-by values."""
    units = tuple(dict.fromkeys(asked_together(ways)))
    edges = [((each.left, each.left_place), (each.right, each.right_place)) for each in relations if each.equates]
    if clear is not None:
        edges += [((each.left, each.left_place), (each.right, each.right_place)) for _, each in clear.matched]
        about = {each.left for _, each in clear.matched}
        units += tuple(frozenset(way.members) | {clear.number} for way in ways if about <= set(way.members))
    clusters = [tuple(_choices(cluster, kinds, edges)) for cluster in _clusters(units)]
    shown = [[choice for choice in choices if _is_shown(choice, ways, set(mapped))] for choices in clusters]
    parts = tuple((kind, places) for kind in AttributeType for places in _zipped(kind, kinds, shown))
    possible = tuple(places for kind in AttributeType for places in _zipped(kind, kinds, clusters))
    return Shared(parts, () if parts else possible)


def _clusters(units: Iterable[Unit]) -> list[list[Unit]]:
    """Put units together that have a subpattern in common, directly or through others."""
    clusters: list[list[Unit]] = []
    for unit in units:
        touching = [cluster for cluster in clusters if any(unit & other for other in cluster)]
        clusters = [cluster for cluster in clusters if cluster not in touching]
        clusters.append([*(other for cluster in touching for other in cluster), unit])
    return clusters


def _choices(
    cluster: Iterable[Unit], kinds: Sequence[Sequence[AttributeType]], edges: Iterable[tuple[Node, Node]]
) -> Iterator[Choice]:
    """Give the choices that hold in every unit of a cluster."""
    edges = tuple(edges)
    choices: list[Choice] = [frozenset()]
    for unit in cluster:
        classes = _classes(unit, kinds, edges)
        choices = list(
            dict.fromkeys(
                narrowed
                for choice in choices
                for equal in classes
                if (narrowed := _narrowed(choice, equal, unit)) is not None
            )
        )
    yield from choices


def _classes(
    unit: Unit, kinds: Sequence[Sequence[AttributeType]], edges: Iterable[tuple[Node, Node]]
) -> tuple[Choice, ...]:
    """Give the sets of group-by values that the unit's relations equate and that reach each of its subpatterns."""
    classes: dict[Node, Choice] = {
        (number, place): frozenset({(number, place)}) for number in sorted(unit) for place in range(len(kinds[number]))
    }
    for left, right in edges:
        if {left[0], right[0]} <= unit:
            merged = classes[left] | classes[right]
            classes.update(dict.fromkeys(merged, merged))
    return tuple(equal for equal in dict.fromkeys(classes.values()) if {number for number, _ in equal} == unit)


def _narrowed(choice: Choice, equal: Choice, unit: Unit) -> Choice | None:
    """Keep of a choice what is equal in a unit too, and take in subpatterns that it does not know yet."""
    chosen = {number for number, _ in choice}
    narrowed = {node for node in choice if node[0] not in unit or node in equal}
    narrowed |= {node for node in equal if node[0] not in chosen}
    return frozenset(narrowed) if {number for number, _ in narrowed} == chosen | unit else None


def _is_shown(choice: Choice, ways: Iterable[Way], mapped: set[Node]) -> bool:
    """Tell whether each way of whose subpatterns the choice is shows it in a mapped attribute."""
    numbers = {number for number, _ in choice}
    return all(
        any(node in mapped and node[0] in way.members for node in choice) for way in ways if numbers & set(way.members)
    )


def _zipped(
    kind: AttributeType, kinds: Sequence[Sequence[AttributeType]], clusters: Iterable[Iterable[Choice]]
) -> Iterator[tuple[int, ...]]:
    """Make parts of one type: clusters share no subpattern, so any choice of one goes with any of another."""
    columns = [
        [choice for choice in choices if all(kinds[number][place] is kind for number, place in choice)]
        for choices in clusters
    ]
    if not all(columns):
        return
    for row in range(max(map(len, columns))):
        nodes = [node for column in columns for node in column[min(row, len(column) - 1)]]
        firsts = dict(sorted(nodes, reverse=True))
        yield tuple(firsts[number] for number in range(len(kinds)))
