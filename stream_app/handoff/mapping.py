"""A format's mapping as a declared table: rows in, a function from an incident's facts to a document out.

Decision: a row names a field of the document, what of the incident stands there and in which shape, and the docs show
these very rows. A value that a field cannot hold (an address that is none, a port that is a word) is left out there
rather than written: one bad value must not make a SOAR refuse the document. Every format keeps all attributes once
more under their own names, so nothing is lost by it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from msgspec import Struct

from stream_app.handoff.cut import Facts
from stream_app.handoff.native import FIELDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999
_BEHIND = frozenset({*FIELDS, "incidentClearedTime", "mergedInto", "cut"})
_DIGITS = 18
_PORTS = 65_536
_ADDRESS = 39
"""Characters of an address without a shorter form in it; with leading zeros there may be more."""


class Shape(Struct, frozen=True):
    """How a value is written. ``name`` is for the docs; ``give`` gives None for what the field cannot hold."""

    name: str
    give: Callable[[Any], Any]


def _text(value: object) -> str | None:
    return str(value) or None


def _integer(value: object) -> int | None:
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    return None


def _port(value: object) -> int | None:
    number = _integer(value)
    return number if number is not None and 0 <= number < _PORTS else None


def _address(value: object) -> str | None:
    try:
        address = ip_address(str(value))
    except ValueError:
        return None
    text = str(value)
    return None if "%" in text else text if len(text) <= _ADDRESS else str(address)


def moment(value: int) -> str:
    """Give milliseconds since 1970 as RFC 3339, in UTC; the first or last there is for what has no year of 4 digits."""
    said = _EPOCH + timedelta(milliseconds=min(max(value, _FIRST), _LAST))
    return said.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def last_part(value: object) -> str | None:
    """Give what stands behind the last slash or backslash of a path."""
    return str(value).replace("\\", "/").rpartition("/")[2] or None


TEXT = Shape("text", _text)
INTEGER = Shape("integer", _integer)
PORT = Shape("port", _port)
ADDRESS = Shape("address", _address)
TIME = Shape("RFC 3339", moment)
NAME = Shape("last part of the path", last_part)
MILLISECONDS = Shape("ms since 1970", _integer)
LIST = Shape("list", list)
ALONE = Shape("list of one", lambda value: [str(value)])
JOINED = Shape("joined by commas", lambda values: ", ".join(values) or None)
FLAG = Shape("true", bool)


def choice(words: Mapping[Any, Any]) -> Shape:
    """Give the shape that writes one of a few values as another; what is none of them is left out."""
    return Shape(", ".join(f"{word}: {value}" for word, value in words.items()), words.get)


class Field(Struct, frozen=True):
    """``to`` is the field's path in the document, with dots; ``of`` what stands there: a field or an attribute."""

    to: str
    of: str
    shape: Shape = TEXT


def plan(fields: Iterable[Field], fixed: Mapping[str, Any]) -> Callable[[Facts], dict[str, Any]]:
    """Give the function that fills a document. ``fixed`` are values that stand in each one, by path.

    Of several rows with one path the last whose value is there wins, in the order of the incident's fields; lists are
    joined.
    """
    rows: dict[str, list[tuple[list[str], Callable[[Any], Any]]]] = {}
    for field in fields:
        rows.setdefault(field.of, []).append((field.to.split("."), field.shape.give))
    same: dict[str, Any] = {}
    for path, value in fixed.items():
        _put(same, path.split("."), value)

    def filled(facts: Facts) -> dict[str, Any]:
        document = _copied(same)
        for name, value in facts.items():
            for path, give in rows.get(name, ()):
                given = give(value)
                if given is not None:
                    _put(document, path, given)
        return document

    return filled


def _copied(document: dict[str, Any]) -> dict[str, Any]:
    """Copy a document's tables; its lists are never changed in place."""
    return {name: _copied(value) if isinstance(value, dict) else value for name, value in document.items()}


def _put(document: dict[str, Any], path: Sequence[str], value: Any) -> None:  # noqa: ANN401 - a field's
    *parents, last = path
    for each in parents:
        document = document.setdefault(each, {})
    document[last] = [*document.get(last, ()), *value] if isinstance(value, list) else value


def attributes_of(facts: Facts) -> Facts:
    """Give the mapped attributes alone, in their order."""
    return {name: value for name, value in facts.items() if name not in _BEHIND}
