"""Errors with their place in the file."""

from __future__ import annotations

import pytest

from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.language.parser import parse


def test_a_position_in_a_query_is_one_in_its_file() -> None:
    """The line and the column are those that an editor shows."""
    text = "id = 'x'\nquery = '''a = )'''\n"
    place = Place("rules/x/x.toml", text, text.index("a ="))
    with pytest.raises(LanguageError) as refused:
        parse("a = )", place)
    expected = "rules/x/x.toml:2:16: expected a value, got ')'\nquery = '''a = )'''\n               ^"
    assert expected == str(refused.value)


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("abc", 0, Diagnostic("f", 1, 1, "m", "abc")),
        ("abc", 3, Diagnostic("f", 1, 4, "m", "abc")),
        ("a\nbc\nd", 3, Diagnostic("f", 2, 2, "m", "bc")),
        ("a\r\nbc\r\n", 3, Diagnostic("f", 2, 1, "m", "bc")),
        ("a\n", 2, Diagnostic("f", 2, 1, "m", "")),
    ],
)
def test_a_position_has_a_line_and_a_column(text: str, position: int, expected: Diagnostic) -> None:
    """Lines and columns count from 1, and the line is shown without its end."""
    assert expected == Place.of(text, "f").diagnose(position, "m")


def test_a_tab_keeps_the_caret_under_its_column() -> None:
    """A tab before the column is repeated before the caret."""
    assert "f:1:3: m\n\ta b\n\t ^" == Diagnostic("f", 1, 3, "m", "\ta b").render()


def test_an_error_shows_all_its_diagnostics() -> None:
    """The text of an error is every diagnostic, one after the other."""
    first, second = Diagnostic("f", 1, 1, "one", "a"), Diagnostic("f", 1, 2, "two", "a")
    error = LanguageError(iter([first, second]))
    assert ((first, second), "f:1:1: one\na\n^\nf:1:2: two\na\n ^") == (error.diagnostics, str(error))
