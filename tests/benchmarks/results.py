"""Runs → medians, ratios, a table and a file. No clock and no process in here.

Decision: the median of the runs of a kind is compared, smallest and largest stand beside it: a machine that others use
too is noisy, and a number without its spread says nothing.
"""

import statistics
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from tests.benchmarks.reading import Read
from tests.benchmarks.standing import Used

RAW = "raw loop, doing nothing"
DECODE = "raw loop, decode and predicate by hand"
NAIVE = "naive Faust"
OURS = "stream-app worker"


class Result(Struct, frozen=True, kw_only=True):
    """All runs of one kind. ``rate`` is the share of records that match, None where it says nothing.

    ``rules`` is the rule set of a worker, empty for what has none. Only what had the same data is compared.
    """

    what: str
    data: str
    rules: str = ""
    rate: float | None
    runs: Sequence[Read | Used]

    @property
    def micros(self) -> list[float]:
        """CPU microseconds per record of the whole process, run by run."""
        return [each.cpu / each.records * 1e6 for each in self.runs]

    @property
    def cost(self) -> float:
        """The median of them."""
        return statistics.median(self.micros)

    @property
    def speed(self) -> float:
        """Records a second, the median."""
        return statistics.median(each.records / each.seconds for each in self.runs)

    @property
    def matched(self) -> float:
        """Matches for each record, of the first run."""
        return self.runs[0].matches / self.runs[0].records

    @property
    def peak(self) -> int:
        """Bytes of memory at the peak of the largest run."""
        return max(each.peak for each in self.runs)


HEAD = (
    "what",
    "data",
    "rules",
    "matches %",
    "runs x records",
    "CPU µs/record",
    "least to most",
    "x raw loop",
    "naive ÷ it",
    "records/s",
    "peak MB",
)


def over_raw(result: Result, results: Sequence[Result]) -> float | None:
    """Say how many times the raw loop it costs; None if that did not run."""
    same = (each for each in results if each.what == RAW and each.data == result.data)
    return next((result.cost / each.cost for each in same), None)


def under_naive(result: Result, results: Sequence[Result]) -> float | None:
    """Say how many times less than naive Faust it costs; None if that did not run at the same rate on the same data.

    Naive Faust has the seed rule by hand, so a worker with other rules does more than it.
    """
    same = (each for each in results if each.what == NAIVE and (each.data, each.rate) == (result.data, result.rate))
    return next((each.cost / result.cost for each in same), None)


def cells(result: Result, results: Sequence[Result]) -> list[str]:
    """Give a row of the table."""
    micros, raw, naive = result.micros, over_raw(result, results), under_naive(result, results)
    return [
        result.what,
        result.data,
        result.rules,
        "" if result.what == RAW else f"{result.matched * 100:.3g}",
        f"{len(result.runs)} x {result.runs[0].records:,}",
        f"{result.cost:.2f}",
        f"{min(micros):.2f} to {max(micros):.2f}",
        f"{raw:.1f}" if raw else "",
        f"{naive:.1f}" if naive else "",
        f"{result.speed:,.0f}",
        f"{result.peak / (1 << 20):.0f}",
    ]


def table(results: Sequence[Result]) -> str:
    """Give the table in Markdown."""
    rows = [HEAD, ["---"] * len(HEAD), *(cells(each, results) for each in results)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def threads(result: Result) -> str:
    """Say how the CPU of a worker is shared among its kinds of threads, in µs a record."""
    shares: dict[str, list[float]] = {}
    for each in result.runs:
        if isinstance(each, Used):
            for name, used in each.threads.items():
                shares.setdefault(name, []).append(used / each.records * 1e6)
    medians = {name: statistics.median(found) for name, found in shares.items()}
    said = sorted(medians.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {cost:.2f}" for name, cost in said if cost >= 0.01)


def as_json(results: Sequence[Result], facts: Mapping[str, object]) -> bytes:
    """Give everything that was measured, for programs: the facts, and each run as it was."""
    said = [
        {
            "what": each.what,
            "data": each.data,
            "rules": each.rules,
            "match_rate": each.rate,
            "cpu_us_per_record": each.cost,
            "cpu_us_per_record_runs": each.micros,
            "times_raw_loop": over_raw(each, results),
            "naive_over_it": under_naive(each, results),
            "records_per_second": each.speed,
            "peak_bytes": each.peak,
            "runs": each.runs,
        }
        for each in results
    ]
    return msgspec.json.format(msgspec.json.encode({**facts, "results": said}), indent=2) + b"\n"
