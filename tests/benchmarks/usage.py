"""What a process has used: its id goes in; CPU seconds, those of each kind of thread, and peak memory come out.

Decision: read from /proc, hence Linux, from outside: a measured process does nothing for being measured. librdkafka's
threads have names (``rdk:broker1``), so that what the client costs is told from what Python costs. CPU comes in steps
of 10 ms there.
"""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Usage(Struct, frozen=True):
    """CPU in seconds since the process started, user and system; ``peak`` is the largest resident size in bytes."""

    cpu: float
    threads: Mapping[str, float]
    peak: int


def usage(pid: int) -> Usage:
    """Look at a process. Raises FileNotFoundError where there is none, or no /proc."""
    folder = Path("/proc") / str(pid)
    threads: dict[str, float] = defaultdict(float)
    for thread in (folder / "task").iterdir():
        name, used = _times((thread / "stat").read_text())
        kind = name.rstrip("0123456789") if name.startswith("rdk:") else "other Python threads"
        threads["main thread" if thread.name == str(pid) else kind] += used
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    return Usage(_times((folder / "stat").read_text())[1], dict(threads), int(status["VmHWM"].split()[0]) << 10)


def _times(stat: str) -> tuple[str, float]:
    """Read a line of /proc/…/stat (proc(5)): the name stands in brackets, 14 and 15 are utime and stime in ticks."""
    name, rest = stat[stat.index("(") + 1 :].rsplit(") ", 1)
    words = rest.split()
    return name, (int(words[11]) + int(words[12])) * TICK


def resident(pid: int) -> int:
    """Give the resident size in bytes now. Raises FileNotFoundError where there is no such process."""
    status = (Path("/proc") / str(pid) / "status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) << 10
