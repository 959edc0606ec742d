"""Lag, rates and latencies as a small history: looks at the brokers and incidents in, points for a chart out.

Latency is from ``incidentLastSeen``, the time of the event that raised an incident, to the timestamp of the record that
says so. Decision: only ``create`` counts, since an update may be held back on purpose; with the event clock, or for
rules that wait for what must not come, it holds the waiting too.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence

from msgspec import Struct

MOST_VALUES = 20_000
"""Latencies that are held; beyond, the oldest go."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Give the least value that at least ``percent`` of all are no greater than; None of none."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


class Latency(Struct, frozen=True):
    """Milliseconds over the last ``seconds``, None where nothing came."""

    seconds: int
    incidents: int
    p50: float | None
    p90: float | None
    p99: float | None


class Point(Struct, frozen=True, kw_only=True):
    """One look. Lags are records, by topic, None where that is not known; ``rate`` is incident records a second."""

    at: int
    lag: dict[str, int | None]
    p50: float | None
    p99: float | None
    rate: float


class Latest(Struct, frozen=True, kw_only=True):
    """What is sent with a look: the point, percentiles over a longer time, and the lag by topic and partition."""

    point: Point
    latency: Latency
    partitions: dict[str, dict[int, int | None]]


class Figures:
    """``points`` looks are kept, one each ``interval`` seconds; percentiles are over ``span`` seconds."""

    def __init__(self, points: int = 300, span: int = 300) -> None:
        self._span = span
        self._values: deque[tuple[int, float]] = deque(maxlen=MOST_VALUES)
        self._recent: deque[float] = deque(maxlen=MOST_VALUES)
        self._records = 0
        self._since: int | None = None
        self.history: deque[Point] = deque(maxlen=points)
        self.latest: Latest | None = None

    def record(self, at: int, latency: float | None, now: int) -> None:
        """Count a record that was written at ``at`` (ms), and its latency, if it has one; not one of long ago."""
        if at < now - self._span * 1000:
            return
        self._records += 1
        if latency is not None:
            self._values.append((at, latency))
            self._recent.append(latency)

    def look(self, now: int, lags: Mapping[str, Mapping[int, int | None]]) -> Latest:
        """Add a point."""
        before = self._since if self._since is not None else now
        passed = max(1, now - before)
        longer = [value for at, value in self._values if at > now - self._span * 1000]
        point = Point(
            at=now,
            lag={topic: total(partitions) for topic, partitions in lags.items()},
            p50=percentile(self._recent, 50),
            p99=percentile(self._recent, 99),
            rate=round(self._records * 1000 / passed, 1) if self._since is not None else 0.0,
        )
        self._since, self._records = now, 0
        self._recent.clear()
        self.history.append(point)
        latency = Latency(self._span, len(longer), *(percentile(longer, each) for each in (50, 90, 99)))
        self.latest = Latest(
            point=point, latency=latency, partitions={topic: dict(partitions) for topic, partitions in lags.items()}
        )
        return self.latest


def total(partitions: Mapping[int, int | None]) -> int | None:
    """Sum the lag of partitions; None where none is known."""
    known = [lag for lag in partitions.values() if lag is not None]
    return sum(known) if known else None
