"""Which rules want an event, found without asking each of them: rules in, for each event those that match, out.

Goes in: the subpatterns that want a type of event, then events of it. Decision: one is asked only if every clause of
its filter (see ``language.requirements``) has a needle in the event. All needles of an attribute are looked for at
once: by one automaton over its text, by one look-up of the whole value. A hit is a bit for each clause that it serves;
a subpattern is a candidate if its bit is set in each plane, where plane ``n`` stands for the clauses of number ``n``.
So what many rules compare is compared once, and what is left is a handful of filters.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from ahocorasick_rs import AhoCorasick
from msgspec import Struct

from stream_app.engine.expense import TooExpensive
from stream_app.language.emit import folded
from stream_app.language.folding import fold
from stream_app.language.reading import number_of
from stream_app.language.requirements import Clause, Needle
from stream_app.language.values import Attributes, Predicate, Value
from stream_app.rulebook.rule import Rule

Asked = tuple[Rule, int]
"""A rule, and the number of the subpattern of it that is asked."""

FEW = 8
"""Up to so many are asked one by one: looking for needles would cost more."""

PLANES = 3
"""How many clauses of a rule are looked at, the most telling ones."""


class _Scan(Struct, frozen=True):
    """What is looked for in one attribute. Each value of the maps is the bits that a hit sets."""

    attribute: str
    find: Callable[[str], list[tuple[int, int, int]]] | None
    """Gives (number of the part, …) for each part that the text holds."""
    parts: Sequence[int]
    """Bits by number of the part."""
    wholes: Mapping[str, int]
    numbers: Mapping[int | float, int]

    def hits(self, value: Value) -> int:
        """Give the bits of the clauses that have a needle here."""
        hits = self.numbers.get(number_of(value), 0) if self.numbers else 0
        if not self.parts and not self.wholes:
            return hits
        text = fold(value) if isinstance(value, str) else folded(value)
        hits |= self.wholes.get(text, 0)
        if self.find is not None:
            parts = self.parts
            for found in self.find(text):
                hits |= parts[found[0]]
        return hits


class Screen:
    """The subpatterns that want one type of event, in their order."""

    def __init__(self, asked: Iterable[Asked]) -> None:
        self.asked = tuple(asked)
        filters = [rule.subpatterns[number].filter for rule, number in self.asked]
        self._asked = [(one, its.rest) for one, its in zip(self.asked, filters, strict=True)]
        clauses = [its.clauses[:PLANES] for its in filters]
        width = len(self.asked)
        self._one, self._two = width, 2 * width
        self._every = (1 << width) - 1
        self._free = 0
        for number, of_rule in enumerate(clauses):
            for plane in range(len(of_rule), PLANES):
                self._free |= 1 << plane * width + number
        self._scans = _scans(clauses, width) if width > FEW else []

    def __bool__(self) -> bool:
        return bool(self.asked)

    def wanting(self, event: Attributes) -> list[Asked]:
        """Give the subpatterns whose filter is true of the event. Raises what reading an attribute raises."""
        if not self._scans:
            return _asked(self._asked, event)
        hits = self._free
        for scan in self._scans:
            value = event.get(scan.attribute)
            if value is not None:
                hits |= scan.hits(value)
        candidates = hits & hits >> self._one & hits >> self._two & self._every
        if not candidates:
            return []
        asked = []
        while candidates:
            lowest = candidates & -candidates
            candidates ^= lowest
            asked.append(self._asked[lowest.bit_length() - 1])
        return _asked(asked, event)


def _asked(asked: Iterable[tuple[Asked, Predicate]], event: Attributes) -> list[Asked]:
    """Ask subpatterns one by one; give those that want the event.

    Once one of them took too long, those that may take as long are not asked any more, but all others are.
    """
    wanting: list[Asked] = []
    expense: TooExpensive | None = None
    for one, rest in asked:
        try:
            if expense is not None and one[0].subpatterns[one[1]].filter.hazards:
                expense.rules = _with(expense.rules, one[0].id)
            elif rest(event):
                wanting.append(one)
        except TooExpensive as error:
            error.rules = _with(() if expense is None else expense.rules, one[0].id)
            expense = error
    if expense is not None:
        expense.wanting = wanting
        raise expense
    return wanting


def _with(rules: tuple[str, ...], rule: str) -> tuple[str, ...]:
    """Name a rule once, however many of its subpatterns could not be asked."""
    return rules if rule in rules else (*rules, rule)


def _scans(clauses: Sequence[Sequence[Clause]], width: int) -> list[_Scan]:
    """Give, for each attribute that has needles, what to look for in it."""
    bits: dict[Needle, int] = defaultdict(int)
    for number, of_rule in enumerate(clauses):
        for plane, clause in enumerate(of_rule):
            for needle in clause:
                bits[needle] |= 1 << plane * width + number
    attributes = sorted({needle.attribute for needle in bits})
    return [
        _scan(name, {needle: bit for needle, bit in bits.items() if needle.attribute == name}) for name in attributes
    ]


def _scan(attribute: str, bits: Mapping[Needle, int]) -> _Scan:
    texts = {needle: bit for needle, bit in bits.items() if isinstance(needle.value, str)}
    parts = {str(needle.value): bit for needle, bit in texts.items() if not needle.whole}
    find = None
    if parts:
        find = partial(AhoCorasick(list(parts)).find_matches_as_indexes, overlapping=True)
    return _Scan(
        attribute=attribute,
        find=find,
        parts=list(parts.values()),
        wholes={str(needle.value): bit for needle, bit in texts.items() if needle.whole},
        numbers={needle.value: bit for needle, bit in bits.items() if not isinstance(needle.value, str)},
    )
