"""From the bytes of a record to its parts, whatever it travels in.

Goes in: a record's value. Comes out: Parts. What it is is told from the first character: JSON, XML, or a line of words
before XML (FortiSIEM's agent, syslog). Decision: a JSON string is opened once, since forwarders wrap XML and JSON in one;
what is wrapped twice is refused.
"""

from msgspec import structs

from stream_app.sysmon.agent_line import read_agent_line, tag_at
from stream_app.sysmon.json_shapes import decode_json, read_object
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.windows_xml import read_xml

MAX_BYTES = 1_000_000
"""A record above this many bytes is refused unread: Sysmon's own limit for an event is far below."""

_BOM = b"\xef\xbb\xbf"
_XML_STARTS = ("<Event", "<?xml", "<!")


def take_apart(value: bytes, max_bytes: int = MAX_BYTES) -> Parts:
    """Take a record apart. Raises Unreadable and nothing else."""
    if len(value) > max_bytes:
        raise Unreadable("too large", f"{len(value)} bytes, {max_bytes} are read")
    data = value.removeprefix(_BOM).strip()
    if not data:
        raise Unreadable("empty", "no bytes but blanks" if value else "no bytes")
    if data[0] in b"{[":
        return _read_json(decode_json(data))
    if data[0] in b'"':
        inner = decode_json(data)
        text = str(inner).strip()
        return _read_json(decode_json(text)) if text.startswith("{") else _read_text(text)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("not utf-8", str(error)) from error
    return _read_text(text)


def _read_json(record: object) -> Parts:
    if not isinstance(record, dict):
        raise Unreadable("unknown shape", f"JSON that is no object but a {type(record).__name__}")
    return read_object(record, _read_text)


def _read_text(text: str) -> Parts:
    if text.startswith(_XML_STARTS):
        return read_xml(text)
    tag = tag_at(text)
    if tag >= 0:
        return read_agent_line(text, tag)
    start = text.find("<Event")
    if start >= 0:
        return structs.replace(read_xml(text[start:]), shape="linux-syslog")
    if text.startswith("<"):
        raise Unreadable("not xml", "no <Event>")
    raise Unreadable("not json", "neither JSON nor XML nor a line that carries XML")
