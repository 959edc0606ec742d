"""What is known of one process: its event 1, and its event 5. Goes in: the row so far, an event; comes out: a row.

Decision: whether a connection finds its process depends on nothing but the row and the connection's own offset and
time: the start must lie before it, and so must the end, by more than a grace, for the process to be over. So a
connection that is read again after a crash is answered as it was, although the row may have gone on since. Sysmon
writes each of the two events once; where a forwarder repeats them the first counts, and a start that comes after the
end opens the process again. What remains: a connection read again from before such a second start may now find the
process that was over for it at first.
"""

import msgspec
from msgspec import Struct

VERSION = 1

GRACE = 60_000
"""Milliseconds for which a process is still known after its end. On real captures the events of a host are up to 27 s
out of order."""

TEXT_LIMIT = 32_768
"""Bytes of UTF-8 that a text may have. A longer one is not kept: what a rule excludes by its text it then reports."""

NAME_LIMIT = 512
"""Bytes of UTF-8 that customer, host and GUID may have each; a process with a longer one is not kept."""


class Process(Struct, frozen=True, array_like=True, gc=False):
    """One process. Offsets are those of the source partition, times are in ms since 1970."""

    version: int
    position: int
    """The highest offset that the row reflects: of two rows of a key the higher one is the newer."""
    start: int
    started: int
    end: int | None
    ended: int | None
    command: str | None
    parent: str | None
    """The parent's image (parentProcName)."""


class BadProcess(Exception):
    """Bytes that are not a process of this version."""


class _Head(Struct, frozen=True, array_like=True, gc=False):
    version: int
    position: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Process)
_head_decoder = msgspec.msgpack.Decoder(_Head)
_key_decoder = msgspec.msgpack.Decoder(tuple[str, str, str, str])


def process_key(topic_id: str, customer: str, host: str, guid: str) -> bytes | None:
    """Give the key of a process's row; None where a name is too long to be kept.

    GUIDs compare without case and braces. The topic's id is Kafka's own: offsets of a topic that was made anew are not
    those of the rows that were written before.
    """
    guid = guid.strip("{}").lower()
    if max(len(customer.encode()), len(host.encode()), len(guid.encode())) > NAME_LIMIT:
        return None
    return _encoder.encode((topic_id, customer, host, guid))


def topic_of(key: bytes) -> str:
    """Give the id of the topic that a row's offsets belong to. Raises :class:`BadProcess`."""
    try:
        return _key_decoder.decode(key)[0]
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadProcess(str(error)) from error


def with_start(row: Process | None, offset: int, time: int, command: str | None, parent: str | None) -> Process:
    """Give the row after the event 1 at ``offset``."""
    if row is None:
        return Process(VERSION, offset, offset, time, None, None, _bounded(command), _bounded(parent))
    end, ended = row.end, row.ended
    if end is not None and end < offset:
        end = ended = None
    start, started = min((row.start, row.started), (offset, time))
    return Process(VERSION, max(row.position, offset), start, started, end, ended, row.command, row.parent)


def with_end(row: Process, offset: int, time: int) -> Process:
    """Give the row after the event 5 at ``offset``; one that lies before the start is of nobody known."""
    end, ended = row.end, row.ended
    if offset > row.start and (end is None or offset < end):
        end, ended = offset, time
    return Process(VERSION, max(row.position, offset), row.start, row.started, end, ended, row.command, row.parent)


def is_known(row: Process, offset: int, time: int, age: int, *, ahead: bool = False) -> bool:
    """Say whether a connection at ``offset`` and ``time`` finds this process, which is over after ``age`` ms at most.

    With ``ahead`` a start that lies behind the connection counts too: for one that has waited for it.
    """
    if row.start > offset and not ahead:
        return False
    if row.end is None or row.ended is None or row.end > offset:
        return time <= row.started + age
    return time <= row.ended + GRACE


def over_at(row: Process, age: int) -> int:
    """Give the time (ms) up to which the process can be found by what is still to be read."""
    return row.started + age if row.ended is None else row.ended + GRACE


def encode_process(row: Process) -> bytes:
    """Give the bytes at rest. The same row gives the same bytes."""
    return _encoder.encode(row)


def decode_process(data: bytes) -> Process:
    """Read a row. Raises :class:`BadProcess`."""
    try:
        row = _decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadProcess(str(error)) from error
    _check(row.version)
    return row


def process_position(data: bytes) -> int:
    """Read only a row's position, to tell the newer of two. Raises :class:`BadProcess`."""
    try:
        head = _head_decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadProcess(str(error)) from error
    _check(head.version)
    return head.position


def _check(version: int) -> None:
    if version != VERSION:
        raise BadProcess(f"process version {version}, this worker reads {VERSION}")


def _bounded(text: str | None) -> str | None:
    return None if text is None or len(text.encode()) > TEXT_LIMIT else text
