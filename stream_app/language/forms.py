"""The forms in which values of a watch list are compared: a value in, its form out, None for one that has none.

Decision: these are the forms in which filters compare what an event has, so that ``IN (WatchList@…)`` says what ``=``
says. What is empty is nothing: it is on no list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_app.language.folding import fold
from stream_app.language.reading import NOWHERE, address_of, number_of, text_of

if TYPE_CHECKING:
    from stream_app.language.values import Value


def as_text(value: Value) -> str | None:
    """Give a value's text."""
    return text_of(value) or None


def as_folded(value: Value) -> str | None:
    """Give the text that stands for all that differ from a value's in case only."""
    return fold(text_of(value) or "") or None


def as_number(value: Value) -> int | float | None:
    """Give the number that a value reads as."""
    number = number_of(value)
    return number if number == number else None  # noqa: PLR0124 - NaN alone differs from itself


def as_address(value: Value) -> int | None:
    """Give the number of the address that a value is."""
    address = address_of(value)
    return None if address == NOWHERE else address
