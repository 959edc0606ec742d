"""From the bytes of a record to its parts, whatever it travels in.

Goes in: a record's value. Comes out: Parts. What it is is told from the first character: JSON, or text that is XML or
carries it. Decision: a JSON string is opened once, since forwarders wrap XML and JSON in one; what is wrapped twice is
refused.
"""

from stream_app.sysmon.json_shapes import Json, decode_json, read_object
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.text_shapes import read_text

MAX_BYTES = 1_000_000
"""A record above this many bytes is refused unread: Windows' own limit for an event (64 KiB of UTF-16) is far below."""

_BOM = b"\xef\xbb\xbf"


def take_apart(value: bytes, max_bytes: int = MAX_BYTES) -> Parts:
    """Take a record apart. Raises Unreadable and nothing else."""
    opened = open_record(value, max_bytes)
    return read_text(opened) if isinstance(opened, str) else read_object(opened)


def open_record(value: bytes, max_bytes: int = MAX_BYTES) -> str | Json:
    """Give the text that a record is, or its JSON object. Raises Unreadable and nothing else."""
    if len(value) > max_bytes:
        raise Unreadable("too large", f"{len(value)} bytes, {max_bytes} are read")
    data = value.removeprefix(_BOM).strip()
    if not data:
        raise Unreadable("empty", "nothing but blanks" if value else "no bytes")
    if data.startswith((b"{", b"[")):
        return _object(decode_json(data))
    if data.startswith(b'"'):
        text = str(decode_json(data)).strip()
        return _object(decode_json(text)) if text.startswith(("{", "[")) else text
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("not utf-8", str(error)) from error


def _object(record: object) -> Json:
    if not isinstance(record, dict):
        raise Unreadable("unknown shape", "a JSON array: one record is one event")
    return record
