"""Short names for the pieces of Python's own syntax tree that filters compile to.

Decision: a filter becomes a tree, never text, so that nothing an author or an event writes can become code.
"""

from __future__ import annotations

import ast

_FLIPPED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
"""Comparisons whose opposite is one too; ``<`` is not among them, since NaN is neither below nor above."""


def constant(value: object) -> ast.Constant:
    """Write a constant; a frozen set is one too."""
    return ast.Constant(value)  # type: ignore[arg-type]  # compile() takes every constant that the peephole makes


def load(name: str) -> ast.Name:
    """Write ``name``."""
    return ast.Name(name, ast.Load())


def assigned(name: str, value: ast.expr) -> ast.NamedExpr:
    """Write ``(name := value)``."""
    return ast.NamedExpr(ast.Name(name, ast.Store()), value)


def call(function: str, *arguments: ast.expr) -> ast.Call:
    """Write ``function(*arguments)``."""
    return ast.Call(load(function), list(arguments), [])


def method(subject: ast.expr, name: str, *arguments: ast.expr) -> ast.Call:
    """Write ``subject.name(*arguments)``."""
    return ast.Call(ast.Attribute(subject, name, ast.Load()), list(arguments), [])


def compare(left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.Compare:
    """Write ``left operator right``."""
    return ast.Compare(left, [operator], [right])


def between(low: ast.expr, value: ast.expr, high: ast.expr) -> ast.Compare:
    """Write ``low <= value <= high``."""
    return ast.Compare(low, [ast.LtE(), ast.LtE()], [value, high])


def is_class(subject: ast.expr, name: str) -> ast.Compare:
    """Write ``subject.__class__ is name``."""
    return compare(ast.Attribute(subject, "__class__", ast.Load()), ast.Is(), load(name))


def all_of(tests: list[ast.expr]) -> ast.expr:
    """Join tests by ``and``."""
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.And(), tests)


def any_of(tests: list[ast.expr]) -> ast.expr:
    """Join tests by ``or``."""
    return tests[0] if len(tests) == 1 else ast.BoolOp(ast.Or(), tests)


def negate(test: ast.expr) -> ast.expr:
    """Write the opposite of a test."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _FLIPPED:
        return ast.Compare(test.left, [_FLIPPED[type(test.ops[0])]()], test.comparators)
    return ast.UnaryOp(ast.Not(), test)


def function(name: str, parameter: str, first: ast.stmt, result: ast.expr) -> ast.Module:
    """Write ``def name(parameter): first; return result``."""
    arguments = ast.arguments([], [ast.arg(parameter)], None, [], [], None, [])
    body: list[ast.stmt] = [first, ast.Return(result)]
    definition = ast.FunctionDef(name, arguments, body, [], None)
    return ast.fix_missing_locations(ast.Module([definition], []))
