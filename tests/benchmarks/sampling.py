"""``python -m tests.benchmarks.sampling FILE``: our worker, with a look at its stack at every few ms of CPU.

Goes in: a file to write and the worker's settings in the environment; comes out: collapsed stacks, one a line with the
microseconds of CPU found there, which flame graph tools read and which :func:`summary` sums up. Decision: samples, not
cProfile, which makes many small functions look dear. The timer counts CPU of all threads, the weight of a sample is
that of the main thread alone, so that waiting for librdkafka's threads weighs nothing. A sample is taken between two
byte codes: what C code does (librdkafka's calls, msgspec) is booked on the Python function that called it. Looking
begins at SIGCONT, with which the benchmark lets a warm worker go, so that the start is not in the profile.
"""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from stream_app.cli.main import main
from tests.workers import WorkerProcess

EVERY = 0.002
"""Seconds of CPU; the kernel rounds up to its tick."""

ROOT = f"{Path(__file__).parents[2]}/"


class SampledWorker(WorkerProcess):
    """A worker that writes its stacks at an orderly end."""

    @property
    def stacks(self) -> Path:
        """The file."""
        return self.log.with_suffix(".stacks")

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "tests.benchmarks.sampling", str(self.stacks)]
        with self.log.open("ab") as log:
            return subprocess.Popen(words, env=self._environment, stdout=log, stderr=log)


class Sampler:
    """Takes the samples of this process."""

    def __init__(self) -> None:
        self.stacks: Counter[str] = Counter()
        self._last = 0

    def begin(self, *_signal: object) -> None:
        """Look from now on."""
        self._last = time.thread_time_ns()
        signal.signal(signal.SIGPROF, self.look)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)

    def look(self, _signal: int, frame: FrameType | None) -> None:
        """Book the CPU since the last look on where the main thread is."""
        if frame is not None and frame.f_code is Sampler.look.__code__:
            return
        found = time.thread_time_ns() - self._last
        names = []
        while frame is not None:
            names.append(_name(frame))
            frame = frame.f_back
        self.stacks[";".join(reversed(names))] += found // 1000
        self._last = time.thread_time_ns()

    def write(self, path: Path) -> None:
        """End, and write what was found."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.write_text("".join(f"{stack} {weight}\n" for stack, weight in self.stacks.most_common() if weight))


def _name(frame: FrameType) -> str:
    path = frame.f_code.co_filename
    ours = path.removeprefix(ROOT)
    where = ours if ours != path else "/".join(Path(path).parts[-2:])
    return f"{frame.f_code.co_qualname} ({where})"


def summary(lines: Iterable[str], most: int = 25) -> str:
    """Sum collapsed stacks up, as a table in Markdown: share of CPU in a function itself, and with what it calls."""
    inside: Counter[str] = Counter()
    itself: Counter[str] = Counter()
    for line in lines:
        stack, _, weight = line.rpartition(" ")
        names = stack.split(";")
        itself[names[-1]] += int(weight)
        for name in set(names):
            inside[name] += int(weight)
    whole = itself.total() or 1
    rows = [
        f"| {name} | {weight / whole:.1%} | {inside[name] / whole:.1%} |" for name, weight in itself.most_common(most)
    ]
    return "\n".join(["| function | itself | with what it calls |", "| --- | --- | --- |", *rows])


if __name__ == "__main__":
    stacks, sampler = Path(sys.argv[1]), Sampler()
    signal.signal(signal.SIGCONT, sampler.begin)
    sys.argv[1:] = ["worker"]
    try:
        main()
    finally:
        sampler.write(stacks)
