"""Event logs of Windows (EVTX) for tests: events in, the bytes of a file out, checksums and all.

As much of the format as a reader needs, after its description by the libevtx project: a file header of 4 KiB, chunks of
64 KiB, in each of them records whose event is binary XML. Nothing is shared by templates here: each event stands whole.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

CHUNK = 65_536
HEADER = 4_096
RECORDS = 512
"""Where the first record of a chunk begins."""

_UNIX = 116_444_736_000_000_000
"""1970 as the number of 100 ns since 1601."""
_OPEN, _OPEN_WITH_ATTRIBUTES, _CLOSE_START, _CLOSE_EMPTY, _END = 0x01, 0x41, 0x02, 0x03, 0x04
_TEXT, _ATTRIBUTE, _MORE_ATTRIBUTES = 0x05, 0x06, 0x46


class Element(NamedTuple):
    """An XML element; its content is text or elements."""

    name: str
    attributes: Sequence[tuple[str, str]] = ()
    content: "str | Sequence[Element]" = ""


def sysmon_event(event_id: int, time: str, **data: str) -> Element:
    """Give an event of Sysmon of host pc1; ``time`` as ISO 8601."""
    system = Element(
        "System",
        content=[
            Element("Provider", [("Name", "Microsoft-Windows-Sysmon")]),
            Element("EventID", content=str(event_id)),
            Element("TimeCreated", [("SystemTime", time)]),
            Element("Channel", content="Microsoft-Windows-Sysmon/Operational"),
            Element("Computer", content="pc1"),
        ],
    )
    facts = Element("EventData", content=[Element("Data", [("Name", name)], text) for name, text in data.items()])
    return Element("Event", [("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event")], [system, facts])


def evtx(*chunks: Sequence[Element]) -> bytes:
    """Give a file with these events, chunk by chunk; records are numbered from 1."""
    done, first = [], 1
    for events in chunks:
        done.append(_chunk(events, first))
        first += len(events)
    facts = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, max(0, len(chunks) - 1), first, 128, 1, 3, HEADER, len(chunks))
    head = facts.ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(HEADER, b"\0") + b"".join(done)


def _chunk(events: Sequence[Element], first: int) -> bytes:
    body = bytearray()
    last = RECORDS
    for number, event in enumerate(events, first):
        last = RECORDS + len(body)
        xml = _Writer(last + 24).written(event)
        size = 24 + len(xml) + 4
        time = _UNIX + 1_700_000_000 * 10_000_000
        body += struct.pack("<4sIQQ", b"**\0\0", size, number, time) + xml + struct.pack("<I", size)
    end = first + len(events) - 1
    facts = struct.pack("<8sQQQQ", b"ElfChnk\0", first, end, first, end)
    facts += struct.pack("<IIII", 128, last, RECORDS + len(body), zlib.crc32(body))
    head, tables = facts.ljust(120, b"\0"), bytes(RECORDS - 128)
    return (head + struct.pack("<II", 0, zlib.crc32(tables, zlib.crc32(head))) + tables + body).ljust(CHUNK, b"\0")


class _Writer:
    """Writes binary XML that begins at an offset of its chunk."""

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self._data = bytearray()

    def written(self, element: Element) -> bytes:
        """Give an event as a fragment, and its end."""
        self._data += b"\x0f\x01\x01\x00"
        self._element(element)
        self._data += b"\x00"
        return bytes(self._data)

    def _element(self, element: Element) -> None:
        attributes = element.attributes
        self._data += struct.pack("<B", _OPEN_WITH_ATTRIBUTES if attributes else _OPEN)
        size = self._later()
        self._name(element.name)
        if attributes:
            listed = self._later()
            for place, (name, text) in enumerate(attributes, 1):
                self._data.append(_ATTRIBUTE if place == len(attributes) else _MORE_ATTRIBUTES)
                self._name(name)
                self._text(text)
            self._now(listed)
        if element.content:
            self._data.append(_CLOSE_START)
            if isinstance(element.content, str):
                self._text(element.content)
            else:
                for each in element.content:
                    self._element(each)
            self._data.append(_END)
        else:
            self._data.append(_CLOSE_EMPTY)
        self._now(size)

    def _later(self) -> int:
        """Leave room for a size."""
        self._data += bytes(4)
        return len(self._data)

    def _now(self, start: int) -> None:
        """Write the size of what stands behind a place that was left for it."""
        struct.pack_into("<I", self._data, start - 4, len(self._data) - start)

    def _name(self, name: str) -> None:
        hashed = 0
        for letter in name:
            hashed = (hashed * 65599 + ord(letter)) & 0xFFFF
        here = self._offset + len(self._data) + 4
        self._data += struct.pack("<IIHH", here, 0, hashed, len(name)) + name.encode("utf-16-le") + b"\0\0"

    def _text(self, text: str) -> None:
        self._data += struct.pack("<BBH", _TEXT, 1, len(text)) + text.encode("utf-16-le")
