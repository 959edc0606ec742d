"""What one value is as text, as a number and as an address: total functions, used by every filter that runs.

Decision: absence has a form in each of them that no comparison is true of, so that filters need few tests for it: text
is ``None``, a number is NaN, an address is -1. A value that cannot be read as the type asked for is absent in it.
"""

from __future__ import annotations

import math
import re
from ipaddress import IPv6Address, ip_network

NOWHERE = -1
"""The address of what is not an address."""

NAN = math.nan
"""The number of what is not a number."""

_V6 = (
    1 << 128
)  # IPv6 addresses lie above all IPv4 addresses: one order, and no address of one family equals the other's

_OCTETS = {str(octet): octet for octet in range(256)}  # a third of the time of ipaddress, and as strict

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")

_WHOLE = 1 << 53  # up to here every whole float is exact


def text_of(value: object) -> str | None:
    """Write a value as text: a whole float without its point; absence, NaN and an endless integer as ``None``."""
    if isinstance(value, str):
        return value
    if value is None or value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    try:
        return str(value)
    except ValueError:  # an integer beyond sys.get_int_max_str_digits()
        return None


def number_of(value: object) -> int | float:
    """Read a value as a number: decimal text with blanks around it reads, everything else is NaN."""
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return NAN
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        return NAN
    try:
        number = int(text) if _INTEGER.fullmatch(text) else float(text)
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        return NAN
    return number if number not in (math.inf, -math.inf) else NAN


def address_of(value: object) -> int:
    """Read a value as an IP address: a number that orders and compares as the address does, else ``NOWHERE``."""
    if not isinstance(value, str):
        return NOWHERE
    try:
        if ":" in value:
            return _V6 + int(IPv6Address(value))
        first, second, third, fourth = value.split(".")
        return _OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth]
    except (ValueError, KeyError):
        return NOWHERE


def network_of(text: str) -> tuple[int, int]:
    """Read an address or a network (CIDR) as its lowest and highest address; bits beyond the prefix are ignored.

    Raises:
        ValueError: it is neither.

    """
    network = ip_network(text, strict=False)
    base = 0 if network.version == 4 else _V6  # noqa: PLR2004 - the family's own number
    return base + int(network.network_address), base + int(network.broadcast_address)


def is_one_family(left: int, right: int) -> bool:
    """Tell whether two addresses are both IPv4 or both IPv6."""
    return (left < _V6) == (right < _V6)
