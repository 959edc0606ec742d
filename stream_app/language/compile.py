"""A filter's tree goes in, a Python function over an event's attributes comes out; it is fast and never raises.

Decision: negative operators are the exact opposite of the positive ones, and a positive one is false where a value is
absent or does not read as its type. So ``!=``, ``NOT IN``, ``NOT BETWEEN``, ``NOT CONTAIN`` and ``NOT REGEXP`` are true
of an absent attribute. Terms of an ``AND`` or ``OR`` run cheapest first, which changes no result: no term has an effect
or can fail.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from stream_app.language import pytree
from stream_app.language.conditions import Conditions, flattened
from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.language.emit import Form
from stream_app.language.engines import hazards
from stream_app.language.environment import Environment
from stream_app.language.printer import to_text
from stream_app.language.requirements import Clause, clauses_of
from stream_app.language.syntax import And, Attribute, Expression, WatchList, nodes
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_app.language.syntax import Operand
    from stream_app.language.values import Attributes, Predicate, Value

__all__ = ["Environment", "Filter", "attributes_read", "compile_filter", "compile_value"]

EVENT_TYPE = "eventType"
"""The attribute that is known first of a record. What a filter says of it alone is compiled apart."""


class Filter(Struct, frozen=True):
    """A compiled filter. It is true of an event where ``kind`` and ``rest`` both are."""

    kind: Predicate
    """The terms that read nothing but eventType."""
    kind_text: str
    """These terms, for comparing: filters that say the same want the same event types. Empty where there are none."""
    rest: Predicate
    """All other terms."""
    clauses: tuple[Clause, ...]
    """What ``rest`` cannot do without; the most telling clause first."""
    reads: frozenset[str]
    """The attributes that ``rest`` reads."""
    watch_lists: frozenset[str] = frozenset()
    """The watch lists that it reads: an event that has one of them to be asked must be an ``Event``, with its times."""
    hazards: tuple[Diagnostic, ...] = ()
    """Its patterns that may take far longer on a text that was made for them than on any other."""

    def __call__(self, event: Attributes) -> bool:
        """Say whether the filter is true of an event."""
        return self.kind(event) and self.rest(event)


def _yes(_: Attributes) -> bool:
    """Be true."""
    return True


def _no(_: Attributes) -> bool:
    """Be false."""
    return False


EVERYTHING = Filter(kind=_yes, kind_text="", rest=_yes, clauses=(), reads=frozenset())
"""The filter that is true of every event."""

NOTHING = Filter(kind=_no, kind_text="no event", rest=_no, clauses=(), reads=frozenset())
"""The filter that is true of none."""


def compile_filter(expression: Expression, environment: Environment, place: Place | None = None) -> Filter:
    """Compile a filter: attributes (absent: no key) go in, whether it matches comes out.

    Raises:
        LanguageError: unknown attributes, groups, tables or columns, types that do not compare, patterns that ``re``
            cannot run; all of them at once.

    """
    terms = list(flattened(expression)) if isinstance(expression, And) else [expression]
    kinds = [term for term in terms if attributes_read(term) == {EVENT_TYPE} and not lists_read(term)]
    others = [term for term in terms if term not in kinds]
    place = place or Place.of("")
    writer = Conditions(environment, place)
    tests = [
        writer.condition(_joined(part, expression), frozenset()).test if part else None for part in (kinds, others)
    ]
    if writer.problems:
        raise LanguageError(sorted(writer.problems, key=lambda problem: (problem.line, problem.column)))
    kind, rest = (_predicate(test, writer.namespace) for test in tests)
    text = f"{to_text(_joined(kinds, expression))}, ignore_case={environment.ignore_case}" if kinds else ""
    read = frozenset(name for term in others for name in attributes_read(term))
    found = tuple(hazards(expression, place, ignore_case=environment.ignore_case))
    return Filter(kind, text, rest, clauses_of(others, environment), read, lists_read(expression), found)


def compile_value(operand: Operand, environment: Environment) -> Callable[[Attributes], Value | None]:
    """Compile an operand of a filter that compiles: attributes go in, its value comes out, ``None`` for an absent one.

    It is what the filter compares: what is no number has no value where a number is asked for.
    """
    writer = Conditions(environment, Place.of(""))
    form = Form.NUMBER if writer.type_of(operand) is AttributeType.NUMBER else Form.TEXT
    read = _function(writer.emit(operand, form, frozenset()).value, writer.namespace)

    def value(event: Attributes) -> Value | None:
        found = cast("Value | None", read(event))
        return found if found == found else None  # noqa: PLR0124 - NaN alone differs from itself

    return value


def attributes_read(expression: Expression) -> frozenset[str]:
    """Name the attributes that a filter reads."""
    return frozenset(node.name for node in nodes(expression) if isinstance(node, Attribute))


def lists_read(expression: Expression) -> frozenset[str]:
    """Name the watch lists that a filter reads."""
    return frozenset(node.name for node in nodes(expression) if isinstance(node, WatchList))


def _joined(terms: list[Expression], whole: Expression) -> Expression:
    return terms[0] if len(terms) == 1 else And(tuple(terms), whole.span)


def _predicate(test: ast.expr | None, namespace: dict[str, object]) -> Predicate:
    """Make a function of a test; without one it is true of everything."""
    return _yes if test is None else cast("Predicate", _function(test, namespace))


def _function(result: ast.expr, namespace: dict[str, object]) -> Callable[[Attributes], object]:
    get = ast.Assign([ast.Name("get", ast.Store())], ast.Attribute(pytree.load("event"), "get", ast.Load()))
    module = pytree.function("predicate", "event", get, result)
    exec(compile(module, "<filter>", "exec"), namespace)  # noqa: S102 - runs the tree made above, never text
    return cast("Callable[[Attributes], object]", namespace["predicate"])
