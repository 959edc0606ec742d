"""A regular expression's text goes in; plain text to look for comes out where that is exactly the same, else nothing.

Decision: only what is certain is reduced. Alternatives that are each ``[^][.*]literal[.*][$]`` become comparisons
with plain text, which is most of what converted rules hold; one alternative that is anything else leaves the whole
pattern to ``re``. ``$`` also matches before a newline at the end, so a literal before it is looked for with one too.
"""

from __future__ import annotations

import re
import warnings
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPECIAL = frozenset(".^$*+?{}[]()|\\")

_ESCAPED = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
"""What a backslash makes literal; before letters and digits it means something else."""

_PIECE = re.compile(r"\\.|.", re.DOTALL)


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


def literals_of(text: str) -> Literals | None:
    """Reduce a valid pattern to plain text, or give ``None`` where that would not be exact."""
    found = {where: list[str]() for where in _Where}
    for alternative in _alternatives(text):
        reduced = _reduce(alternative)
        if reduced is None:
            return None
        where, literal = reduced
        found[where] += [literal, literal + "\n"] if where in {_Where.EQUAL, _Where.END} else [literal]
    return Literals(*(tuple(found[where]) for where in _Where))


class _Where(Enum):
    """Where in the text a literal must be; in the order of the fields of ``Literals``."""

    EQUAL = "all of it"
    BEGIN = "at its beginning"
    END = "at its end"
    ANYWHERE = "anywhere"


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


def _reduce(pieces: list[str]) -> tuple[_Where, str] | None:
    at_start = pieces[:1] == ["^"]
    pieces = pieces[at_start:]
    if pieces[:2] == [".", "*"]:
        at_start, pieces = False, pieces[2:]
    at_end = pieces[-1:] == ["$"]
    pieces = pieces[: len(pieces) - at_end]
    if pieces[-2:] == [".", "*"]:
        at_end, pieces = False, pieces[:-2]
    literal = [piece[-1] for piece in pieces if piece not in _SPECIAL and (len(piece) == 1 or piece[1] in _ESCAPED)]
    if len(literal) < len(pieces):
        return None
    by_ends = {(True, True): _Where.EQUAL, (True, False): _Where.BEGIN, (False, True): _Where.END}
    return by_ends.get((at_start, at_end), _Where.ANYWHERE), "".join(literal)
