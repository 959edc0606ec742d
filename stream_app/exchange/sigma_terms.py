"""Conditions of the query language as text: terms in, terms joined by AND and OR with their parentheses out.

Decision: what is always or never true is worked out here, since the language has no word for it: it leaves its AND or
OR, or settles it. AND and OR side by side always get parentheses.
"""

import re
from collections.abc import Iterable

from msgspec import Struct

_REGEX_SPECIAL = frozenset("\\.^$*+?{}[]()|\"'")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]*")


class SigmaRefused(Exception):
    """What a rule says and cannot be run exactly; ``near`` is a word of the file that stands where it says so."""

    def __init__(self, message: str, near: str = "") -> None:
        super().__init__(message)
        self.near = near


class Said(Struct, frozen=True):
    """A condition; ``joined`` is the word between its terms, empty for one term."""

    text: str
    joined: str = ""
    reads: frozenset[str] = frozenset()
    """The attributes that it reads, but eventType."""


ALWAYS = Said("always")
NEVER = Said("never")


def all_of(terms: Iterable[Said]) -> Said:
    """Join by AND."""
    return _join(terms, "AND", nothing=ALWAYS, settles=NEVER)


def any_of(terms: Iterable[Said]) -> Said:
    """Join by OR."""
    return _join(terms, "OR", nothing=NEVER, settles=ALWAYS)


def joined(terms: Iterable[Said], *, negated: bool) -> Said:
    """Join alternatives by OR, or, where each is negated already, by AND."""
    return all_of(terms) if negated else any_of(terms)


def _join(terms: Iterable[Said], word: str, *, nothing: Said, settles: Said) -> Said:
    kept = [term for term in dict.fromkeys(terms) if term is not nothing]
    if any(term is settles for term in kept):
        return settles
    if not kept:
        return nothing
    if len(kept) == 1:
        return kept[0]
    texts = [term.text if term.joined in {"", word} else f"({term.text})" for term in kept]
    return Said(f" {word} ".join(texts), word, frozenset().union(*(term.reads for term in kept)))


def writable(text: str) -> bool:
    """Tell whether a text may stand in a literal of a rule file as it is."""
    return "'''" not in text and _PRINTABLE.fullmatch(text) is not None


def quoted(text: str) -> str:
    """Write a literal of the language; ``text`` must be writable."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def in_regex(text: str) -> str:
    """Write a text as a part of a regular expression that stands between quotes."""
    return "".join(_character(character) for character in text)


def kept_regex(pattern: str) -> str:
    """Write a regular expression so that it may stand between quotes in a rule file, and means what it did."""
    found = []
    for piece in re.findall(r"\\.|.", pattern, re.DOTALL):
        if piece == '"':
            found.append('\\"')
        elif piece == "'":
            found.append("\\'")
        elif writable(piece):
            found.append(piece)
        else:
            found.append(_character(piece[-1]))
    return "".join(found)


def _character(character: str) -> str:
    if writable(character):
        return f"\\{character}" if character in _REGEX_SPECIAL else character
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - two hexadecimal digits
