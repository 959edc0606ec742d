"""Operands as Python expressions: a value in the form that a test needs, computed once, remembered in a local variable.

Decision: each form of an attribute (as text, folded, as a number, as an address) is a local variable that is assigned
where it is first needed, ``(f0 := v0.lower() if (v0 := get("procName")).__class__ is str and … else folded(v0))``.
``known`` names the variables that are certainly assigned wherever the expression stands; what is not among them is
assigned again, which costs a look-up and changes nothing.
"""

from __future__ import annotations

import ast
import math
from abc import ABC, abstractmethod
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, cast

from stream_app.language import functions, pytree
from stream_app.language.checks import Checker, Literal, shown
from stream_app.language.engines import engine_of
from stream_app.language.folding import fold
from stream_app.language.lookups import index, lookup_of
from stream_app.language.patterns import PatternProblem, compile_pattern
from stream_app.language.reading import NAN, address_of, number_of, text_of
from stream_app.language.signatures import SIGNATURES, Parameter
from stream_app.language.syntax import Arithmetic, Attribute, Call, Negative, Pattern, Span, String
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Hashable

    from stream_app.language.diagnostics import Place
    from stream_app.language.environment import Environment
    from stream_app.language.linear import Linear
    from stream_app.language.lookups import Lookup
    from stream_app.language.syntax import Expression, Operand

Known = frozenset[str]


class Form(Enum):
    """A form of a value; the letter begins the names of its local variables."""

    PLAIN = "p"
    """Text, empty if absent."""
    FOLDED = "f"
    """Folded text, empty if absent."""
    TEXT = "t"
    """Text, ``None`` if absent."""
    NUMBER = "n"
    """A number, NaN if absent."""
    ADDRESS = "a"
    """An address as a number, -1 if absent."""


class Emitted(NamedTuple):
    """An expression, what is known after it, and how to tell that its value is there (``None``: it always is)."""

    value: ast.expr
    known: Known
    present: ast.expr | None = None


class Tested(NamedTuple):
    """A test, and what is known where it was true and where it was false."""

    test: ast.expr
    when_true: Known
    when_false: Known


def plain(value: object) -> str:
    """Give a value's text; nothing for an absent one."""
    return text_of(value) or ""


def folded(value: object) -> str:
    """Give a value's folded text; nothing for an absent one."""
    return "" if value is None else fold(text_of(value) or "")


_RUN = {
    "LEN": functions.length,
    "TO_LOWER": functions.lower,
    "TO_UPPER": functions.upper,
    "TRIM": functions.trim,
    "LTRIM": functions.trim_left,
    "RTRIM": functions.trim_right,
    "SUB_STR": functions.substring,
    "REPLACE": functions.replace,
    "TO_INTEGER": functions.integer,
    "TO_DOUBLE": functions.double,
    "TO_STRING": text_of,
    "HourOfDay": functions.hour_of_day,
    "DayOfWeek": functions.day_of_week,
    "LOG": functions.logarithm,
}

_NATURAL = {AttributeType.STRING: Form.TEXT, AttributeType.IP: Form.TEXT, AttributeType.NUMBER: Form.NUMBER}


class Emitter(Checker, ABC):
    """Writes one filter's operands; ``namespace`` is what its code may name."""

    def __init__(self, environment: Environment, place: Place) -> None:
        super().__init__(environment, place)
        self._slots: dict[str, int] = {}
        self._bound = 0
        self.text_form = Form.FOLDED if environment.ignore_case else Form.PLAIN
        self.namespace: dict[str, object] = {
            "__builtins__": {},
            "str": str,
            "int": int,
            "nan": NAN,
            "text": text_of,
            "plain": plain,
            "folded": folded,
            "number": number_of,
            "address": address_of,
            "calculate": functions.calculate,
        }

    @abstractmethod
    def condition(self, node: Expression, known: Known) -> Tested:
        """Write a condition; ``IF`` has one among its operands."""

    def bind(self, value: object) -> str:
        """Make an object nameable in the filter's code."""
        self._bound += 1
        name = f"c{self._bound}"
        self.namespace[name] = value
        return name

    def named(self, value: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Give an expression and a cheap one for the same value, to be used after it."""
        if isinstance(value, ast.Name | ast.Constant):
            return value, value
        if isinstance(value, ast.NamedExpr):
            return value, pytree.load(value.target.id)
        self._bound += 1
        name = f"x{self._bound}"
        return pytree.assigned(name, value), pytree.load(name)

    def fold(self, text: str) -> str:
        """Give the text that a literal is compared as."""
        return fold(text) if self.environment.ignore_case else text

    def emit(self, operand: Operand, form: Form, known: Known) -> Emitted:
        """Write an operand in a form; the value is a constant or a name that is bound from here on."""
        if isinstance(operand, Literal):
            return Emitted(pytree.constant(self._constant(operand, form)), known)
        if isinstance(operand, Attribute):
            return self._attribute(operand, form, known)
        kind = self.type_of(operand)
        value, known = self._computed(operand, known)
        natural, there = self.named(value)
        if kind is AttributeType.NUMBER:
            present: ast.expr = pytree.compare(there, ast.Eq(), there)
        else:
            present = pytree.compare(there, ast.IsNot(), pytree.constant(None))
        value = natural if form is _NATURAL[kind] else pytree.call(form.name.lower(), natural)
        return Emitted(value, known, present)

    def raw(self, attribute: Attribute, known: Known) -> Emitted:
        """Write an attribute as the event has it, ``None`` if it has not."""
        name = f"v{self._slot(attribute)}"
        if name in known:
            return Emitted(pytree.load(name), known)
        value = pytree.call("get", pytree.constant(attribute.name))
        return Emitted(pytree.assigned(name, value), known | {name})

    def _slot(self, attribute: Attribute) -> int:
        self.type_of(attribute)
        return self._slots.setdefault(attribute.name, len(self._slots))

    def _attribute(self, attribute: Attribute, form: Form, known: Known) -> Emitted:
        slot = self._slot(attribute)
        name, there = f"{form.value}{slot}", pytree.load(f"v{slot}")
        text = pytree.call("text", there)
        present = pytree.compare(text, ast.IsNot(), pytree.constant(None))
        if name in known:
            return Emitted(pytree.load(name), known, present)
        raw, known, _ = self.raw(attribute, known)
        if form is Form.ADDRESS:
            value: ast.expr = pytree.call("address", raw)
        elif form is Form.NUMBER:
            value = ast.IfExp(pytree.is_class(raw, "int"), there, pytree.call("number", there))
        elif form is Form.FOLDED:
            ascii_text = pytree.all_of([pytree.is_class(raw, "str"), pytree.method(there, "isascii")])
            value = ast.IfExp(ascii_text, pytree.method(there, "lower"), pytree.call("folded", there))
        else:
            value = ast.IfExp(pytree.is_class(raw, "str"), there, pytree.call(form.name.lower(), there))
        return Emitted(pytree.assigned(name, value), known | {name}, present)

    def _constant(self, literal: Literal, form: Form) -> object:
        if form is Form.NUMBER:
            return self.number(literal, "the other branch")
        if form is Form.ADDRESS:
            low, high = self.network(literal, shown(literal))
            if low != high:
                self.note(literal.span, f"{shown(literal)} is a network, which stands only to the right of = and !=")
            return low
        text = self.text(literal)
        return self.fold(text) if form is Form.FOLDED else text

    def _computed(self, operand: Negative | Arithmetic | Call, known: Known) -> tuple[ast.expr, Known]:
        """Write an operand that is computed, in its type's natural form."""
        match operand:
            case Negative(inner):
                value, known = self._number(inner, known, "- takes")
                return pytree.call("calculate", pytree.constant(0), pytree.constant("-"), value), known
            case Arithmetic(operands, operators):
                parts: list[ast.expr] = []
                for sign, part in zip(("", *operators), operands, strict=True):
                    value, known = self._number(part, known, f"{sign or operators[0]} takes")
                    parts += [pytree.constant(sign), value] if sign else [value]
                return pytree.call("calculate", *parts), known
            case Call("IF"):
                return self._if(operand, known)
            case Call("LookupTableHas" | "LookupTableGet" | "DeviceToCMDBAttr"):
                return self._lookup(operand, known)
            case _:
                return self._call(operand, known)

    def _number(self, operand: Operand, known: Known, purpose: str) -> tuple[ast.expr, Known]:
        if not self.is_number(operand, purpose):
            return pytree.load("nan"), known
        emitted = self.emit(operand, Form.NUMBER, known)
        return emitted.value, emitted.known

    def _call(self, call: Call, known: Known) -> tuple[ast.expr, Known]:
        signature = SIGNATURES[call.function.upper()]
        values: list[ast.expr] = []
        function: object = _RUN.get(call.function)
        for at, argument in enumerate(call.arguments):
            if isinstance(argument, Pattern):
                function = functions.extractor(self.pattern(argument, extract=True))
            else:
                parameter = signature.at(at, len(call.arguments))
                value, known = self._argument(call, cast("Operand", argument), parameter, known)
                values.append(value)
        return pytree.call(self.bind(function), *values), known

    def _argument(self, call: Call, argument: Operand, parameter: Parameter, known: Known) -> tuple[ast.expr, Known]:
        if call.function == "LOG" and isinstance(argument, String) and argument.value == "e":
            return pytree.constant(math.e), known
        if parameter is Parameter.NUMBER or call.function == "LOG":
            return self._number(argument, known, f"{call.function} takes")
        kind = self.type_of(argument)
        form = Form.TEXT if parameter is Parameter.TEXT else _NATURAL[kind]
        emitted = self.emit(argument, form, known)
        return emitted.value, emitted.known

    def _if(self, call: Call, known: Known) -> tuple[ast.expr, Known]:
        condition, when_true, when_false = call.arguments
        form = _NATURAL[self.type_of(call)]
        for branch in (when_true, when_false):
            if isinstance(branch, Literal) and self.type_of(call) is AttributeType.IP:
                self.network(branch, "the other branch")
        tested = self.condition(cast("Expression", condition), known)
        left = self.emit(cast("Operand", when_true), form, tested.when_true)
        right = self.emit(cast("Operand", when_false), form, tested.when_false)
        return ast.IfExp(tested.test, left.value, right.value), left.known & right.known

    def pattern(self, pattern: Pattern, *, extract: bool = False) -> re.Pattern[str] | Linear:
        """Compile a pattern for its engine; one that cannot be is noted where it goes wrong."""
        try:
            return engine_of(pattern.text, ignore_case=self.environment.ignore_case, extract=extract).pattern
        except PatternProblem as problem:
            at = pattern.span.start + 1 + problem.position
            self.note(Span(at, at), f"this pattern cannot be run: {problem}")
            return compile_pattern("", ignore_case=False)

    def _lookup(self, call: Call, known: Known) -> tuple[ast.expr, Known]:
        lookup = lookup_of(call)
        kind = self.type_of(call)
        keys: list[ast.expr] = []
        readers: list[Callable[[str], Hashable]] = []
        for key in lookup.keys:
            key_type = self.type_of(key)
            form = {AttributeType.NUMBER: Form.NUMBER, AttributeType.IP: Form.ADDRESS}.get(key_type, self.text_form)
            value, known, _ = self.emit(key, form, known)
            keys.append(value)
            readers.append({Form.NUMBER: number_of, Form.ADDRESS: address_of}.get(form, self.fold))
        rows = self._rows(lookup, tuple(readers))
        absent: ast.expr = pytree.constant(None)
        if kind is AttributeType.NUMBER:
            absent = pytree.load("nan") if lookup.column else pytree.constant(0)
        return pytree.method(pytree.load(self.bind(rows)), "get", ast.Tuple(keys, ast.Load()), absent), known

    def _rows(self, lookup: Lookup, readers: tuple[Callable[[str], Hashable], ...]) -> object:
        """Index the table that a call reads; what is wrong with the call or the table is noted."""
        table = self.table(lookup)
        if table is None:
            return {}
        if len(readers) > len(table.columns):
            self.note(lookup.span, f"table {lookup.table!r} has only {len(table.columns)} columns")
            return {}
        rows, repeated = index(table, lookup.column, readers)
        if repeated:
            self.note(lookup.span, f"table {lookup.table!r} has two rows for {', '.join(map(repr, repeated))}")
        return rows
