r"""A pattern's tree goes in; a search comes out whose time grows with the text and no faster, where that is exact.

Decision: RE2 is the engine, and it is given as little as can be misunderstood: sets spelt out in ASCII, anchors,
groups, repetitions. ``re`` and RE2 then agree on every ASCII text. A character beyond ASCII is replaced by an ASCII one
that the pattern cannot tell from it (in the same of its sets, and both in ``\w`` or both not); a text that has one
without such a stand-in is left to ``re``. ``$`` is written as ``\n?\z``, which is the same where nothing follows it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import re2

from stream_app.language.charsets import ASCII, CharSet, is_word
from stream_app.language.regextree import (
    Anchor,
    Beyond,
    Captured,
    Chars,
    Concat,
    Either,
    Loop,
    Node,
    inside,
    may_be_empty,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 1_000
"""Instructions of RE2. Its slowest way takes a step for each of them and each character: a second for a megabyte."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")

_MEMORY = 1 << 20
"""Bytes that RE2 may keep of what it worked out, for each pattern; it is slower without room, not wrong."""

_KNOWN = 4_096
"""Characters of which the stand-in is remembered."""


class NotLinear(Exception):
    """Only a backtracking engine runs this pattern exactly; ``str()`` says what in it."""


class Linear:
    """Searches one pattern; ``fallback`` is the same pattern for ``re``.

    Raises:
        NotLinear: the pattern holds what RE2 has not, or has in another way.

    """

    def __init__(self, tree: Node, fallback: re.Pattern[str], *, extract: bool = False) -> None:
        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        options.never_capture = not extract
        tail = not extract or fallback.groups > 0
        try:
            self._pattern = re2.compile(_written(tree, extract=extract, tail=tail).encode("ascii"), options)
        except re2.error:
            raise NotLinear("its size") from None
        if self._pattern.programsize > _LARGEST:
            raise NotLinear("its size")
        self._fallback = fallback
        self._group = min(fallback.groups, 1)
        self._stand_ins = _StandIns(tuple(dict.fromkeys(_sets(tree))))

    def search(self, text: str) -> object | None:
        """Look for a match; anything but ``None`` is one."""
        alike = text if text.isascii() else self._alike(text)
        found: object | None
        found = self._pattern.search(alike.encode()) if alike.isascii() else self._fallback.search(text)
        return found

    def extract(self, text: str) -> str | None:
        """Give the first group of the first match, all of the match if there is no group."""
        alike = text if text.isascii() else self._alike(text)
        match = self._pattern.search(alike.encode()) if alike.isascii() else self._fallback.search(text)
        if match is None:
            return None
        begin, end = match.span(self._group)
        return None if begin < 0 else text[begin:end]

    def _alike(self, text: str) -> str:
        """Give a text that the pattern cannot tell from this one, in ASCII as far as possible."""
        return _BEYOND_ASCII.sub(lambda found: found.group().translate(self._stand_ins), text)


def _written(node: Node, *, extract: bool, tail: bool) -> str:
    """Write a tree for RE2. ``tail``: nothing follows it. Raises NotLinear."""
    match node:
        case Chars(chars):
            return _class(chars.ascii)
        case Concat(items):
            ends = (*(False for _ in items[1:]), tail)
            return "".join(_written(item, extract=extract, tail=end) for item, end in zip(items, ends, strict=False))
        case Either(branches):
            return f"(?:{'|'.join(_written(branch, extract=extract, tail=tail) for branch in branches)})"
        case Captured(body):
            return f"({'' if extract else '?:'}{_written(body, extract=extract, tail=tail and not extract)})"
        case Anchor("end") if not tail:
            raise NotLinear("$ with more behind it")
        case Anchor(place):
            return _PLACES[place]
        case Beyond(what):
            raise NotLinear(what)
        case _:
            return _loop(node, extract=extract, tail=tail)


_PLACES = {"start": r"\A", "end": r"(?:\n?\z)", "very end": r"\z", "boundary": r"\b"}


def _loop(loop: Loop, *, extract: bool, tail: bool) -> str:
    """Write a repetition; engines differ in what they do with an empty turn of one, and in what it captured last."""
    many = loop.high is None or loop.high > 1
    if many and may_be_empty(loop.body) and (extract or _holds(loop.body, Anchor)):
        raise NotLinear("a repetition of what may be empty")
    if many and extract and _holds(loop.body, Captured):
        raise NotLinear("a group in a repetition")
    body = _written(loop.body, extract=extract, tail=tail and not many)
    high = "" if loop.high is None else loop.high
    return f"(?:{body}){{{loop.low},{high}}}{'?' if loop.lazy else ''}"


def _class(members: frozenset[str]) -> str:
    if not members:
        return r"[^\x00-\x{10ffff}]"
    return "[" + "".join(rf"\x{ord(character):02x}" for character in sorted(members)) + "]"


def _holds(node: Node, kind: type[Node]) -> bool:
    return isinstance(node, kind) or any(_holds(each, kind) for each in inside(node))


class _StandIns(dict[int, int]):
    """For each character an ASCII one that is in the same sets; a LookupError leaves the character as it is."""

    def __init__(self, sets: tuple[CharSet, ...]) -> None:
        super().__init__()
        self._sets = sets
        inside = [is_word, *(chars.ascii.__contains__ for chars in sets)]
        self._alike = {tuple([test(each) for test in inside]): ord(each) for each in ASCII if each != "\n"}

    def _signature(self, character: str) -> tuple[bool, ...]:
        return is_word(character), *[character in chars for chars in self._sets]

    def __missing__(self, code: int) -> int:
        found = self._alike[self._signature(chr(code))]
        if len(self) < _KNOWN:
            self[code] = found
        return found


def _sets(node: Node) -> Iterator[CharSet]:
    if isinstance(node, Chars):
        yield node.chars
    for each in inside(node):
        yield from _sets(each)
