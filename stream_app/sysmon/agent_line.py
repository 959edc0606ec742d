"""FortiSIEM's Windows agent line: a header of words, keys in brackets, then the event's own XML.

``<time> <host> <ip> FSM-WUA-WinLog-<channel> [phCustId]="…" [customer]="…" … [timeZone]="+0530" … [xml]=<Event …>``;
older agents say ``AccelOps-WUA-…`` and may write the time as ``Thu Jul 23 15:50:10 2015``.

Decisions. The header's time is the receive time. In ISO form it says its zone itself; the older form is local and is
read with ``[timeZone]``, or not at all. An agent says much the same in each of its lines: its keys, its address and a
second in the older form are read once and remembered, while they are short.
"""

from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING

from msgspec import structs

from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import address_of, milliseconds, number_of
from stream_app.sysmon.windows_xml import Head, read_rest, read_xml

if TYPE_CHECKING:
    from stream_app.language.values import Value

SHAPE = "fortisiem-agent"

_TAG = "FSM-WUA-"
_OLDER_TAG = "AccelOps-WUA-"
_XML = "[xml]="
_ENDS_KEY = ']="'
_ENDS_VALUE = '" ['
_OLD_TIME = "%a %b %d %H:%M:%S %Y"
_LONGEST_REMEMBERED = 1_000


def tag_at(text: str) -> int:
    """Say where the agent's tag begins; -1 where the text is no agent line. What the XML holds is no tag."""
    end = text.find("<Event")
    if end < 0:
        end = len(text)
    tag = text.find(_TAG, 0, end)
    older = text.find(_OLDER_TAG, 0, end if tag < 0 else tag)
    return tag if older < 0 else older


def xml_at(text: str, tag: int) -> int:
    """Say where the XML of an agent line begins; -1 where it carries none."""
    body = text.find(_XML, tag)
    return body if body < 0 else body + len(_XML)


def read_agent_line(text: str, tag: int, head: Head | None = None) -> Parts:
    """Take an agent line apart. Raises Unreadable: "unknown shape" where it carries no XML, and as the XML does.

    ``head`` is the head of its XML where it has been read.
    """
    start = xml_at(text, tag)
    if start < 0:
        raise Unreadable("unknown shape", "an agent line without [xml]")
    said = text[tag : start - len(_XML)]
    customer, zone = _customer(said) if len(said) > _LONGEST_REMEMBERED else _remembered_customer(said)
    when, host, address = _header(text[:tag])
    header = customer.copy()
    if host:
        header["reptDevName"] = host
    if address:
        header["reptDevIpAddr"] = address
    parts = read_xml(text[start:], SHAPE) if head is None else read_rest(head, SHAPE)
    return structs.replace(parts, received=_received(when, zone), header=header)


def _header(text: str) -> tuple[str, str, str]:
    """Split into time, host and address, from the right. A syslog priority before the time is no part of it."""
    words = (text.partition(">")[2] if text.startswith("<") else text).split()
    address = _address(words[-1]) if words and len(words[-1]) <= _LONGEST_REMEMBERED else ""
    if address:
        words.pop()
    host = words.pop() if len(words) > 1 else ""
    return " ".join(words), host, address


@lru_cache(maxsize=4096)
def _address(word: str) -> str:
    """Give an address in its canonical form; "" for what is none."""
    try:
        ip_address(word)
    except ValueError:
        return ""
    return address_of(word)


def _received(when: str, zone: str) -> int | None:
    if when[:1].isdigit():
        return milliseconds(when, zone)
    return _old_time(when, zone) if len(when) + len(zone) <= _LONGEST_REMEMBERED else None


@lru_cache(maxsize=4096)
def _old_time(when: str, zone: str) -> int | None:
    try:
        moment = datetime.strptime(f"{when} {zone}", f"{_OLD_TIME} %z")
    except ValueError:
        return None
    return milliseconds(moment.isoformat())


def _customer(text: str) -> tuple[dict[str, "Value"], str]:
    """Read what the keys say of the customer, as attributes, and the agent's zone."""
    keys = _keys(text)
    customer: dict[str, Value] = {}
    if keys.get("customer"):
        customer["customer"] = keys["customer"]
    if keys.get("phCustId"):
        number = number_of(keys["phCustId"])
        customer["phCustId"] = keys["phCustId"] if number is None else number
    return customer, keys.get("timeZone", "")


_remembered_customer = lru_cache(maxsize=4096)(_customer)


def _keys(text: str) -> dict[str, str]:
    """Read ``[name]="value"`` pairs; a value ends at the quote before the next bracket: it may hold quotes itself."""
    keys: dict[str, str] = {}
    start = text.find("[")
    while start >= 0:
        name_end = text.find(_ENDS_KEY, start)
        if name_end < 0:
            break
        value_start = name_end + len(_ENDS_KEY)
        value_end = text.find(_ENDS_VALUE, value_start)
        value = text[value_start:value_end] if value_end >= 0 else text[value_start:].rstrip().removesuffix('"')
        keys[text[start + 1 : name_end]] = value
        start = value_end + 2 if value_end >= 0 else -1
    return keys
