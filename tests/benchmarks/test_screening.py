"""The micro mode: its cells and its table; and the flame graph's page. Speed is asserted nowhere."""

import re
from pathlib import Path

import pytest
from confluent_kafka import Message

from stream_app.sysmon.normalise import Unreadable
from tests.benchmarks.flame import Node, flame
from tests.benchmarks.screening import Cell, Extent, matched, measure, table, worker_screen
from tests.corpus import seed_rulebook


def test_a_cell_counts_what_the_screen_found(tmp_path: Path) -> None:
    """The seed rule finds the one record in a hundred that was made for it, in every round the same."""
    said: list[str] = []
    cells, loading = measure(["seed"], ["flat"], Extent(records=2000, rounds=2, budget=60.0), tmp_path, said.append)
    assert ["seed"] == list(loading)
    assert [("seed", "flat", 2000, 2)] == [(c.rules, c.data, c.records, len(c.micros)) for c in cells]
    assert 20 == pytest.approx(cells[0].matched, abs=15)
    assert cells[0].matches == cells[0].matched
    assert "2 of 2 rounds" == said[-1]


def test_a_dear_cell_sees_fewer_records_from_all_over_them(tmp_path: Path) -> None:
    """A budget that nothing fits into leaves a hundred."""
    cells, _ = measure(["seed"], ["flat"], Extent(records=600, rounds=1, budget=1e-9), tmp_path, str)
    assert 100 == cells[0].records


def test_a_record_that_cannot_be_read_is_no_speed() -> None:
    """The benchmark fails on it, instead of measuring how fast it is thrown out."""
    screen = worker_screen(seed_rulebook())
    with pytest.raises(Unreadable):
        screen(Message(topic="sysmon", partition=0, offset=0, key=b"", value=b"?", timestamp=(1, 1)))


def test_the_table_has_rules_by_data_and_ratios_to_the_first_rules() -> None:
    """The least round counts."""
    cells = [
        Cell(rules=rules, data=data, records=10, matched=1, matches=2, micros=(cost, cost + 1))
        for rules, data, cost in (
            ("seed", "flat", 4.0),
            ("seed", "xml", 10.0),
            ("many", "flat", 8.0),
            ("many", "xml", 15.0),
        )
    ]
    assert table(cells, {"seed": 0.1, "many": 2.0}).splitlines() == [
        "| rules \\ data | flat | xml | loads in s |",
        "| --- | --- | --- | --- |",
        "| seed | 4.00 (1.0 x) | 10.00 (1.0 x) | 0.10 |",
        "| many | 8.00 (2.0 x) | 15.00 (1.5 x) | 2.00 |",
    ]
    assert "many over xml: 1 of 10 records matched, 2 matches" == matched(cells).splitlines()[-1]


STACKS = ["main (a.py);read (b.py) 300", "main (a.py) 100", "main (a.py);<lambda> (b.py) 600"]


def test_stacks_become_a_tree() -> None:
    """A function weighs what was found in it and in what it calls."""
    root = Node.root(STACKS)
    main = root.children["main (a.py)"]
    assert (1000, 1000, {"read (b.py)": 300, "<lambda> (b.py)": 600}) == (
        root.weight, main.weight, {name: each.weight for name, each in main.children.items()}
    )  # fmt: skip


def test_a_bar_is_as_wide_as_its_share_and_lies_within_its_caller() -> None:
    """Bars of one line follow one another; names are escaped; what is thinner than a thousandth is left out."""
    page = flame([*STACKS, "main (a.py);rare (b.py) 0"], "a job")
    bars = re.findall(r'data-x="([0-9.]+)" data-w="([0-9.]+)" title="([^"]+)"', page)
    assert [
        ("0.000000", "1.000000", "all: 100.0%"),
        ("0.000000", "1.000000", "main (a.py): 100.0%"),
        ("0.000000", "0.600000", "&lt;lambda&gt; (b.py): 60.0%"),
        ("0.600000", "0.300000", "read (b.py): 30.0%"),
    ] == bars
    assert "a job: 1 ms of CPU" in page
