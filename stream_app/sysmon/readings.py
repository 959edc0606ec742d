"""Values as FortiSIEM reads them: text, numbers, addresses, GUIDs, accounts, hashes, times.

Goes in: one value of a field. Comes out: the attribute's value, or nothing where Sysmon wrote its "missing" (``-``, the
empty string, null). Decision: what cannot be read as its type stays the text it was, so that a rule can still see it,
and equals nothing of that type. Numbers stay within 64 bits, since every codec behind this does.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Protocol

from stream_app.language.values import AttributeType, Value
from stream_app.sysmon.attributes import (
    BOOLEANS,
    DOMAINS,
    EVENTS,
    GUIDS,
    HASHES,
    PROCESS_GUIDS,
    VOCABULARY,
    fields_of,
)
from stream_app.sysmon.parts import Unreadable


class Writable(Protocol):
    """Attributes that values are put into."""

    def __setitem__(self, name: str, value: Value, /) -> None:
        """Put one in."""


Writer = Callable[[Writable, str, str], None]
"""Puts a text into attributes under a name, read as what that attribute is."""

Targets = tuple[tuple[str, Writer | None], ...]
"""The attributes a field fills; None for the writer means the text as it stands."""

Table = Mapping[str, Targets]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DATE_AND_TIME = len("2020-06-10 02:50:58")
_LONGEST_ADDRESS = 64
_LONGEST_NUMBER = 40
_NUMERALS = frozenset("0123456789+-.eE")
_GUID_LENGTH = 36
_HEXADECIMAL = frozenset("0123456789abcdef-")
INT64 = 1 << 63
_SECONDS_END = 100_000_000_000
_YEAR_10000 = 253_402_300_800_000
MISSING = ("", "-")
"""What Sysmon writes for a value that it does not have."""
_ESCAPED_UNKNOWN = "&lt;unknown process&gt;"


def text_of(name: str, value: object) -> str | None:
    """Give a field's value as text; None where it is missing. Raises Unreadable where it is no single value."""
    if isinstance(value, str):
        return None if value in MISSING else value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise Unreadable("unknown shape", f"{name} is no single value")


def milliseconds(value: object, zone: str = "") -> int | None:
    """Read a time as integer milliseconds since 1970; ``zone`` is what a text without one is in.

    Text is ISO 8601 with a date and a time, fractions beyond the millisecond cut off. Text without a zone and without
    ``zone`` is no time: reading it as UTC would be hours off (NXLog's EventTime is local).
    """
    if not isinstance(value, str) or len(value) < _DATE_AND_TIME:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None and zone:
            moment = datetime.fromisoformat(value + zone)
    except ValueError:
        return None
    return None if moment.tzinfo is None else (moment - _EPOCH) // _MILLISECOND


def epoch(value: object) -> int | None:
    """Read FortiSIEM's phRecvTime or deviceTime as integer milliseconds since 1970.

    It is ISO 8601, or a count of seconds or milliseconds, told apart by size; beyond the year 9999 it is no time.
    """
    if type(value) is int:
        number: int | float | None = value
    else:
        number = number_of(str(value)) if isinstance(value, int | str) else None
    if not isinstance(number, int):
        return milliseconds(value)
    time = number * 1000 if number < _SECONDS_END else number
    return time if 0 <= time < _YEAR_10000 else None


def number_of(text: str) -> int | float | None:
    """Read a decimal number that fits 64 bits; None for anything else."""
    if len(text) > _LONGEST_NUMBER or not _NUMERALS.issuperset(text):
        return None
    try:
        number = int(text)
    except ValueError:
        try:
            real = float(text)
        except ValueError:
            return None
        return real if abs(real) < INT64 else None
    return number if -INT64 <= number < INT64 else None


@lru_cache(maxsize=65_536)
def _canonical(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return text


def address_of(text: str) -> str:
    """Write an IP address in its canonical form (``0:0:0:0:0:0:0:1`` is ``::1``); other text stays as it is."""
    return _canonical(text) if len(text) <= _LONGEST_ADDRESS else text


def guid_of(text: str) -> str:
    """Write a GUID as newer Sysmons do, in braces and lower case; other text stays as it is."""
    bare = text.strip("{}").lower()
    return f"{{{bare}}}" if len(bare) == _GUID_LENGTH and _HEXADECIMAL.issuperset(bare) else text


def write_number(attributes: Writable, name: str, text: str) -> None:
    """Write a number of at most 64 bits; what is none stays as it is."""
    number = number_of(text)
    attributes[name] = text if number is None else number


def _write_address(attributes: Writable, name: str, text: str) -> None:
    attributes[name] = address_of(text)


def _write_guid(attributes: Writable, name: str, text: str) -> None:
    attributes[name] = guid_of(text)


def _write_process_guid(attributes: Writable, name: str, text: str) -> None:
    if text.strip("{}0-"):
        attributes[name] = guid_of(text)


def _write_boolean(attributes: Writable, name: str, text: str) -> None:
    lowered = text.lower()
    attributes[name] = lowered if lowered in ("true", "false") else text


def _write_account(attributes: Writable, name: str, text: str) -> None:
    domain, backslash, account = text.partition("\\")
    if backslash and domain and account:
        attributes[DOMAINS[name]] = domain
        attributes[name] = account
    else:
        attributes[name] = text


def _write_hashes(attributes: Writable, name: str, text: str) -> None:
    attributes[name] = text
    for part in text.split(","):
        algorithm, equals, digest = part.partition("=")
        attribute = HASHES.get(algorithm.upper())
        if equals and digest and attribute is not None:
            attributes[attribute] = digest


def _write_action(attributes: Writable, name: str, text: str) -> None:
    if not text.isupper():  # INFO is Windows' level, written over Sysmon's CreateKey by a forwarder
        attributes[name] = text


def _write_process(attributes: Writable, name: str, text: str) -> None:
    attributes[name] = "<unknown process>" if text == _ESCAPED_UNKNOWN else text


def _typed(kind: AttributeType) -> Writer | None:
    if kind is AttributeType.NUMBER:
        return write_number
    return _write_address if kind is AttributeType.IP else None


def _plain(name: str) -> Writer | None:
    kind = VOCABULARY[name]
    if kind is not AttributeType.STRING:
        return _typed(kind)
    if name in PROCESS_GUIDS:
        return _write_process_guid
    if name in GUIDS:
        return _write_guid
    return _write_boolean if name in BOOLEANS else None


_OF_SYSMON: Mapping[str, Writer] = {
    "hashCode": _write_hashes,
    "osObjAction": _write_action,
    "procName": _write_process,
    **dict.fromkeys(DOMAINS, _write_account),
}
"""What Sysmon writes in its own way; in an event that FortiSIEM has normalised it is as FortiSIEM writes it."""


def by_products(name: str, write: Writer | None) -> tuple[str, ...]:
    """Name what a writer may put in beside the attribute itself."""
    if write is _write_account:
        return (DOMAINS[name],)
    return tuple(HASHES.values()) if write is _write_hashes else ()


def _writer(name: str) -> Writer | None:
    return _OF_SYSMON.get(name) or _plain(name)


def _table(event_id: int) -> Table:
    return {
        field: tuple((name, _writer(name)) for name in attributes) for field, attributes in fields_of(event_id).items()
    }


TABLES: Mapping[int, Table] = {event_id: _table(event_id) for event_id in EVENTS}
"""Sysmon event id -> field -> what it fills."""

ANY_EVENT: Table = _table(-1)
"""The table for event ids that Sysmon does not have, or not yet."""

NORMALISED: Table = {name: ((name, _plain(name)),) for name in VOCABULARY}
"""The table for events that FortiSIEM has already normalised: attributes stay themselves, and are read as their
type."""


NONE_DECLARED: Mapping[str, AttributeType] = {}


def declaring(table: Table, declared: Mapping[str, AttributeType]) -> Table:
    """Give a table that fills declared attributes too, each from the field of its own name, beside what that fills."""
    if not declared:
        return table
    return {**table, **{name: (*table.get(name, ()), (name, _typed(kind))) for name, kind in declared.items()}}


def fill(attributes: dict[str, Value], fields: Mapping[str, object], table: Table) -> None:
    """Put the fields' values into attributes. Raises Unreadable where a field that counts holds a list or an object."""
    for field, value in fields.items():
        targets = table.get(field)
        if targets is None:
            continue
        text = value if type(value) is str and value not in MISSING else text_of(field, value)
        if text is None:
            continue
        for name, write in targets:
            if write is None:
                attributes[name] = text
            else:
                write(attributes, name, text)
