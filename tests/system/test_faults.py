"""The short form of the fault runs: one run for each of the commonest kinds, with the seed of this file."""

import subprocess
import sys
from pathlib import Path

from tests.brokers import require_real_kafka

SEED = "20"


def run(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of faults to its end."""
    require_real_kafka()
    return subprocess.run(
        [sys.executable, "-m", module, "--seed", SEED, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_rules_of_every_kind_say_what_a_replay_says(tmp_path: Path) -> None:
    """A worker is killed: counts, aggregates, sequences, silences, clears, chains and caps come out as in a replay."""
    done = run("tests.faults.variety", "--kinds", "kill", "--times", "1", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert " | 0 | 0 | " in done.stdout


def test_nothing_is_lost_or_counted_twice(tmp_path: Path) -> None:
    """A kill, an orderly restart, a frozen worker and a broker's crash: no match missing, extra or told in two ways."""
    done = run("tests.faults", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("kill", "terminate", "freeze", "broker"):
        assert f"| {kind} | 1 |" in done.stdout
