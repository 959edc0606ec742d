"""The language's tables: every row against the compiler and against the interpreter, every error to the letter."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stream_app.language.compile import compile_filter
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.parser import parse

if TYPE_CHECKING:
    from stream_app.language.compile import Environment

HERE = Path(__file__).parent
NAMES = ("absence", "case", "escapes", "functions", "operators", "patterns", "types", "watchlists")
ROWS = [
    pytest.param(row, id=f"{name}-{number}")
    for name in NAMES
    for number, row in enumerate(tomllib.loads((HERE / f"{name}.toml").read_text("utf-8"))["rows"], 1)
]
ERRORS = tomllib.loads((HERE / "errors.toml").read_text("utf-8"))["error"]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_tables_holds(row: dict, environment: dict[bool, Environment], interpreter: type) -> None:
    """A compiled filter and the interpreter both say what the table says."""
    option = environment[not row.get("exact_case", False)]
    tree = parse(row["filter"])
    assert (row["match"], row["match"]) == (
        compile_filter(tree, option)(row["given"]),
        interpreter(option).matches(tree, row["given"]),
    )


@pytest.mark.parametrize("error", ERRORS, ids=[str(number) for number in range(1, len(ERRORS) + 1)])
def test_an_error_reads_as_its_author_sees_it(error: dict, environment: dict[bool, Environment]) -> None:
    """A wrong filter is refused with all its errors, each with its place, the line and a caret."""
    place = Place.of(error["filter"])
    with pytest.raises(LanguageError) as refused:
        compile_filter(parse(error["filter"], place), environment[True], place)
    assert error["text"] == str(refused.value)


def test_the_tables_are_not_empty() -> None:
    """A table that lost its rows would pass unseen."""
    assert (True, True) == (len(ROWS) > 200, len(ERRORS) > 20)
