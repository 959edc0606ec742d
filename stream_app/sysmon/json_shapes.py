"""The JSON shapes that Sysmon travels in, each told by its own keys and taken apart.

Goes in: one decoded JSON object. Comes out: Parts. A shape is told per record, since one topic carries several.

Decisions. The host is the one that Sysmon ran on, never the collector (NXLog's ``host``, Winlogbeat 6's ``beat`` and
``host.name``). The record's clock is taken where the shape says that it is UTC: NXLog's EventTime and EventReceivedTime
are local without a zone and are left alone. Winlogbeat's Sysmon module overwrites ``@timestamp`` with Sysmon's UtcTime,
which lags by hours on event 3; its clock is ``event.created``.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stream_app.sysmon.ecs import MOVED_TO, restore, section
from stream_app.sysmon.event_type import event_id_of
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import address_of, epoch, milliseconds
from stream_app.sysmon.text_shapes import LINUX, read_text

if TYPE_CHECKING:
    from stream_app.language.values import Value

Json = Mapping[str, Any]

PROVIDERS = ("SourceName", "ProviderName", "Provider")
COMPUTERS = ("Computer", "Hostname", "ComputerName", "HostName")
"""Where flat JSON says who wrote the event, and on which host; the first that says something counts."""

_decoder = msgspec.json.Decoder(float_hook=str)


def decode_json(data: bytes | str) -> object:
    """Decode JSON; of equal keys the last one counts. Raises Unreadable ("not json", "not utf-8", "too deep").

    A number with a fraction or an exponent stays the text it was: its digits are the record's, not a float's.
    """
    try:
        return _decoder.decode(data)
    except UnicodeDecodeError as error:
        raise Unreadable("not utf-8", str(error)) from error
    except RecursionError as error:
        raise Unreadable("too deep", str(error)) from error
    except ValueError as error:
        raise Unreadable("not json", str(error)) from error


def read_object(record: Json) -> Parts:
    """Take a JSON object apart, as the first shape whose key it has. Raises Unreadable."""
    for key, kind, read in _SHAPES:
        if key in record and isinstance(record[key], kind):
            return read(record)
    raise Unreadable("unknown shape", f"an object with the keys {', '.join(sorted(record)[:8])}"[:200])


def _flat(record: Json) -> Parts:
    """NXLog, or flat JSON without a forwarder's fields, or the event data alone (EventId, no Computer)."""
    with_header = "nxlog" if "SourceModuleName" in record else "flat"
    return Parts(
        shape=with_header if "EventID" in record else "eventdata",
        event_id=record.get("EventID", record.get("EventId")),
        provider=first(record, *PROVIDERS),
        channel=first(record, "Channel"),
        computer=first(record, *COMPUTERS),
        fields=record,
        message=first(record, "Message"),
        created=created_at(record.get),
        recorded=milliseconds(record.get("@timestamp")),
    )


def created_at(look: Callable[[str], object]) -> int | None:
    """Give flat JSON's own clock in ms, from its fields by name; None where it does not say its zone."""
    created = milliseconds(look("TimeCreated"))
    return milliseconds(look("EventTime")) if created is None else created


def _windows_event(record: Json) -> Parts:
    """Azure's WindowsEvent table: EventData is a string that holds JSON (or the object itself)."""
    data = record["EventData"]
    if isinstance(data, str):
        data = decode_json(data)
    return Parts(
        shape="azure-windowsevent",
        event_id=record.get("EventID"),
        provider=first(record, "Provider"),
        channel=first(record, "Channel"),
        computer=first(record, "Computer"),
        fields=_object(data, "EventData"),
        created=milliseconds(record.get("TimeGenerated")),
    )


def _syslog(record: Json) -> Parts:
    """Sysmon for Linux in Azure's Syslog table: the event's XML is the message; the sender is the reporting device."""
    header: dict[str, Value] = {}
    name, address = first(record, "HostName"), first(record, "HostIP")
    if name:
        header["reptDevName"] = name
    if address:
        header["reptDevIpAddr"] = address_of(address)
    parts = read_text(record["SyslogMessage"].strip())
    recorded = milliseconds(record.get("TimeGenerated"))
    return msgspec.structs.replace(parts, shape=LINUX, header=header, recorded=recorded)


def _event_tree(record: Json) -> Parts:
    """Event XML as JSON: evtx-rs (attributes under ``#attributes``) or xml2json (attributes beside, data as a list)."""
    event: Json = record["Event"]
    system = _object(event.get("System"), "System")
    data = event.get("EventData")
    message = section(event, ("RenderingInfo",))
    listed = data.get("Data") if isinstance(data, dict) else None
    if isinstance(listed, dict):
        listed = [listed]
    return Parts(
        shape="xml2json" if isinstance(listed, list) else "evtx-json",
        event_id=system.get("EventID"),
        provider=_attribute(system, "Provider", "Name"),
        channel=first(system, "Channel"),
        computer=first(system, "Computer"),
        fields=_named(listed) if isinstance(listed, list) else _object(data, "EventData"),
        message=first(message, "Message"),
        created=milliseconds(_attribute(system, "TimeCreated", "SystemTime")),
    )


def _named(listed: list[Any]) -> dict[str, object]:
    """Read ``[{"Name": …, "text": …}]``: no text is no value, no name no field."""
    fields: dict[str, object] = {}
    for item in listed:
        if isinstance(item, dict) and isinstance(item.get("Name"), str):
            fields[item["Name"]] = item.get("text", item.get("#text"))
    return fields


def _winlogbeat6(record: Json) -> Parts:
    return Parts(
        shape="winlogbeat6",
        event_id=record["event_id"],
        provider=first(record, "source_name"),
        channel=first(record, "log_name"),
        computer=first(record, "computer_name"),
        fields=_object(record.get("event_data"), "event_data"),
        message=first(record, "message"),
        created=milliseconds(record.get("@timestamp")),
    )


def _winlogbeat7(record: Json) -> Parts:
    """Winlogbeat 7 and later, and Elastic's agent; the Sysmon module is told by its name or what it leaves."""
    winlog: Json = record["winlog"]
    event = section(record, ("event",))
    data = _object(winlog.get("event_data"), "winlog.event_data")
    event_id = event_id_of(winlog.get("event_id", event.get("code")))
    by_module = event.get("module") == "sysmon" or not MOVED_TO.isdisjoint(record)
    stamp = milliseconds(record.get("@timestamp"))
    return Parts(
        shape="winlogbeat7-module" if by_module else "winlogbeat7",
        event_id=event_id,
        provider=first(winlog, "provider_name") or first(event, "provider"),
        channel=first(winlog, "channel"),
        computer=first(winlog, "computer_name") or first(section(record, ("host",)), "name"),
        fields=restore(record, event_id, data) if by_module else data,
        message=first(record, "message"),
        created=milliseconds(event.get("created")) if by_module else stamp,
        recorded=stamp,
    )


def _normalised(record: Json) -> Parts:
    """FortiSIEM's own normalised event: the attributes' names are the keys."""
    return Parts(
        shape="fortisiem-json",
        event_id=record.get("winEventId"),
        fields=record,
        received=epoch(record.get("phRecvTime")),
        created=epoch(record.get("deviceTime")),
    )


def _wrapped(record: Json) -> Parts:
    """Open a forwarder's envelope around event XML or an agent line."""
    return read_text(record["message"].strip())


def first(record: Json, *names: str) -> str:
    """Give the first of these fields that holds text, or the empty text."""
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value not in ("", "-"):
            return value
    return ""


def _attribute(system: Json, element: str, name: str) -> str:
    inner = section(system, (element,))
    return first(inner, name) or first(section(inner, ("#attributes",)), name)


def _object(value: object, name: str) -> Json:
    """Give an object; null and a missing one are empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Unreadable("unknown shape", f"{name} is no object")
    return value


_SHAPES: tuple[tuple[str, type, Callable[[Json], Parts]], ...] = (
    ("Event", dict, _event_tree),
    ("winlog", dict, _winlogbeat7),
    ("event_id", object, _winlogbeat6),
    ("SyslogMessage", str, _syslog),
    ("eventType", str, _normalised),
    ("EventData", object, _windows_event),
    ("EventID", object, _flat),
    ("EventId", object, _flat),
    ("message", str, _wrapped),
)
"""The key that tells a shape, the type of its value, and how it is taken apart; the first that fits is it."""
