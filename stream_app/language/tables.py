"""Lookup tables: CSV text goes in, columns and rows come out.

Decision: the file does not say which columns are keys, the call does. FortiSIEM wants one attribute for each key column
(https://docs.fortinet.com/document/fortisiem/7.1.1/user-guide/46398), so a call with n attributes takes the first n
columns as the key; a filter is refused where that key is not unique in the table.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic, LanguageError, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

CMDB = "cmdb"
"""The table that ``DeviceToCMDBAttr(device, attribute)`` reads; ``DeviceToCMDBAttr(device, intfName, attribute)`` reads
the table ``cmdb_intfName``, whose first two columns are the device and the interface."""


class LookupTable(Struct, frozen=True):
    """A table as its file has it: column names, and rows of as many cells; an empty cell is an absent value."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def parse_table(text: str, path: str = "<table>") -> LookupTable:
    """Read CSV text (RFC 4180: header first, commas, quotes doubled); blank lines are skipped.

    Raises:
        LanguageError: no header, an unnamed or repeated column, rows of another length; all of them at once.

    """
    place = Place.of(text, path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[str, ...]] = []
    problems: list[Diagnostic] = []
    columns: tuple[str, ...] | None = None
    starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]
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
