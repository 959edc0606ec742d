"""What a filter cannot do without: its tree goes in, clauses come out of which each must hold wherever it is true.

Goes in: the terms of a filter, all of which must be true. Comes out: clauses; a clause is a set of needles of which at
least one is found in an event that the filter is true of. So an event in which no needle of a clause is found needs no
predicate. Decision: only positive comparisons of an attribute with literals give needles. A negative one is true of an
absent value, and with it every ``OR`` that holds one: nothing is required of such terms. Nor is it of one that reads a
watch list, since what it holds is not known before.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.checks import Literal
from stream_app.language.folding import fold
from stream_app.language.patterns import Plain, plain_of
from stream_app.language.reading import number_of
from stream_app.language.syntax import (
    And,
    Attribute,
    Comparison,
    Contains,
    Group,
    Matches,
    Membership,
    Or,
    String,
    WatchList,
)
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_app.language.environment import Environment
    from stream_app.language.syntax import Expression

MOST_NEEDLES = 500
"""A clause of more needles than this says too little to be worth looking for them."""


class Needle(Struct, frozen=True):
    """A literal to be found in an attribute: text in its folded value, or a number that it is.

    ``whole`` text is all of the value, other text is anywhere in it. Text is folded also where case counts: what is
    found there is found here.
    """

    attribute: str
    value: str | int | float
    whole: bool


Clause = frozenset[Needle]


def clauses_of(terms: Iterable[Expression], environment: Environment) -> tuple[Clause, ...]:
    """Give the clauses of a filter that is true where all of the terms are, the most telling one first."""
    found = {clause for term in terms for clause in _clauses(term, environment)}
    return tuple(sorted((clause for clause in found if len(clause) <= MOST_NEEDLES), key=_order))


def _order(clause: Clause) -> tuple[int, int, str]:
    """Put clauses of long needles first, which are rare in events, and short clauses before long ones."""
    shortest = min(len(needle.value) if isinstance(needle.value, str) else 0 for needle in clause)
    return -shortest, len(clause), repr(sorted(map(repr, clause)))


def _clauses(node: Expression, environment: Environment) -> list[Clause]:
    """Give the clauses of a term; none where nothing is required."""
    if isinstance(node, And):
        return [clause for term in node.terms for clause in _clauses(term, environment)]
    if isinstance(node, Or):
        several = [_clauses(term, environment) for term in node.terms]
        if not all(several):
            return []
        return [frozenset().union(*(min(clauses, key=_order) for clauses in several))]
    needles = _needles(node, environment)
    return [needles] if needles else []


def _needles(node: Expression, environment: Environment) -> Clause:
    """Give the needles of a comparison, of which one is found where it is true; none where it cannot be said."""
    match node:
        case Comparison("=", Attribute() as attribute, right) if isinstance(right, Literal):
            return _equal(attribute, [right], environment)
        case Comparison("=", left, Attribute() as attribute) if isinstance(left, Literal):
            return _equal(attribute, [left], environment)
        case Membership(Attribute() as attribute, False, members):
            literals = _members(members, environment)
            return frozenset() if literals is None else _equal(attribute, literals, environment)
        case Contains(Attribute(name), False, part) if isinstance(part, Literal):
            return _texts(name, [_written(part)], whole=False)
        case Matches(Attribute(name), False, pattern):
            return _pattern(name, plain_of(pattern.text))
        case _:
            return frozenset()


def _pattern(name: str, plain: Plain | None) -> Clause:
    longest = () if plain is None else tuple(sequence.longest for sequence in plain.sequences)
    if plain is None or plain.literals.match_empty or not all(longest):
        return frozenset()
    literals = plain.literals
    parts = (*literals.begins, *literals.ends, *literals.contains, *longest)
    whole = _texts(name, literals.equal, whole=True)
    return whole | _texts(name, parts, whole=False)


def _members(members: Iterable[Literal | Group | WatchList], environment: Environment) -> list[Literal] | None:
    """Give what a value may be; None where that changes while the filter runs."""
    found: list[Literal] = []
    for member in members:
        if isinstance(member, WatchList):
            return None
        if isinstance(member, Group):
            found += [String(text, member.span) for text in environment.groups[member.name]]
        else:
            found.append(member)
    return found


def _equal(attribute: Attribute, literals: list[Literal], environment: Environment) -> Clause:
    kind = environment.vocabulary[attribute.name]
    if kind is AttributeType.IP:
        return frozenset()  # an address has several spellings, and a literal may be a network
    if kind is AttributeType.STRING:
        return _texts(attribute.name, [_written(literal) for literal in literals], whole=True)
    numbers = [number_of(_written(literal)) for literal in literals]
    return frozenset(Needle(attribute.name, number, whole=True) for number in numbers if not isnan(number))


def _texts(name: str, texts: Iterable[str], *, whole: bool) -> Clause:
    """Give a needle for each text; none at all if one of them is empty, which is found in everything."""
    texts = list(texts)
    if not all(texts):
        return frozenset()
    return frozenset(Needle(name, fold(text), whole) for text in texts)


def _written(literal: Literal) -> str:
    return literal.value if isinstance(literal, String) else literal.text
