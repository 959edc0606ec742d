r"""A regular expression's text goes in; plain text to look for comes out where that is exactly the same, else nothing.

Decision: only what is certain is reduced. Alternatives that are each ``[^][.*]literal[.*][$ or \Z]`` become
comparisons with plain text, which is most of what converted rules hold, and ``literal.*literal`` is found part by part:
the first place where a part stands leaves most room for what follows, so nothing need be tried twice. One alternative
that is anything else leaves the whole pattern to an engine. ``$`` also matches before a newline at the end, so a
literal before it is looked for with one too; ``\Z`` is the end alone.
"""

from __future__ import annotations

import re
import warnings
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SPECIAL = frozenset(".^$*+?{}[]()|\\")

_ESCAPED = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
"""What a backslash makes literal; before letters and digits it means something else."""

_PIECE = re.compile(r"\\.|\.[*+]\??(?![*+?{])|.", re.DOTALL)
"""A gap is one piece; what repeats a repetition is not read here."""

_ENDS = ("$", r"\Z")

_GAPS = {".*": 0, ".*?": 0, ".+": 1, ".+?": 1}
"""How many characters a gap has at least. Whether it takes many or few first does not change if there is a match."""


class Literals(Struct, frozen=True):
    """A pattern as plain text: true if the text equals, begins with, ends with or contains any of these."""

    equal: tuple[str, ...]
    begins: tuple[str, ...]
    ends: tuple[str, ...]
    contains: tuple[str, ...]

    @property
    def match_empty(self) -> bool:
        """Whether the empty text matches."""
        return "" in (*self.equal, *self.begins, *self.ends, *self.contains)


class PatternProblem(ValueError):
    """A pattern that cannot be run; ``position`` is where in its text (characters)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def compile_pattern(text: str, *, ignore_case: bool) -> re.Pattern[str]:
    """Compile a pattern as the language means it: ``.`` matches newlines too, case counts only if asked for.

    Raises:
        PatternProblem: ``re`` cannot read it, or warns that it may mean something else (``[[:alpha:]]``).

    """
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else re.NOFLAG)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        try:
            return re.compile(text, flags)
        except re.error as error:
            raise PatternProblem(error.msg, error.pos or 0) from None
        except OverflowError as error:
            raise PatternProblem(f"{error}", 0) from None
        except RecursionError:
            raise PatternProblem("too deep", 0) from None
        except FutureWarning as warning:
            message, _, position = f"{warning}".rpartition(" at position ")
            raise PatternProblem(f"{message.lower()}, which is read differently elsewhere", int(position)) from None


class Part(Struct, frozen=True):
    """A literal, and how many characters must at least lie between what came before and it."""

    gap: int
    literal: str


class Sequence(Struct, frozen=True):
    """Literals that follow one another, with any text between them."""

    parts: tuple[Part, ...]
    """Two or more; the first has no gap, and its literal or the last one's may be empty."""
    at_start: bool
    """Whether the first part begins the text."""
    at_end: bool
    """Whether the last part ends the text."""
    newline: bool = True
    """Whether it may also stand before the newline that ends the text."""

    @property
    def longest(self) -> str:
        """The literal that says most: without it there is no match."""
        return max((part.literal for part in self.parts), key=len)

    def map(self, change: Callable[[str], str]) -> Sequence:
        """Change each literal, as to fold it."""
        parts = tuple(Part(part.gap, change(part.literal)) for part in self.parts)
        return Sequence(parts, self.at_start, self.at_end, self.newline)

    def finder(self) -> Callable[[str], bool]:
        """Give the test of a text; its time grows with the text's length."""
        (_, first, first_size), *between = [(part.gap, part.literal, len(part.literal)) for part in self.parts]
        at_start, at_end = self.at_start, self.at_end
        last_gap, last, last_size = between.pop() if at_end else (0, "", 0)
        newline, before_newline = self.newline, last + "\n"

        def found(text: str) -> bool:
            at = text.find(first) if not at_start else 0 if text.startswith(first) else -1
            behind = at + first_size
            for gap, literal, size in between:
                if at < 0:
                    return False
                at = text.find(literal, behind + gap)
                behind = at + size
            if not at_end or at < 0:
                return at >= 0
            room = len(text) - last_size - last_gap - behind
            return (room >= 0 and text.endswith(last)) or (newline and room > 0 and text.endswith(before_newline))

        return found


class Plain(Struct, frozen=True):
    """A pattern without anything that needs an engine: true if one of the literals or one of the sequences is found."""

    literals: Literals
    sequences: tuple[Sequence, ...]


def plain_of(text: str) -> Plain | None:
    """Reduce a valid pattern to plain texts and sequences of them, or give ``None`` where that would not be exact."""
    found = {where: list[str]() for where in _Where}
    sequences: list[Sequence] = []
    for alternative in _alternatives(text):
        reduced = _reduce(alternative)
        if reduced is None:
            return None
        if isinstance(reduced, Sequence):
            sequences.append(reduced)
            continue
        where, literal, newline = reduced
        found[where] += [literal, literal + "\n"] if newline else [literal]
    return Plain(Literals(*(tuple(found[where]) for where in _Where)), tuple(sequences))


class _Where(Enum):
    """Where in the text a literal must be; in the order of the fields of ``Literals``."""

    EQUAL = "all of it"
    BEGIN = "at its beginning"
    END = "at its end"
    ANYWHERE = "anywhere"


_BY_ENDS = {(True, True): _Where.EQUAL, (True, False): _Where.BEGIN, (False, True): _Where.END}


def _alternatives(text: str) -> Iterator[list[str]]:
    """Split a pattern at each bar; a bar inside a group or a set leaves pieces that do not reduce."""
    alternative: list[str] = []
    for piece in _PIECE.findall(text):
        if piece == "|":
            yield alternative
            alternative = []
        else:
            alternative.append(piece)
    yield alternative


def _reduce(pieces: list[str]) -> tuple[_Where, str, bool] | Sequence | None:
    """Reduce an alternative: to where its literal must be and whether a newline may end the text behind it."""
    at_start = pieces[:1] == ["^"]
    pieces = pieces[at_start:]
    at_end = pieces[-1:] != [] and pieces[-1] in _ENDS
    newline = pieces[-1:] != [r"\Z"]
    pieces = pieces[: len(pieces) - at_end]
    parts = [Part(0, "")]
    for piece in pieces:
        if piece in _GAPS and len(parts) > 1 and not parts[-1].literal:  # two gaps, one behind the other
            parts[-1] = Part(parts[-1].gap + _GAPS[piece], "")
        elif piece in _GAPS:
            parts.append(Part(_GAPS[piece], ""))
        elif piece not in _SPECIAL and (len(piece) == 1 or piece[1] in _ESCAPED):
            parts[-1] = Part(parts[-1].gap, parts[-1].literal + piece[-1])
        else:
            return None
    if len(parts) > 1 and parts[0].literal == "" and parts[1].gap == 0:  # begins anywhere
        at_start, parts = False, parts[1:]
    if len(parts) > 1 and parts[-1] == Part(0, ""):  # ends anywhere
        at_end, newline, parts = False, True, parts[:-1]
    if len(parts) > 1:
        return Sequence(tuple(parts), at_start, at_end, newline)
    return _BY_ENDS.get((at_start, at_end), _Where.ANYWHERE), parts[0].literal, at_end and newline
