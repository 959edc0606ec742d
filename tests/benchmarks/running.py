"""Jobs → results: each with a worker on a broker, beside loops that read the same records, and beside naive Faust.

Decision: one run of everything, then the next one of everything, so that a slow minute of the machine meets all kinds;
what is compared was measured in the same minutes. The loops and naive Faust read the records of one job for each kind
of data: the one with the seed rule and the usual match rate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from tests.benchmarks.bench import WARM_UP, Bench
from tests.benchmarks.jobs import USUAL, Job, Lots
from tests.benchmarks.reading import Read
from tests.benchmarks.records import SHAPES, SIZE, Made
from tests.benchmarks.results import DECODE, NAIVE, OURS, RAW, Result, table, threads
from tests.benchmarks.rulesets import SEED
from tests.benchmarks.standing import COMMIT_INTERVAL, Used

LOOPS = {RAW: "raw", DECODE: "decode"}
BY_HAND = {**{shape: shape for shape in SHAPES}, "nxlog": "flat"}
"""Data → the shape as which a program that knows the seed rule by hand can read it."""


class Plan(Struct, frozen=True, kw_only=True):
    """What is run: ``naive`` is how many records naive Faust gets, 0 for a run without it."""

    jobs: Sequence[Job]
    repeats: int
    naive: int


def yardstick_jobs(jobs: Sequence[Job]) -> dict[str, Job]:
    """Give the job whose records the loops read, for each kind of data."""
    return {job.data: Job(job.data, SEED, USUAL if job.data in SHAPES else None) for job in jobs}


class Collected(Struct):
    """The runs so far, by what, data, rules and rate, in the order in which they first came."""

    runs: dict[tuple[str, str, str, float | None], list[Read | Used]] = {}

    def add(self, what: str, job: Job, run: Read | Used) -> None:
        """Add one."""
        rules = job.rules if what == OURS else ""
        self.runs.setdefault((what, job.data, rules, job.rate), []).append(run)

    def results(self) -> list[Result]:
        """Give them by data, the loops first."""
        data = list(dict.fromkeys(key[1] for key in self.runs))
        ordered = sorted(self.runs.items(), key=lambda item: data.index(item[0][1]))
        return [
            Result(what=what, data=name, rules=rules, rate=rate, runs=runs)
            for (what, name, rules, rate), runs in ordered
        ]


def measure(bench: Bench, lots: Lots, plan: Plan, say: Callable[[str], None]) -> list[Result]:
    """Measure everything. Raises RunFailed, DataMissing."""
    collected = Collected(runs={})
    steps = plan.repeats * (len(plan.jobs) + len(yardstick_jobs(plan.jobs)))
    done = 0

    def told(what: str) -> None:
        nonlocal done
        done += 1
        say(f"{done} of {steps}: {what}")

    for number in range(plan.repeats):
        for data, job in yardstick_jobs(plan.jobs).items():
            for what, found in _yardsticks(bench, job, lots.of(job), plan.naive, f"loops-{data}-{number}"):
                collected.add(what, job, found)
            told(f"{data} read without a worker")
        for place, job in enumerate(plan.jobs):
            made = lots.of(job)
            used = bench.worker(f"worker-{number}-{place}", made, lots.rules(job), said=lots.said(job, made))
            collected.add(OURS, job, used)
            told(f"{job}: {used.cpu / used.records * 1e6:.2f} µs/record")
    return collected.results()


def _yardsticks(
    bench: Bench, job: Job, made: Sequence[Made], naive: int, name: str
) -> Iterator[tuple[str, Read | Used]]:
    by_hand = BY_HAND.get(job.data)
    loops = LOOPS if by_hand else {RAW: LOOPS[RAW]}
    found = bench.yardsticks(name, made, [*loops.values()], by_hand or SHAPES[0])
    yield from zip(loops, found, strict=True)
    if naive and by_hand:
        yield NAIVE, bench.naive(f"naive-{name}", made[: WARM_UP + naive], by_hand)


def report(results: Sequence[Result], facts: Mapping[str, str]) -> str:
    """Give the table, what it ran on, and what its numbers are."""
    lines = [table(results), "", ", ".join(f"{name} {value}" for name, value in facts.items()), ""]
    lines.append(
        f"Generated records ({', '.join(SHAPES)}) have {SIZE} bytes, real ones (nxlog, xml) 1,704 and 1,339; "
        "4 partitions. CPU is of the whole process, user and system, from the first record to the last commit, "
        "start-up not in it; medians. A run ends when every record is read, every match counted, every incident out "
        f"and every offset committed (each {COMMIT_INTERVAL} s, which is in records/s). What has many matches also "
        "counts them and writes incidents: look at the column before comparing rows."
    )
    ours = [each for each in results if each.what == OURS]
    lines += [f"{each.data}, {each.rules}, {each.matched:.2%} matches, by thread: {threads(each)}." for each in ours]
    return "\n".join(lines)
