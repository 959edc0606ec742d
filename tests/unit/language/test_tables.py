"""Lookup tables from CSV text."""

from __future__ import annotations

import pytest

from stream_app.language.diagnostics import LanguageError
from stream_app.language.tables import LookupTable, parse_table
from stream_app.language.values import AttributeType


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", LookupTable(("a", "b"), (("1", "2"),))),
        ("a, b\r\n1,\r\n", LookupTable(("a", "b"), (("1", ""),))),
        ("\na\n\n1\n\n", LookupTable(("a",), (("1",),))),
        ('a\n"x,""y"""\n', LookupTable(("a",), (('x,"y"',),))),
        ('a,b\n"two\nlines",2', LookupTable(("a", "b"), (("two\nlines", "2"),))),
        ('\ufeff"a"\n1', LookupTable(("a",), (("1",),))),
        ("a\r1\r2", LookupTable(("a",), (("1",), ("2",)))),
        ("a", LookupTable(("a",), ())),
    ],
)
def test_csv_text_is_a_table(text: str, expected: LookupTable) -> None:
    """The first line names the columns; quotes, line ends and blank lines are CSV's own."""
    assert expected == parse_table(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["t.csv:1:1: expected a header with the names of the columns"]),
        ("\n\n", ["t.csv:1:1: expected a header with the names of the columns"]),
        ("a,,a\n1,2,3\n", ["t.csv:1:1: a column has no name", "t.csv:1:1: two columns are named 'a'"]),
        (
            'a,b\n"x\ny",2\n1\n1,2\n1,2,3\n',
            ["t.csv:4:1: expected 2 cells, got 1", "t.csv:6:1: expected 2 cells, got 3"],
        ),
        ('a\n1\n"x\n', ["t.csv:3:1: not CSV: unexpected end of data"]),
        ('a\n"x"y\n', ["t.csv:2:1: not CSV: ',' expected after '\"'"]),
    ],
)
def test_a_wrong_table_is_refused_with_every_line(text: str, expected: list[str]) -> None:
    """Each wrong line is named with its place in the file."""
    with pytest.raises(LanguageError) as refused:
        parse_table(text, "t.csv")
    problems = refused.value.diagnostics
    assert expected == [f"{problem.path}:{problem.line}:{problem.column}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1", "2.5", ""), AttributeType.NUMBER),
        (("10.0.0.1", "::1"), AttributeType.IP),
        (("1", "10.0.0.1"), AttributeType.STRING),
        (("x",), AttributeType.STRING),
        (("",), AttributeType.STRING),
        ((), AttributeType.STRING),
    ],
)
def test_a_column_has_the_type_of_all_its_cells(cells: tuple[str, ...], expected: AttributeType) -> None:
    """Empty cells do not count; mixed ones are strings."""
    assert expected == LookupTable(("a",), tuple((cell,) for cell in cells)).type_of("a")
