"""The arithmetic of latency, memory, sizes and comparisons, and that a comparison runs what it says."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.benchmarks.bench import instead
from tests.benchmarks.compare import NoRevision, Pair, extract, turns
from tests.benchmarks.compare import table as side_by_side
from tests.benchmarks.latency import Level, growth, levels, memory_report, percentile
from tests.benchmarks.latency import table as latency_table
from tests.benchmarks.machine import commit
from tests.benchmarks.scale import Size, needs, needs_table
from tests.benchmarks.scale import table as size_table
from tests.benchmarks.standing import Used
from tests.benchmarks.usage import resident

MEBIBYTE = 1 << 20


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (99.9, 100), (100, 100), (0, 1)])
def test_a_percentile_is_a_value_that_was_seen(percent: float, expected: int) -> None:
    """The least that so many percent are no greater than."""
    assert expected == percentile(range(1, 101), percent)
    assert 7 == percentile([7], percent)


def level(share: float, rate: float) -> Level:
    """Give a run of ten seconds that kept up."""
    arrival = {"p50": 12.3, "p99": 45.6, "p99.9": 78.9}
    return Level(
        share=share, wanted=rate, reached=rate - 1, records=int(rate * 10), incidents=1000, arrival=arrival,
        written=arrival, most=99.0, behind=0.1, cpu=rate * 10 * 5e-6, memory=[(0.0, MEBIBYTE), (9.0, 90 * MEBIBYTE)],
    )  # fmt: skip


def test_levels_are_shares_of_the_capacity_and_are_told_in_a_table() -> None:
    """Each share is run at its rate; a row has the rate that was reached, percentiles and cost."""
    said: list[str] = []
    found = levels(lambda _name, share, rate: level(share, rate), 20_000.0, [0.25, 0.5], said.append)
    assert [5_000.0, 10_000.0] == [each.wanted for each in found]
    assert "| 50% | 10,000 | 9,999 | 1,000 | 12 | 46 | 79 | 99 | 5.00 | 90 |" == latency_table(found).splitlines()[-1]
    assert "50% of capacity: p99 46 ms" == said[-1]


def test_memory_is_flat_where_the_last_third_is_as_large_as_the_middle_one() -> None:
    """What a worker takes at its start does not count; growth by more than two percent is said."""
    steady = [(at * 60.0, (50 if at < 4 else 100) * MEBIBYTE) for at in range(12)]
    growing = [(at * 60.0, (100 + at) * MEBIBYTE) for at in range(12)]
    assert (0.0, 110 / 106 - 1) == (growth(steady), pytest.approx(growth(growing)))
    assert memory_report(steady).endswith("From the middle third to the last: +0.0%, flat.")
    assert memory_report(growing).endswith("From the middle third to the last: +3.8%, NOT flat.")
    assert "| 11.0 | 111.0 |" in memory_report(growing)


def test_a_process_has_a_resident_size() -> None:
    """That of this one is some megabytes."""
    assert resident(os.getpid()) > MEBIBYTE


def size(workers: int, partitions: int, cpu: float, seconds: float) -> Size:
    """Give a size with one run over a thousand records."""
    return Size(workers=workers, partitions=partitions, runs=[Used(1000, 10, cpu, {}, seconds, 100 * MEBIBYTE)])


SIZES = [size(1, 4, 0.004, 0.01), size(2, 4, 0.005, 0.006)]


def test_two_workers_are_compared_with_one_on_as_many_partitions() -> None:
    """The last column is records/s over those of one worker."""
    rows = size_table([*SIZES, size(2, 16, 0.005, 0.005)]).splitlines()[2:]
    assert ["| 2 | 4 | 5.00 | 166,667 | 100 | 1.67 |", "| 2 | 16 | 5.00 | 200,000 | 100 |  |"] == rows[1:]


def test_a_load_needs_workers_at_half_of_a_core_of_the_dearest_cost() -> None:
    """100,000 records of 5 µs are half a core: one worker; more than were measured is extrapolated."""
    found = needs(SIZES, [100_000, 100_001, 1_000_000])
    assert [100_000, 100_001, 1_000_000] == [each.load for each in found]
    assert [(1, 4), (2, 4), (10, 32)] == [(each.workers, each.partitions) for each in found]
    assert [False, False, True] == [each.extrapolated for each in found]
    assert "| 1,000,000 | 10 | 32 | extrapolated |" == needs_table(found).splitlines()[-1]


def test_two_commits_take_turns_and_change_sides() -> None:
    """Every second turn begins with this checkout; the ratio is told turn by turn."""
    order: list[str] = []

    def side(name: str, cost: float) -> Mapping[str, float]:
        order.append(name)
        return {"job": cost * len(order)}

    pairs = turns([lambda: side("base", 2.0), lambda: side("here", 1.0)], 2, str)
    assert ["base", "here", "here", "base"] == order
    assert [Pair(what="job", base=[2.0, 8.0], here=[2.0, 3.0])] == pairs
    assert "| job | 5.00 | 2.50 | 0.69 | 0.38 to 1.00 |" == side_by_side(pairs, "a", "b").splitlines()[-1]


needs_git = pytest.mark.skipif(commit() == "unknown", reason="this is no git checkout, or there is no git")


@needs_git
def test_the_other_commit_is_what_is_imported_and_the_benchmark_is_ours(tmp_path: Path) -> None:
    """A process with the environment of a side finds that side's package, and this checkout's benchmark."""
    assert commit().split()[0] == extract("HEAD", tmp_path)
    program = "import stream_app, tests.benchmarks.bench as bench; print(stream_app.__file__, bench.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **instead(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    package, benchmark = done.stdout.split()
    assert tmp_path / "stream_app" == Path(package).parent
    assert Path(__file__).parent == Path(benchmark).parent


@needs_git
def test_a_revision_that_is_none_is_named(tmp_path: Path) -> None:
    """Nothing is run for it."""
    with pytest.raises(NoRevision, match="no-such-thing"):
        extract("no-such-thing", tmp_path)
