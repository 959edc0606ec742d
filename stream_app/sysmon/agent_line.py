"""FortiSIEM's Windows agent line: a header of words, keys in brackets, then the event's own XML.

``<time> <host> <ip> FSM-WUA-WinLog-<channel> [phCustId]="…" [customer]="…" … [timeZone]="+0530" … [xml]=<Event …>``;
older agents say ``AccelOps-WUA-…`` and may write the time as ``Thu Jul 23 15:50:10 2015``.

Decision: the header's time is the receive time. In ISO form it says its zone itself; the older form is local and is
read with ``[timeZone]``, or not at all.
"""

from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

from msgspec import structs

from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import address_of, milliseconds, number_of
from stream_app.sysmon.windows_xml import read_xml

if TYPE_CHECKING:
    from stream_app.language.values import Value

TAGS = ("FSM-WUA-", "AccelOps-WUA-")
SHAPE = "fortisiem-agent"

_XML = "[xml]="
_ENDS_KEY = ']="'
_ENDS_VALUE = '" ['
_OLD_TIME = "%a %b %d %H:%M:%S %Y"


def tag_at(text: str) -> int:
    """Say where the agent's tag begins; -1 where the text is no agent line. What the XML holds is no tag."""
    header = text.partition("<Event")[0]
    return max(header.find(tag) for tag in TAGS)


def read_agent_line(text: str, tag: int) -> Parts:
    """Take an agent line apart. Raises Unreadable: "unknown shape" where it carries no XML, and as the XML does."""
    body = text.find(_XML, tag)
    if body < 0:
        raise Unreadable("unknown shape", "an agent line without [xml]")
    keys = _keys(text[tag:body])
    when, host, address = _header(text[:tag])
    named = {"customer": keys.get("customer"), "reptDevName": host, "reptDevIpAddr": address}
    header: dict[str, Value] = {name: value for name, value in named.items() if value}
    if keys.get("phCustId"):
        number = number_of(keys["phCustId"])
        header["phCustId"] = keys["phCustId"] if number is None else number
    parts = read_xml(text[body + len(_XML) :], SHAPE)
    return structs.replace(parts, received=_received(when, keys.get("timeZone", "")), header=header)


def _header(text: str) -> tuple[str, str, str]:
    """Split into time, host and address, from the right. A syslog priority before the time is no part of it."""
    words = (text.partition(">")[2] if text.startswith("<") else text).split()
    address = address_of(words.pop()) if words and _is_address(words[-1]) else ""
    host = words.pop() if len(words) > 1 else ""
    return " ".join(words), host, address


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _received(when: str, zone: str) -> int | None:
    if when[:1].isdigit():
        return milliseconds(when, zone)
    try:
        moment = datetime.strptime(f"{when} {zone}", f"{_OLD_TIME} %z")
    except ValueError:
        return None
    return milliseconds(moment.isoformat())


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
