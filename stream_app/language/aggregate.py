"""The aggregate constraint of a subpattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from stream_app.language.diagnostics import Place


class CountConstraint(Struct, frozen=True):
    """``COUNT(*) <operator> <number>``; operator is one of ``= != > >= < <=``."""

    operator: str
    number: int


def parse_constraint(text: str, place: Place | None = None) -> CountConstraint:
    """Read ``COUNT(*) >= 1`` (being written)."""
    raise NotImplementedError(text, place)
