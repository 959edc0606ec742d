"""Event logs of Windows (EVTX): a stream's bytes go in, each event as XML with its record number comes out.

Decision: chunks (64 KiB) are read one by one, each as a log of its own, by the ``evtx`` package (an optional extra). So
a pipe or a compressed file is read as well as a file, what is damaged costs no more than its chunk, and how many events
it costs is known: a chunk says which records it holds. What is lost is said when all has been read.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Protocol, cast

MAGIC = b"ElfFile\0"
"""How a log begins."""

_HEADER, _CHUNK = 4_096, 65_536
_CHUNK_MAGIC = b"ElfChnk\0"
_FACTS = struct.Struct("<8sQQQQ")
_FREE = struct.Struct("<II")
_FREE_AT = 48
_COUNT = struct.Struct("<H")
_COUNT_AT = 42
_RECORDS = 512
"""Where the first record of a chunk begins."""
_MOST_RECORDS = (_CHUNK - _RECORDS) // 28
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>\s*")
_LISTED = 5
"""How many of a log's damages are named."""


class Stream(Protocol):
    """What can be read."""

    def read(self, size: int, /) -> bytes:
        """Give up to so many bytes, none at the end."""


class LogUnreadable(Exception):
    """A log of which nothing can be read, or the extra is not installed."""


class EventLog:
    """One log. ``damage`` says, when all has been read, what could not be; empty where all could."""

    def __init__(self, stream: Stream) -> None:
        try:
            from evtx import PyEvtxParser  # noqa: PLC0415 - an optional extra
        except ImportError as error:
            raise LogUnreadable(
                "this is an event log of Windows, which needs the extra evtx: pip install 'stream_app[evtx]'"
            ) from error
        self._parser = PyEvtxParser
        self._stream = stream
        self._damages: list[str] = []
        self._lost = 0
        self._read = 0

    def events(self) -> Iterator[tuple[int, bytes]]:
        """Give (record number, event as XML), in the order of the log. Raises LogUnreadable where none can be read."""
        header = _exactly(self._stream, _HEADER)
        chunks = 0
        while chunk := _exactly(self._stream, _CHUNK):
            chunks += 1
            for record, xml in self._chunk(header, chunk, chunks):
                self._read += 1
                yield record, xml
        if len(header) < _HEADER:
            self._damages.append("its header is cut off")
        elif chunks < (claimed := _COUNT.unpack_from(header, _COUNT_AT)[0]):
            self._damages.append(f"the file ends behind chunk {chunks} of {claimed}")
        if not self._read and self._damages:
            raise LogUnreadable(f"no event can be read: {self._named}")

    @property
    def damage(self) -> str:
        """How many events could not be read, and where they lie."""
        if not self._damages:
            return ""
        every = f"{self._lost + self._read:,} events"
        lost = (
            f"{self._lost:,} of {every} could not be read" if self._lost else f"{every} were read, but not all is well"
        )
        return f"{lost}: {self._named}"

    @property
    def _named(self) -> str:
        more = len(self._damages) - _LISTED
        return "; ".join(self._damages[:_LISTED]) + (f"; and {more} more" if more > 0 else "")

    def _chunk(self, header: bytes, chunk: bytes, number: int) -> Iterator[tuple[int, bytes]]:
        """Give the events of a chunk; note what cannot be read of it."""
        if not chunk.strip(b"\0"):  # room that was set aside and never used
            return
        if not chunk.startswith(_CHUNK_MAGIC):
            self._damages.append(f"chunk {number} is none: how many events it held is not known")
            return
        problems = ["the file ends within it"] if len(chunk) < _CHUNK else []
        got = failed = 0
        records = self._parser(io.BytesIO(header + chunk.ljust(_CHUNK, b"\0")), number_of_threads=1).records()
        for _ in range(2 * _MOST_RECORDS):  # each step gives a record or fails; the last one ends it
            try:
                record = cast("dict[str, Any]", next(records))
            except StopIteration:
                break
            except (RuntimeError, OSError, ValueError) as error:
                failed += 1
                problems.append(str(error))
                continue
            got += 1
            yield int(record["event_record_id"]), _DECLARATION.sub("", record["data"], count=1).strip().encode()
        lost = max(_expected(chunk) - got, failed)
        self._lost += lost
        if lost:
            why = problems[0] if problems else "its end is missing"
            self._damages.append(f"chunk {number} lost {lost} of {got + lost} events ({why})")
        elif problems:
            self._damages.append(f"chunk {number}: {problems[0]}")
        elif not _is_whole(chunk):
            self._damages.append(f"chunk {number} does not match its checksum: the log was in use, or is damaged")


def _exactly(stream: Stream, size: int) -> bytes:
    """Read so many bytes, fewer only at the end."""
    data = b""
    while len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _expected(chunk: bytes) -> int:
    """Say how many records a chunk claims to hold; 0 where that cannot be."""
    _, first, last, _, _ = _FACTS.unpack_from(chunk)
    claimed = last - first + 1
    return claimed if 0 < claimed <= _MOST_RECORDS else 0


def _is_whole(chunk: bytes) -> bool:
    """Tell whether the records of a chunk are those that its header was written for."""
    end, checksum = _FREE.unpack_from(chunk, _FREE_AT)
    return not _RECORDS <= end <= _CHUNK or zlib.crc32(chunk[_RECORDS:end]) == checksum
