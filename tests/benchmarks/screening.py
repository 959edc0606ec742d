"""The screen alone, in this process, without Kafka: rules x data, microseconds of CPU a record. For quick judgements.

Goes in: names of rule sets and of data, a number of records. Comes out: a cell for each pair. Decision: the function
that is called is the worker's own, record by record, on messages of the Kafka client's own type; reading them off the
network is not in it. Cells are measured in rounds, one after the other, and the least time of a cell's rounds is its
number: whatever else the machine does only adds. A cell that would take longer than ``budget`` seconds a round sees
fewer records, evenly spread over the same ones, and says so.
"""

import gc
import importlib
import importlib.util
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Message
from msgspec import Struct

from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from tests.benchmarks.datasets import dataset, spread
from tests.benchmarks.rulesets import rule_folder

Screen = Callable[[Message], Any]
PLACES = ("stream_app.kafka.screening", "stream_app.kafka.detecting")
"""Where ``screen_of`` may live: two commits are compared by one benchmark."""

MAX_BYTES = 1_000_000
TRIAL = 200
"""Records that say how dear a cell is; they also warm it up."""
FEWEST = 100
"""Records of a dear cell, after its budget."""


class Unread:
    """Stands in for the streak of records that cannot be read: here such a record is a failure."""

    length = 0

    def rejected(self, _message: Message, error: Exception) -> None:
        """Fail."""
        raise error

    def end(self) -> None:
        """Never called, since there is no streak."""


class Cell(Struct, frozen=True, kw_only=True):
    """A rule set over some data. ``micros`` holds CPU µs per record, round by round; ``matches`` are (record, rule)."""

    rules: str
    data: str
    records: int
    matched: int
    """Records that at least one rule wants."""
    matches: int
    micros: tuple[float, ...]

    @property
    def cost(self) -> float:
        """The least."""
        return min(self.micros)


class Trial(Struct):
    """A cell while it is measured."""

    rules: str
    data: str
    screen: Screen
    messages: Sequence[Message]
    found: Sequence[Any] = ()
    micros: list[float] = []

    def round(self) -> None:
        """Screen all records once."""
        screen, messages = self.screen, self.messages
        gc.collect()
        began = time.process_time()
        found = [screen(message) for message in messages]
        self.micros.append((time.process_time() - began) / len(messages) * 1e6)
        self.found = found

    def cell(self) -> Cell:
        """Give what was measured."""
        wanted = [each for each in self.found if each]
        return Cell(
            rules=self.rules,
            data=self.data,
            records=len(self.messages),
            matched=len(wanted),
            matches=sum(len(each) for each in wanted),
            micros=tuple(self.micros),
        )


def worker_screen(rulebook: Rulebook) -> Screen:
    """Make the screen as a worker does: what ``screen_of`` asks for by name is given, what has a default is not."""
    place = next(each for each in PLACES if hasattr(_module(each), "screen_of"))
    make = _module(place).screen_of
    given = {"rulebook": rulebook, "topic_id": "topic", "max_bytes": MAX_BYTES, "streak": Unread()}
    asked = inspect.signature(make).parameters
    screen: Screen = make(**{name: value for name, value in given.items() if name in asked})
    return screen


def _module(name: str) -> Any:
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def messages_of(data: str, count: int) -> list[Message]:
    """Give records as the client gives them, over four partitions, a millisecond apart."""
    start = int(time.time() * 1000) - count
    made = dataset(data, count, 0.01, start)
    return [
        Message(
            topic="sysmon", partition=at % 4, offset=at // 4, key=each.key, value=each.value, timestamp=(1, start + at)
        )
        for at, each in enumerate(made)
    ]


class Extent(Struct, frozen=True, kw_only=True):
    """How much is measured: records of each kind of data, rounds, and the seconds that a cell's round may take."""

    records: int
    rounds: int
    budget: float


def measure(
    rules: Sequence[str], data: Sequence[str], extent: Extent, folder: Path, say: Callable[[str], None]
) -> tuple[list[Cell], dict[str, float]]:
    """Give the cells, and how many seconds each rule set takes to load. Raises DataMissing."""
    messages = {name: messages_of(name, extent.records) for name in data}
    loading, trials = {}, []
    for name in rules:
        where = rule_folder(name, folder)
        began = time.perf_counter()
        screen = worker_screen(load_rulebook(where))
        loading[name] = time.perf_counter() - began
        say(f"{name}: loaded in {loading[name]:.1f} s")
        trials += [
            Trial(name, each, screen, _spread(screen, messages[each], extent.budget), micros=[]) for each in data
        ]
    for number in range(extent.rounds):
        for trial in trials:
            trial.round()
        say(f"{number + 1} of {extent.rounds} rounds")
    return [trial.cell() for trial in trials], loading


def _spread(screen: Screen, messages: Sequence[Message], budget: float) -> Sequence[Message]:
    """Give as many of the messages, evenly spread, as fit into the budget; the first trial of a cell finds out."""
    some = spread(messages, TRIAL)
    began = time.process_time()
    for message in some:
        screen(message)
    each = (time.process_time() - began) / len(some)
    return spread(messages, max(FEWEST, int(budget / each)))


def table(cells: Sequence[Cell], loading: Mapping[str, float]) -> str:
    """Give rules x data in Markdown: µs a record, and how many times the first row's."""
    data = list(dict.fromkeys(each.data for each in cells))
    rules = list(dict.fromkeys(each.rules for each in cells))
    at = {(each.rules, each.data): each for each in cells}
    head = ["rules \\ data", *data, "loads in s"]
    lines = [head, ["---"] * len(head)]
    for name in rules:
        row = [name]
        for each in data:
            cell, first = at[name, each], at[rules[0], each]
            row.append(f"{cell.cost:.2f} ({cell.cost / first.cost:.1f} x)")
        lines.append([*row, f"{loading[name]:.2f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def matched(cells: Sequence[Cell]) -> str:
    """Say how many records each cell matched."""
    return "\n".join(
        f"{each.rules} over {each.data}: {each.matched:,} of {each.records:,} records matched, {each.matches:,} matches"
        for each in cells
    )


def as_json(cells: Sequence[Cell], loading: Mapping[str, float], facts: Mapping[str, str]) -> bytes:
    """Give everything for programs."""
    return msgspec.json.encode({**facts, "loading_s": loading, "cells": cells})
