"""The state of one key: what was counted, what can still decide, and its incidents. Bytes in, a row out, and back.

Decision: a row is a MessagePack array whose first element is its version and whose second is its position, the highest
offset on the matches topic that it reflects. It is a function of the matches up to that position and of nothing else,
so of two rows of a key the one with the higher position is the newer one, whoever wrote it and whenever. The key's own
values, the rule's text and names are not in it.
"""

import msgspec
from msgspec import Struct

from stream_app.engine.match import Group

VERSION = 3
"""Version 1 had neither values of held events nor latest triggers; version 2 knew neither lines nor what an incident's
life is made of. Both are read."""

_READ = (1, 2, VERSION)

FREE, BEHIND, TRIGGER, WAITING = 0, 1, 2, 4
"""Bits of :attr:`Held.state`: behind a trigger (counted in incidentCount), itself a trigger, not decided yet."""
SERVES = 8
"""From this bit on stand the subpatterns that an event of a rule with several serves: bit ``SERVES + number``."""

PENDING, MUTED = 1, 2
"""Bits of :attr:`Episode.flags`: it changed since it was last said; nothing of it is said (flood cap)."""

MOST = 64
"""Incidents of one key that a row holds; more are only possible where an incident is over long before ``lateness`` is,
or where records carry invented times, centuries apart."""


class Source(Struct, frozen=True, array_like=True, gc=False):
    """A source partition that fed this key. ``offset`` is the highest counted: what is at or below it was counted.

    The topic's id is Kafka's own: a topic that was deleted and made anew has another, and starts at offset 0.
    """

    topic_id: str
    topic: str
    partition: int
    offset: int


class Mark(Struct, frozen=True, array_like=True, gc=False):
    """A record that triggered: its time (ms), the index of its source in the row, its offset there."""

    time: int
    source: int
    offset: int


class Held(Struct, frozen=True, array_like=True, gc=False):
    """An event that can still decide: time (ms), source index, offset, state bits, what it brought for aggregates."""

    time: int
    source: int
    offset: int
    state: int
    values: Group = ()
    marks: tuple[int, ...] = ()
    """Of a rule with several subpatterns, in rising order: ``2 * n`` where it stands behind a trigger of line ``n`` of
    the row, ``2 * n + 1`` where it is itself one."""


class Latest(Struct, frozen=True, array_like=True, gc=False):
    """The latest trigger of an incident that shows aggregates: its mark, and the aggregates over its window."""

    mark: Mark
    values: Group


class Born(Struct, frozen=True, array_like=True, gc=False):
    """What an incident was when it was made, where other rules read it: an event then, and the same one for ever.

    Decision: it is kept, since a crash may lie between the row and the matches that the event makes, and the incident
    may have changed by the time at which they are sent again.
    """

    time: int
    """The event's time, ms."""
    position: int
    """The matches offset that made it."""
    first: int
    last: int
    count: int
    events: int
    values: Group
    """The aggregates that the rule shows."""


class Episode(Struct, frozen=True, array_like=True, gc=False):
    """One incident of the key. Times in ms; ``position`` is the matches offset that changed it last.

    ``count`` is triggers, ``events`` distinct events behind them. ``into`` is the id of the incident that took this
    one's counts over, empty for an incident that stands.
    """

    id: bytes
    revision: int
    first: int
    last: int
    count: int
    events: int
    position: int
    evidence: tuple[Mark, ...]
    into: bytes
    latest: Latest | None = None
    cleared: int | None = None
    """From when on (ms) it is over; None while it stands."""
    said: int = 0
    """The time (ms) of the last record of it, where the rule paces its updates."""
    flags: int = 0
    born: Born | None = None
    """As it was made, where other rules read it."""


class Line(Struct, frozen=True, array_like=True, gc=False):
    """The incidents of one tuple of incident attributes, where a rule with several subpatterns nests them in a row."""

    attributes: Group
    episodes: tuple[Episode, ...]


class Row(Struct, frozen=True, array_like=True, gc=False):
    """All state of one key. ``latest`` is the highest time of any of its matches, ms."""

    version: int
    position: int
    latest: int
    sources: tuple[Source, ...]
    episodes: tuple[Episode, ...]
    """In the order in which they were made."""
    held: tuple[Held, ...]
    """In the order of their times; empty for a rule that triggers at every event."""
    lines: tuple[Line, ...] = ()
    """Of a rule with several subpatterns, which has no ``episodes`` of its own, as they were made."""


class _Head(Struct, frozen=True, array_like=True, gc=False):
    version: int
    position: int


class BadRow(Exception):
    """Bytes that are not a row of this version."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Row)
_head_decoder = msgspec.msgpack.Decoder(_Head)


def encode_row(row: Row) -> bytes:
    """Give the bytes at rest. The same row gives the same bytes."""
    return _encoder.encode(row)


def decode_row(data: bytes) -> Row:
    """Read a row. Raises :class:`BadRow`."""
    try:
        row = _decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadRow(str(error)) from error
    if row.version not in _READ:
        raise BadRow(f"row version {row.version}, this worker reads {' and '.join(map(str, _READ))}")
    return row


def row_position(data: bytes) -> int:
    """Read only a row's position, to tell the newer of two. Raises :class:`BadRow`."""
    try:
        head = _head_decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadRow(str(error)) from error
    if head.version not in _READ:
        raise BadRow(f"row version {head.version}, this worker reads {' and '.join(map(str, _READ))}")
    return head.position
