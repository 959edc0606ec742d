"""Is a worker alive? Observations, one after the other, go in; a verdict with its reason comes out. Pure.

Decision: a worker is dead when a partition that is its own has had lag for ``stall`` seconds and its committed offset
did not move in them. Each partition is judged by itself, since consumers were seen to stop on one of many. Only watched
time counts: what the broker does not say is no lag, time in which nobody looked (a frozen process) is no stall, and a
recovery that reads on is movement. A worker that nothing is asked of is alive.
"""

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

LONGEST_STEP = 5.0
"""Seconds: of a longer time between two looks only so much counts, the rest was not watched."""

NAMED = 3
"""Partitions that a reason names; the rest it counts."""


class Standing(Struct, frozen=True, kw_only=True):
    """One partition. ``committed`` is the next offset to read after a restart, 0 where none was ever committed."""

    committed: int
    low: int | None = None
    """Offset of the oldest record that is still there; None where the broker did not say."""
    end: int | None = None
    """Offset of the next record to come; None where the broker did not say."""

    @property
    def lag(self) -> int | None:
        """Records still to be committed; None where it is not known. What retention removed is not among them."""
        if self.low is None or self.end is None:
            return None
        return max(0, self.end - max(self.low, self.committed))


class Observation(Struct, frozen=True, kw_only=True):
    """One look at a worker. ``at`` is a monotonic clock in seconds; ``partitions`` are those assigned, by name."""

    at: float
    partitions: Mapping[str, Standing]
    recovered: int = 0
    """Any number that changes while a table is being recovered."""
    silent: float = 0.0
    """Seconds for which the event loop has not run."""
    failed: str = ""
    """The failure by which the worker is ending."""


class Track(Struct, frozen=True):
    """What is remembered of a partition, also while it is not ours: a rebalance must not hide a stall."""

    committed: int
    stuck: float
    """Watched seconds of lag without movement."""
    lagging: bool
    """Whether lag was known at the last look: only then is the time to the next one a time of lag."""


class Liveness(Struct, frozen=True, kw_only=True):
    """The verdict after some observations. ``since`` is when it was last turned round, on the observations' clock."""

    stall: float
    at: float
    since: float
    alive: bool = True
    why: str = ""
    """For a person: why it is dead, or what cannot be judged; empty where all is well."""
    tracks: Mapping[str, Track] = {}
    recovered: int = 0

    def after(self, seen: Observation) -> "Liveness":
        """Give the verdict after one more observation, which must not lie before the last one."""
        step = min(seen.at - self.at, LONGEST_STEP)
        moving = seen.recovered != self.recovered
        ours = {name: self._track(name, each, step, moving=moving) for name, each in seen.partitions.items()}
        stuck = [name for name, track in ours.items() if track.stuck >= self.stall]
        alive = not stuck and not seen.failed
        return replace(
            self,
            at=seen.at,
            since=self.since if alive == self.alive else seen.at,
            alive=alive,
            why=_why(seen, ours, stuck),
            tracks={**self.tracks, **ours},
            recovered=seen.recovered,
        )

    def _track(self, name: str, standing: Standing, step: float, *, moving: bool) -> Track:
        before = self.tracks.get(name)
        if before is None or moving or standing.committed > before.committed or standing.lag == 0:
            return Track(standing.committed, 0.0, bool(standing.lag))
        if standing.lag is None:  # it is no proof of life either: who is dead stays so
            return before if before.stuck >= self.stall else Track(standing.committed, 0.0, lagging=False)
        return Track(before.committed, before.stuck + (step if before.lagging else 0.0), lagging=True)


def starting(stall: float, now: float) -> Liveness:
    """Give the verdict on a worker that nobody has looked at: alive."""
    return Liveness(stall=stall, at=now, since=now)


def _why(seen: Observation, tracks: Mapping[str, Track], stuck: list[str]) -> str:
    reasons = []
    if seen.failed:
        reasons.append(f"it is ending: {seen.failed}")
    reasons += [_stalled(name, seen.partitions[name], tracks[name]) for name in stuck[:NAMED]]
    if len(stuck) > NAMED:
        reasons.append(f"{len(stuck) - NAMED} more partitions stand still")
    if stuck and seen.silent > 1:
        reasons.append(f"the event loop has not run for {seen.silent:.0f} s")
    unknown = [name for name, each in seen.partitions.items() if each.lag is None]
    if unknown:
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        reasons.append(f"no broker says where {', '.join(unknown[:NAMED])}{more} end, so their lag is not known")
    return "; ".join(reasons)


def _stalled(name: str, standing: Standing, track: Track) -> str:
    behind = "unknown" if standing.lag is None else str(standing.lag)
    return f"{name}: nothing was committed for {track.stuck:.0f} s at offset {standing.committed}, lag {behind}"
