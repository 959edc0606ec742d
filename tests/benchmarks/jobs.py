"""What is measured with a worker: data, rules and a match rate, as ``data:rules:percent`` on the command line.

Goes in: a job; comes out: its records with the number of matches that each must become. Decision: what must come out is
known before a run and is held against it. For the seed rule the generator knows; elsewhere the product's own functions
are asked once for each different record, in this process. A job with many rules may be dear: it gets as many records,
evenly spread over all, as the screen alone handles in ``budget`` seconds.
"""

import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from msgspec import Struct

from stream_app.rulebook.load import load_rulebook
from tests.benchmarks.bench import WARM_UP
from tests.benchmarks.datasets import CAPTURE, DATA, REAL, SHAPES, counted, dataset, have_real, real, spread
from tests.benchmarks.machine import ROOT
from tests.benchmarks.records import Made
from tests.benchmarks.rulefolders import CONVERTED
from tests.benchmarks.rulesets import FROM_OUTSIDE, PACED, RULES, SEED, rule_folder

USUAL = 0.01
"""The match rate of job J, at which the yardsticks, naive Faust and the profile run too."""
TRIAL = 300
FEWEST = 2 * WARM_UP
"""Records of a dear job, after its budget."""


class Job(Struct, frozen=True):
    """``rate`` is the share of records that the seed rule wants; real records have the one that they have: None."""

    data: str
    rules: str
    rate: float | None

    def __str__(self) -> str:
        return f"{self.data}:{self.rules}" + ("" if self.rate is None else f":{self.rate * 100:g}")


JOB_J = (*(Job(SHAPES[0], SEED, rate) for rate in (0.001, USUAL, 0.1, 1.0)), Job(SHAPES[0], PACED, 1.0))
ON_REAL = (*(Job("nxlog", rules, None) for rules in RULES), Job("xml", SEED, None), Job("xml", FROM_OUTSIDE, None))


class JobType(click.ParamType):
    """Reads a job from the command line."""

    name = "data:rules[:percent]"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Job:
        """Give the job, or fail with what there is."""
        if isinstance(value, Job):
            return value
        data, _, rest = str(value).partition(":")
        rules, _, percent = rest.partition(":")
        rules = rules or SEED
        named = (*RULES, PACED)
        if data not in DATA or rules not in named or (rules == PACED and data in REAL):
            self.fail(
                f"{value!r}: data is one of {', '.join(DATA)}, rules one of {', '.join(named)}, the last with "
                f"{' or '.join(SHAPES)}", param, ctx,
            )  # fmt: skip
        if data in REAL:
            return Job(data, rules, None)
        try:
            return Job(data, rules, min(1.0, max(0.0, float(percent) / 100)) if percent else USUAL)
        except ValueError:
            self.fail(f"{percent!r} is no percentage", param, ctx)


def usual_jobs() -> tuple[list[Job], str]:
    """Give all jobs that can run here, and what cannot and why."""
    there = {CAPTURE: have_real(), CONVERTED: CONVERTED.is_dir()}
    jobs = [
        each
        for each in (*JOB_J, *ON_REAL)
        if (each.data in SHAPES or there[CAPTURE]) and (each.rules != FROM_OUTSIDE or there[CONVERTED])
    ]
    missing = " and ".join(path.relative_to(ROOT.parent).as_posix() for path, found in there.items() if not found)
    return jobs, f"without {missing}, which lie beside the checkout" if missing else ""


class Lots:
    """Makes the records of jobs.

    ``counts``: records of a run, generated (False) and real (True); rules are written below ``folder``.
    """

    def __init__(self, folder: Path, counts: Mapping[bool, int], budget: float) -> None:
        self._folder = folder
        self._counts = counts
        self._budget = budget
        self._kept: dict[Job, Sequence[Made]] = {}

    def rules(self, job: Job) -> Path:
        """Give the folder of a job's rules. Raises DataMissing."""
        return rule_folder(job.rules, self._folder)

    def of(self, job: Job) -> Sequence[Made]:
        """Give records that warm a worker up, and behind them those that are measured. Raises DataMissing.

        Real ones are kept, which costs little: a record that comes again is the same bytes.
        """
        if job in self._kept:
            return self._kept[job]
        if job.data in SHAPES and job.rules in {SEED, PACED}:
            return self._generated(job, self._counts[False])
        self._kept[job] = self._counted(job)
        return self._kept[job]

    def said(self, job: Job, made: Sequence[Made]) -> int | None:
        """Give how many records come out of those that are measured; None: one for each match.

        Where updates are paced, one for each group that is new.
        """
        if job.rules != PACED:
            return None
        return len({each.group for each in made[WARM_UP:]} - {each.group for each in made[:WARM_UP]} - {""})

    def _generated(self, job: Job, count: int) -> list[Made]:
        rate = job.rate or 0.0
        start = int(time.time() * 1000) - count // 10
        warm = dataset(job.data, WARM_UP, max(rate, USUAL), start, seed=1)
        return [*warm, *dataset(job.data, count, rate, start)]

    def _counted(self, job: Job) -> list[Made]:
        rulebook = load_rulebook(self.rules(job))
        wanted = self._counts[job.data in REAL]
        pool = real(job.data) if job.data in REAL else self._generated(job, wanted)
        some = spread(pool, TRIAL)
        began = time.process_time()
        counted(some, rulebook)
        each = (time.process_time() - began) / len(some)
        count = min(wanted, max(FEWEST, int(self._budget / each)))
        known = counted(spread(pool, count), rulebook)
        return list(itertools.islice(itertools.cycle(known), WARM_UP + count))
