"""The text of a trigger line goes in, ``Create FOLLOWED_BY Connect``; its tree comes out, or every error at once.

Decision: no operator binds tighter than another. Fortinet stores a flat list of ranks and publishes none of its rules
with a mix; two operators side by side therefore need parentheses. A negation says what must not come beside all the
rest, so it stands outermost; only OR may join several of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.lexer import Kind
from stream_app.language.operands import MAX_DEPTH
from stream_app.language.reader import TermError, TokenReader
from stream_app.language.syntax import Span
from stream_app.language.trigger import NEGATIONS, OPERATORS, OR, Chain, Named

if TYPE_CHECKING:
    from stream_app.language.lexer import Token
    from stream_app.language.trigger import Trigger

_EXPECTED = f"expected {', '.join(OPERATORS)} or the end of the trigger"
_LAST = "a negation stands last: write '(P) {0} Q', with no negation in P and Q; only OR may join several such terms"


def parse_trigger(text: str, place: Place | None = None) -> Trigger:
    """Read a trigger line. Whether the names are those of subpatterns is not looked at.

    Raises:
        LanguageError: with a diagnostic for every term that is wrong.

    """
    return _TriggerParser(text, place or Place.of(text)).trigger()


class _TriggerParser(TokenReader):
    """Terms, and operators between them."""

    noun = "trigger"

    def trigger(self) -> Trigger:
        """Read the whole text, or raise all that is wrong."""
        node = self._chain()
        if self.token.kind is not Kind.END and not self.problems:
            self.note(self.token, _EXPECTED)
        self._place_negations(node, outermost=True)
        if self.problems:
            raise LanguageError(sorted(self.problems, key=lambda problem: (problem.line, problem.column)))
        return node

    def _chain(self) -> Trigger:
        """Read terms for as long as an operator follows."""
        start, noted = self.token.start, len(self.problems)
        words: list[Token] = []
        terms = [self._recovering()]
        spans = [Span(start, self.behind)]
        while self.word_is(*OPERATORS):
            words.append(self.take())
            start = self.token.start
            terms.append(self._recovering())
            spans.append(Span(start, self.behind))
        if not words:
            return terms[0]
        if len(self.problems) == noted:
            self._check_mix(words, spans)
        return _joined(words[0].text.upper(), terms, words[0].start)

    def _check_mix(self, words: list[Token], spans: list[Span]) -> None:
        first = words[0].text.upper()
        other = next((word for word in words if word.text.upper() != first), None)
        if other is None:
            return
        second = other.text.upper()
        if {word.text.upper() for word in words} & NEGATIONS:
            advice = "write them around what belongs together, with the negation outermost and last"
            self.note_at(other.start, f"{first} and {second} without parentheses: {advice}")
        else:
            self.refuse_mix(words, spans)

    def _recovering(self) -> Trigger:
        """Read one term; a wrong one is noted and skipped, and a name without letters stands in for it."""
        at, level = self.token.start, self.open
        try:
            return self._term()
        except TermError:
            self.skip(level, *OPERATORS)
            return Named("", Span(at, at))

    def _term(self) -> Trigger:
        token = self.token
        if self.word_is("NOT"):
            self.fail_at(token, "NOT is no operator by itself: write AND_NOT or NOT_FOLLOWED_BY")
        if token.kind is Kind.WORD and not self.word_is(*OPERATORS):
            self.take()
            return Named(token.text, Span(token.start, token.end))
        if not self.symbol_is("("):
            self.fail("expected the name of a pattern")
        if self.open == MAX_DEPTH:
            self.fail_at(token, f"too deep: more than {MAX_DEPTH} parentheses around it")
        self.accept_symbol("(")
        node = self._chain()
        self.expect_symbol(")", "expected an operator or ')'")
        return node

    def _place_negations(self, node: Trigger, *, outermost: bool) -> None:
        """Note every negation that stands within something else than OR."""
        if isinstance(node, Named):
            return
        if node.operator in NEGATIONS and not outermost:
            self.note_at(node.at, _LAST.format(node.operator))
        for part in node.parts:
            self._place_negations(part, outermost=outermost and node.operator == OR)


def _joined(operator: str, terms: list[Trigger], at: int) -> Chain:
    """Make one chain of a chain of chains; of a negation only what stands first is the same kind of part."""
    parts: list[Trigger] = []
    for place, term in enumerate(terms):
        same = isinstance(term, Chain) and term.operator == operator
        if isinstance(term, Chain) and same and (place == 0 or operator not in NEGATIONS):
            parts += term.parts
        else:
            parts.append(term)
    return Chain(operator, tuple(parts), at)
