"""Query text goes in, a tree with a span on every node comes out, or every error at once.

Decision: an error ends a term, not the query. The parser skips to the next ``AND``, ``OR`` or closing parenthesis of
the same depth and goes on, so that one run reports all wrong terms. ``AND`` and ``OR`` side by side without parentheses
are refused, since Fortinet's converter binds ``OR`` tighter and SQL binds ``AND`` tighter: no reading is safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.lexer import Kind
from stream_app.language.operands import Node, OperandParser
from stream_app.language.reader import TermError
from stream_app.language.syntax import (
    Address,
    And,
    Comparison,
    Contains,
    Expression,
    Group,
    Matches,
    Membership,
    Number,
    Operand,
    Or,
    Presence,
    Range,
    Span,
    String,
    WatchList,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<="})


def parse(text: str, place: Place | None = None) -> Expression:
    """Read a filter.

    Raises:
        LanguageError: with a diagnostic for every term that is wrong.

    """
    return Parser(text, place or Place.of(text)).query()


class Parser(OperandParser):
    """Conditions, on top of operands."""

    def query(self) -> Expression:
        """Read the whole text, or raise a LanguageError with all that is wrong."""
        expression = self.condition()
        if self.token.kind is not Kind.END and not self.problems:
            self.note(self.token, "expected AND, OR or the end of the query")
        if self.problems:
            raise LanguageError(sorted(self.problems, key=lambda problem: (problem.line, problem.column)))
        return expression

    def condition(self) -> Expression:
        """Read terms joined by AND or OR."""
        start = self.token.start
        return self._joined(start, self._recovering(self._comparison))

    def parenthesised(self) -> Expression | Operand:
        """Read what stands between two parentheses: a condition or an operand."""
        start = self.token.start
        node = self._recovering(self._comparison_or_operand)
        return self._joined(start, node) if isinstance(node, Expression) else node

    def _joined(self, start: int, first: Expression) -> Expression:
        """Read on after a first term for as long as AND or OR follows."""
        terms, spans, words = [first], [Span(start, self.behind)], []
        while self.word_is("AND", "OR"):
            words.append(self.take())
            start = self.token.start
            terms.append(self._recovering(self._comparison))
            spans.append(Span(start, self.behind))
        if not words:
            return first
        self.refuse_mix(words, spans)
        joined = And if words[0].text.upper() == "AND" else Or
        return joined(tuple(terms), Span(spans[0].start, spans[-1].end))

    def _recovering(self, read: Callable[[], Node]) -> Node | Presence:
        """Read one term; a wrong one is noted and skipped, and something harmless stands in for it."""
        at, level, depth = self.token.start, self.open, self.depth
        try:
            return read()
        except TermError:
            self.skip(level, "AND", "OR")
            self.depth = depth
            span = Span(at, at)
            return Presence(String("", span), negated=False, span=span)

    def _comparison(self) -> Expression:
        start = self.token.start
        left = self._left()
        return left if isinstance(left, Expression) else self._operator(start, left)

    def _comparison_or_operand(self) -> Expression | Operand:
        start = self.token.start
        left = self._left()
        return left if isinstance(left, Expression) or self.symbol_is(")") else self._operator(start, left)

    def _left(self) -> Operand | Expression:
        """Read what a term begins with; all of it if that is a condition in parentheses."""
        if self.word_is("NOT"):
            self.fail_at(self.token, "NOT stands only before IN, BETWEEN, CONTAIN, REGEXP and NULL")
        noted = len(self.problems)
        left = self.operand_or_condition()
        if isinstance(left, Expression) and len(self.problems) > noted and not self._at_term_end():
            raise TermError  # what stands here depends on what was meant inside the parentheses
        return left

    def _operator(self, start: int, left: Operand) -> Expression:
        if self.token.text in _COMPARISONS:
            operator = self.take().text
            right = self.operand()
            return Comparison(operator, left, right, Span(start, self.behind))
        if self.accept_word("IS"):
            negated = self.accept_word("NOT")
            self.expect_word("NULL")
            return Presence(left, negated, Span(start, self.behind))
        negated = self.accept_word("NOT")
        if not self.word_is("IN", "BETWEEN", "CONTAIN", "REGEXP"):
            self.fail("expected IN, BETWEEN, CONTAIN or REGEXP" if negated else "expected an operator")
        return self._set_or_text(start, left, negated=negated)

    def _at_term_end(self) -> bool:
        return self.token.kind is Kind.END or self.word_is("AND", "OR") or self.symbol_is(")")

    def _set_or_text(self, start: int, left: Operand, *, negated: bool) -> Expression:
        """Read on from one of the operators that NOT may stand before."""
        word = self.take().text.upper()
        if word == "CONTAIN":
            part = self.operand()
            return Contains(left, negated, part, Span(start, self.behind))
        if word == "REGEXP":
            pattern = self.pattern()
            return Matches(left, negated, pattern, Span(start, self.behind))
        self.expect_symbol("(")
        if word == "IN":
            members = [self._member()]
            while self.accept_symbol(","):
                members.append(self._member())
            self.expect_symbol(")", "expected ',' or ')'")
            return Membership(left, negated, tuple(members), Span(start, self.behind))
        low = self.operand()
        self.expect_symbol(",")
        high = self.operand()
        self.expect_symbol(")")
        return Range(left, negated, low, high, Span(start, self.behind))

    def _member(self) -> String | Number | Address | Group | WatchList:
        if self.token.kind in {Kind.GROUP, Kind.WATCH_LIST}:
            token = self.take()
            named = Group if token.kind is Kind.GROUP else WatchList
            return named(token.text.partition("@")[2], Span(token.start, token.end))
        token = self.token
        operand = self.operand()
        if not isinstance(operand, String | Number | Address):
            self.fail_at(token, "expected a literal, a group or a watch list")
        return operand
