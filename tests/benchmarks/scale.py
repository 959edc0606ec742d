"""One worker and two, few partitions and many → what a record costs, how many a second, and what a load needs.

Goes in: runs by workers and partitions; comes out: two tables, the second one reckoned from the first. Decision: a
worker is one process that keeps about one core busy, and is planned at half of what it can: there the latency is
measured, there it catches up after an outage in the time that the outage took, and there one worker of two may go.
Beyond the two workers that were measured nothing is known here but that workers share only the broker: those numbers
are extrapolated, and said to be.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.benchmarks.bench import Bench
from tests.benchmarks.records import Made
from tests.benchmarks.standing import Used

WORKERS = (1, 2)
PARTITIONS = (4, 16, 64)
LOADS = (5_000, 20_000, 50_000, 100_000, 200_000)
"""Records a second."""
PLANNED = 0.5
"""Share of a core that a worker is planned to use."""
SPARE = 2
"""Partitions for each worker, so that a few more workers find work, and a lost one's share is spread."""


class Size(Struct, frozen=True, kw_only=True):
    """All runs of so many workers on so many partitions."""

    workers: int
    partitions: int
    runs: Sequence[Used]

    @property
    def cost(self) -> float:
        """CPU µs a record, of all workers, the median."""
        return statistics.median(each.cpu / each.records * 1e6 for each in self.runs)

    @property
    def speed(self) -> float:
        """Records a second, of all workers, the median."""
        return statistics.median(each.records / each.seconds for each in self.runs)


def measure(bench: Bench, made: Sequence[Made], rules: Path, repeats: int, say: Callable[[str], None]) -> list[Size]:
    """Run every size, all of them in each repeat. Raises RunFailed."""
    runs: dict[tuple[int, int], list[Used]] = {size: [] for size in product(WORKERS, PARTITIONS)}
    for number in range(repeats):
        for (workers, partitions), found in runs.items():
            name = f"scale-{number}-{workers}-{partitions}"
            used = bench.worker(name, made, rules, workers=workers, partitions=partitions)
            found.append(used)
            say(f"{number + 1} of {repeats}: {workers} on {partitions}: {used.cpu / used.records * 1e6:.2f} µs/record")
    return [Size(workers=workers, partitions=parts, runs=found) for (workers, parts), found in runs.items()]


def table(sizes: Sequence[Size]) -> str:
    """Give what was measured, in Markdown; the last column compares records/s with one worker on as many partitions."""
    alone = {each.partitions: each.speed for each in sizes if each.workers == 1}
    lines = [
        "| workers | partitions | CPU µs/record | records/s | MB of a worker | x one worker |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in sizes:
        peak = max(run.peak for run in each.runs) / (1 << 20)
        times = f"{each.speed / alone[each.partitions]:.2f}" if each.partitions in alone else ""
        lines.append(
            f"| {each.workers} | {each.partitions} | {each.cost:.2f} | {each.speed:,.0f} | {peak:.0f} | {times} |"
        )
    return "\n".join(lines)


class Need(Struct, frozen=True):
    """What a load needs; ``extrapolated`` where it is more than was measured."""

    load: int
    workers: int
    partitions: int
    extrapolated: bool


def needs(sizes: Sequence[Size], loads: Sequence[int] = LOADS) -> list[Need]:
    """Reckon from the dearest cost that was measured, whatever the partitions."""
    cost = max(each.cost for each in sizes)
    measured = max(each.workers for each in sizes)
    found = []
    for load in loads:
        workers = max(1, math.ceil(load * cost / 1e6 / PLANNED))
        partitions = max(4, 1 << (workers * SPARE - 1).bit_length())
        found.append(Need(load, workers, partitions, workers > measured))
    return found


def needs_table(found: Sequence[Need]) -> str:
    """Give them in Markdown."""
    lines = ["| records/s | workers, a core each | partitions | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {each.load:,} | {each.workers} | {each.partitions} | {'extrapolated' if each.extrapolated else ''} |"
        for each in found
    ]
    return "\n".join(lines)


def as_json(sizes: Sequence[Size], facts: dict[str, str]) -> bytes:
    """Give everything for programs."""
    return msgspec.json.format(msgspec.json.encode({**facts, "sizes": sizes, "needs": needs(sizes)}), indent=2)
