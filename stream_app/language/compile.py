"""A filter's tree goes in, a Python function over an event's attributes comes out; it is fast and never raises.

Decision: negative operators are the exact opposite of the positive ones, and a positive one is false where a value is
absent or does not read as its type. So ``!=``, ``NOT IN``, ``NOT BETWEEN``, ``NOT CONTAIN`` and ``NOT REGEXP`` are true
of an absent attribute. Terms of an ``AND`` or ``OR`` run cheapest first, which changes no result: no term has an effect
or can fail.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, cast

from stream_app.language import pytree
from stream_app.language.conditions import Conditions
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.environment import Environment
from stream_app.language.syntax import Attribute, Expression, nodes

if TYPE_CHECKING:
    from stream_app.language.values import Predicate

__all__ = ["Environment", "attributes_read", "compile_filter"]


def compile_filter(expression: Expression, environment: Environment, place: Place | None = None) -> Predicate:
    """Make the predicate of a filter: attributes (absent: no key) go in, whether it matches comes out.

    Raises:
        LanguageError: unknown attributes, groups, tables or columns, types that do not compare, patterns that ``re``
            cannot run; all of them at once.

    """
    writer = Conditions(environment, place or Place.of(""))
    tested = writer.condition(expression, frozenset())
    if writer.problems:
        raise LanguageError(sorted(writer.problems, key=lambda problem: (problem.line, problem.column)))
    get = ast.Assign([ast.Name("get", ast.Store())], ast.Attribute(pytree.load("event"), "get", ast.Load()))
    module = pytree.function("predicate", "event", get, tested.test)
    exec(compile(module, "<filter>", "exec"), writer.namespace)  # noqa: S102 - runs the tree made above, never text
    return cast("Predicate", writer.namespace["predicate"])


def attributes_read(expression: Expression) -> frozenset[str]:
    """Name the attributes that a filter reads."""
    return frozenset(node.name for node in nodes(expression) if isinstance(node, Attribute))
