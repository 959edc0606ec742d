"""What detect hands to the windows: one match per record, rule and key. Decision: it travels as a MessagePack array.

An array has no field names at rest, and is versioned by its first element. Golden bytes hold the form.
"""

import msgspec
from msgspec import Struct

from stream_app.language.values import Value

VERSION = 1

Group = tuple[Value | None, ...]
"""Group-by values in the rule's order; None is an absent attribute, which is a value of its own."""


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
    customer: str
    group: Group
    time: int
    origin: Origin


class BadMatch(Exception):
    """Bytes that are not a match of this version."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Match)


def encode_match(match: Match) -> bytes:
    """Give the bytes that go on the matches topic."""
    return _encoder.encode(match)


def decode_match(data: bytes) -> Match:
    """Read a match. Raises :class:`BadMatch`."""
    try:
        match = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise BadMatch(str(error)) from error
    if match.version != VERSION:
        raise BadMatch(f"match version {match.version}, this worker reads {VERSION}")
    return match
