"""The lower half of the parser: values, calls and arithmetic.

Decision: what stands in parentheses may be a condition or a value, which is known only when it has been read; the upper
half reads it (``parenthesised``) and this half goes on with whichever came.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

from stream_app.language.lexer import Kind
from stream_app.language.reader import TermError, TokenReader
from stream_app.language.reading import network_of
from stream_app.language.signatures import AGGREGATES, NOT_BUILT, SIGNATURES, Parameter
from stream_app.language.syntax import (
    Address,
    Argument,
    Arithmetic,
    Attribute,
    Call,
    Expression,
    Name,
    Negative,
    Number,
    Operand,
    Pattern,
    Span,
    String,
)
from stream_app.language.words import KEYWORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream_app.language.diagnostics import Place
    from stream_app.language.lexer import Token
    from stream_app.language.signatures import Signature

MAX_DEPTH = 32
"""How deep parentheses, calls and signs may nest: far beyond any real rule, far below Python's recursion limit."""

_LARGEST = 1 << 64  # FortiSIEM's widest number is an unsigned integer of 64 bits
_LONGEST = 20  # digits of that number

_ESCAPE = re.compile(r'\\([\\"])')

_LITERALS = frozenset({Kind.STRING, Kind.NUMBER, Kind.ADDRESS})

Node = TypeVar("Node")


class OperandParser(TokenReader, ABC):
    """Values, on top of tokens; ``depth`` counts the parentheses, calls and signs around the token at hand."""

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text, place)
        self.depth = 0

    @abstractmethod
    def condition(self) -> Expression:
        """Read a condition."""

    @abstractmethod
    def parenthesised(self) -> Expression | Operand:
        """Read what stands between two parentheses."""

    def operand(self) -> Operand:
        """Read a value."""
        return self._value(self.operand_or_condition)

    def operand_or_condition(self) -> Operand | Expression:
        """Read a value; a condition in parentheses is given as it is."""
        return self._arithmetic("+-", lambda: self._arithmetic("*/", self._signed))

    def _value(self, read: Callable[[], Operand | Expression]) -> Operand:
        """Read what must be a value; an error inside of it is enough said."""
        start, noted = self.token.start, len(self.problems)
        node = read()
        if isinstance(node, Expression):
            if len(self.problems) == noted:
                self.note_at(start, "expected a value, got a condition")
            raise TermError
        return node

    def _arithmetic(self, symbols: str, part: Callable[[], Operand | Expression]) -> Operand | Expression:
        start = self.token.start
        first = part()
        if isinstance(first, Expression):
            return first
        operands = [first]
        operators = []
        while self.symbol_is(symbols[0]) or self.symbol_is(symbols[1]):
            operators.append(self.take().text)
            operands.append(self._value(part))
        if not operators:
            return first
        return Arithmetic(tuple(operands), tuple(operators), Span(start, self.behind))

    def _signed(self) -> Operand | Expression:
        if not self.symbol_is("-"):
            return self._primary()
        start = self.take().start
        operand = self._deeper(lambda: self._value(self._signed))
        span = Span(start, self.behind)
        if isinstance(operand, Number):
            return Number(operand.text[1:] if operand.text[0] == "-" else "-" + operand.text, span)
        return Negative(operand, span)

    def _primary(self) -> Operand | Expression:
        if self.symbol_is("("):
            return self._deeper(self._parentheses)
        if self.token.kind is not Kind.WORD or self.token.text.upper() in KEYWORDS:
            return self.literal("expected a value")
        word = self.take()
        if self.symbol_is("("):
            return self._deeper(lambda: self.call(word))
        return Attribute(word.text, Span(word.start, word.end))

    def _deeper(self, read: Callable[[], Node]) -> Node:
        if self.depth == MAX_DEPTH:
            self.note_at(self.token.start, f"too deep: more than {MAX_DEPTH} parentheses, calls and signs around it")
            raise TermError
        self.depth += 1
        node = read()
        self.depth -= 1
        return node

    def _parentheses(self) -> Operand | Expression:
        self.expect_symbol("(")
        node = self.parenthesised()
        self.expect_symbol(")")
        return node

    def literal(self, expected: str) -> String | Number | Address:
        """Read a quoted or a bare literal."""
        token = self.token
        if token.kind not in _LITERALS:
            self.fail(expected)
        if token.kind is Kind.NUMBER and _is_too_large(token.text):
            self.fail_at(token, "this number has more than 64 bits")
        if token.kind is Kind.ADDRESS and not _is_address(token.text):
            self.fail_at(token, f"{token.text!r} is neither an IP address nor a network")
        self.take()
        span = Span(token.start, token.end)
        if token.kind is Kind.STRING:
            return String(_ESCAPE.sub(r"\1", token.text[1:-1]), span)
        return Number(token.text, span) if token.kind is Kind.NUMBER else Address(token.text, span)

    def pattern(self) -> Pattern:
        """Read a quoted regular expression, raw."""
        if self.token.kind is not Kind.STRING:
            self.fail("expected a quoted regular expression")
        token = self.take()
        return Pattern(token.text[1:-1], Span(token.start, token.end))

    def call(self, word: Token) -> Call:
        """Read on from a function's name."""
        signature = self._signature(word)
        self.expect_symbol("(")
        arguments: list[Argument] = [self._argument(signature, 0)]
        while self.accept_symbol(","):
            arguments.append(self._argument(signature, len(arguments)))
        self.expect_symbol(")", "expected ',' or ')'")
        self._check_count(word, signature, len(arguments))
        for index, argument in enumerate(arguments):
            if signature.at(index, len(arguments)) is Parameter.NAME:
                arguments[index] = self._name(argument)
        return Call(signature.name, tuple(arguments), Span(word.start, self.behind))

    def _signature(self, word: Token) -> Signature:
        spelling = word.text.upper()
        if spelling in NOT_BUILT:
            self.fail_at(word, f"{word.text} is not built")
        if spelling in AGGREGATES:
            self.fail_at(word, f"{word.text} counts over several events; it belongs into the aggregate constraint")
        if spelling not in SIGNATURES:
            self.fail_at(word, f"unknown function {word.text!r}")
        return SIGNATURES[spelling]

    def _argument(self, signature: Signature, index: int) -> Argument:
        parameter = signature.parameters[index] if index < len(signature.parameters) else Parameter.VALUE
        if parameter is Parameter.CONDITION:
            return self.condition()
        return self.pattern() if parameter is Parameter.PATTERN else self.operand()

    def _check_count(self, word: Token, signature: Signature, count: int) -> None:
        fewest, most = signature.fewest, signature.most
        if count < fewest or (most is not None and count > most):
            wanted = f"{fewest} or more" if most is None else str(fewest) if fewest == most else f"{fewest} or {most}"
            noun = "argument" if wanted == "1" else "arguments"
            self.fail_at(word, f"{signature.name} takes {wanted} {noun}, got {count}")

    def _name(self, argument: Argument) -> Name:
        """Read a bare word or a quoted string as the name it is here."""
        if isinstance(argument, Attribute):
            return Name(argument.name, argument.span)
        if isinstance(argument, String):
            return Name(argument.value, argument.span)
        self.note_at(argument.span.start, "expected a name, bare or quoted")
        raise TermError


def _is_too_large(number: str) -> bool:
    whole = number.partition(".")[0]
    return len(whole) > _LONGEST or int(whole) >= _LARGEST


def _is_address(text: str) -> bool:
    try:
        network_of(text)
    except ValueError:
        return False
    return True
