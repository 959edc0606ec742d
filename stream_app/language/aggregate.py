"""The aggregate constraint of a subpattern."""

from msgspec import Struct


class CountConstraint(Struct, frozen=True):
    """``COUNT(*) <operator> <number>``; operator is one of ``= != > >= < <=``."""

    operator: str
    number: int
