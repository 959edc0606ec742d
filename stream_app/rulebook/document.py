"""A TOML file as it is read here: bytes in, values with their places out, or a diagnostic that says where it is wrong.

Decision: whatever is wrong with a file is a :class:`LanguageError` with a place in that file, also what TOML itself
says nothing about (a file that is missing, not UTF-8, or nested beyond Python's stack): a caller handles one class.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.rulebook.places import Entry, Path, find_places

if TYPE_CHECKING:
    from stream_app.rulebook.ruleset import KeptPath

_WHERE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")


class Document(Struct, frozen=True):
    """A TOML file that was read: its text (with Unix line ends), its values, and where they are written."""

    path: str
    text: str
    data: Mapping[str, object]
    entries: Mapping[Path, Entry]

    def at_key(self, path: Path, message: str) -> Diagnostic:
        """Say something about the key that is written at ``path``."""
        return Place(self.path, self.text, self.entries[path].key).diagnose(0, message)

    def at_value(self, path: Path, message: str) -> Diagnostic:
        """Say something about the value that is written at ``path``."""
        return Place(self.path, self.text, self.entries[path].start).diagnose(0, message)

    def verbatim(self, path: Path, *, literal: bool) -> Place | None:
        """Give where the content of the string at ``path`` begins, if every character of it stands there as itself.

        That holds for a literal string always, and for a basic one (refused if ``literal``) without escapes.
        """
        entry = self.entries[path]
        raw = self.text[entry.start : entry.end]
        if (literal and raw[0] != "'") or (raw[0] == '"' and "\\" in raw):
            return None
        long = raw[:3] in {"'''", '"""'}
        start = entry.start + (3 if long else 1)
        return Place(self.path, self.text, start + (long and self.text[start] == "\n"))


def read_text(path: "FilePath | KeptPath") -> str:
    """Read a file of UTF-8 text. Raises LanguageError: it is not there, not readable, not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LanguageError([Place(path.as_posix(), "", 0).diagnose(0, f"cannot be read: {error.strerror}")]) from error
    return decode_text(path.as_posix(), data)


def document_beside(document: Document, name: str) -> Document | None:
    """Read the file of a name in a document's folder; None where there is none. Raises LanguageError."""
    path = FilePath(document.path).parent / name
    return parse_document(path.as_posix(), read_text(path)) if path.exists() else None


def decode_text(path: str, data: bytes, encoding: str = "utf-8") -> str:
    """Decode UTF-8, with or without a byte order mark, or another encoding, and make line ends Unix ones.

    Raises LanguageError at the first byte that is not of the encoding.
    """
    data = data.removeprefix(b"\xef\xbb\xbf") if encoding == "utf-8" else data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(encoding)
        shown = before + error.object[error.start :].split(b"\n", 1)[0].decode(encoding, "replace")
        message = f"not {encoding.upper()}: byte 0x{error.object[error.start]:02x}"
        raise LanguageError([Place(path, shown, len(before)).diagnose(0, message)]) from error
    return text.replace("\r\n", "\n")


def parse_document(path: str, text: str) -> Document:
    """Read TOML. ``path`` is what diagnostics name. Raises LanguageError."""
    try:
        data = tomllib.loads(text)
        return Document(path, text, data, find_places(text))
    except ValueError as error:
        said = str(error)
        where = _WHERE.search(said)
        message = f"not TOML: {said[: where.start()] if where else said}"
        raise LanguageError([Place(path, text, _offset(text, where)).diagnose(0, message)]) from error
    except RecursionError as error:
        raise LanguageError([Place(path, text, 0).diagnose(0, "nested too deeply")]) from error


def _offset(text: str, where: re.Match[str] | None) -> int:
    """Turn what tomllib says of a place into an offset; it says "end of document" for the end."""
    if where is None:
        return 0
    if where["line"] is None:
        return len(text)
    lines = text.split("\n")
    return sum(len(line) + 1 for line in lines[: int(where["line"]) - 1]) + int(where["column"]) - 1
