r"""The set of characters that one place of a pattern takes: what ``re`` reads goes in, membership comes out.

Decision: a set is described by its ASCII members and its classes (``\w``, ``\d``, ``\s``), and asked about any
character. Case is ignored by folding, as everywhere in the language. A set that names a character beyond ASCII is not
described here: the tree says so, and ``re`` runs that pattern.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.folding import fold

if TYPE_CHECKING:
    from collections.abc import Callable

ASCII = tuple(map(chr, range(128)))

SAMPLES = (*ASCII, "\u00e9", "\u0665", "\u2003", "\u2013")
"""All of ASCII; beyond it a letter, a digit, a blank and a mark stand for their kinds."""


def is_word(character: str) -> bool:
    r"""Tell whether a character is one of ``\w``."""
    return character.isalnum() or character == "_"


_CLASSES: dict[str, Callable[[str], bool]] = {"DIGIT": str.isdecimal, "SPACE": str.isspace, "WORD": is_word}


class CharSet(Struct, frozen=True, dict=True):
    """``members`` are ASCII characters; ``classes`` are DIGIT, NOT_DIGIT, SPACE, …, as ``re`` calls them."""

    members: frozenset[str]
    classes: tuple[str, ...] = ()
    negated: bool = False
    ignore_case: bool = False

    @cached_property
    def _compared(self) -> frozenset[str]:
        return frozenset(map(fold, self.members)) if self.ignore_case else self.members

    def __contains__(self, character: str) -> bool:
        found = (fold(character) if self.ignore_case else character) in self._compared
        return (found or any(_is(character, name) for name in self.classes)) is not self.negated

    @cached_property
    def mask(self) -> int:
        """Which of the samples are members, a bit each: two sets overlap where they share one."""
        return sum(1 << at for at, character in enumerate(SAMPLES) if character in self)

    @property
    def ascii(self) -> frozenset[str]:
        """The members in ASCII."""
        return _ascii(self)


@lru_cache(maxsize=1024)
def _ascii(chars: CharSet) -> frozenset[str]:
    """Work the members out once for each set: the same letters stand in all patterns."""
    return frozenset(character for character in ASCII if character in chars)


def _is(character: str, name: str) -> bool:
    kind = name.removeprefix("NOT_")
    return _CLASSES[kind](character) is (kind == name)
