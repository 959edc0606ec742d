"""A global constraint: ``A.hostName = B.hostName AND A.user != B.user`` goes in, its comparisons come out.

And what a comparison means, as a function: that of the query language between two attributes of one type. Decision:
comparisons are joined by AND alone. An OR belongs into the trigger line: that says which subpatterns occur.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stream_app.language.compile import compile_filter
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.lexer import Kind
from stream_app.language.reader import TermError, TokenReader
from stream_app.language.syntax import Attribute, Comparison, Span

if TYPE_CHECKING:
    from stream_app.language.environment import Environment
    from stream_app.language.values import AttributeType, Predicate

_COMPARISONS = frozenset({"=", "!=", ">", ">=", "<", "<="})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LITERALS = frozenset({Kind.STRING, Kind.NUMBER, Kind.ADDRESS})
_SIDE = "expected '<pattern>.<attribute>'"
_NOWHERE = Span(0, 0)


class Side(Struct, frozen=True):
    """``pattern.attribute``."""

    pattern: str
    attribute: str
    span: Span

    def __str__(self) -> str:
        return f"{self.pattern}.{self.attribute}"


class Related(Struct, frozen=True):
    """``left operator right``; operator is one of ``= != > >= < <=``."""

    operator: str
    left: Side
    right: Side

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


def parse_relations(text: str, place: Place | None = None) -> tuple[Related, ...]:
    """Read a global constraint. Whether the names are known is not looked at.

    Raises:
        LanguageError: with a diagnostic for every term that is wrong.

    """
    return _RelationParser(text, place or Place.of(text)).relations()


def compile_relation(operator: str, kind: AttributeType, environment: Environment) -> Predicate:
    """Give what compares ``left`` with ``right``, two values of a type of which either may be absent.

    ``kind`` is a number where the operator is neither ``=`` nor ``!=``.
    """
    comparison = Comparison(operator, Attribute("left", _NOWHERE), Attribute("right", _NOWHERE), _NOWHERE)
    return compile_filter(comparison, replace(environment, vocabulary={"left": kind, "right": kind})).rest


class _RelationParser(TokenReader):
    """Comparisons, and AND between them."""

    noun = "constraint"

    def relations(self) -> tuple[Related, ...]:
        """Read the whole text, or raise all that is wrong."""
        found = [self._recovering()]
        while self.word_is("AND", "OR"):
            if self.word_is("OR"):
                advice = "alternatives belong into the trigger line"
                self.note_at(self.token.start, f"every comparison must hold, so OR has no place here: {advice}")
            self.take()
            found.append(self._recovering())
        if self.token.kind is not Kind.END and not self.problems:
            self.note(self.token, "expected AND or the end of the constraint")
        if self.problems:
            raise LanguageError(self.problems)
        return tuple(each for each in found if each is not None)

    def _recovering(self) -> Related | None:
        """Read one comparison; a wrong one is noted and skipped."""
        try:
            left = self._side()
            if self.token.text not in _COMPARISONS:
                self.fail("expected a comparison: = != < <= > >=")
            return Related(self.take().text, left, self._side())
        except TermError:
            self.skip(self.open, "AND", "OR")
            return None

    def _side(self) -> Side:
        """Read a pattern's name, a point and an attribute's; the lexer knows no point, so it is a bad token."""
        pattern = self.token
        if pattern.kind in _LITERALS:
            advice = "what is asked of one pattern belongs into its query"
            self.fail_at(pattern, f"a global constraint compares attributes of two patterns; {advice}")
        if pattern.kind is not Kind.WORD or self.word_is("AND", "OR"):
            self.fail(_SIDE)
        self.take()
        point = self.token
        if point.kind is not Kind.BAD or point.text[0] != ".":
            self.fail_at(pattern, f"{_SIDE}, got {pattern.text!r} alone")
        self.take()
        name = point.text[1:]
        if not name and self.token.kind is Kind.WORD:
            name = self.take().text
        if not _NAME.fullmatch(name):
            self.fail_at(pattern, f"{_SIDE}, got '{self.shown(pattern.start, self.behind)}'")
        return Side(pattern.text, name, Span(pattern.start, self.behind))
