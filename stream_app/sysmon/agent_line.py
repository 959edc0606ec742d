"""FortiSIEM's Windows agent line: a header of words, keys in brackets, then the event's own XML.

``<time> <host> <ip> FSM-WUA-WinLog-<channel> [phCustId]="…" [customer]="…" … [timeZone]="+0530" … [xml]=<Event …>``; older
agents say ``AccelOps-WUA-…`` and may write the time as ``Thu Jul 23 15:50:10 2015``.

Decision: the header's time is the receive time. In ISO form it says its zone itself; the older form is local and is read
with ``[timeZone]``, or not at all.
"""

from datetime import datetime

from msgspec import structs

from stream_app.language.values import Value
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import address_of, milliseconds, number_of
from stream_app.sysmon.windows_xml import read_xml

TAGS = (" FSM-WUA-", " AccelOps-WUA-")
SHAPE = "fortisiem-agent"

_XML = "[xml]="
_OLD_TIME = "%a %b %d %H:%M:%S %Y"
_WORDS_IN_OLD_TIME = 5


def tag_at(text: str) -> int:
    """Say where the agent's tag begins; -1 where the text is no agent line."""
    return max(text.find(tag) for tag in TAGS)


def read_agent_line(text: str, tag: int) -> Parts:
    """Take an agent line apart. Raises Unreadable: "unknown shape" where it carries no XML, and as the XML does."""
    body = text.find(_XML, tag)
    if body < 0:
        raise Unreadable("unknown shape", "an agent line without [xml]")
    keys = _keys(text[tag:body])
    when, host, address = _header(text[:tag])
    header: dict[str, Value] = {name: keys[name] for name in ("customer",) if keys.get(name)}
    customer = keys.get("phCustId", "")
    if customer:
        number = number_of(customer)
        header["phCustId"] = customer if number is None else number
    if host:
        header["reptDevName"] = host
    if address:
        header["reptDevIpAddr"] = address_of(address)
    parts = read_xml(text[body + len(_XML) :].strip(), SHAPE)
    return structs.replace(parts, received=_received(when, keys.get("timeZone", "")), header=header)


def _header(text: str) -> tuple[str, str, str]:
    """Split into time, host and address. A syslog priority may stand before the time, and is no part of it."""
    words = text.split()
    if words and words[0].startswith("<"):
        priority, _, rest = words[0].partition(">")
        words[:1] = [rest] if rest else []
        del priority
    size = 1 if words and words[0][:1].isdigit() else _WORDS_IN_OLD_TIME
    if len(words) < size:
        return "", "", ""
    host, address, *_ = [*words[size:], "", ""]
    return " ".join(words[:size]), host, address


def _received(when: str, zone: str) -> int | None:
    if when[:1].isdigit():
        return milliseconds(when, zone)
    try:
        moment = datetime.strptime(f"{when} {zone}", f"{_OLD_TIME} %z")
    except ValueError:
        return None
    return milliseconds(moment.isoformat())


def _keys(text: str) -> dict[str, str]:
    """Read ``[name]="value"`` pairs; a value ends at the quote before the next bracket, so it may hold quotes itself."""
    keys: dict[str, str] = {}
    start = text.find("[")
    while start >= 0:
        equals = text.find(']="', start)
        if equals < 0:
            break
        end = text.find('" [', equals + 3)
        value = text[equals + 3 : end] if end >= 0 else text[equals + 3 :].rstrip().removesuffix('"')
        keys[text[start + 1 : equals]] = value
        start = end + 2 if end >= 0 else -1
    return keys
