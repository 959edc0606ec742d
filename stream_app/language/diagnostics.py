"""Where a rule's text is wrong: a position in a query goes in, ``path:line:column: message`` with a caret comes out.

Decision: a position is always one of the *file*, not of the query, since the file is what its author has open. A query
therefore travels with the whole text of its file and the offset at which it begins there. That is exact only where the
file holds the query character for character (a TOML literal string, not a basic one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable


class Diagnostic(Struct, frozen=True):
    """One error of a rule's author; ``line`` and ``column`` count from 1, ``column`` in characters."""

    path: str
    line: int
    column: int
    message: str
    source_line: str

    def render(self) -> str:
        """Show the error as ``path:line:column: message``, the line, and a caret under the column.

        A tab before the column stands before the caret too, so that both lines are indented alike.
        """
        before = self.source_line[: self.column - 1]
        indent = "".join("\t" if character == "\t" else " " for character in before)
        return f"{self.path}:{self.line}:{self.column}: {self.message}\n{self.source_line}\n{indent}^"


class LanguageError(Exception):
    """What is wrong with a text, all of it; ``str()`` gives every diagnostic as rendered, one after the other."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(diagnostic.render() for diagnostic in self.diagnostics))


class Place(Struct, frozen=True):
    """Where a query stands: the file's ``path``, its whole ``text``, and the ``offset`` at which the query begins."""

    path: str
    text: str
    offset: int

    @classmethod
    def of(cls, query: str, path: str = "<query>") -> Place:
        """Give the place of a query that is not part of a file."""
        return cls(path, query, 0)

    def diagnose(self, position: int, message: str) -> Diagnostic:
        r"""Make the diagnostic for a position (characters) inside the query; lines end at ``\n`` only, as in TOML."""
        at = self.offset + position
        begin = self.text.rfind("\n", 0, at) + 1
        end = self.text.find("\n", begin)
        line = self.text[begin:] if end < 0 else self.text[begin:end]
        return Diagnostic(self.path, self.text.count("\n", 0, begin) + 1, at - begin + 1, message, line.rstrip("\r"))
