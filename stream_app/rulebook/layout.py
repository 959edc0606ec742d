"""How a rule file is laid out: a file's text in, the same file in the order and spacing of all others out.

Keys stand in the schema's order, and so do the tables behind them, one blank line before each. Decision: what is
written is moved, never rewritten: values, queries first of all, stay as they are to the character, and so do comments.
A comment belongs to what stands below it, or before it in its line; comments at the top, above a blank line, stay
there, and so do those at the end. What has an order of its own ([incident], the patterns among each other, entries of
one array) keeps it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import cast

from msgspec import Struct

from stream_app.rulebook.document import Document
from stream_app.rulebook.places import Path, Statement, find_statements
from stream_app.rulebook.schema import Schema, rule_schema

COMMENT_COLUMN = 48
"""Where a comment behind a value begins, if the value leaves room."""

_ASSIGNED = re.compile(r"""((?:"(?:\\.|[^"\\])*"|'[^']*'|[^="'])*?)[ \t]*=[ \t]*""")
_FIRST = re.compile(r"[A-Za-z0-9_-]+")


class _Block(Struct, frozen=True):
    """A statement with the comments that belong to it."""

    table: Path
    name: str
    """The key, of a header the table's."""
    is_header: bool
    above: tuple[str, ...]
    """Lines of comments, and single empty ones between them; an empty one first: a blank line stood above."""
    code: str
    behind: str
    """The comment in its line, if there is one."""

    def lines(self) -> Iterator[str]:
        """Give its lines as they are laid out."""
        yield from self.above
        last = self.code.rpartition("\n")[2]
        room = max(COMMENT_COLUMN - len(last), 2)
        yield f"{self.code}{' ' * room}{self.behind}" if self.behind else self.code


def laid_out(document: Document) -> str:
    """Give the text of a rule file as it should be laid out."""
    statements = find_statements(document.text)
    top, blocks, end = _blocks(document.text, statements)
    schema = rule_schema()
    sections = [list(each) for _, each in groupby(blocks, _Section())]
    first = [] if not sections or sections[0][0].is_header else sections.pop(0)
    sections.sort(key=lambda section: _rank(schema, section[0].table[:1]))
    parts = [top]
    for section in (first, *sections):
        lines = [line for block in _sorted(schema, section) for line in block.lines()]
        parts.append(lines[1:] if lines[:1] == [""] else lines)
    return "\n\n".join("\n".join(part) for part in (*parts, end) if part) + "\n"


class _Section:
    """Numbers sections: a header begins one."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, block: _Block) -> int:
        self._number += block.is_header
        return self._number


def _sorted(schema: Schema, section: Sequence[_Block]) -> list[_Block]:
    """Sort the keys of a section; its header stays first."""
    return sorted(
        section, key=lambda block: -1 if block.is_header else _rank(_schema_of(schema, block.table), (block.name,))
    )


def _rank(schema: Schema, path: Path) -> int:
    """Give the place of a key in the schema's order: of one that it does not know, and where it has none, the last."""
    names = list(cast("Mapping[str, Schema]", schema.get("properties", {})))
    return names.index(str(path[0])) if path and path[0] in names else len(names)


def _schema_of(schema: Schema, table: Path) -> Schema:
    """Give what the schema says of a table; nothing of one that it does not know."""
    for key in table:
        properties = cast("Mapping[str, Schema]", schema.get("properties", {}))
        inner = schema.get("items") if isinstance(key, int) else properties.get(key, schema.get("additionalProperties"))
        schema = inner if isinstance(inner, dict) else {}
    return schema


def _blocks(text: str, statements: Sequence[Statement]) -> tuple[list[str], list[_Block], list[str]]:
    """Cut a text into the comments at the top, the statements with theirs, and the comments at the end."""
    blocks: list[_Block] = []
    top: list[str] = []
    at = 0
    for statement in statements:
        above = _comments(text[at : statement.start], first=at == 0)
        line_end = text.find("\n", statement.end)
        at = len(text) if line_end < 0 else line_end + 1
        behind = text[statement.end : at].strip()
        if not blocks and "" in above:
            cut = len(above) - above[::-1].index("")
            top, above = above[: cut - 1], above[cut:]
        code = text[statement.start : statement.end]
        if not statement.is_header:
            code = _ASSIGNED.sub(lambda found: f"{found[1].strip()} = ", code, count=1)
        named = _FIRST.match(code)
        name = named[0] if named else ""
        blocks.append(_Block(statement.table, name, statement.is_header, tuple(above), code, behind))
    return top, blocks, _stripped(_comments(f"{text[at:]}\n", first=True))


def _comments(text: str, *, first: bool) -> list[str]:
    """Give the lines of comments in what stands between statements: no two empty ones, none behind them but one."""
    found: list[str] = []
    for line in map(str.strip, text.split("\n")[:-1]):
        if line or (found[-1:] != [""] and not (first and not found)):
            found.append(line)
    return found if any(found) else []


def _stripped(lines: list[str]) -> list[str]:
    """Take an empty line off the end."""
    return lines[:-1] if lines[-1:] == [""] else lines
