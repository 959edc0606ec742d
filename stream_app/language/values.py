"""The types of attribute values, and what a value is in memory.

An event is a mapping of FortiSIEM attribute names to values; an attribute that is missing has no key, so absence is
never the empty string. Decision: an IP address is text in canonical form (RFC 5952 for IPv6), so that equal addresses
are equal strings and a group-by key needs no conversion. A value that cannot be read as its attribute's type stays text
and compares equal to nothing of that type.
"""

from collections.abc import Callable
from enum import Enum
from typing import Protocol

Value = str | int | float


class Attributes(Protocol):
    """An event's attributes, of which any may be absent; a mapping is one."""

    def get(self, name: str, /) -> Value | None:
        """Give an attribute's value."""


class Event(Attributes, Protocol):
    """An event that a record was read as, with its times in integer milliseconds since 1970."""

    @property
    def received(self) -> int | None:
        """When it was received."""

    @property
    def created(self) -> int | None:
        """When it happened."""


Predicate = Callable[[Attributes], bool]


class AttributeType(Enum):
    """How an attribute's values compare."""

    STRING = "string"
    NUMBER = "number"
    IP = "ip"
