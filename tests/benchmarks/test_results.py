"""The arithmetic of the benchmark, its records, and its look at a process; what it measures is asserted nowhere."""

import os

import msgspec
import pytest

from stream_app.engine.detect import Detector
from stream_app.engine.record import Record
from stream_app.sysmon.normalise import normalise
from tests.benchmarks.reading import Read
from tests.benchmarks.records import SHAPES, SIZE, Mix, records
from tests.benchmarks.results import NAIVE, OURS, RAW, Result, as_json, table, threads
from tests.benchmarks.sampling import summary
from tests.benchmarks.seed_rule import decoder, wanted
from tests.benchmarks.standing import Used
from tests.benchmarks.usage import usage
from tests.corpus import seed_rulebook

START = 1_764_000_000_000
MEBIBYTE = 1 << 20


def used(cpu: float) -> Used:
    """Give a run of a worker over a thousand records in half a second."""
    return Used(1000, 10, cpu, {"main thread": cpu * 0.75, "rdk:broker": cpu * 0.25}, 0.5, 100 * MEBIBYTE)


RESULTS = [
    Result(what=RAW, data="flat", rate=0.01, runs=[Read(1000, 0, 0.002, 0.1, 50 * MEBIBYTE)]),
    Result(what=NAIVE, data="flat", rate=0.01, runs=[used(0.160)]),
    Result(what=OURS, data="flat", rules="seed", rate=0.01, runs=[used(0.006), used(0.004), used(0.005)]),
]


def test_a_row_compares_the_median_with_the_raw_loop_and_with_naive_faust() -> None:
    """A row has CPU µs a record, its spread, both ratios, records a second and MB."""
    ours = "| stream-app worker | flat | seed | 1 | 3 x 1,000 | 5.00 | 4.00 to 6.00 | 2.5 | 32.0 | 2,000 | 100 |"
    assert ours == table(RESULTS).splitlines()[-1]


def test_what_did_not_run_is_compared_with_nothing() -> None:
    """Without a naive run, or with one at another match rate or on other data, its column is empty."""
    tenth = msgspec.structs.replace(RESULTS[2], rate=0.1)
    for results in ([RESULTS[0], RESULTS[2]], [*RESULTS[:2], tenth]):
        assert "| 2.5 |  | 2,000 |" in table(results)
    elsewhere = msgspec.structs.replace(RESULTS[2], data="xml")
    assert "|  |  | 2,000 |" in table([*RESULTS[:2], elsewhere])


def test_the_file_holds_what_the_table_says() -> None:
    """The JSON has the facts, the medians, the ratios and every run."""
    said = msgspec.json.decode(as_json(RESULTS, {"cores": "2"}))
    assert ("2", 3) == (said["cores"], len(said["results"]))
    ours = said["results"][2]
    assert pytest.approx([5.0, 2.5, 32.0]) == [
        ours["cpu_us_per_record"],
        ours["times_raw_loop"],
        ours["naive_over_it"],
    ]
    assert [0.006, 0.004, 0.005] == [each["cpu"] for each in ours["runs"]]


def test_cpu_is_told_by_thread() -> None:
    """The dearest kind of thread comes first."""
    assert "main thread 3.75, rdk:broker 1.25" == threads(RESULTS[2])


def test_a_process_is_seen_from_outside() -> None:
    """The process of a test has used CPU on its main thread, and some memory."""
    seen = usage(os.getpid())
    assert 0 < seen.threads["main thread"] <= seen.cpu
    assert seen.peak > MEBIBYTE


def test_stacks_are_summed_up_by_function() -> None:
    """What a function does itself is told from what it calls."""
    lines = summary(["main;read 30", "main 10", "main;read;main 60"]).splitlines()
    assert ["| main | 70.0% | 100.0% |", "| read | 30.0% | 90.0% |"] == lines[2:]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", [0.05, 1.0])
def test_the_worker_and_the_rule_by_hand_want_the_records_that_were_made_to_match(shape: str, rate: float) -> None:
    """Made, decided by our engine and decided by hand are one and the same, for matches and for near misses."""
    detector = Detector(seed_rulebook())
    made = list(records(1000, Mix(shape=shape, rate=rate, start=START)))
    decode = decoder(shape)
    expected = [each.matches == 1 for each in made]
    assert expected == [bool(detector.wanting(normalise(each.value))) for each in made]
    assert expected == [wanted(decode(each.value)) for each in made]
    assert rate * 1000 == pytest.approx(sum(expected), abs=25)
    assert all(SIZE <= len(each.value) < 1.1 * SIZE for each in made)


def _record(value: bytes) -> Record:
    return Record("sysmon", 0, 0, START, value, "id")
