"""The errors of trigger lines and of global constraints, every one to the letter."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.relation import parse_relations
from stream_app.language.trigger_parser import parse_trigger

ERRORS = tomllib.loads(Path(__file__).with_name("trigger_errors.toml").read_text("utf-8"))["error"]


@pytest.mark.parametrize("error", ERRORS, ids=[str(number) for number in range(1, len(ERRORS) + 1)])
def test_an_error_reads_as_its_author_sees_it(error: dict) -> None:
    """A wrong line is refused with all its errors, each with its place, the line and a caret."""
    text = error.get("trigger", error.get("global"))
    read = parse_trigger if "trigger" in error else parse_relations
    with pytest.raises(LanguageError) as refused:
        read(text, Place.of(text))
    assert error["text"] == str(refused.value)


def test_the_table_is_not_empty() -> None:
    """A table that lost its rows would pass unseen."""
    assert len(ERRORS) > 30
