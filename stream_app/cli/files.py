"""Files of Sysmon records go in, single records with their place come out, one at a time whatever the file's size.

A folder is all files in it and below it, in the order of their names.

Decision: what a record is is told line by line, since captures are mixed: a line that begins with ``<Event`` opens an
XML event, which ends at its ``</Event>`` wherever that is; every other line is a record as it stands (JSON, a syslog or
agent line). What is broken is passed on as it is, so that normalising refuses it where it can be counted. Compression
(gzip), UTF-16 (what PowerShell writes) and Windows' own event logs are told by the file's first bytes, never by its
name.
"""

import gzip
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

from msgspec import Struct

from stream_app.cli.eventlog import MAGIC, EventLog, LogUnreadable

STDIN = "-"
LIMIT = 16 << 20
"""Most bytes of one record that are kept; the rest of a longer one is left out (it is rejected for its size anyway)."""

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"
_BLANK = re.compile(rb"\s*")
_OPEN = re.compile(rb"<Event(?=[\s/>])")
_CLOSE = re.compile(rb"</Event\s*>")
_LONGEST_CLOSE = 32
_WRAPPER = re.compile(rb"<\?xml[^>]*>|</?Events\b[^>]*>|<!--.*?-->")
_LONGEST_OPEN = 4096
"""What must be there to tell what a record is: a whole XML declaration or ``<Events …>`` and the tag behind it."""


class FileRecord(Struct, frozen=True):
    """A record of a file: ``line`` counts from 1; ``read`` is how many bytes of the file had been taken by then.

    In an event log of Windows ``line`` is the number of the record.
    """

    path: str
    line: int
    value: bytes
    read: int

    @property
    def place(self) -> str:
        """``path:line``, as editors take it."""
        return f"{self.path}:{self.line}"


class FileUnreadable(Exception):
    """A file that cannot be read, or breaks off (a cut gzip file); the message names it and the last line read."""


def size_of(paths: Iterable[str]) -> int | None:
    """Bytes of all files together, in the unit of :attr:`FileRecord.read`; None where one has no size (a pipe)."""
    files = [Path(path) for path in paths]
    return sum(file.stat().st_size for file in files) if all(file.is_file() for file in files) else None


def files_in(paths: Iterable[str]) -> tuple[str, ...]:
    """Give the files, those of folders in their place: all below them, in the order of names, no hidden ones.

    Raises :class:`FileUnreadable` for a folder without any.
    """
    found: list[str] = []
    for path in paths:
        if path == STDIN or not Path(path).is_dir():
            found.append(path)
            continue
        below = [
            each
            for each in sorted(Path(path).rglob("*"))
            if each.is_file() and not any(part.startswith(".") for part in each.relative_to(path).parts)
        ]
        if not below:
            raise FileUnreadable(f"{path}: no file in this folder")
        found += map(str, below)
    return tuple(found)


def read_records(path: str, warn: Callable[[str], None]) -> Iterator[FileRecord]:
    """Give the records of one file, or of standard input for ``-``. Raises :class:`FileUnreadable`.

    ``warn`` is told of what is damaged where the rest can be read.
    """
    name = "<stdin>" if path == STDIN else path
    line = 0
    try:
        with sys.stdin.buffer if path == STDIN else Path(path).open("rb") as raw:
            measured = raw.seekable()
            stream = _opened(cast("io.BufferedReader", raw))
            log = EventLog(stream) if stream.peek(len(MAGIC)).startswith(MAGIC) else None
            for number, value in _records(stream) if log is None else log.events():
                line = number
                yield FileRecord(name, number, value, raw.tell() if measured else 0)
            if log is not None and log.damage:
                warn(f"{name}: warning: {log.damage}")
    except (OSError, EOFError, UnicodeError, LogUnreadable) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        after = f" after line {line}" if line else ""
        raise FileUnreadable(f"{name}: cannot be read{after}: {reason}") from error


class _FromUtf16(io.RawIOBase):
    """UTF-16 bytes as UTF-8 bytes; halves of pairs become what is no UTF-8, and are refused where records are read."""

    def __init__(self, stream: io.BufferedReader | gzip.GzipFile) -> None:
        super().__init__()
        self._text = io.TextIOWrapper(stream, encoding="utf-16", errors="surrogatepass", newline="\n")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's buffer has no __setitem__
        data = self._text.read(len(buffer) // 4).encode("utf-8", "surrogatepass")
        buffer[: len(data)] = data
        return len(data)


def _opened(raw: io.BufferedReader) -> io.BufferedReader | gzip.GzipFile:
    """Undo gzip, UTF-16 and the byte order mark."""
    stream = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == _GZIP else raw
    if stream.peek(2)[:2] in _UTF16:
        return io.BufferedReader(_FromUtf16(stream), _CHUNK)
    if stream.peek(3)[:3] == _UTF8_MARK:
        stream.read(3)
    return stream


def _records(stream: io.BufferedReader | gzip.GzipFile) -> Iterator[tuple[int, bytes]]:
    """Give (line, record). Lines come in chunks, since one may be a whole document of any size."""
    cutter = _Cutter()
    while chunk := stream.readline(_CHUNK):
        yield from cutter.feed(chunk)
    yield from cutter.end()


class _Cutter:
    """Cuts chunks, none of which reaches past the end of a line, into records; holds what has no end yet."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._in_event = False
        self._searched = 0
        """How much of an event that is held has no end tag."""
        self._line = 1
        self._began = 1

    def feed(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Take a chunk; give what is complete."""
        ends_line = chunk.endswith(b"\n")
        if self._in_event and self._held.endswith(b"\n") and _OPEN.match(chunk.lstrip()):
            yield from self._take(len(self._held))  # an event that was cut off: the next one begins
        self._held += chunk
        yield from self._cut(ends_line=ends_line)
        self._bound()
        self._line += ends_line

    def end(self) -> Iterator[tuple[int, bytes]]:
        """Give what is left as it is."""
        yield from self._cut(ends_line=True)
        yield from self._take(len(self._held))

    def _cut(self, *, ends_line: bool) -> Iterator[tuple[int, bytes]]:
        while self._held:
            if not self._in_event and not self._begin(ends_line=ends_line):
                return
            if not self._in_event:
                yield from self._take(len(self._held))
                return
            close = _CLOSE.search(self._held, max(0, self._searched - _LONGEST_CLOSE))
            if close is None:
                self._searched = len(self._held)
                return
            yield from self._take(close.end())

    def _begin(self, *, ends_line: bool) -> bool:
        """Drop what stands before a record and tell its kind; false: nothing to take yet."""
        while True:
            del self._held[: cast("re.Match[bytes]", _BLANK.match(self._held)).end()]
            self._began = self._line
            if not ends_line and len(self._held) < _LONGEST_OPEN:
                return False
            wrapper = _WRAPPER.match(self._held)
            if wrapper is None:
                break
            del self._held[: wrapper.end()]
        self._in_event = _OPEN.match(self._held) is not None
        return self._in_event or (ends_line and bool(self._held))

    def _take(self, size: int) -> Iterator[tuple[int, bytes]]:
        value = bytes(self._held[:size]).strip()
        del self._held[:size]
        self._in_event, self._searched = False, 0
        if value:
            yield self._began, value

    def _bound(self) -> None:
        """Keep no more than LIMIT bytes of a record, and the end of what was read, where an end tag may begin."""
        if len(self._held) > LIMIT + _LONGEST_CLOSE:
            del self._held[LIMIT:-_LONGEST_CLOSE]
            self._searched = min(self._searched, LIMIT)
