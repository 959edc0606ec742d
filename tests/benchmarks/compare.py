"""Two commits side by side: the package of another one in a folder, runs in alternation, ratios with their spread.

Goes in: a revision; comes out: a table. Decision: only ``stream_app`` is taken from it, into a temporary folder that
Python finds first; benchmark, rules and installed packages are those of this checkout for both, so that nothing but the
product differs. The two take turns, and turns change sides, so that a machine that gets slower favours none. The ratio
of each turn is what is told: its median, its least and its most.
"""

import io
import os
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.benchmarks.bench import Bench, instead
from tests.benchmarks.jobs import Job, Lots
from tests.benchmarks.machine import git
from tests.benchmarks.screening import Cell
from tests.benchmarks.standing import RunFailed

PACKAGE = "stream_app"


class NoRevision(Exception):
    """The revision does not exist, or has no package."""


class Pair(Struct, frozen=True, kw_only=True):
    """What both cost, turn by turn, in CPU µs a record."""

    what: str
    base: Sequence[float]
    here: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """What this checkout costs over what the other commit does, turn by turn."""
        return [here / base for here, base in zip(self.here, self.base, strict=True)]


def extract(revision: str, folder: Path) -> str:
    """Put the package of a revision into a folder; gives its short name. Raises NoRevision."""
    try:
        name = git("rev-parse", "--short", f"{revision}^{{commit}}").decode().strip()
        packed = git("archive", "--format=tar", name, PACKAGE)
    except subprocess.CalledProcessError as error:
        raise NoRevision(f"{revision}: {error.stderr.decode(errors='replace').strip()}") from error
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return name


def turns(sides: Sequence[Callable[[], Mapping[str, float]]], repeats: int, say: Callable[[str], None]) -> list[Pair]:
    """Let base and here take turns; each call gives costs by what was measured."""
    found: list[dict[str, list[float]]] = [{}, {}]
    for number in range(repeats):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        for side in order:
            for what, cost in sides[side]().items():
                found[side].setdefault(what, []).append(cost)
        say(f"{number + 1} of {repeats} turns")
    return [Pair(what=what, base=found[0][what], here=here) for what, here in found[1].items()]


def screens(product: Path, folder: Path, words: Sequence[str]) -> Mapping[str, float]:
    """Run the micro mode with that package, in a process of its own. Raises RunFailed."""
    path = folder / "screen.json"
    command = [sys.executable, "-m", "tests.benchmarks", "screen", "--json", str(path), *words]
    done = subprocess.run(command, check=False, env={**os.environ, **instead(product)}, capture_output=True)
    if done.returncode:
        raise RunFailed(f"the screen of {product} did not run: {done.stderr.decode(errors='replace')[-2000:]}")
    cells = msgspec.convert(msgspec.json.decode(path.read_bytes())["cells"], list[Cell])
    return {f"screen {each.rules} over {each.data}": each.cost for each in cells}


class Workers:
    """Runs jobs with one package or the other; each run has topics of its own."""

    def __init__(self, bench: Bench, lots: Lots, jobs: Sequence[Job]) -> None:
        self._bench = bench
        self._lots = lots
        self._jobs = jobs
        self._number = 0

    def run(self, product: Path) -> Mapping[str, float]:
        """Run each job once. Raises RunFailed, DataMissing."""
        bench = msgspec.structs.replace(self._bench, product=product)
        found = {}
        for job in self._jobs:
            self._number += 1
            made, rules = self._lots.of(job), self._lots.rules(job)
            used = bench.worker(f"compare-{self._number}", made, rules, said=self._lots.said(job, made))
            found[f"worker {job}"] = used.cpu / used.records * 1e6
        return found


def table(pairs: Sequence[Pair], base: str, here: str) -> str:
    """Give both side by side in Markdown; below 1 this checkout is faster."""
    lines = [f"| what | {base} µs | {here} µs | ratio | least to most |", "| --- | --- | --- | --- | --- |"]
    for pair in pairs:
        before, now, ratios = statistics.median(pair.base), statistics.median(pair.here), pair.ratios
        lines.append(
            f"| {pair.what} | {before:.2f} | {now:.2f} | {statistics.median(ratios):.2f} | "
            f"{min(ratios):.2f} to {max(ratios):.2f} |"
        )
    return "\n".join(lines)
