"""The key of a match: customer, rule and group-by values, as bytes. Goes in: those three; comes out: bytes, and back.

One key is one row and one line of incidents, so two groups must never share bytes. Decision: the key is the MessagePack
array ``[rule, customer, [values]]``. Every length is written in front of its text, so ``a-b`` + ``c`` is not ``a`` +
``b-c``; absence is nil, which is not the empty string; and a row need not repeat the values, which come out again.
"""

import msgspec
from msgspec import Struct

from stream_app.engine.match import Group
from stream_app.language.values import Value

PROGRESS_KEY = b"\xc1progress"
"""The key of progress records among the matches. 0xC1 is the one byte that begins no MessagePack value, so no key of a
match equals it."""

_WHOLE = 2**53
"""Below it a float that is a whole number is exactly that whole number."""

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class Key(Struct, frozen=True, array_like=True, gc=False):
    """What a key says: the rule's edition, the customer (phCustId as text), the group-by values in the rule's order."""

    rule: str
    customer: str
    group: Group


class _Head(Struct, frozen=True, array_like=True, gc=False):
    """The first element of a key."""

    rule: str


class BadKey(Exception):
    """Bytes that no match was ever keyed with."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Key)
_head_decoder = msgspec.msgpack.Decoder(_Head)


def canonical(value: Value | None) -> Value | None:
    """Give the one spelling of a group-by value: 80.0 is 80, and a number that MessagePack cannot hold is its text."""
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _WHOLE:
            return int(value)
        return value if value - value == 0.0 else str(value)
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return str(value)
    return value


def encode_key(rule: str, customer: str, group: Group) -> bytes:
    """Give the key's bytes. Different arguments give different bytes, as long as values are :func:`canonical`."""
    return _encoder.encode((rule, customer, group))


def decode_key(data: bytes) -> Key:
    """Read a key. Raises :class:`BadKey`."""
    try:
        return _decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadKey(str(error)) from error


def edition_of(data: bytes) -> str:
    """Read only the edition that a key names. Raises :class:`BadKey`."""
    try:
        return _head_decoder.decode(data).rule
    except ValueError as error:  # as above
        raise BadKey(str(error)) from error
