"""Records of files, addressed as they go on the sysmon topic: replay places them as producing does.

Decision: the key is the host's name, so that a host's records stay in order; a record without one, or that cannot be
read, has the empty key. The timestamp is when the record was received, as far as it says, so that a file replayed and a
file produced meet the same windows; a record that does not say takes the time of the one before it.
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from stream_app.cli.files import FileRecord, read_records
from stream_app.sysmon.normalise import Unreadable, normalise

EARLIEST = 1
"""Milliseconds since 1970 of a record before which nothing says a time; to confluent-kafka, 0 would be now."""


class Addressed(Struct, frozen=True):
    """A file's record with its key and its timestamp in integer milliseconds."""

    record: FileRecord
    key: bytes
    timestamp: int


def addressed(paths: Iterable[str], warn: Callable[[str], None]) -> Iterator[Addressed]:
    """Give the records of the files, one file after the other; ``warn`` is told of damage. Raises FileUnreadable."""
    for path in paths:
        time = EARLIEST
        for record in read_records(path, warn):
            key, recorded = _address(record.value)
            time = time if recorded is None else max(EARLIEST, recorded)
            yield Addressed(record, key, time)


def _address(value: bytes) -> tuple[bytes, int | None]:
    try:
        event = normalise(value)
    except Unreadable:
        return b"", None
    return str(event.attributes.get("hostName", "")).encode(), event.recorded
