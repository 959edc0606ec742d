"""How long ``re`` can be busy with a pattern: its tree goes in, a power of the text's length or worse comes out.

Decision: an estimate from above, for warnings and to let ``re`` keep what it runs in linear time. ``re`` tries every
beginning, and in the part behind it every way in which repetitions can share a text. A pattern is exponential where the
same text leads through a repetition by two ways, as ``a+`` inside of ``(a+)+`` does: then each further turn doubles the
ways. That is decided on the automaton of the pattern's places, exactly but for what is no regular expression.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stream_app.language.charsets import CharSet
from stream_app.language.regextree import Anchor, Beyond, Captured, Chars, Concat, Either, Loop, Node, inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

_FEW_WAYS = 100
"""Ways through a bounded part that count as a constant."""

_MOST_PLACES = 60
"""A pattern of more places is not looked into, but taken for exponential where its power is more than the square."""

_MANY_TURNS = 10
"""A repetition of more turns counts as one without an end."""

_SQUARE = 2

HOPELESS = 5
"""A power of the length that is no better than an exponential time."""


class _Growth(NamedTuple):
    ways: int
    """The number of ways through a part grows with this power of the length."""
    time: int
    """So does the time to try them all."""
    constant: int
    """Ways that do not depend on the length."""


def power(tree: Node) -> int:
    """Give the power of a text's length with which a search by ``re`` grows, if the pattern is not exponential."""
    return _growth(tree).time + (0 if _at_start(tree) else 1)


def _growth(node: Node) -> _Growth:
    match node:
        case Concat(items):
            ways, time, constant = 0, 0, 1
            for item in items:
                growth = _growth(item)
                time = max(time, ways + growth.time)
                ways, constant = ways + growth.ways, constant * growth.constant
            return _settled(ways, time, constant)
        case Either(branches):
            several = [_growth(branch) for branch in branches]
            constant = sum(growth.constant for growth in several)
            return _settled(max(each.ways for each in several), max(each.time for each in several), constant)
        case Captured(body):
            return _growth(body)
        case Loop():
            return _repeated(node)
        case Beyond():
            return _Growth(0, max([node.endless, *(_growth(each).time for each in node.inner)]), 1)
        case _:
            return _Growth(0, 0, 1)


def _repeated(loop: Loop) -> _Growth:
    body = _growth(loop.body)
    if loop.high is None:
        return _Growth(body.ways + 1, body.time + 1, 1)
    turns = range(loop.low, min(loop.high, _FEW_WAYS) + 1)
    constant = sum(body.constant**turn for turn in turns) or 1
    return _settled(body.ways * loop.high, body.time + body.ways * max(loop.high - 1, 0), constant)


def _settled(ways: int, time: int, constant: int) -> _Growth:
    """Take many ways for as many as a text is long, and so on."""
    while constant > _FEW_WAYS:
        ways, time, constant = ways + 1, time + 1, constant // _FEW_WAYS
    return _Growth(ways, time, constant)


def _at_start(node: Node) -> bool:
    """Tell whether a match begins where the text does, so that no other beginning is tried."""
    match node:
        case Anchor(place):
            return place == "start"
        case Concat(items):
            return bool(items) and _at_start(items[0])
        case Either(branches):
            return all(map(_at_start, branches))
        case Captured(body):
            return _at_start(body)
        case _:
            return False


def is_exponential(tree: Node) -> bool:
    """Tell whether the same text leads through a repetition in two ways."""
    places = _Places()
    places.add(tree)
    if len(places.masks) > _MOST_PLACES:
        return power(tree) > _SQUARE
    return places.ambiguous() or any(is_exponential(part) for part in places.apart)


class _Part(NamedTuple):
    """In how many ways a part is empty, and by how many it begins and ends with each place; two are many."""

    empty: int
    first: Mapping[int, int]
    last: Mapping[int, int]


_NOTHING = _Part(1, {}, {})
_ANYTHING = CharSet(frozenset(), negated=True)


class _Places:
    """The places of characters in a pattern, and which can follow which, by how many ways (Glushkov's automaton)."""

    def __init__(self) -> None:
        self.masks: list[int] = []
        self.follow: Counter[tuple[int, int]] = Counter()
        self.apart: list[Node] = []

    def add(self, node: Node) -> _Part:  # noqa: PLR0911 - one for each kind
        """Add a node's places; give how it begins and ends."""
        match node:
            case Chars(chars):
                return self._place(chars)
            case Concat(items):
                whole = _NOTHING
                for item in items:
                    whole = self._joined(whole, self.add(item))
                return whole
            case Either(branches):
                return self._either([self.add(branch) for branch in branches])
            case Captured(body):
                return self.add(body)
            case Loop():
                return self._loop(node)
            case Beyond():
                self.apart += inside(node)
                return self._place(_ANYTHING) if node.width else _NOTHING
            case _:
                return _NOTHING

    def _place(self, chars: CharSet) -> _Part:
        self.masks.append(chars.mask)
        here = {len(self.masks) - 1: 1}
        return _Part(0, here, here)

    def _either(self, several: list[_Part]) -> _Part:
        first = _sum(*((part.first, 1) for part in several))
        last = _sum(*((part.last, 1) for part in several))
        return _Part(min(sum(part.empty for part in several), 2), first, last)

    def _loop(self, loop: Loop) -> _Part:
        part = self.add(loop.body)
        if loop.high is None or loop.high > _MANY_TURNS:
            self._follows(part, part)
            if loop.high is not None and part.empty:  # which turns were the empty ones makes a difference
                self._follows(part, part)
        return part._replace(empty=min(part.empty + (loop.low == 0), 2))

    def _follows(self, left: _Part, right: _Part) -> None:
        for end, ends in left.last.items():
            for begin, begins in right.first.items():
                self.follow[end, begin] += ends * begins

    def _joined(self, left: _Part, right: _Part) -> _Part:
        self._follows(left, right)
        first = _sum((left.first, 1), (right.first, left.empty))
        return _Part(min(left.empty * right.empty, 2), first, _sum((left.last, right.empty), (right.last, 1)))

    def ambiguous(self) -> bool:
        """Tell whether one word leads from a place back to it in two ways."""
        after: dict[int, list[int]] = {place: [] for place in range(len(self.masks))}
        for end, begin in self.follow:
            after[end].append(begin)
        for twice, ways in self.follow.items():
            if ways > 1 and twice[0] in _reached([twice[1]], lambda place: after[place]):
                return True
        masks = self.masks

        def both(pair: tuple[int, int]) -> list[tuple[int, int]]:
            left, right = pair
            return [(a, b) for a in after[left] for b in after[right] if masks[a] & masks[b]]

        for place in after:
            forward = _reached([(place, place)], both)
            if (place, place) in _reached([(left, right) for left, right in forward if left != right], both):
                return True
        return False


def _sum(*weighted: tuple[Mapping[int, int], int]) -> Mapping[int, int]:
    """Add up, each part as often as it is weighted; what comes to nothing is left out."""
    total: Counter[int] = Counter()
    for part, weight in weighted:
        for place, ways in part.items():
            total[place] = min(total[place] + ways * weight, 2)
    return {place: ways for place, ways in total.items() if ways}


def _reached(begin: Iterable[T], after: Callable[[T], Iterable[T]]) -> set[T]:
    """Give all that can be reached, the beginnings included."""
    found = set(begin)
    waiting = list(found)
    while waiting:
        new = set(after(waiting.pop())) - found
        found |= new
        waiting += new
    return found
