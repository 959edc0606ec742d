"""What detect hands to the windows: one match per record, rule and key. Decision: it travels as a MessagePack array.

An array has no field names at rest, and is versioned by its first element. Golden bytes hold the form. Behind the
version stand the elements of its key, so that whoever has a match's key has most of its bytes. What identifies a match
(customer and group) is bounded, since it comes back in its key, its row and its incident, and Kafka takes no record
without a bound.
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from stream_app.language.values import Value

if TYPE_CHECKING:
    from stream_app.rulebook.rule import Rule

VERSION, WITH_VALUES = 1, 2
"""A match that brings no values for aggregates, which is nearly every one, and one that does."""

_HEAD_WITH_VALUES = bytes((0x97, WITH_VALUES))
_HEAD = bytes((0x96, VERSION))
"""How a match begins: an array of six elements, the version. A key is an array of three: one byte, then what follows
here."""
_ELEMENTS = len(_HEAD)
"""Where that begins."""

Group = tuple[Value | None, ...]
"""Group-by values in the rule's order; None is an absent attribute, which is a value of its own."""


GROUP_LIMIT = 262_144
"""Bytes that customer and group-by values of a match may have as JSON, where every one is at its longest.

A command line of Windows has at most 32,767 characters, 196,602 bytes if each must be escaped. Twice the limit fits a
record of :data:`stream_app.kafka.sender.LARGEST`: a match repeats its key, an incident names each value twice.
"""

_ESCAPED = 6
"""Bytes in JSON for one byte of MessagePack, at most: a control character is ``\\u0001``."""

VALUES_LIMIT = 65_536
"""Bytes that a match's values may have: a row holds those of all events of a window."""

SMALL = GROUP_LIMIT // _ESCAPED
"""Bytes of a key up to which no match is too large."""


INCIDENTS, NO_PARTITION = "incidents", -1
"""Where a match of an incident says that it comes from: a partition that no topic has. The incident's id stands in the
place of a topic's, so that counting is idempotent by it, and the event's time in that of an offset."""


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Where the record that matched lies. Counting is idempotent by (topic_id, partition, offset)."""

    topic: str
    topic_id: str
    partition: int
    offset: int


class Match(Struct, frozen=True, array_like=True, gc=False):
    """A record that a rule's filter wants. ``time`` is the rule's clock, integer milliseconds since 1970."""

    version: int
    rule: str
    """The name of its edition (``rulebook/editions.py``)."""
    customer: str
    group: Group
    time: int
    origin: Origin
    values: Group = ()
    """What the event brings along for aggregates (``Subpattern.carries``), in the rule's order."""


class BadMatch(Exception):
    """Bytes that are not a match of this version."""


_json_encoder = msgspec.json.Encoder()
_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Match)


def encode_match(match: Match) -> bytes:
    """Give the bytes that go on the matches topic."""
    head = (match.version, match.rule, match.customer, match.group, match.time, match.origin)
    return _encode(head if match.version == VERSION else (*head, match.values))


def encode_place(topic: str, topic_id: str, partition: int) -> bytes:
    """Give what is the same in the origins of one partition, for :func:`encode_origin`."""
    return _encode((topic, topic_id, partition, 0))[:-1]


def encode_origin(place: bytes, offset: int) -> bytes:
    """Give the bytes of an :class:`Origin` within a match."""
    return place + _encode(offset)


def encode_keyed(key: bytes, time: int, origin: bytes, values: Group | None = None) -> bytes:
    """Give what :func:`encode_match` gives, of a match's key and its origin as bytes; ``values`` where it has any."""
    if values is None:
        return b"".join((_HEAD, key[1:], _encode(time), origin))
    return b"".join((_HEAD_WITH_VALUES, key[1:], _encode(time), origin, _encode(values)))


def is_keyed(key: bytes, data: bytes) -> bool:
    """Tell whether a match begins with the elements of a key, as :func:`encode_keyed` writes it.

    The key must be one that a match is known to have: what only looks like one may be the beginning of another.
    """
    return data.startswith(key[1:], _ELEMENTS)


def decode_match(data: bytes) -> Match:
    """Read a match. Raises :class:`BadMatch`."""
    try:
        match = _decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadMatch(str(error)) from error
    if match.version not in {VERSION, WITH_VALUES} or (match.values and match.version == VERSION):
        raise BadMatch(f"match version {match.version}, this worker reads {VERSION} and {WITH_VALUES}")
    return match


def has_form(match: Match, rule: "Rule") -> bool:
    """Tell whether a match, of an edition that is not known, looks like those of this one."""
    if rule.join is not None:
        return (len(match.group), len(match.values)) == (len(rule.join.key), len(rule.join.carries) + 1)
    return (len(match.group), len(match.values)) == (rule.width, len(rule.subpattern.carries))


def too_large(key: bytes, match: Match) -> str:
    """Say why a match with this key is too large to be counted; empty where it is not.

    Ask only where the key is above ``SMALL`` or the match above ``VALUES_LIMIT`` bytes.
    """
    if len(key) > SMALL and (unfit := too_long(match.customer, match.group)):
        return unfit
    size = len(_encode(match.values)) if match.values else 0
    return f"values for aggregates take {size} bytes, {VALUES_LIMIT} may be" if size > VALUES_LIMIT else ""


def too_long(customer: str, group: Group) -> str:
    """Say why no incident can be of a customer and a group; empty where one can."""
    size = len(_json_encoder.encode((customer, group)))
    return f"customer and group-by values take {size} bytes as JSON, {GROUP_LIMIT} may be" if size > GROUP_LIMIT else ""
