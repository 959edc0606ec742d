"""AND and OR side by side without parentheses: the text goes in, the text with parentheses written in comes out.

Decision: such a text is refused where it is read, since no reading of it is safe. Somebody who knows what its author
meant says here which of the two binds tighter; all else in the text stays character for character.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Literal

from stream_app.language.aggregate_parser import AggregateParser
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream_app.language.lexer import Token
    from stream_app.language.syntax import Span

Tight = Literal["and", "or"]
"""The operator that binds tighter."""


def parenthesise_query(text: str, tight: Tight) -> str:
    """Write parentheses into a filter. One without a bare mix, and one that is wrong otherwise, stays as it is."""
    return _parenthesised(Parser(text, Place.of(text)), text, tight)


def parenthesise_aggregate(text: str, tight: Tight) -> str:
    """Write parentheses into an aggregate constraint, as into a filter."""
    return _parenthesised(AggregateParser(text, Place.of(text)), text, tight)


def _parenthesised(parser: Parser, text: str, tight: Tight) -> str:
    try:
        parser.query()
    except LanguageError:
        marks = [mark for words, spans in parser.mixes for mark in _marks(words, spans, tight.upper())]
        for at, mark in sorted(marks, reverse=True):
            text = text[:at] + mark + text[at:]
    return text


def _marks(words: Sequence[Token], spans: Sequence[Span], tight: str) -> Iterator[tuple[int, str]]:
    """Give the parentheses around each run of terms that the tighter operator joins, with their places."""
    for word, run in groupby(range(len(words)), lambda index: words[index].text.upper()):
        if word == tight:
            joined = list(run)
            yield spans[joined[0]].start, "("
            yield spans[joined[-1] + 1].end, ")"
