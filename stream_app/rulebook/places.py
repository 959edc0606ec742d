"""Where the keys and values of a TOML document stand: valid TOML text in, a span for every path out.

Decision: tomllib decides what is valid and what a value is, and gives no positions (nor do the other maintained
readers), so this module finds positions and nothing else. It walks text that tomllib has already accepted, and so has
no error of its own; a property holds it to tomllib: the text of a span, read alone, is the value.
"""

import re
import tomllib
from collections.abc import Mapping

from msgspec import Struct

Path = tuple[str | int, ...]
"""Keys and list positions from the root: ``("case", 0, "events", 1, "at")``."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_KEY = re.compile(r'[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|\'[^\']*\'')
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""[\x22]{0,2}' r"|'''.*?'''[\x27]{0,2}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


class Entry(Struct, frozen=True):
    """Offsets in characters: where the key is written, and the half-open span of its value (of a table: its header)."""

    key: int
    start: int
    end: int


class Statement(Struct, frozen=True):
    """A header, or a key with its value, that stands on lines of its own; offsets in characters, half-open."""

    table: Path
    """The table that it begins, or stands in."""
    start: int
    end: int
    is_header: bool


class Finder:
    """One walk over a document. ``entries`` maps every path to where it is first written; the root is at 0."""

    def __init__(self, text: str) -> None:
        self.entries: dict[Path, Entry] = {(): Entry(0, 0, 0)}
        self.statements: list[Statement] = []
        self._text = text
        self._at = 0
        self._last: dict[Path, int] = {}

    def document(self) -> None:
        """Walk the whole text, table by table."""
        table: Path = ()
        while (start := self._skip()) < len(self._text):
            is_header = self._text[start] == "["
            if is_header:
                table = self._header()
            else:
                self._pair(table)
            self.statements.append(Statement(table, start, self._at, is_header))

    def _skip(self) -> int:
        return self._take(_BLANK)

    def _take(self, pattern: re.Pattern[str]) -> int:
        """Move behind what the pattern matches here, if it does, and give the place."""
        if found := pattern.match(self._text, self._at):
            self._at = found.end()
        return self._at

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        start, end = self._at, self._take(_KEY)
        while start < end:
            parts.append(next(iter(tomllib.loads(f"{self._text[start:end]} = 0"))))
            start, end = self._take(_DOT), self._take(_KEY)
        return tuple(parts)

    def _header(self) -> Path:
        start = self._at
        array = self._text.startswith("[[", start)
        self._at += 2 if array else 1
        self._skip()
        *above, last = self._key()
        path: Path = ()
        for part in above:
            self.entries.setdefault((*path, part), Entry(start, start, self._at))
            path = self._newest((*path, part))
        path = (*path, last)
        self._skip()
        self._at += 2 if array else 1
        entry = Entry(start, start, self._at)
        self.entries.setdefault(path, entry)
        if array:
            self._last[path] = self._last.get(path, -1) + 1
            path = self._newest(path)
            self.entries[path] = entry
        return path

    def _newest(self, path: Path) -> Path:
        """Give the path of the newest element where the path is an array of tables."""
        return (*path, self._last[path]) if path in self._last else path

    def _pair(self, table: Path) -> None:
        key = self._at
        *above, last = self._key()
        path = table
        for part in above:
            path = (*path, part)
            self.entries.setdefault(path, Entry(key, key, self._at))
        self._skip()
        self._at += 1
        self._skip()
        self._value((*path, last), key)

    def _value(self, path: Path, key: int | None = None) -> None:
        start = self._at
        match self._text[start]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_SCALAR)
                self._at = start + len(self._text[start : self._at].rstrip())
        self.entries[path] = Entry(start if key is None else key, start, self._at)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip()] != "]":
            if self._text[self._at] == ",":
                self._at += 1
            else:
                self._value((*path, index))
                index += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip()] != "}":
            if self._text[self._at] == ",":
                self._at += 1
            else:
                self._pair(path)
        self._at += 1


def find_statements(text: str) -> tuple[Statement, ...]:
    """Give the statements of ``text``, in their order. ``text`` must be what tomllib accepted."""
    finder = Finder(text)
    finder.document()
    return tuple(finder.statements)


def find_places(text: str) -> Mapping[Path, Entry]:
    """Give where every key, element and table of ``text`` stands. ``text`` must be what tomllib accepted."""
    finder = Finder(text)
    finder.document()
    return finder.entries
