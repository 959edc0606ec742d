"""How much may be on its way through the embedded broker, which keeps 5 MB a partition and then forgets without a word.

Decision: what counts is what the worker has not committed, of the records that were sent and of the matches that they
became (a match holds some of its record, so it is smaller). Pure: offsets and sizes go in, yes or no comes out.
"""

from collections import deque

PARTITION_BYTES = 2 << 20
"""Most bytes on their way in one source partition: less than half of what the broker keeps."""

TOTAL_BYTES = 4 << 20
"""Most bytes on their way altogether: all of them might become matches in one partition."""


class Throttle:
    """The book of what is on its way, by topic and partition."""

    def __init__(self, partition_bytes: int = PARTITION_BYTES, total_bytes: int = TOTAL_BYTES) -> None:
        self._partition_bytes = partition_bytes
        self._total_bytes = total_bytes
        self._waiting: dict[tuple[str, int], deque[tuple[int, int]]] = {}
        self._bytes: dict[tuple[str, int], int] = {}
        self._committed: dict[tuple[str, int], int] = {}

    def room(self, topic: str, partition: int, size: int) -> bool:
        """Whether a record of ``size`` bytes may be sent now; with nothing on its way, one of any size may."""
        total = sum(self._bytes.values())
        here = self._bytes.get((topic, partition), 0)
        return not total or (here + size <= self._partition_bytes and total + size <= self._total_bytes)

    def sent(self, topic: str, partition: int, offset: int, size: int) -> None:
        """Note a record on its way, in the order of offsets; one that is committed already is none."""
        where = topic, partition
        if offset >= self._committed.get(where, 0):
            self._waiting.setdefault(where, deque()).append((offset, size))
            self._bytes[where] = self._bytes.get(where, 0) + size

    def committed(self, topic: str, partition: int, offset: int) -> None:
        """Note that all below ``offset`` is done."""
        where = topic, partition
        self._committed[where] = offset
        waiting = self._waiting.get(where, deque())
        while waiting and waiting[0][0] < offset:
            self._bytes[where] -= waiting.popleft()[1]
