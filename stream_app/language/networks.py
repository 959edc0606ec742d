"""Many networks as one test: intervals of addresses go in, whether one holds an address comes out.

Decision: overlapping and touching intervals are merged, so that a bisection answers for a group of any size.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable


class Networks(Struct, frozen=True):
    """Disjoint intervals in ascending order; both ends belong to them."""

    lows: tuple[int, ...]
    highs: tuple[int, ...]

    @classmethod
    def of(cls, intervals: Iterable[tuple[int, int]]) -> Networks:
        """Merge intervals of addresses, lowest and highest each."""
        merged: list[tuple[int, int]] = []
        for low, high in sorted(intervals):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return cls(tuple(low for low, _ in merged), tuple(high for _, high in merged))

    def hold(self, address: int) -> bool:
        """Tell whether an address lies in one of the networks."""
        at = bisect_right(self.lows, address)
        return at > 0 and address <= self.highs[at - 1]
