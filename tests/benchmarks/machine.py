"""What a benchmark ran on: nothing goes in; the machine, the versions and the commit come out, as names and values."""

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("faust-streaming", "confluent-kafka", "aiokafka", "msgspec")
ROOT = Path(__file__).parents[2]


def machine() -> dict[str, str]:
    """Say where and when this is."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "cpu": cpu(),
        "cores": str(os.cpu_count()),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "broker": "Apache Kafka 4.4.0, on the same cores",
        **{name: version(name) for name in PACKAGES},
    }


def cpu() -> str:
    """Give the processor's name as Linux knows it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Give the commit, with a mark where files of the package differ from it; ``unknown`` outside a repository."""
    try:
        name = git("rev-parse", "--short", "HEAD").decode().strip()
        return f"{name} and changes" if git("status", "--porcelain", "stream_app", "rules") else name
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def git(*words: str) -> bytes:
    """Ask git about this checkout. Raises OSError without git, CalledProcessError where it refuses."""
    command = shutil.which("git") or "git"
    return subprocess.run([command, *words], cwd=ROOT, check=True, capture_output=True).stdout


def place(facts: Mapping[str, str]) -> str:
    """Say in a few words what it ran on."""
    return f"{facts['date']}, {facts['commit']}, {facts['cpu']}, {facts['cores']} cores"
