"""Comparisons that say the same of every event: a filter's tree goes in, those that are always true or false come out.

Decision: only what follows from types, literals and functions is said, so all that is said is so for every event. A
positive comparison that nothing satisfies is always false and its opposite always true, absent attributes included.
Sets and tables count as they are now; watch lists change, so what asks one is left alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from stream_app.language.checks import NETWORK_OF_NONE, Checker, Literal, shown
from stream_app.language.compile import attributes_read, compile_filter, lists_read
from stream_app.language.conditions import MIRRORED, flattened
from stream_app.language.diagnostics import Place
from stream_app.language.folding import fold
from stream_app.language.printer import to_text
from stream_app.language.reading import NOWHERE
from stream_app.language.syntax import (
    And,
    Call,
    Comparison,
    Contains,
    Group,
    Membership,
    Or,
    Presence,
    Range,
    String,
    WatchList,
)
from stream_app.language.texts import unlike
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream_app.language.environment import Environment
    from stream_app.language.syntax import Expression, Operand


class Constant(NamedTuple):
    """A comparison that has one answer, which follows from ``reason``."""

    part: Expression
    answer: bool
    reason: str


_RANGES = {"LEN": (0, math.inf), "HourOfDay": (0, 23), "DayOfWeek": (0, 6), "LookupTableHas": (0, 1)}
_WHOLE = frozenset({*_RANGES, "TO_INTEGER"})
_ANY = (-math.inf, math.inf)


def constants(tree: Expression, environment: Environment) -> Iterator[Constant]:
    """Give the comparisons of a filter, which must be right, that have one answer, and those that clash with others.

    One that clashes is given with the answer that it has together with those before it.
    """
    truth = _Truth(environment)
    if isinstance(tree, And | Or):
        for term in flattened(tree):
            yield from constants(term, environment)
        yield from truth.clashes(tree)
    else:
        constant = truth.constant(tree)
        if constant is not None:
            yield constant


class _Truth:
    """Decides comparisons, as the compiler reads them."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._checker = Checker(environment, Place.of(""))

    def constant(self, part: Expression) -> Constant | None:
        """Decide a comparison; None where events decide it."""
        if lists_read(part):
            return None
        if not attributes_read(part):
            return Constant(part, compile_filter(part, self._environment)({}), "it reads nothing of the event")
        reason = self._never(part)
        return None if reason is None else Constant(part, is_negative(part), reason)

    def _never(self, part: Expression) -> str | None:
        """Say why nothing satisfies a comparison, or its positive form; None where something may."""
        match part:
            case Comparison():
                return self._comparison(part)
            case Membership():
                return self._membership(part)
            case Range():
                return self._range(part)
            case Contains(operand, _, String(value)):
                return unlike(operand, value, ignore_case=self._environment.ignore_case, part=True)
            case Presence(Call("LookupTableHas")):
                return "LookupTableHas is 0 or 1, and never absent"
            case _:
                return None

    def _membership(self, node: Membership) -> str | None:
        reasons = [self._unequal(node.operand, each) for each in self._literals(node.members)]
        return "the set is empty" if not reasons else None if None in reasons else reasons[0]

    def _comparison(self, node: Comparison) -> str | None:
        left, operator, right = sides(node)
        if not isinstance(right, Literal):
            return None
        if operator in {"=", "!="}:
            return self._unequal(left, right)
        number = self._checker.number(right, "")
        low, high = _range_of(left)
        possible = {">": high > number, ">=": high >= number, "<": low < number, "<=": low <= number}[operator]
        return None if possible else _out_of(left, right)

    def _unequal(self, operand: Operand, literal: Literal) -> str | None:
        """Say why an operand never equals a literal."""
        kind = self._checker.type_of(operand)
        if kind is AttributeType.STRING:
            return unlike(operand, self._checker.text(literal), ignore_case=self._environment.ignore_case, part=False)
        if isinstance(literal, String) and literal.value == "":
            noun = "an address" if kind is AttributeType.IP else "a number"
            return f'{shown(operand)} is {noun} or absent, and neither equals ""'
        if kind is AttributeType.IP:
            return None
        number = self._checker.number(literal, "")
        low, high = _range_of(operand)
        if isinstance(operand, Call) and operand.function in _WHOLE and number % 1:
            return f"{shown(operand)} is a whole number"
        return None if low <= number <= high else _out_of(operand, literal)

    def _range(self, node: Range) -> str | None:
        if not isinstance(node.low, Literal) or not isinstance(node.high, Literal):
            return None
        if self._checker.type_of(node.operand) is AttributeType.IP:
            (low, _), (high, _) = (self._checker.network(each, "") for each in (node.low, node.high))
            return None if NOWHERE < low <= high else f"{shown(node.low)} is not below {shown(node.high)}"
        first, last = (self._checker.number(each, "") for each in (node.low, node.high))
        if not first <= last:
            return f"{shown(node.low)} is not below {shown(node.high)}"
        least, most = _range_of(node.operand)
        if last < least:
            return _out_of(node.operand, node.high)
        return None if first <= most else _out_of(node.operand, node.low)

    def _literals(self, members: Iterable[Literal | Group | WatchList]) -> Iterator[Literal]:
        """Give what is written, or is a group's."""
        for member in [each for each in members if not isinstance(each, WatchList)]:
            if isinstance(member, Group):
                yield from self._checker.members(member.name, member.span)
            else:
                yield member

    def clashes(self, node: And | Or) -> Iterator[Constant]:
        """Give the terms that leave no value to an operand together with terms before them.

        Of an AND that are ``=`` and ``IN`` with nothing in common; of an OR, which is then always true, their
        opposites: each value differs from one of two.
        """
        left: dict[str, tuple[frozenset[_Atom], Expression]] = {}
        for term in flattened(node):
            asked = self._asked(term)
            if asked is None or is_negative(term) is isinstance(node, And):
                continue
            operand, values = asked
            known, before = left.get(operand, (values, term))
            both = _common(known, values)
            if known and values and not both:
                joined = "AND" if isinstance(node, And) else "OR"
                told = f"no value is in both this and {to_text(before)!r}, which it is joined with by {joined}"
                yield Constant(term, isinstance(node, Or), told)
            left[operand] = (both, term)

    def _asked(self, term: Expression) -> tuple[str, frozenset[_Atom]] | None:
        """Give the operand, as written, and the values that it is asked for; None for other terms."""
        match term:
            case Comparison(operator="=" | "!="):
                operand, _, right = sides(term)
                literals = [right] if isinstance(right, Literal) else []
            case Membership(operand, _, members) if not any(isinstance(each, WatchList) for each in members):
                literals = list(self._literals(members))
            case _:
                return None
        if isinstance(operand, Literal) or not literals:
            return None
        atoms = [self._atom(operand, each) for each in literals]
        return to_text(operand), frozenset(each for each in atoms if each == each and each != NETWORK_OF_NONE)  # noqa: PLR0124 - NaN alone differs from itself

    def _atom(self, operand: Operand, literal: Literal) -> _Atom:
        kind = self._checker.type_of(operand)
        if kind is AttributeType.IP:
            return self._checker.network(literal, "")
        return self._checker.number(literal, "") if kind is AttributeType.NUMBER else self._folded(literal)

    def _folded(self, literal: Literal) -> str:
        text = self._checker.text(literal)
        return fold(text) if self._environment.ignore_case else text


_Atom = str | int | float | tuple[int, int]
"""A value as it compares; of addresses an interval."""


def is_negative(part: Expression) -> bool:
    """Tell whether a comparison is the opposite of a positive one."""
    return part.operator == "!=" if isinstance(part, Comparison) else bool(getattr(part, "negated", False))


def sides(node: Comparison) -> tuple[Operand, str, Operand]:
    """Give a comparison with its literal, if it has one, to the right."""
    if isinstance(node.left, Literal) and not isinstance(node.right, Literal):
        return node.right, MIRRORED[node.operator], node.left
    return node.left, node.operator, node.right


def _common(left: frozenset[_Atom], right: frozenset[_Atom]) -> frozenset[_Atom]:
    """Give the values in both; of intervals what they share."""
    ones, others = ([each for each in side if isinstance(each, tuple)] for side in (left, right))
    shared = ((max(one[0], other[0]), min(one[1], other[1])) for one in ones for other in others)
    return (left & right).union(each for each in shared if each[0] <= each[1])


def _range_of(operand: Operand) -> tuple[float, float]:
    return _RANGES.get(operand.function, _ANY) if isinstance(operand, Call) else _ANY


def _out_of(operand: Operand, literal: Operand) -> str:
    low, high = _range_of(operand)
    if isinstance(literal, String) and literal.value == "":
        return f'{shown(operand)} is a number or absent, and "" is none'
    return f"{shown(operand)} is {low} or more" if high == math.inf else f"{shown(operand)} is {low} to {high}"
