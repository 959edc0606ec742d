"""Filters as Python functions (being written)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream_app.language.diagnostics import Place
    from stream_app.language.syntax import Expression
    from stream_app.language.tables import LookupTable
    from stream_app.language.values import AttributeType, Predicate


class Environment(Struct, frozen=True):
    """What a filter may name, and how it compares."""

    vocabulary: Mapping[str, AttributeType]
    groups: Mapping[str, tuple[str, ...]] = {}
    tables: Mapping[str, LookupTable] = {}
    ignore_case: bool = True


def compile_filter(expression: Expression, environment: Environment, place: Place | None = None) -> Predicate:
    """Turn a filter into a predicate."""
    raise NotImplementedError(expression, environment, place)


def attributes_read(expression: Expression) -> frozenset[str]:
    """Name the attributes that a filter reads."""
    raise NotImplementedError(expression)
