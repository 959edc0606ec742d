"""Lookup tables: CSV text goes in, columns and rows come out.

Decision: the file does not say which columns are keys, the call does. FortiSIEM wants one attribute for each key column
(https://docs.fortinet.com/document/fortisiem/7.1.1/user-guide/46398), so a call with n attributes takes the first n
columns as the key; a filter is refused where that key is not unique in the table.
"""

from __future__ import annotations

import csv
import io
import re
from math import isnan
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.language.reading import NOWHERE, address_of, number_of
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Iterator


class LookupTable(Struct, frozen=True):
    """A table as its file has it: column names, and rows of as many cells; an empty cell is an absent value."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def type_of(self, column: str) -> AttributeType:
        """Give the type that all filled cells of a column have; a string if they have none in common."""
        at = self.columns.index(column)
        cells = [row[at] for row in self.rows if row[at]]
        if cells and not any(isnan(number_of(cell)) for cell in cells):
            return AttributeType.NUMBER
        if cells and all(address_of(cell) != NOWHERE for cell in cells):
            return AttributeType.IP
        return AttributeType.STRING


def parse_table(text: str, path: str = "<table>") -> LookupTable:
    """Read CSV text (RFC 4180: header first, commas, quotes doubled); blank lines and a byte order mark are skipped.

    Raises:
        LanguageError: no header, an unnamed or repeated column, rows of another length; all of them at once.

    """
    place = Place.of(text, path)
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    rows: list[tuple[str, ...]] = []
    problems: list[Diagnostic] = []
    columns: tuple[str, ...] | None = None
    starts = [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]
    line = 0
    try:
        for cells in reader:
            start, line = starts[line], reader.line_num
            if not cells:
                continue
            if columns is None:
                columns = tuple(cell.strip() for cell in cells)
                problems += (place.diagnose(start, message) for message in _header_problems(columns))
            elif len(cells) != len(columns):
                problems.append(place.diagnose(start, f"expected {len(columns)} cells, got {len(cells)}"))
            else:
                rows.append(tuple(cells))
    except csv.Error as error:
        problems.append(place.diagnose(starts[line], f"not CSV: {error}"))
    if columns is None and not problems:
        problems.append(place.diagnose(0, "expected a header with the names of the columns"))
    if problems or columns is None:
        raise LanguageError(problems)
    return LookupTable(columns, tuple(rows))


def _header_problems(columns: tuple[str, ...]) -> Iterator[str]:
    """Say what is wrong with the names of the columns."""
    seen = set[str]()
    for column in columns:
        if not column:
            yield "a column has no name"
        elif column in seen:
            yield f"two columns are named {column!r}"
        seen.add(column)
