"""The short form of the fault runs: one run for each of the commonest kinds, with the seed of this file."""

import subprocess
import sys
from pathlib import Path

from tests.brokers import require_real_kafka

SEED = "20"


def test_nothing_is_lost_or_counted_twice(tmp_path: Path) -> None:
    """A kill, an orderly restart, a frozen worker and a broker's crash: no match missing, extra or told in two ways."""
    require_real_kafka()
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--seed", SEED, "--folder", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for kind in ("kill", "terminate", "freeze", "broker"):
        assert f"| {kind} | 1 |" in run.stdout
