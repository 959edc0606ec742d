"""A second opinion on filters: walks the tree anew for every event, with nothing prepared and nothing shared.

It is slow and obvious on purpose. Absence is ``None``; a positive operator on it is false; a negative operator is the
opposite; texts are compared by ``re`` itself, addresses by ``ipaddress``, tables by reading every row.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

from stream_app.language.syntax import (
    Address,
    And,
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Contains,
    Group,
    Matches,
    Membership,
    Negative,
    Number,
    Or,
    Pattern,
    Presence,
    Range,
    String,
    WatchList,
)

if TYPE_CHECKING:
    from stream_app.language.compile import Environment
    from stream_app.language.syntax import Argument, Expression, Operand
    from stream_app.language.tables import LookupTable
    from stream_app.language.values import Attributes, Value

LITERALS = String | Number | Address


def text(value: object) -> str | None:
    """Write a value as text."""
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 2**53 else str(value)
    return None if value is None else str(value)


def number(value: object) -> int | float | None:
    """Read a value as a number."""
    if isinstance(value, int | float):
        return None if isinstance(value, float) and math.isnan(value) else value
    if value is None or not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value, re.ASCII):
        return None
    try:
        return int(value)
    except ValueError:
        return float(value) if math.isfinite(float(value)) else None


def address(value: object) -> IPv4Address | IPv6Address | None:
    """Read a value as an IP address."""
    try:
        return ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None


class Interpreter:
    """Evaluates one filter's tree over events, in one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.flags = re.DOTALL | (re.IGNORECASE if environment.ignore_case else 0)

    def matches(self, node: Expression, event: Attributes) -> bool:  # noqa: PLR0911 - one case for each node
        """Tell whether the filter matches the event."""
        match node:
            case And(terms):
                return all(self.matches(term, event) for term in terms)
            case Or(terms):
                return any(self.matches(term, event) for term in terms)
            case Comparison("!=", left, right, span):
                return not self.matches(Comparison("=", left, right, span), event)
            case Comparison(operator, left, right):
                return self.compare(operator, left, right, event)
            case Presence(operand, negated):
                return (self.value(operand, event) is None) != negated
            case Membership(operand, negated, members):
                literals = [literal for member in members for literal in self.literals(member)]
                return any(self.compare("=", operand, literal, event) for literal in literals) != negated
            case Range(operand, negated, low, high):
                inside = self.compare(">=", operand, low, event) and self.compare("<=", operand, high, event)
                return inside != negated
            case Contains(operand, negated, part):
                return self.search(self.value(operand, event), self.escaped(part, event)) != negated
            case Matches(operand, negated, pattern):
                return self.search(self.value(operand, event), pattern.text) != negated
        raise AssertionError(node)

    def literals(self, member: String | Number | Address | Group | WatchList) -> list[String | Number | Address]:
        """Give what a member stands for."""
        if isinstance(member, Group):
            return [String(name, member.span) for name in self.environment.groups[member.name]]
        if isinstance(member, WatchList):
            values = self.environment.watch_lists[member.name].values
            return [String(text(value), member.span) for value in values if value != ""]
        return [member]

    def escaped(self, part: Operand, event: Attributes) -> str | None:
        """Give a pattern for an operand's text."""
        value = text(self.value(part, event))
        return None if value is None else re.escape(value)

    def search(self, value: Value | None, pattern: str | None) -> bool:
        """Look for a pattern in a value's text."""
        value = text(value)
        return value is not None and pattern is not None and re.search(pattern, value, self.flags) is not None

    def compare(self, operator: str, left: Operand, right: Operand, event: Attributes) -> bool:
        """Compare two operands by a positive operator."""
        if isinstance(left, LITERALS) and not isinstance(right, LITERALS):
            mirrored = {"=": "=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}[operator]
            return self.compare(mirrored, right, left, event)
        kinds = {self.kind(left)} if isinstance(right, LITERALS) else {self.kind(left), self.kind(right)}
        a, b = self.value(left, event), self.value(right, event)
        if "ip" in kinds:
            return self.compare_addresses(operator, address(a), b)
        if "number" in kinds:
            a, b = number(a), number(b)
        else:
            a, b = text(a), text(b)
            if a is not None and b is not None:
                return re.fullmatch(re.escape(a), b, self.flags) is not None
        if a is None or b is None:
            return False
        return {"=": a == b, ">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[operator]

    def compare_addresses(self, operator: str, a: IPv4Address | IPv6Address | None, b: Value | None) -> bool:
        """Compare an address with an address or a network, which are text: a number is neither."""
        if not isinstance(b, str):
            return False
        try:
            network = ip_network(b, strict=False)
        except ValueError:
            return False
        if a is None or (operator == "=" and "/" not in b and address(b) is None):
            return False
        if a.version != network.version:
            return False
        first, last = network.network_address, network.broadcast_address
        return {"=": a in network, ">=": a >= first, "<=": a <= last}[operator]

    def kind(self, node: Argument) -> str:  # noqa: PLR0911 - one case for each node
        """Give an operand's type."""
        match node:
            case Attribute(name):
                return self.environment.vocabulary[name].value
            case String():
                return "string"
            case Address():
                return "ip"
            case Call("IF", (_, left, right)):
                return self.kind(right if isinstance(left, LITERALS) else left)
            case Call("LookupTableGet" | "DeviceToCMDBAttr"):
                return self.column(node)[1]
            case Call(function):
                numbers = {"LEN", "TO_INTEGER", "TO_DOUBLE", "HourOfDay", "DayOfWeek", "LOG", "LookupTableHas"}
                return "number" if function in numbers else "string"
        return "number"

    def column(self, call: Call) -> tuple[LookupTable, str, int, list[Operand]]:
        """Give the rows, the type, the column and the keys that a lookup reads."""
        if call.function == "DeviceToCMDBAttr":
            *keys, column = call.arguments
            table = self.environment.tables["_".join(["cmdb", *(key.name for key in keys[1:])])]
        else:
            name, *keys, column = call.arguments if call.function == "LookupTableGet" else (*call.arguments, None)
            table = self.environment.tables[name.text]
        at = 0 if column is None else table.columns.index(column.text)
        cells = [row[at] for row in table.rows if row[at] != ""]
        kind = "string"
        if cells and all(address(cell) is not None for cell in cells):
            kind = "ip"
        if cells and all(number(cell) is not None for cell in cells):
            kind = "number"
        return table, kind, at, keys

    def value(self, node: Argument, event: Attributes) -> Value | None:  # noqa: PLR0911 - one case for each node
        """Give an operand's value, ``None`` if it is absent."""
        match node:
            case Attribute(name):
                return event.get(name)
            case String(value):
                return value
            case Number(value) | Address(value) | Pattern(value):
                return value
            case Negative(operand):
                value = number(self.value(operand, event))
                return None if value is None else 0 - value
            case Arithmetic(operands, operators):
                return self.calculate([number(self.value(operand, event)) for operand in operands], operators)
            case Call("LookupTableHas" | "LookupTableGet" | "DeviceToCMDBAttr"):
                return self.look_up(node, event)
            case Call("IF", (condition, left, right)):
                value = self.value(left if self.matches(condition, event) else right, event)
                return number(value) if self.kind(node) == "number" else value
            case Call(function, arguments):
                values = [self.value(item, event) for item in arguments]
                return None if None in values else self.call(function, values)
        raise AssertionError(node)

    def calculate(self, numbers: list[int | float | None], operators: tuple[str, ...]) -> int | float | None:
        """Do arithmetic from left to right."""
        if None in numbers:
            return None
        total = numbers[0]
        for operator, operand in zip(operators, numbers[1:], strict=True):
            try:
                if operator == "+":
                    total = total + operand
                elif operator == "-":
                    total = total - operand
                elif operator == "*":
                    total = total * operand
                else:
                    total = total / operand
            except (ZeroDivisionError, OverflowError):
                return None
        return number(total)

    def look_up(self, call: Call, event: Attributes) -> Value | None:
        """Read a table row by row."""
        table, kind, at, keys = self.column(call)
        has = call.function == "LookupTableHas"
        for row in table.rows:
            found = [self.key_matches(key, cell, event) for key, cell in zip(keys, row, strict=False)]
            if all(found):
                return 1 if has else (number(row[at]) if kind == "number" else row[at] or None)
        return 0 if has else None

    def key_matches(self, key: Operand, cell: str, event: Attributes) -> bool:
        """Compare one cell of a key with the value looked up."""
        value, kind = self.value(key, event), self.kind(key)
        if cell == "" or value is None:
            return False
        if kind == "number":
            return number(cell) is not None and number(cell) == number(value)
        if kind == "ip":
            return address(cell) is not None and address(cell) == address(value)
        return text(value) != "" and re.fullmatch(re.escape(cell), text(value), self.flags) is not None

    def call(self, function: str, values: list[Value]) -> Value | None:  # noqa: C901, PLR0911, PLR0912 - all functions
        """Call one of the plain functions; no value is absent."""
        first = values[0]
        match function:
            case "LEN":
                return len(text(first))
            case "TO_LOWER":
                return text(first).lower()
            case "TO_UPPER":
                return text(first).upper()
            case "TRIM":
                return text(first).strip()
            case "LTRIM":
                return text(first).lstrip()
            case "RTRIM":
                return text(first).rstrip()
            case "TO_STRING":
                return text(first)
            case "REPLACE":
                return text(first).replace(text(values[1]), text(values[2])) if text(values[1]) else text(first)
            case "SUB_STR":
                return self.substring(text(first), *map(number, values[1:]))
            case "EXTRACT":
                found = re.search(values[1], text(first), self.flags)
                return None if found is None else found.group(1 if found.re.groups else 0)
            case "TO_INTEGER":
                return None if number(first) is None else int(number(first))
            case "TO_DOUBLE":
                return None if number(first) is None else float(number(first))
            case "HourOfDay":
                return None if number(first) is None else self.moment(first).hour
            case "DayOfWeek":
                return None if number(first) is None else self.moment(first).isoweekday() % 7
            case "LOG":
                base = values[1] if len(values) > 1 else 10
                return self.logarithm(number(first), math.e if base == "e" else number(base))
        raise AssertionError(function)

    def moment(self, milliseconds: Value) -> datetime:
        """Give a time in UTC."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=number(milliseconds))

    def substring(self, value: str, start: float | None, count: float | None = None) -> str | None:
        """Take letter by letter what stands at the positions asked for."""
        if start is None:
            return None
        first = start - 1 if start > 0 else len(value) + start
        if start == 0:
            return ""
        end = len(value) if count is None else first + count
        return "".join(letter for at, letter in enumerate(value) if int(first) <= at < int(end))

    def logarithm(self, value: float | None, base: float | None) -> float | None:
        """Compute a logarithm where there is one."""
        try:
            return math.log10(value) if base == 10 else math.log(value, base)
        except (ValueError, ZeroDivisionError, OverflowError, TypeError):
            return None
