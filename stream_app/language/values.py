"""The types of attribute values, and what a value is in memory.

An event is a mapping of FortiSIEM attribute names to values; an attribute that is missing has no key, so absence is
never the empty string. Decision: an IP address is text in canonical form (RFC 5952 for IPv6), so that equal addresses
are equal strings and a group-by key needs no conversion. A value that cannot be read as its attribute's type stays text
and compares equal to nothing of that type.
"""

from collections.abc import Callable, Mapping
from enum import Enum

Value = str | int | float
Attributes = Mapping[str, Value]
Predicate = Callable[[Attributes], bool]


class AttributeType(Enum):
    """How an attribute's values compare."""

    STRING = "string"
    NUMBER = "number"
    IP = "ip"
