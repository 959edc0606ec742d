"""The text of an aggregate constraint, or of one aggregate, goes in; a tree of the query language comes out.

Decision: everything but the aggregates is read by the filters' own parser, so that a mix of ``AND`` and ``OR`` is
refused here too and several errors are reported in one run. An aggregate takes the bare name of an attribute: Fortinet
documents functions inside of an aggregate for its searches, not for rules.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.lexer import Kind
from stream_app.language.parser import Parser
from stream_app.language.reader import TermError
from stream_app.language.reading import text_of
from stream_app.language.signatures import AGGREGATES, DISTINCT
from stream_app.language.syntax import Attribute, Call, Number, Span

if TYPE_CHECKING:
    from stream_app.language.lexer import Token
    from stream_app.language.syntax import Argument, Expression

_PERCENT = 100


def parse_condition(text: str, place: Place | None = None) -> Expression:
    """Read an aggregate constraint.

    Raises:
        LanguageError: with a diagnostic for every term that is wrong.

    """
    return AggregateParser(text, place or Place.of(text)).query()


def parse_aggregate(text: str, place: Place | None = None) -> Call:
    """Read one aggregate, as an incident attribute is mapped to.

    Raises:
        LanguageError: it is anything else.

    """
    return AggregateParser(text, place or Place.of(text)).aggregate()


class AggregateParser(Parser):
    """Aggregates, on top of conditions."""

    def aggregate(self) -> Call:
        """Read the whole text; its first error ends it."""
        try:
            word = self.token
            if word.kind is not Kind.WORD or word.text.upper() not in AGGREGATES:
                self.fail("expected an aggregate such as COUNT(*)")
            self.take()
            call = self.call(word)
            if self.token.kind is not Kind.END:
                self.fail("expected the end of the aggregate")
        except TermError:
            raise LanguageError(self.problems) from None
        return call

    def call(self, word: Token) -> Call:
        """Read on from a function's name."""
        name = AGGREGATES.get(word.text.upper())
        if name is None:
            return super().call(word)
        self.expect_symbol("(")
        arguments: tuple[Argument, ...] = ()
        if name == "PCTILE":
            arguments = self._percentile(word)
        elif self.accept_word("DISTINCT"):
            if name != "COUNT":
                self.fail_at(word, "only COUNT takes DISTINCT")
            name = DISTINCT
            arguments = (self._attribute("COUNT(DISTINCT …)"),)
        elif name != "COUNT" or not self.accept_symbol("*"):
            arguments = (self._attribute(name),)
        self.expect_symbol(")")
        return Call(name, arguments, Span(word.start, self.behind))

    def _attribute(self, function: str) -> Attribute:
        token = self.token
        operand = self.operand()
        if not isinstance(operand, Attribute):
            self.fail_at(token, f"{function} takes the name of an attribute")
        if self.symbol_is(","):
            self.fail_at(self.token, f"{function} takes one attribute")
        return operand

    def _percentile(self, word: Token) -> tuple[Attribute, Number]:
        """Read an attribute and a percentage; which is which is plain in either order."""
        first = self.operand()
        self.expect_symbol(",", "PCTILE takes an attribute and a percentage, expected ','")
        second = self.operand()
        attribute, percent = (second, first) if isinstance(first, Number) else (first, second)
        if not isinstance(attribute, Attribute) or not isinstance(percent, Number):
            self.fail_at(word, "PCTILE takes the name of an attribute and a number, such as PCTILE(sentBytes, 95)")
        number = Fraction(percent.text)
        if not 0 <= number <= _PERCENT:
            self.note_at(percent.span.start, f"PCTILE takes a percentage, 0 to 100, got {percent.text}")
            raise TermError
        if 0 < number < 1:
            meant = text_of(float(_PERCENT * number))
            self.note_at(percent.span.start, f"PCTILE takes a percentage: write {meant} for {percent.text}")
            raise TermError
        return attribute, percent
