"""The fields of a TOML table, read by type: a table in, typed values out, and everything wrong with it in one list.

Decision: a wrong field does not end the reading. It is reported with its place, a value of the right type stands in for
it, and whoever asked checks the list before using what was read; so one run shows every error of a file.
"""

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.rulebook.document import Document
from stream_app.rulebook.places import Path

T = TypeVar("T")

_LITERAL = "a literal string: '…' or '''…'''"

_KINDS: tuple[tuple[type, str], ...] = (
    (str, "a string"),
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (list, "an array"),
    (dict, "a table"),
)


def kind_of(value: object) -> str:
    """Name a TOML value's type as an author would."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "a date or time")


class Fields:
    """A table of a document. Each method reads a key once; :meth:`close` reports the keys nobody asked for."""

    def __init__(self, document: Document, problems: list[Diagnostic], path: Path, data: Mapping[str, object]) -> None:
        self.document = document
        self.path = path
        self.data = data
        self._problems = problems
        self._known: set[str] = set()

    @classmethod
    def of(cls, document: Document, problems: list[Diagnostic]) -> "Fields":
        """Give the root table."""
        return cls(document, problems, (), document.data)

    def at_key(self, message: str, *below: str | int) -> None:
        """Report something about a key of this table, or about the table."""
        self._problems.append(self.document.at_key((*self.path, *below), message))

    def at_value(self, message: str, *below: str | int) -> None:
        """Report something about a value of this table."""
        self._problems.append(self.document.at_value((*self.path, *below), message))

    def verbatim(self, key: str, *, literal: bool) -> Place | None:
        """Give the place of a string of this table; see :meth:`Document.verbatim`."""
        return self.document.verbatim((*self.path, key), literal=literal)

    def text(self, key: str, default: str | None = None) -> str:
        """Read a string. Without a default it must be there and not be empty."""
        value = self._get(key, str, "" if default is None else default, required=default is None)
        if default is None and self.data.get(key) == "":
            self.at_value(f"{key} is empty", key)
        return value

    def parsed(
        self, key: str, parse: Callable[[str, Place], T], *, required: bool = True, literal: bool = False
    ) -> T | None:
        """Read a text of a language where it stands; None where it is wrong, which is reported, or not there.

        Its places are places in the file only if the file holds it verbatim: see :meth:`Document.verbatim`.
        """
        text = self.text(key, None if required or key in self.data else "")
        if text == "":
            return None
        place = self.verbatim(key, literal=literal)
        if place is None:
            self.at_value(f"{key} must be {_LITERAL if literal else 'written without escapes'}", key)
            return None
        try:
            return parse(text, place)
        except LanguageError as error:
            self.report(error.diagnostics)
            return None

    def report(self, problems: Iterable[Diagnostic]) -> None:
        """Report what was found by someone else."""
        self._problems.extend(problems)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Read an integer of ``low`` to ``high``, both included."""
        value = self._get(key, int, low if default is None else default, required=default is None)
        if key in self.data and not low <= value <= high:
            self.at_value(f"{key} must be {low} to {high}, got {value}", key)
        return value

    def number(self, key: str) -> float:
        """Read a number of zero or more, integer or not."""
        value = self.data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self._get(key, float, 0.0, required=True)
        self._known.add(key)
        if not 0 <= value < math.inf:
            self.at_value(f"{key} must be zero or more, got {value}", key)
            return 0
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Read a boolean."""
        return self._get(key, bool, default)

    def one_of(self, key: str, kind: type[T], noun: str) -> T | None:
        """Read a value of one of TOML's other types, which ``noun`` names; None where there is none, or another."""
        self._known.add(key)
        value = self.data.get(key)
        if value is None or isinstance(value, kind):
            return value
        self.at_value(f"{key}: expected {noun}, got {kind_of(value)}", key)
        return None

    def choice(self, key: str, choices: Mapping[str, T], default: T) -> T:
        """Read one of a few words, and give what it stands for."""
        word = self._get(key, str, "")
        if word in choices:
            return choices[word]
        if isinstance(self.data.get(key), str):
            self.at_value(f"{key} must be {' or '.join(repr(choice) for choice in choices)}, got {word!r}", key)
        return default

    def words(self, key: str, *, required: bool = False) -> tuple[tuple[int, str], ...]:
        """Read an array of non-empty strings: each with its index in the array."""
        found: list[tuple[int, str]] = []
        for index, value in enumerate(self._get(key, list, [], required=required)):
            if not isinstance(value, str):
                self.at_value(f"{key}: expected a string, got {kind_of(value)}", key, index)
            elif value == "":
                self.at_value(f"{key}: an empty string", key, index)
            else:
                found.append((index, value))
        return tuple(found)

    def texts(self, key: str, *, required: bool = False) -> dict[str, int]:
        """Read an array of different, non-empty strings, in its order: each with its index in the array."""
        found: dict[str, int] = {}
        for index, value in self.words(key, required=required):
            if found.setdefault(value, index) != index:
                self.at_value(f"{key}: {value!r} is there twice", key, index)
        return found

    def table(self, key: str, *, required: bool = False) -> "Fields | None":
        """Read a table; None where there is none."""
        self._get(key, dict, {}, required=required)
        data = self.data.get(key)
        return Fields(self.document, self._problems, (*self.path, key), data) if isinstance(data, dict) else None

    def tables(self, key: str, *, required: bool = False) -> "tuple[Fields, ...]":
        """Read an array of tables."""
        found: list[Fields] = []
        for index, value in enumerate(self._get(key, list, [], required=required)):
            if isinstance(value, dict):
                found.append(Fields(self.document, self._problems, (*self.path, key, index), value))
            else:
                self.at_value(f"{key}: expected a table, got {kind_of(value)}", key, index)
        return tuple(found)

    def rest(self) -> dict[str, object]:
        """Give the keys nobody asked for so far, with their values, and count them as known."""
        rest = {key: value for key, value in self.data.items() if key not in self._known}
        self._known.update(rest)
        return rest

    def close(self) -> None:
        """Report every key that was never asked for."""
        for key in self.data:
            if key not in self._known:
                near = difflib.get_close_matches(key, sorted(self._known - set(self.data)), 1)
                self.at_key(f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""), key)

    def _get(self, key: str, kind: type[T], default: T, *, required: bool = False) -> T:
        self._known.add(key)
        if key not in self.data:
            if required:
                self.at_key(f"missing key {key!r}")
            return default
        value = self.data[key]
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        expected = next(name for known, name in _KINDS if known is kind)
        self.at_value(f"{key}: expected {expected}, got {kind_of(value)}", key)
        return default
