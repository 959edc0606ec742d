"""Which rows are to be looked at, and when, by the stream's time. Goes in: keys with times; come out: keys, in order.

Decision: one entry a key, however often its row changes. An entry may come up early, since a row that changed is due
later; whoever takes it asks the row and puts it back. Keys with the same time come out in the order of their bytes.
"""

from collections.abc import Iterator
from heapq import heappop, heappush


class Agenda:
    """Keys by the stream time (ms) at which to look at their rows."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, bytes]] = []
        self._when: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._when)

    def __contains__(self, key: bytes) -> bool:
        return key in self._when

    def put(self, key: bytes, time: int) -> None:
        """Look at the key's row when the stream has come to ``time``; an earlier entry of it stands."""
        when = self._when.get(key)
        if when is None or time < when:
            self._when[key] = time
            heappush(self._heap, (time, key))

    def take(self, time: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Take out, one after another, what is due at stream time ``time`` or before; all there is where it is None.

        What is put in meanwhile comes out too, if it is due.
        """
        heap = self._heap
        while heap and (time is None or heap[0][0] <= time):
            when, key = heappop(heap)
            if self._when.get(key) == when:
                del self._when[key]
                yield when, key
