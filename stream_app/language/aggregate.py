"""The count of events as a constraint, ``COUNT(*) >= 1``: most rules ask for nothing else, times alone decide it."""

from __future__ import annotations

from msgspec import Struct

LONGEST = 18
"""Digits of a count, so that it stays within 64 bits."""


class CountConstraint(Struct, frozen=True):
    """``COUNT(*) <operator> <number>``; operator is one of ``= != > >= < <=``, number is 0 or more."""

    operator: str
    number: int
