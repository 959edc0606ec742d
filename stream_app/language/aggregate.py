"""The aggregate constraint of a subpattern: ``COUNT(*) >= 1`` goes in, its comparison and its number come out.

Decision: of FortiSIEM's aggregates only the count of events is built. Every other one is refused by its name and with
its position, never read as something else.
"""

from __future__ import annotations

from msgspec import Struct

from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.lexer import Kind
from stream_app.language.reader import TermError, TokenReader
from stream_app.language.signatures import AGGREGATES, NOT_BUILT

_COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<="})

_LONGEST = 18  # digits of a count, so that it stays within 64 bits


class CountConstraint(Struct, frozen=True):
    """``COUNT(*) <operator> <number>``; operator is one of ``= != > >= < <=``, number is 0 or more."""

    operator: str
    number: int


def parse_constraint(text: str, place: Place | None = None) -> CountConstraint:
    """Read an aggregate constraint.

    Raises:
        LanguageError: it is not ``COUNT(*)`` compared with a whole number that is not negative.

    """
    reader = _ConstraintReader(text, place or Place.of(text))
    try:
        return reader.constraint()
    except TermError:
        raise LanguageError(reader.problems) from None


class _ConstraintReader(TokenReader):
    """One run over one constraint; its first error ends it."""

    def constraint(self) -> CountConstraint:
        """Read the whole text."""
        self._count()
        if self.token.text not in _COMPARISONS:
            self.fail("expected a comparison")
        operator = self.take().text
        number = self._number()
        if self.word_is("AND", "OR"):
            self.fail_at(self.token, "more than one condition in an aggregate constraint is not built yet")
        if self.token.kind is not Kind.END:
            self.fail("expected the end of the constraint")
        return CountConstraint(operator, number)

    def _count(self) -> None:
        self._refuse_other_functions()
        if not self.accept_word("COUNT"):
            self.fail("expected COUNT(*)")
        self.expect_symbol("(")
        if self.word_is("DISTINCT"):
            self.fail_at(self.token, "COUNT(DISTINCT …) is not built yet")
        if self.token.kind is Kind.WORD:
            self.fail_at(self.token, "COUNT of an attribute is not built yet; COUNT(*) counts events")
        self.expect_symbol("*")
        self.expect_symbol(")")

    def _refuse_other_functions(self) -> None:
        name = self.token.text.upper()
        if self.token.kind is Kind.WORD and name in (AGGREGATES | NOT_BUILT) - {"COUNT"}:
            self.fail_at(self.token, f"{self.token.text} is not built yet")

    def _number(self) -> int:
        self._refuse_other_functions()
        digits = self.token.text
        if self.token.kind is not Kind.NUMBER or not digits.isdigit():
            self.fail("expected a whole number that is not negative")
        if len(digits) > _LONGEST:
            self.fail_at(self.token, f"a count of more than {_LONGEST} digits is never reached")
        self.take()
        return int(digits)
