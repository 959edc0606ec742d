"""What the three lookup functions read: a call goes in, the table, its key and its column come out.

Decision: the CMDB is a table like any other. ``DeviceToCMDBAttr(device, attribute)`` reads the table ``cmdb``, whose
first column is the device; ``DeviceToCMDBAttr(device, intfName, attribute)``, for what belongs to an interface or a
disk (https://docs.fortinet.com/document/fortisiem/7.0.2/user-guide/83925), reads ``cmdb_intfName``, whose first two
columns are the device and the interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.reading import NOWHERE, number_of
from stream_app.language.syntax import Attribute, Name, Operand
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from stream_app.language.syntax import Call, Span
    from stream_app.language.tables import LookupTable
    from stream_app.language.values import Value

CMDB = "cmdb"


class Lookup(Struct, frozen=True):
    """The table, the column that is read (empty if only the row's being there counts), and what makes the key."""

    table: str
    column: str
    keys: tuple[Operand, ...]
    span: Span
    misplaced: Operand | None = None
    """What stands where ``DeviceToCMDBAttr`` takes the attribute that names its table."""


def lookup_of(call: Call) -> Lookup:
    """Say what a call of ``LookupTableHas``, ``LookupTableGet`` or ``DeviceToCMDBAttr`` reads."""
    names = [argument.text for argument in call.arguments if isinstance(argument, Name)]
    keys = tuple(argument for argument in call.arguments if isinstance(argument, Operand))
    if call.function == "DeviceToCMDBAttr":
        parts = [part.name for part in keys[1:] if isinstance(part, Attribute)]
        misplaced = keys[1] if len(keys) > 1 and not parts else None
        return Lookup("_".join([CMDB, *parts]), names[0], keys, call.span, misplaced)
    return Lookup(names[0], names[1] if len(names) > 1 else "", keys, call.span)


def index(
    table: LookupTable, column: str, readers: tuple[Callable[[str], Hashable], ...]
) -> tuple[dict[tuple[Hashable, ...], Value], tuple[str, ...]]:
    """Map each row's key to the cell that is read, and name a key that two rows have (empty if there is none).

    The first ``len(readers)`` columns are the key. A row whose key has an empty cell, or one that does not read as its
    type, matches nothing; a cell that is empty is absent. Both are left out.
    """
    rows: dict[tuple[Hashable, ...], Value] = {}
    repeated: tuple[str, ...] = ()
    is_number = bool(column) and table.type_of(column) is AttributeType.NUMBER
    for row in table.rows:
        key = tuple(reader(cell) for reader, cell in zip(readers, row, strict=False))
        if any(part in {"", NOWHERE} or part != part for part in key):  # noqa: PLR0124 - NaN differs from itself
            continue
        repeated = repeated or (row[: len(readers)] if key in rows else ())
        cell = row[table.columns.index(column)] if column else "1"
        rows[key] = number_of(cell) if is_number or not column else cell
    return {key: cell for key, cell in rows.items() if cell != ""}, repeated
