"""A rule as plain data goes in, the text of its file comes out: one form for whatever makes or formats rules.

Decision: a query stands in a literal string, on lines of its own, so that it is there character for character and an
error's column is the query's. What no literal string can hold (``'''``, control characters) is refused: with escapes it
would not be the text that its author knows. Other texts stand in ``"…"``, or in ``'…'`` where that saves escapes.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time

import msgspec

from stream_app.rulebook.text import RuleText

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_LITERAL = re.compile(r"'''|[\x00-\x08\x0b-\x1f\x7f]")
_WORDLESS = re.compile(r"[^a-z0-9]+")
_QUERIES = frozenset({"query"})
_LANGUAGES = frozenset({"aggregate", "trigger", "global"})
_LITERALS = frozenset({"when"})
_SECONDS = frozenset({"window", "lateness", "clear_after", "update_interval", "keep"})
_UNIT_COLUMN = 48
_RESERVED = frozenset({"groups", "tables"})
_LONGEST_SLUG = 100


class NotWritable(Exception):
    """A text cannot stand in a rule file as it is; the message says which, and why."""


def write_rule(rule: RuleText) -> str:
    """Give the text of the rule's file, which ends with a line end.

    Raises NotWritable: a query, an aggregate, a trigger, a global constraint or an exception's condition holds what a
    literal string cannot.
    """
    data = msgspec.to_builtins(rule, builtin_types=(datetime, time))
    lines = [f"# {_printable(comment)}".rstrip() for comment in data.pop("comments", ())]
    lines += _pairs((key, value) for key, value in data.items() if not _is_table(value))
    for name, pattern in data["pattern"].items():
        lines += ["", f"[pattern.{_key(name)}]", *_pairs(pattern.items())]
    for name in ("incident", "clear", "flood"):
        if name in data:
            lines += ["", f"[{name}]", *_pairs(data[name].items())]
    for name in ("watch_list", "exception"):
        for table in data.get(name, ()):
            lines += ["", f"[[{name}]]", *_pairs(table.items())]
    return "\n".join(lines) + "\n"


def slug_of(name: str, otherwise: str = "rule") -> str:
    """Give the name of a rule's folder: small ASCII letters and digits of its title, with ``-`` between the words.

    ``otherwise`` is used where the title has none, such as the rule's id.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _WORDLESS.sub("-", plain).strip("-")[:_LONGEST_SLUG].rstrip("-")
    if not slug:
        return slug_of(otherwise) if otherwise != "rule" else otherwise
    return f"{slug}-rule" if slug in _RESERVED else slug


def _is_table(value: object) -> bool:
    """Tell a table, or an array of tables, from what stands in a line."""
    return isinstance(value, dict) or (
        isinstance(value, list | tuple) and any(isinstance(each, dict) for each in value)
    )


def _pairs(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    for key, value in pairs:
        line = f"{_key(key)} = {_written(key, value)}"
        yield f"{line:<{_UNIT_COLUMN}}# seconds" if key in _SECONDS and isinstance(value, int) else line


def _written(key: str, value: object) -> str:
    if isinstance(value, str):
        if key in _QUERIES:
            return _long_literal(key, value)
        if key in _LITERALS:
            return _literal(key, value)
        return _verbatim(key, value) if key in _LANGUAGES else _text(value)
    return _value(value)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case datetime() | time():
            return value.isoformat()
        case Mapping():
            return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case _:
            return str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _basic(name)


def _text(value: str) -> str:
    r"""Write a text; a literal one where a basic one would need ``\\`` or ``\"``."""
    if ("\\" in value or '"' in value) and "'" not in value and not _CONTROL.search(value):
        return f"'{value}'"
    return _basic(value)


def _basic(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", escaped) + '"'


def _verbatim(key: str, value: str) -> str:
    """Write a text of a language without escapes."""
    if "\\" in value or '"' in value or _CONTROL.search(value):
        return _literal(key, value)
    return f'"{value}"'


def _literal(key: str, value: str) -> str:
    return _long_literal(key, value) if "'" in value or _CONTROL.search(value) else f"'{value}'"


def _long_literal(key: str, value: str) -> str:
    """Write a text on lines of its own: the line end behind the opening quotes is no part of it."""
    found = _NOT_LITERAL.search(value)
    if found is not None:
        what = "three single quotes" if found.group() == "'''" else f"the character U+{ord(found.group()):04X}"
        place = f"at character {found.start() + 1}"
        raise NotWritable(f"{key} holds {what} {place}: no TOML string holds it as it stands")
    return f"'''\n{value}'''"


def _printable(comment: str) -> str:
    """Spell out what a comment may not hold or would not show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in comment)
