"""Conditions as Python expressions: a filter's tree goes in, one test comes out.

Decision: a term is written as the test that is true where the positive operator is, and false for every absent or
unreadable value; a negative operator is the opposite of that test. Literals are turned once, here, into what the values
are compared as.
"""

from __future__ import annotations

import ast
from math import isnan
from typing import TYPE_CHECKING

from stream_app.language import pytree
from stream_app.language.checks import NETWORK_OF_NONE, Literal, shown
from stream_app.language.emit import Emitted, Emitter, Form, Tested
from stream_app.language.forms import as_address, as_folded, as_number, as_text
from stream_app.language.networks import Networks
from stream_app.language.patterns import plain_of
from stream_app.language.reading import is_one_family
from stream_app.language.syntax import (
    And,
    Attribute,
    Call,
    Comparison,
    Contains,
    Expression,
    Group,
    Matches,
    Membership,
    Or,
    Presence,
    Range,
    WatchList,
    nodes,
)
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream_app.language.emit import Known
    from stream_app.language.syntax import Operand

_COMPARE: dict[str, type[ast.cmpop]] = {
    "=": ast.Eq,
    "!=": ast.NotEq,
    ">": ast.Gt,
    ">=": ast.GtE,
    "<": ast.Lt,
    "<=": ast.LtE,
}

MIRRORED = {"=": "=", "!=": "!=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}
"""Comparisons with their sides changed."""

_FEW = 4
"""Up to so many networks are compared one by one; more are bisected."""

Test = tuple[ast.expr, "Known"]
"""A test and what is known after it, whichever way it went."""


class Conditions(Emitter):
    """Writes one filter's conditions."""

    def condition(self, node: Expression, known: Known) -> Tested:
        """Write a condition."""
        match node:
            case And():
                return self._and(node, known)
            case Or():
                return self._or(node, known)
            case Comparison():
                test, known = self._comparison(node, known)
            case Membership():
                test, known = self._membership(node, known)
            case Range():
                test, known = self._range(node, known)
            case Contains():
                test, known = self._contains(node, known)
            case Matches():
                test, known = self._matches(node, known)
            case _:
                test, known = self._presence(node, known)
        if not isinstance(node, Comparison) and node.negated:
            test = pytree.negate(test)
        return Tested(test, known, known)

    def _and(self, node: And, known: Known) -> Tested:
        tests = []
        when_false: list[Known] = []
        for term in self._cheapest_first(node):
            tested = self.condition(term, known)
            tests.append(tested.test)
            when_false.append(tested.when_false)
            known = tested.when_true
        return Tested(pytree.all_of(tests), known, frozenset.intersection(*when_false))

    def _or(self, node: Or, known: Known) -> Tested:
        tests = []
        when_true: list[Known] = []
        for term in self._cheapest_first(node):
            tested = self.condition(term, known)
            tests.append(tested.test)
            when_true.append(tested.when_true)
            known = tested.when_false
        return Tested(pytree.any_of(tests), frozenset.intersection(*when_true), known)

    def _cheapest_first(self, node: And | Or) -> list[Expression]:
        return sorted(flattened(node), key=self._cost)

    def _cost(self, node: Expression) -> int:
        """Estimate what a term costs, in units of one comparison of text."""
        if isinstance(node, And | Or):
            return sum(map(self._cost, node.terms))
        cost = 1 + 6 * sum(isinstance(part, Call) for part in nodes(node))
        if isinstance(node, Matches) and plain_of(node.pattern.text) is None:
            cost += 6
        operand = node.left if isinstance(node, Comparison) else node.operand
        return cost + 3 * (self.type_of(operand) is AttributeType.IP and not isinstance(node, Presence))

    def _comparison(self, node: Comparison, known: Known) -> Test:
        operator, left, right = node.operator, node.left, node.right
        if isinstance(left, Literal) and not isinstance(right, Literal):
            operator, left, right = MIRRORED[operator], right, left
        kind = self.common_type(left, right)
        if kind is AttributeType.NUMBER:
            number = self.emit(left, Form.NUMBER, known)
            other = self._bound_number(right, left, number.known)
            return pytree.compare(number.value, _COMPARE[operator](), other.value), other.known
        if operator not in {"=", "!="}:
            self.is_number(left, f"{node.operator} compares")
        equal = self._equal_addresses if kind is AttributeType.IP else self._equal_texts
        test, known = equal(left, right, known)
        return (pytree.negate(test) if operator == "!=" else test), known

    def _bound_number(self, operand: Operand, subject: Operand, known: Known) -> Emitted:
        """Write what a number is compared with."""
        if isinstance(operand, Literal):
            return Emitted(pytree.constant(self.number(operand, shown(subject))), known)
        self.common_type(subject, operand)
        return self.emit(operand, Form.NUMBER, known)

    def _equal_texts(self, left: Operand, right: Operand, known: Known) -> Test:
        text = self.emit(left, self.text_form, known)
        other = self._text(right, text.known)
        equal = pytree.compare(text.value, ast.Eq(), other.value)
        return _where_present(equal, other.value, text, other), other.known

    def _text(self, operand: Operand, known: Known) -> Emitted:
        """Write what a text is compared with, or searched for."""
        if isinstance(operand, Literal):
            return Emitted(pytree.constant(self.fold(self.text(operand))), known)
        return self.emit(operand, self.text_form, known)

    def _equal_addresses(self, left: Operand, right: Operand, known: Known) -> Test:
        address = self.emit(left, Form.ADDRESS, known)
        if isinstance(right, Literal):
            return _in_network(address.value, *self.network(right, shown(left))), address.known
        first, again = self.named(address.value)
        other = self.emit(right, Form.ADDRESS, address.known)
        equal = pytree.compare(first, ast.Eq(), other.value)
        return pytree.all_of([equal, pytree.compare(again, ast.GtE(), pytree.constant(0))]), other.known

    def _membership(self, node: Membership, known: Known) -> Test:
        members: list[Literal] = []
        lists: list[WatchList] = []
        for member in node.members:
            if isinstance(member, WatchList):
                lists.append(member)
            else:
                members += self.members(member.name, member.span) if isinstance(member, Group) else [member]
        if not lists:
            return self._among(node.operand, members, known)
        tests = []
        if members:
            test, known = self._among(node.operand, members, known)
            tests.append(test)
        test, after = self._on_a_list(node.operand, lists, known)
        return pytree.any_of([*tests, test]), known if tests else after

    def _on_a_list(self, operand: Operand, lists: list[WatchList], known: Known) -> Test:
        """Ask the lists themselves, which change, in the form in which values of the operand's type compare."""
        text = as_folded if self.environment.ignore_case else as_text
        form, read = {
            AttributeType.NUMBER: (Form.NUMBER, as_number),
            AttributeType.IP: (Form.ADDRESS, as_address),
        }.get(self.type_of(operand), (self.text_form, text))
        emitted = self.emit(operand, form, known)
        value, again = self.named(emitted.value)
        tests: list[ast.expr] = []
        for each in lists:
            watched = self.watch_list(each.name, each.span)
            if watched is not None:
                reader = self.bind(watched.reader(read, event_clock=self.environment.event_clock))
                tests.append(pytree.call(reader, again if tests else value, pytree.load("event")))
        return pytree.any_of(tests or [pytree.constant(value=False)]), emitted.known

    def _among(self, operand: Operand, members: list[Literal], known: Known) -> Test:
        """Ask for what is written, or is a group's."""
        subject = shown(operand)
        kind = self.type_of(operand)
        if kind is AttributeType.IP:
            return self._in_networks(operand, [self.network(member, subject) for member in members], known)
        if kind is AttributeType.NUMBER:
            number = self.emit(operand, Form.NUMBER, known)
            numbers = frozenset(self.number(member, subject) for member in members)
            numbers = frozenset(member for member in numbers if not isnan(member))  # NaN would be found by identity
            return pytree.compare(number.value, ast.In(), pytree.constant(numbers)), number.known
        texts = frozenset(self.fold(self.text(member)) for member in members)
        text = self.emit(operand, self.text_form, known)
        found = pytree.compare(text.value, ast.In(), pytree.constant(texts))
        return (_where_present(found, None, text) if "" in texts else found), text.known

    def _in_networks(self, operand: Operand, intervals: list[tuple[int, int]], known: Known) -> Test:
        address = self.emit(operand, Form.ADDRESS, known)
        value, again = self.named(address.value)
        single = frozenset(low for low, high in intervals if low == high)
        networks = Networks.of((low, high) for low, high in intervals if low < high)
        tests: list[ast.expr] = [pytree.compare(value, ast.In(), pytree.constant(single))]
        if len(networks.lows) > _FEW:
            tests.append(pytree.call(self.bind(networks.hold), again))
        else:
            tests += [_in_network(again, *ends) for ends in zip(networks.lows, networks.highs, strict=True)]
        return pytree.any_of(tests), address.known

    def _range(self, node: Range, known: Known) -> Test:
        if self.type_of(node.operand) is AttributeType.IP:
            return self._address_range(node, known)
        if not self.is_number(node.operand, "BETWEEN compares"):
            return pytree.constant(value=False), known
        low = self._bound_number(node.low, node.operand, known)
        number = self.emit(node.operand, Form.NUMBER, low.known)
        high = self._bound_number(node.high, node.operand, number.known)
        return pytree.between(low.value, number.value, high.value), number.known  # high may not have been looked at

    def _address_range(self, node: Range, known: Known) -> Test:
        ends = []
        for bound in (node.low, node.high):
            low, high = self.network(bound, shown(node.operand)) if isinstance(bound, Literal) else NETWORK_OF_NONE
            if low != high:
                self.note(bound.span, f"expected an IP address, got {shown(bound)}")
            ends.append(low)
        if not is_one_family(*ends):
            self.note(node.high.span, "BETWEEN takes two addresses of one family, IPv4 or IPv6")
        address = self.emit(node.operand, Form.ADDRESS, known)
        return pytree.between(pytree.constant(ends[0]), address.value, pytree.constant(ends[1])), address.known

    def _contains(self, node: Contains, known: Known) -> Test:
        part = self._text(node.part, known)
        text = self.emit(node.operand, self.text_form, part.known)
        found = pytree.compare(part.value, ast.In(), text.value)
        return _where_present(found, part.value, text, part), text.known

    def _matches(self, node: Matches, known: Known) -> Test:
        pattern = self.pattern(node.pattern)
        plain = plain_of(node.pattern.text)
        if plain is None:
            text = self.emit(node.operand, Form.PLAIN, known)
            match = pytree.call(self.bind(pattern.search), text.value)
            found: ast.expr = pytree.compare(match, ast.IsNot(), pytree.constant(None))
            return (_where_present(found, None, text) if pattern.search("") else found), text.known
        text = self.emit(node.operand, self.text_form, known)
        value, again = self.named(text.value)
        literals = plain.literals
        tests: list[ast.expr] = []
        if literals.equal:
            equal = pytree.constant(frozenset(map(self.fold, literals.equal)))
            tests.append(pytree.compare(value, ast.In(), equal))
        for name, several in (("startswith", literals.begins), ("endswith", literals.ends)):
            if several:
                affixes = pytree.constant(tuple(map(self.fold, several)))
                tests.append(pytree.method(again if tests else value, name, affixes))
        for literal in literals.contains:
            part = pytree.constant(self.fold(literal))
            tests.append(pytree.compare(part, ast.In(), again if tests else value))
        for sequence in plain.sequences:
            folded = sequence.map(self.fold)
            longest = pytree.compare(pytree.constant(folded.longest), ast.In(), again if tests else value)
            tests.append(pytree.all_of([longest, pytree.call(self.bind(folded.finder()), again)]))
        found = pytree.any_of(tests)
        return (_where_present(found, None, text) if pattern.search("") else found), text.known

    def _presence(self, node: Presence, known: Known) -> Test:
        operand = node.operand
        if isinstance(operand, Literal):
            return pytree.constant(value=False), known
        if isinstance(operand, Attribute):
            raw = self.raw(operand, known)
            return pytree.compare(raw.value, ast.Is(), pytree.constant(None)), raw.known
        if self.type_of(operand) is AttributeType.NUMBER:
            number = self.emit(operand, Form.NUMBER, known)
            value, again = self.named(number.value)
            return pytree.compare(value, ast.NotEq(), again), number.known  # only NaN differs from itself
        text = self.emit(operand, Form.TEXT, known)
        return pytree.compare(text.value, ast.Is(), pytree.constant(None)), text.known


def flattened(node: And | Or) -> Iterator[Expression]:
    """Give the terms of a node, and those of terms that are joined in the same way."""
    for term in node.terms:
        if isinstance(term, type(node)):
            yield from flattened(term)
        else:
            yield term


def _in_network(address: ast.expr, low: int, high: int) -> ast.expr:
    if low == high:
        return pytree.compare(address, ast.Eq(), pytree.constant(low))
    return pytree.between(pytree.constant(low), address, pytree.constant(high))


def _where_present(test: ast.expr, literal: ast.expr | None, *values: Emitted) -> ast.expr:
    """Make a test of texts false where one is absent, unless it is so by the ``literal`` that it compares with."""
    if isinstance(literal, ast.Constant) and literal.value != "":
        return test
    return pytree.all_of([test, *(value.present for value in values if value.present)])
