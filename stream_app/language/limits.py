"""What no window can satisfy: the tree of a constraint goes in, its terms that never hold come out, each with a reason.

Decision: only what compares one aggregate with a number is judged; that is where authors slip. ``COUNT(*)`` is 1 or
more, since the event that is counted last counts itself. ``COUNT(*) >= 0`` is true of every event and stays legal, as
``COUNT(*) >= 1`` is; a count beside a negative number or a fraction is a slip whichever way it goes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from stream_app.language.aggregate import LONGEST
from stream_app.language.conditions import MIRRORED, flattened
from stream_app.language.printer import to_text
from stream_app.language.signatures import AGGREGATE_NAMES, COUNTS
from stream_app.language.syntax import And, Call, Comparison, Or, Range
from stream_app.language.trends import constant_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from stream_app.language.syntax import Expression, Operand, Span

_NEVER = "never holds"
_ALWAYS = "always holds"
_NOT_NEGATIVE = "a count is never negative"


class Compared(NamedTuple):
    """An aggregate beside a number: ``call operator number``."""

    call: Call
    operator: str
    number: Fraction


def compared(node: Expression) -> Compared | None:
    """Read a term that compares one aggregate with a number, whichever stands first; ``None`` for any other."""
    if not isinstance(node, Comparison):
        return None
    operator, left, right = node.operator, node.left, node.right
    if not _is_aggregate(left):
        operator, left, right = MIRRORED[operator], right, left
    number = constant_of(right)
    if not isinstance(left, Call) or not _is_aggregate(left) or number is None:
        return None
    return Compared(left, operator, number)


def slips_in(node: Expression) -> Iterator[tuple[Span, str]]:
    """Give the terms that never hold, with what is wrong with each."""
    if isinstance(node, And | Or):
        for term in node.terms:
            yield from slips_in(term)
        if isinstance(node, And):
            yield from _contradictions(node)
        return
    for part in _parts(node):
        slip = _slip(part)
        if slip and (isinstance(node, Comparison) or slip.startswith(_NEVER)):
            yield node.span, f"{to_text(node)!r} {slip}"
            break


def _parts(node: Expression) -> list[Compared]:
    """Take a term apart into comparisons with numbers; those of a range are judged only where it is not negated."""
    if isinstance(node, Range) and not node.negated:
        terms: list[Expression] = [
            Comparison(">=", node.operand, node.low, node.span),
            Comparison("<=", node.operand, node.high, node.span),
        ]
    else:
        terms = [node]
    return [part for part in map(compared, terms) if part is not None]


def _slip(part: Compared) -> str | None:
    """Say what is wrong with comparing a count with a number, if anything is."""
    call, operator, number = part
    if call.function not in COUNTS:
        return None
    least = 0 if call.arguments else 1
    if number < 0:
        return f"{_ALWAYS if operator in {'>', '>=', '!='} else _NEVER}: {_NOT_NEGATIVE}"
    if number >= 10**LONGEST:
        verdict = _ALWAYS if operator in {"<", "<=", "!="} else _NEVER
        return f"{verdict}: a count of more than {LONGEST} digits is never reached"
    if operator in {"=", "!="} and number.denominator > 1:
        return f"{_ALWAYS if operator == '!=' else _NEVER}: a count is a whole number"
    if (operator == "<" and number <= least) or (operator in {"=", "<="} and number < least):
        return f"{_NEVER}: {_NOT_NEGATIVE if call.arguments else 'the event that is counted last counts itself'}"
    return None


class _Bound(NamedTuple):
    """A limit and whether it is out of reach itself, and the term that says so."""

    number: Fraction | int
    is_open: bool
    text: str


def _contradictions(node: And) -> Iterator[tuple[Span, str]]:
    """Give the terms of an ``AND`` that leave nothing of what another one asks of the same aggregate."""
    lows: dict[str, _Bound] = {}
    highs: dict[str, _Bound] = {}
    for term in flattened(node):
        for call, operator, number in _parts(term):
            name, text = to_text(call), to_text(term)
            if operator in {">", ">=", "="}:
                bound = _bound(call, number, math.floor(number) + 1, text, is_open=operator == ">")
                lows[name] = max(lows.get(name, bound), bound)
            if operator in {"<", "<=", "="}:
                bound = _bound(call, number, math.ceil(number) - 1, text, is_open=operator == "<")
                highs[name] = min(highs.get(name, bound), bound, key=lambda high: (high.number, not high.is_open))
            low, high = lows.get(name), highs.get(name)
            if low and high and low.text != high.text and _is_empty(low, high):
                yield term.span, f"{low.text!r} and {high.text!r} never hold together"


def _bound(call: Call, number: Fraction, beside: int, text: str, *, is_open: bool) -> _Bound:
    """Give a limit; of a count, which is whole, the next number that is within reach."""
    if is_open and call.function in COUNTS:
        return _Bound(beside, is_open=False, text=text)
    return _Bound(number, is_open, text)


def _is_empty(low: _Bound, high: _Bound) -> bool:
    return low.number > high.number or (low.number == high.number and (low.is_open or high.is_open))


def _is_aggregate(operand: Operand) -> bool:
    return isinstance(operand, Call) and operand.function in AGGREGATE_NAMES
