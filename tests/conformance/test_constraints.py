"""The tables of aggregates and their constraints: every row against the compiler and against the interpreter."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stream_app.language.aggregate_parser import parse_aggregate, parse_condition
from stream_app.language.constraint import aggregate_of, constraint_of
from stream_app.language.diagnostics import LanguageError, Place
from tests.conformance.window_interpreter import Event, WindowInterpreter

if TYPE_CHECKING:
    from stream_app.language.compile import Environment

HERE = Path(__file__).parent
GROUP_BY = ("hostName", "srcIpAddr")
NON_NEGATIVE = WindowInterpreter.non_negative


def _table(name: str) -> dict:
    return tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))


def _rows(name: str, kind: str) -> list:
    return [
        pytest.param(row, id=f"{number}-{section['title'][:24]}")
        for section in _table(name)[kind]
        for number, row in enumerate(section["rows"], 1)
    ]


AGGREGATES = _rows("aggregates", "aggregate")
CONSTRAINTS = _rows("constraints", "constraint")
KINDS = [(text, kind) for kind in _table("constraints")["kind"] for text in kind["constraints"]]
ERRORS = _table("constraint_errors")["error"]


def _window(row: dict) -> list[Event]:
    return [Event(at, 0, attributes) for at, attributes in enumerate(row["events"])]


@pytest.mark.parametrize("row", AGGREGATES)
def test_an_aggregate_gives_what_the_table_says(row: dict, environment: dict[bool, Environment]) -> None:
    """A mapped aggregate and the interpreter both give the value, or that there is none; a whole number as one."""
    option = environment[not row.get("exact_case", False)]
    aggregate = aggregate_of(row["aggregate"], option, non_negative=NON_NEGATIVE)
    rows = [tuple(event.get(name) for name in aggregate.attributes) for event in row["events"]]
    second = WindowInterpreter(option).value(parse_aggregate(row["aggregate"]), _window(row))
    expected = None if row.get("none") else row["value"]
    if aggregate.kind.value == "number" and isinstance(expected, str):
        expected = int(expected)  # TOML ends at 63 bits
    value = aggregate.value(rows)
    assert (expected, type(expected)) == (value, type(value))
    if not row.get("beyond"):  # what a record can carry
        assert expected == second


@pytest.mark.parametrize("row", CONSTRAINTS)
def test_a_constraint_holds_where_the_table_says(row: dict, environment: dict[bool, Environment]) -> None:
    """A compiled constraint and the interpreter both say what the table says."""
    option = environment[not row.get("exact_case", False)]
    group_by = GROUP_BY if "group" in row else ()
    constraint = constraint_of(row["constraint"], option, group_by=group_by, non_negative=NON_NEGATIVE)
    rows = [tuple(event.get(name) for name in constraint.attributes) for event in row["events"]]
    group = tuple(row.get("group", {}).get(name) for name in group_by)
    second = WindowInterpreter(option)
    second.group = row.get("group", {})
    expected = row["holds"]
    assert (expected, expected) == (
        constraint.holds(rows, group),
        second.matches(parse_condition(row["constraint"]), _window(row)),
    )


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_a_constraint_is_decided_as_the_table_says(text: str, kind: dict, environment: dict[bool, Environment]) -> None:
    """What a further event can do to a constraint follows from its tree."""
    constraint = constraint_of(text, environment[True], group_by=GROUP_BY, non_negative=NON_NEGATIVE)
    assert (kind["monotone"], kind["final"]) == (constraint.monotone, constraint.final_by_default)


@pytest.mark.parametrize("error", ERRORS, ids=[str(number) for number in range(1, len(ERRORS) + 1)])
def test_an_error_reads_as_its_author_sees_it(error: dict, environment: dict[bool, Environment]) -> None:
    """A wrong constraint or aggregate is refused with all its errors, each with its place, the line and a caret."""
    text = error.get("constraint", error.get("aggregate"))
    place = Place.of(text)
    options = {"group_by": ("hostName",)} if "constraint" in error else {}
    read = constraint_of if "constraint" in error else aggregate_of
    with pytest.raises(LanguageError) as refused:
        read(text, environment[True], place, **options)
    assert error["text"] == str(refused.value)


def test_the_tables_are_not_empty() -> None:
    """A table that lost its rows would pass unseen."""
    counts = (len(AGGREGATES) > 60, len(CONSTRAINTS) > 45, len(KINDS) > 60, len(ERRORS) > 20)
    assert (True, True, True, True) == counts
