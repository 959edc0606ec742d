"""A query's tokens, taken one after the other, and the errors noted on the way.

Decision: what went wrong is noted at once and the term is given up by an exception, so that whoever catches it has only
to find the next term.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NoReturn

from stream_app.language.lexer import Kind, tokenise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_app.language.diagnostics import Diagnostic, Place
    from stream_app.language.lexer import Token
    from stream_app.language.syntax import Span

_SHOWN = 24
"""How many characters of a term or a token an error shows."""


class TermError(Exception):
    """The term at hand is wrong; its diagnostic is already noted."""


class TokenReader:
    """One run over the tokens of one query; ``problems`` grows, ``open`` counts parentheses not yet closed."""

    noun: ClassVar[str] = "query"
    """What the text is called in an error."""

    def __init__(self, text: str, place: Place) -> None:
        self._text = text
        self._place = place
        self._tokens = tokenise(text)
        self._at = 0
        self.open = 0
        self.problems: list[Diagnostic] = []
        self.mixes: list[tuple[Sequence[Token], Sequence[Span]]] = []
        """Where two operators met between terms: the operators, and the terms' spans, one more."""
        self._noted = set[int]()

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self._tokens[self._at]

    @property
    def behind(self) -> int:
        """Where the token before this one ends."""
        return self._tokens[self._at - 1].end

    def take(self) -> Token:
        """Step over the token at hand, which is not the end."""
        token = self.token
        self._at += 1
        return token

    def word_is(self, *words: str) -> bool:
        """Tell whether the token at hand is one of these words, in any case."""
        return self.token.kind is Kind.WORD and self.token.text.upper() in words

    def symbol_is(self, symbol: str) -> bool:
        """Tell whether the token at hand is this symbol."""
        return self.token.kind is Kind.SYMBOL and self.token.text == symbol

    def accept_word(self, word: str) -> bool:
        """Step over a word if it stands here."""
        return self.word_is(word) and bool(self.take())

    def accept_symbol(self, symbol: str) -> bool:
        """Step over a symbol if it stands here."""
        found = self.symbol_is(symbol)
        if found:
            self.take()
            self.open += (symbol == "(") - (symbol == ")")
        return found

    def expect_word(self, word: str) -> None:
        """Step over a word, or fail."""
        if not self.accept_word(word):
            self.fail(f"expected {word}")

    def expect_symbol(self, symbol: str, message: str = "") -> None:
        """Step over a symbol, or fail."""
        if not self.accept_symbol(symbol):
            self.fail(message or f"expected {symbol!r}")

    def skip(self, level: int, *words: str) -> None:
        """Go to the next of these words, comma or closing parenthesis where ``level`` are open, or to the end."""
        inside = self.open - level
        while self.token.kind is not Kind.END:
            if inside == 0 and (self.word_is(*words) or self.symbol_is(")") or self.symbol_is(",")):
                break
            inside += self.symbol_is("(") - self.symbol_is(")")
            self.take()
        self.open = level

    def refuse_mix(self, words: Sequence[Token], spans: Sequence[Span]) -> None:
        """Note the first place where two operators meet between terms, with both ways to read it."""
        for index, (before, after) in enumerate(pairwise(words)):
            first, second = before.text.upper(), after.text.upper()
            if first != second:
                a, b, c = (self.shown(span.start, span.end) for span in spans[index : index + 3])
                readings = f"({a} {first} {b}) {second} {c}' or '{a} {first} ({b} {second} {c})"
                both = " and ".join(sorted((first, second)))
                self.note_at(after.start, f"{both} without parentheses can be read in two ways: '{readings}'")
                self.mixes.append((words, spans))
                return

    def shown(self, start: int, end: int) -> str:
        """Cut a piece of the query to what fits into an error."""
        piece = " ".join(self._text[start:end].split())
        return piece if len(piece) <= _SHOWN else piece[: _SHOWN - 1] + "…"

    def note_at(self, position: int, message: str) -> None:
        """Note an error at a position of the query; what is wrong with the same place for the second time follows."""
        if position not in self._noted:
            self._noted.add(position)
            self.problems.append(self._place.diagnose(position, message))

    def note(self, token: Token, expected: str) -> None:
        """Note that another token was expected, or what is wrong with a token that is none."""
        shown = self.shown(token.start, token.end)
        if token.kind is Kind.END:
            message = f"{expected}, got the end of the {self.noun}"
        elif token.kind is Kind.BAD and token.text.startswith('"'):
            message = "this string has no closing quote"
        elif token.kind is Kind.BAD:
            message = f"{shown!r} is no word, number or symbol of this language"
        else:
            message = f"{expected}, got {shown if token.kind is Kind.STRING else repr(shown)}"
        self.note_at(token.start, message)

    def fail(self, expected: str) -> NoReturn:
        """Note an error at the token at hand and give the term up."""
        self.note(self.token, expected)
        raise TermError

    def fail_at(self, token: Token, message: str) -> NoReturn:
        """Note an error at a token and give the term up."""
        self.note_at(token.start, message)
        raise TermError
