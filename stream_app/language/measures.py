"""What a constraint measures: its tree goes in, a tree of attributes comes out, and how a window computes each of them.

Decision: an aggregate, and arithmetic of aggregates and numbers, becomes an attribute of the window that is named as it
is written. So operators, functions, tables, types and errors are those of filters; a value is computed when a term
first asks for it, once.

Decision: a comparison with what has no value is false, ``!=`` and those with ``NOT`` included, as in SQL: nothing is
said of an average of no events. (A filter's negative operators are true of an absent attribute.) A bare attribute is
the group's, and must be one that the subpattern groups by; what is asked of a single event belongs into the query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from msgspec import Struct

from stream_app.language.aggregates import Reading, evaluated, function_of, rounded
from stream_app.language.checks import NOUNS, Checker, Literal, shown
from stream_app.language.printer import to_text
from stream_app.language.signatures import AGGREGATE_NAMES, NUMBERS_ONLY
from stream_app.language.syntax import (
    And,
    Attribute,
    Call,
    Comparison,
    Contains,
    Expression,
    Matches,
    Membership,
    Operand,
    Or,
    Presence,
    Range,
    String,
    WatchList,
)
from stream_app.language.trends import aggregates_in, is_calculated
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from stream_app.language.aggregates import Result
    from stream_app.language.diagnostics import Place
    from stream_app.language.environment import Environment
    from stream_app.language.values import Value

    Row = Sequence[Value | None]
    """What one event brings: the values of attributes at their places, ``None`` for an absent one."""

    Measure = Callable[["Window"], Value | None]
    """What gives a value over a window."""

Node = TypeVar("Node", bound=Struct)

_OF_ITS_ATTRIBUTE = frozenset({"FIRST", "LAST", "MODE"})
"""Aggregates that give one of the attribute's own values."""


class Aggregate(Struct, frozen=True):
    """An aggregate as it runs; ``place`` is its attribute's in a row, ``None`` for ``COUNT(*)``."""

    text: str
    kind: AttributeType
    place: int | None
    reading: Reading
    function: Callable[[Sequence[Value]], Result]


class Window:
    """The events of one window in the order of (time, place), and the values of the group; asked like an event."""

    def __init__(self, rows: Sequence[Row], measures: Mapping[str, Measure], group: Mapping[str, Value | None]) -> None:
        self._rows = rows
        self._measures = measures
        self._group = group
        self._columns: dict[int, list[Value]] = {}
        self._results: dict[str, Result] = {}

    def get(self, name: str, /) -> Value | None:
        """Give a measure, or an attribute of the group."""
        measure = self._measures.get(name)
        return self._group.get(name) if measure is None else measure(self)

    def result(self, aggregate: Aggregate) -> Result:
        """Give an aggregate's result; computed once, as its column is read once."""
        if aggregate.text not in self._results:
            self._results[aggregate.text] = self._computed(aggregate)
        return self._results[aggregate.text]

    def _computed(self, aggregate: Aggregate) -> Result:
        place = aggregate.place
        if place is None:
            return len(self._rows)
        if place not in self._columns:
            self._columns[place] = aggregate.reading.values(row[place] for row in self._rows)
        return aggregate.function(self._columns[place])


class Measuring(Checker):
    """One run over one constraint's tree; ``problems``, ``columns``, ``measures`` and ``types`` grow.

    ``columns`` are the attributes that events bring along, with their places in a row; ``measures`` and ``types`` say
    how each attribute of the window is computed and which type it has.
    """

    def __init__(
        self, environment: Environment, place: Place, carried: Sequence[str], non_negative: Collection[str]
    ) -> None:
        super().__init__(environment, place)
        self._non_negative = frozenset(non_negative)
        self.columns = {name: at for at, name in enumerate(dict.fromkeys(carried))}
        self.measures: dict[str, Measure] = {}
        self.types: dict[str, AttributeType] = {}

    def aggregate(self, call: Call) -> Aggregate:
        """Compile an aggregate; the attribute that it reads gets a column."""
        if not call.arguments:
            return Aggregate(to_text(call), AttributeType.NUMBER, None, Reading(AttributeType.NUMBER), len)
        attribute = cast("Attribute", call.arguments[0])
        kind = self.type_of(attribute)
        if call.function in NUMBERS_ONLY and kind is not AttributeType.NUMBER:
            advice = f"COUNT(DISTINCT {attribute.name}) counts its values"
            self.note(attribute.span, f"{call.function} takes a number, {attribute.name} is {NOUNS[kind]}; {advice}")
        reading = Reading(kind, self.environment.ignore_case, attribute.name in self._non_negative)
        place = self.columns.setdefault(attribute.name, len(self.columns))
        result = kind if call.function in _OF_ITS_ATTRIBUTE else AttributeType.NUMBER
        return Aggregate(to_text(call), result, place, reading, function_of(call, reading))

    def condition(self, node: Expression, group_by: Collection[str]) -> Expression:
        """Put attributes of the window in the place of what is measured, in terms that each measure something."""
        if isinstance(node, And | Or):
            terms = tuple(self.condition(term, group_by) for term in node.terms)
            return type(node)(terms, node.span)
        if not aggregates_in(node):
            text = shown(cast("Operand", node))
            self.note(node.span, f"{text} has no aggregate; what is asked of each event belongs into the query")
        return self._measured(node, group_by)

    def _measured(self, node: Node, group_by: Collection[str]) -> Node:
        """Replace what is measured, wherever it stands, and make terms false of what has no value."""
        if isinstance(node, WatchList):
            self.note(node.span, "a watch list is asked of each event: read it in the query")
        if isinstance(node, Attribute):
            self._check_group(node, group_by)
            return node
        if isinstance(node, Operand) and self._is_measure(node):
            return cast("Node", self._measure(node))
        if isinstance(node, Call) and self._is_misplaced(node):
            return cast("Node", String("", node.span))
        changes = {
            field: self._field(getattr(node, field), group_by) for field in node.__struct_fields__ if field != "span"
        }
        replaced = msgspec.structs.replace(node, **changes)
        return cast("Node", _where_present(replaced)) if isinstance(replaced, Expression) else replaced

    def _field(self, value: object, group_by: Collection[str]) -> object:
        if isinstance(value, tuple):
            return tuple(self._field(each, group_by) for each in value)
        return self._measured(value, group_by) if isinstance(value, Struct) else value

    def _is_measure(self, operand: Operand) -> bool:
        """Tell whether an operand is an aggregate, or arithmetic of aggregates and numbers alone."""
        if isinstance(operand, Call):
            return operand.function in AGGREGATE_NAMES
        calls = aggregates_in(operand)
        return bool(calls) and is_calculated(operand) and all(map(self._is_number, calls))

    def _is_number(self, call: Call) -> bool:
        return self.aggregate(call).kind is AttributeType.NUMBER

    def _measure(self, operand: Operand) -> Attribute:
        """Make an attribute of the window."""
        text = to_text(operand)
        compiled = {call: self.aggregate(call) for call in aggregates_in(operand)}
        if isinstance(operand, Call):
            aggregate = compiled[operand]
            self.types[text] = aggregate.kind
            self.measures[text] = lambda window: rounded(window.result(aggregate))
        else:
            self.types[text] = AttributeType.NUMBER
            self.measures[text] = lambda window: rounded(evaluated(operand, lambda call: window.result(compiled[call])))
        return Attribute(text, operand.span)

    def _check_group(self, attribute: Attribute, group_by: Collection[str]) -> None:
        name = attribute.name
        self.type_of(attribute)
        if name not in group_by:
            self.note(attribute.span, f"{name} is not grouped by; FIRST({name}) or LAST({name}) is one of its values")

    def _is_misplaced(self, call: Call) -> bool:
        """Tell whether an aggregate stands where ``DeviceToCMDBAttr`` takes the attribute that names its table."""
        if call.function != "DeviceToCMDBAttr":
            return False
        misplaced = [argument for argument in call.arguments[1:-1] if aggregates_in(argument)]
        for argument in misplaced:
            text = shown(cast("Operand", argument))
            self.note(argument.span, f"expected an attribute such as intfName, got {text}")
        return bool(misplaced)


def _where_present(node: Expression) -> Expression:
    """Make a negative term false where one of its operands has no value; a positive one is so already."""
    match node:
        case Comparison("!=", left, right):
            operands = [left, right]
        case Membership(operand, True) | Matches(operand, True):
            operands = [operand]
        case Range(operand, True, low, high):
            operands = [operand, low, high]
        case Contains(operand, True, part):
            operands = [operand, part]
        case _:
            return node
    parts = [operand for operand in operands if not isinstance(operand, Literal)]
    return And((*(Presence(part, negated=True, span=node.span) for part in parts), node), node.span)
