"""A record's bytes become an event: FortiSIEM attributes, and the times that the record carries.

Goes in: bytes, in any shape Sysmon travels in. Comes out: an Event, or Unreadable with a reason. Decision: there is no
third outcome. What is read is exact, and what cannot be read exactly is refused by name, so that it can be found again.
"""

from collections.abc import Mapping

from msgspec import Struct

from stream_app.language.values import AttributeType, Value
from stream_app.sysmon.attributes import ACTING
from stream_app.sysmon.event_type import SYSMON, action_of, event_id_of, event_type, source_of
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import (
    ANY_EVENT,
    NONE_DECLARED,
    NORMALISED,
    TABLES,
    declaring,
    fill,
    milliseconds,
)
from stream_app.sysmon.shapes import MAX_BYTES, take_apart

__all__ = ["MAX_BYTES", "Event", "Unreadable", "normalise"]

DEFAULT_CUSTOMER = 1
"""phCustId of a record that names none."""


class Event(Struct, frozen=True):
    """A record as rules see it. Times are integer milliseconds since 1970, None where the record does not say."""

    attributes: dict[str, Value]
    """Attribute -> value; what is missing has no key."""
    shape: str
    """What it travelled in: nxlog, flat, eventdata, winlogbeat6, winlogbeat7, winlogbeat7-module, evtx-json, xml2json,
    azure-windowsevent, linux-syslog, xml, fortisiem-agent, fortisiem-json."""
    received: int | None
    """When FortiSIEM's agent or FortiSIEM itself received it (phRecvTime)."""
    created: int | None
    """System/TimeCreated, or the shape's own clock for it."""
    recorded: int | None
    """The best guess of when it was recorded, to give a file's records timestamps: received, else created, else the
    forwarder's clock, else Sysmon's UtcTime."""

    def get(self, name: str, /) -> Value | None:
        """Give an attribute, None where it is absent."""
        return self.attributes.get(name)


def normalise(value: bytes, max_bytes: int = MAX_BYTES, declared: Mapping[str, AttributeType] = NONE_DECLARED) -> Event:
    """Read a record of at most ``max_bytes`` bytes. Raises Unreadable and nothing else.

    ``declared`` are attributes that FortiSIEM does not have, each read from the field of its name.
    """
    parts = take_apart(value, max_bytes)
    attributes: dict[str, Value] = {"phCustId": DEFAULT_CUSTOMER, **parts.header}
    if parts.shape == "fortisiem-json":
        fill(attributes, parts.fields, declaring(NORMALISED, declared))
        if "eventType" not in attributes:
            raise Unreadable("unknown shape", "no eventType")
    else:
        _read_event(parts, attributes, declared)
    if parts.received is not None:
        attributes["phRecvTime"] = parts.received
    if parts.created is not None:
        attributes["deviceTime"] = parts.created
    return Event(
        attributes=attributes,
        shape=parts.shape,
        received=parts.received,
        created=parts.created,
        recorded=_recorded(parts),
    )


def _read_event(parts: Parts, attributes: dict[str, Value], declared: Mapping[str, AttributeType]) -> None:
    event_id = event_id_of(parts.event_id)
    source = source_of(parts)
    table = TABLES.get(event_id, ANY_EVENT) if source in SYSMON else ANY_EVENT
    fill(attributes, parts.fields, declaring(table, declared))
    if source in SYSMON and event_id in ACTING and "osObjAction" not in attributes:
        action = action_of(event_id, parts.message)
        if action:
            attributes["osObjAction"] = action
    attributes["eventType"] = event_type(source, event_id, attributes)
    attributes["winEventId"] = attributes["EventID"] = str(event_id)
    if parts.channel:
        attributes["activityType"] = parts.channel
    if parts.provider:
        attributes["eventSource"] = parts.provider
    if parts.computer:
        attributes["hostName"] = attributes["computer"] = parts.computer


def _recorded(parts: Parts) -> int | None:
    for time in (parts.received, parts.created, parts.recorded):
        if time is not None:
            return time
    return milliseconds(parts.fields.get("UtcTime"), "+00:00")
