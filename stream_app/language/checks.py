"""Which type an operand has and how a literal reads as that type: a tree goes in, types and errors come out.

Decision: the attribute decides, not the literal. ``procId = 4`` compares text since procId is a string, and
``destIpPort = "443"`` compares numbers. Between two operands that are no literals the stricter type decides: an
address or a number beside a string makes the string be read as one. A literal that does not read as the type is
refused, but for ``""``, which equals nothing of another type and is what converted rules compare with.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from stream_app.language.lookups import lookup_of
from stream_app.language.printer import to_text
from stream_app.language.reading import NOWHERE, network_of, number_of
from stream_app.language.syntax import Address, Attribute, Call, Number, Operand, String
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream_app.language.diagnostics import Diagnostic, Place
    from stream_app.language.environment import Environment, WatchList
    from stream_app.language.lookups import Lookup
    from stream_app.language.syntax import Argument, Span
    from stream_app.language.tables import LookupTable

Literal = String | Number | Address

NETWORK_OF_NONE = (0, NOWHERE)
"""The lowest and highest address of a network without addresses."""

_SHOWN = 40
"""How many characters of an operand an error shows."""

NOUNS = {
    AttributeType.STRING: "a string",
    AttributeType.NUMBER: "a number",
    AttributeType.IP: "an IP address",
}

_RESULTS = {
    **dict.fromkeys(("LEN", "TO_INTEGER", "TO_DOUBLE", "HourOfDay", "DayOfWeek", "LOG"), AttributeType.NUMBER),
    **dict.fromkeys(("TO_LOWER", "TO_UPPER", "TRIM", "LTRIM", "RTRIM", "SUB_STR"), AttributeType.STRING),
    **dict.fromkeys(("REPLACE", "EXTRACT", "TO_STRING"), AttributeType.STRING),
    "LookupTableHas": AttributeType.NUMBER,
}


class Checker:
    """The types of one filter's operands; ``problems`` grows."""

    def __init__(self, environment: Environment, place: Place) -> None:
        self.environment = environment
        self._place = place
        self._noted = set[int]()
        self.problems: list[Diagnostic] = []

    def note(self, span: Span, message: str) -> None:
        """Note what is wrong at a node; what else is wrong there may only follow from it."""
        if span.start not in self._noted:
            self._noted.add(span.start)
            self.problems.append(self._place.diagnose(span.start, message))

    def type_of(self, operand: Argument) -> AttributeType:  # noqa: PLR0911 - one for each kind of operand
        """Give an operand's type; what has none is noted and taken for a string."""
        match operand:
            case Attribute(name, span):
                if name not in self.environment.vocabulary:
                    self.note(span, f"unknown attribute {name!r}{suggest(name, self.environment.vocabulary)}")
                return self.environment.vocabulary.get(name, AttributeType.STRING)
            case String():
                return AttributeType.STRING
            case Address():
                return AttributeType.IP
            case Call("IF", (_, left, right)):
                return self._branches(left, right)
            case Call("LookupTableGet" | "DeviceToCMDBAttr"):
                return self._column_type(lookup_of(operand))
            case Call(function):
                return _RESULTS[function]
            case _:
                return AttributeType.NUMBER

    def common_type(self, left: Operand, right: Operand) -> AttributeType:
        """Give the type as which two operands compare."""
        left_type = self.type_of(left)
        if isinstance(right, Literal):
            return left_type
        types = {left_type, self.type_of(right)}
        if types == {AttributeType.NUMBER, AttributeType.IP}:
            self.note(right.span, f"{shown(left)} is {NOUNS[left_type]}, {shown(right)} is not")
        if AttributeType.IP in types:
            return AttributeType.IP
        return AttributeType.NUMBER if AttributeType.NUMBER in types else AttributeType.STRING

    def is_number(self, operand: Operand, purpose: str) -> bool:
        """Tell whether an operand is a number; one that is none is noted, with what needs a number."""
        kind = self.type_of(operand)
        if kind is not AttributeType.NUMBER:
            hint = f"; TO_INTEGER({shown(operand)}) is a number" if kind is AttributeType.STRING else ""
            self.note(operand.span, f"{purpose} a number, {shown(operand)} is {NOUNS[kind]}{hint}")
        return kind is AttributeType.NUMBER

    def text(self, literal: Literal) -> str:
        """Read a literal as text: as it is written."""
        if isinstance(literal, String):
            return literal.value
        if "/" in literal.text:
            self.note(literal.span, f"{literal.text} is a network; only IP addresses compare with it")
        return literal.text

    def number(self, literal: Literal, subject: str) -> int | float:
        """Read a literal as a number; NaN if it is empty, or wrong and noted."""
        text = literal.value if isinstance(literal, String) else literal.text
        number = number_of(text)
        if text and number != number:  # noqa: PLR0124 - NaN alone differs from itself
            self.note(literal.span, f"{subject} is a number, {shown(literal)} is not")
        return number

    def network(self, literal: Literal, subject: str) -> tuple[int, int]:
        """Read a literal as a network, lowest and highest address; without addresses if empty, or wrong and noted."""
        text = literal.value if isinstance(literal, String) else literal.text
        try:
            return network_of(text) if text else NETWORK_OF_NONE
        except ValueError:
            self.note(literal.span, f"{subject} is an IP address, {shown(literal)} is neither address nor network")
            return NETWORK_OF_NONE

    def members(self, name: str, span: Span) -> tuple[String, ...]:
        """Give a group's members as literals that stand where the group does."""
        groups = self.environment.groups
        if name not in groups:
            self.note(span, f"unknown group {name!r}{suggest(name, groups)}")
        return tuple(String(member, span) for member in groups.get(name, ()))

    def watch_list(self, name: str, span: Span) -> WatchList | None:
        """Give a watch list; one that is not there is noted."""
        lists = self.environment.watch_lists
        if name not in lists:
            self.note(span, f"no rule fills the watch list {name!r}{suggest(name, lists)}")
        return lists.get(name)

    def _branches(self, left: Argument, right: Argument) -> AttributeType:
        """Give the type of an IF; a literal takes the other branch's type."""
        if isinstance(left, Literal) and not isinstance(right, Literal):
            return self.type_of(right)
        kind = self.type_of(left)
        if not isinstance(right, Literal) or isinstance(left, Literal):
            other = self.type_of(right)
            if kind is not other:
                self.note(right.span, f"IF gives {NOUNS[kind]} or {NOUNS[other]}; both must be of one type")
        return kind

    def table(self, lookup: Lookup) -> LookupTable | None:
        """Give the table that a call reads; a table or a column that is not there is noted."""
        tables = self.environment.tables
        table = tables.get(lookup.table)
        if lookup.misplaced is not None:
            self.note(lookup.misplaced.span, f"expected an attribute such as intfName, got {shown(lookup.misplaced)}")
        elif table is None:
            self.note(lookup.span, f"unknown table {lookup.table!r}{suggest(lookup.table, tables)}")
        elif lookup.column and lookup.column not in table.columns:
            close = suggest(lookup.column, table.columns)
            self.note(lookup.span, f"table {lookup.table!r} has no column {lookup.column!r}{close}")
        else:
            return table
        return None

    def _column_type(self, lookup: Lookup) -> AttributeType:
        table = self.table(lookup)
        return AttributeType.STRING if table is None else table.type_of(lookup.column)


def suggest(name: str, known: Iterable[str]) -> str:
    """Give the known name that an unknown one was probably meant to be, as the tail of an error."""
    by_folded = {candidate.lower(): candidate for candidate in known}
    close = get_close_matches(name.lower(), by_folded, 1, 0.8)
    return f"; did you mean {by_folded[close[0]]!r}?" if close else ""


def shown(operand: Operand) -> str:
    """Write an operand for an error, cut to what can be read."""
    text = to_text(operand)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
