"""What FortiSIEM calls an event: eventType, from where the event comes from, its id and, for some, what it says.

Decisions. Sysmon for Linux gets a prefix of its own (``Linux-Sysmon-3-Network-Connect-IPv4``): the ids and fields are
the same, but a Windows rule (``Win-Sysmon-3-…``) must not match it. Registry actions are spelled as Sysmon spells them,
which is also how Fortinet lists them (CreateKey, DeleteKey, CreateValue, DeleteValue, SetValue, RenameKey,
RenameValue). An action or an id that is not known gives ``Unknown`` in its place, so that patterns such as
``Win-Sysmon-12-Registry-.*`` still hold. Other Windows events are ``Win-<channel>-<id>``: they are readable, so that
nothing is skipped in silence.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from stream_app.language.values import Attributes, Value
from stream_app.sysmon.attributes import EVENTS
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import ANY_EVENT

WINDOWS_SYSMON = "Win-Sysmon"
LINUX_SYSMON = "Linux-Sysmon"
SYSMON = (WINDOWS_SYSMON, LINUX_SYSMON)

NETWORK = 3
"""Sysmon's event id of a connection, whose eventType says the family of its addresses."""

FAMILIES = ("", "-IPv4", "-IPv6")
"""What may stand behind it there."""

REGISTRY = "Registry"
"""The name in eventType that an action follows."""
_ONLY_ACTION = {
    13: "SetValue",
    17: "CreatePipe",
    18: "ConnectPipe",
    19: "WmiFilterEvent",
    20: "WmiConsumerEvent",
    21: "WmiBindingEvent",
}
_ACTIONS = ("-CreateKey", "-DeleteKey", "-CreateValue", "-DeleteValue", "-SetValue", "-RenameKey", "-RenameValue")
_ACTION_LINE = "\nEventType: "
_FAMILIES = {"true": "-IPv6", "6": "-IPv6", "false": "-IPv4", "4": "-IPv4"}
_MICROSOFT = "Microsoft-Windows-"
_CHANNELS = {"Application": "App", "Windows PowerShell": "PowerShell"}
_LAST_EVENT_ID = 65_535
_FIELDS_THAT_TELL = frozenset(ANY_EVENT) - {"User", "Description", "phCustId", "customer"}


def event_id_of(value: object) -> int:
    """Read an event id from a number, text, or an object that holds it beside its qualifiers. Raises Unreadable."""
    if isinstance(value, dict):
        value = value.get("#text", value.get("text"))
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_LAST_EVENT_ID)):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LAST_EVENT_ID:
        return value
    raise Unreadable("unknown shape", "no event id")


def source_of(parts: Parts) -> str:
    """Say whether it is Sysmon on Windows or on Linux, or else which channel's: the part of eventType before the id."""
    provider, channel = parts.provider, parts.channel
    if provider.startswith(LINUX_SYSMON) or channel.startswith(LINUX_SYSMON):
        return LINUX_SYSMON
    if provider.startswith(_MICROSOFT + "Sysmon") or channel.startswith(_MICROSOFT + "Sysmon"):
        return WINDOWS_SYSMON
    name = channel or provider
    if not name:
        if _FIELDS_THAT_TELL.isdisjoint(parts.fields):
            raise Unreadable("unknown shape", "no provider, no channel, and no field of Sysmon's")
        return WINDOWS_SYSMON
    name = _CHANNELS.get(name, name)
    word = name.removeprefix(_MICROSOFT).partition("/")[0].replace(" ", "-")
    return f"Win-{word}"


def event_type(source: str, event_id: int, attributes: Attributes) -> str:
    """Give FortiSIEM's eventType; ``attributes`` are the event's, with osObjAction where it has an action."""
    if source not in SYSMON:
        return f"{source}-{event_id}"
    name = EVENTS.get(event_id, "Unknown")
    if event_id == NETWORK:
        return f"{source}-{event_id}-{name}{_family(attributes)}"
    if name == REGISTRY:
        return f"{source}-{event_id}-{name}-{attributes.get('osObjAction') or 'Unknown'}"
    return f"{source}-{event_id}-{name}"


def usual_types() -> Iterator[str]:
    """Give the eventTypes that Sysmon's events on Windows usually have."""
    for event_id, name in EVENTS.items():
        ends = FAMILIES if event_id == NETWORK else _ACTIONS if name == REGISTRY else ("",)
        yield from (f"{WINDOWS_SYSMON}-{event_id}-{name}{end}" for end in ends)


def action_of(event_id: int, message: str) -> str:
    """Give the action of an event that has lost its EventType; "" where it cannot be known.

    NXLog writes the Windows level (INFO) over it in some versions and drops it in others. The rendered message still
    has it; without a message it is known only where the event has one action.
    """
    start = message.find(_ACTION_LINE)
    if start >= 0:
        return message[start + len(_ACTION_LINE) :].partition("\n")[0].strip()
    return _ONLY_ACTION.get(event_id, "")


def _family(attributes: Attributes) -> str:
    """Tell IPv4 from IPv6 by SourceIsIpv6, else by the source's address, else by the destination; else not."""
    for flag, address in (("SourceIsIpv6", "srcIpAddr"), ("isIpv6", "destIpAddr")):
        told = _FAMILIES.get(str(attributes.get(flag))) or _FAMILIES.get(str(_version(attributes.get(address))))
        if told:
            return told
    return ""


def _version(value: Value | None) -> int:
    try:
        return ip_address(value).version if isinstance(value, str) else 0
    except ValueError:
        return 0
