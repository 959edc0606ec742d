"""An incident as an OCSF Detection Finding: incident in, one JSON object of class 2004 out.

Create, update and clear are the activities Create, Update and Close of one finding, whose ``finding_info.uid`` is the
incident's id and whose ``metadata.sequence`` is its revision. Decision: an object that OCSF takes only with a name or
an id of its own (a process without pid and GUID, an endpoint that is only a port) is left out; ``evidences[].data``
holds all attributes in FortiSIEM's words whatever else is there.
"""

import re
from typing import Any

import msgspec

from stream_app.engine.incident import Incident
from stream_app.handoff.cut import UNBOUNDED, Facts, fitted
from stream_app.handoff.mapping import (
    ADDRESS,
    ALONE,
    FLAG,
    INTEGER,
    MILLISECONDS,
    NAME,
    PORT,
    Field,
    Shape,
    attributes_of,
    choice,
    plan,
)
from stream_app.handoff.native import facts_of

VERSION = "1.5.0"
"""Of the schema. Every later 1.x takes what it takes."""

SOURCE = "schema.ocsf.io, class detection_finding"

_CLASS = 2004
_ACTIVITIES = {"create": 1, "update": 2, "clear": 3}
_NAMES = {"create": "Create", "update": "Update", "clear": "Close"}

FIXED = {
    "category_uid": 2,
    "category_name": "Findings",
    "class_uid": _CLASS,
    "class_name": "Detection Finding",
    "is_alert": True,
    "metadata.version": VERSION,
    "metadata.product.name": "stream_app",
    "metadata.product.vendor_name": "stream_app",
    "finding_info.analytic.type_id": 1,
    "finding_info.analytic.type": "Rule",
}

_TACTICS = Shape("a tactic each", lambda names: [{"tactic": {"name": name}} for name in names])
_MAC = Shape(
    "MAC address",
    lambda value: str(value) if re.fullmatch("(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", str(value)) else None,
)
_EVENTS = Shape("an event each", lambda places: [{"uid": place} for place in places])


def _technique(number: str) -> dict[str, Any]:
    parent, dot, _ = number.partition(".")
    return {"technique": {"uid": parent}, **({"sub_technique": {"uid": number}} if dot else {})}


_TECHNIQUES = Shape("a technique each", lambda numbers: [_technique(number) for number in numbers])

FIELDS = (
    Field("activity_id", "activity", choice(_ACTIVITIES)),
    Field("activity_name", "activity", choice(_NAMES)),
    Field("type_uid", "activity", choice({word: _CLASS * 100 + number for word, number in _ACTIVITIES.items()})),
    Field("type_name", "activity", choice({word: f"Detection Finding: {name}" for word, name in _NAMES.items()})),
    Field("severity_id", "eventSeverityCat", choice({"LOW": 2, "MEDIUM": 3, "HIGH": 4})),
    Field("severity", "eventSeverityCat", choice({"LOW": "Low", "MEDIUM": "Medium", "HIGH": "High"})),
    Field("status_id", "incidentStatus", choice({0: 1, 1: 4, 3: 4})),
    Field("status", "incidentStatus", choice({0: "New", 1: "Resolved", 3: "Resolved"})),
    Field("time", "incidentLastSeen", MILLISECONDS),
    Field("time", "incidentClearedTime", MILLISECONDS),
    Field("start_time", "incidentFirstSeen", MILLISECONDS),
    Field("end_time", "incidentLastSeen", MILLISECONDS),
    Field("count", "count", INTEGER),
    Field("message", "incidentTitle"),
    Field("metadata.correlation_uid", "incidentId"),
    Field("metadata.sequence", "revision", INTEGER),
    Field("metadata.event_code", "eventType"),
    Field("metadata.tenant_uid", "phCustId"),
    Field("finding_info.uid", "incidentId"),
    Field("finding_info.title", "incidentTitle"),
    Field("finding_info.desc", "incidentDetail"),
    Field("finding_info.types", "phIncidentCategory", ALONE),
    Field("finding_info.first_seen_time", "incidentFirstSeen", MILLISECONDS),
    Field("finding_info.last_seen_time", "incidentLastSeen", MILLISECONDS),
    Field("finding_info.analytic.uid", "ruleId"),
    Field("finding_info.analytic.name", "ruleName"),
    Field("finding_info.analytic.category", "phSubIncidentCategory"),
    Field("finding_info.attacks", "attackTactic", _TACTICS),
    Field("finding_info.attacks", "attackTechnique", _TECHNIQUES),
    Field("finding_info.related_events", "triggeringEventList", _EVENTS),
    Field("finding_info.related_events_count", "incidentCount", INTEGER),
    Field("unmapped.incidentStatus", "incidentStatus", INTEGER),
    Field("unmapped.eventSeverity", "eventSeverity", INTEGER),
    Field("unmapped.mergedInto", "mergedInto"),
    Field("unmapped.cut", "cut", FLAG),
    Field("device.hostname", "hostName"),
    Field("device.ip", "hostIpAddr", ADDRESS),
    Field("evidences.src_endpoint.ip", "srcIpAddr", ADDRESS),
    Field("evidences.src_endpoint.port", "srcIpPort", PORT),
    Field("evidences.src_endpoint.hostname", "srcName"),
    Field("evidences.src_endpoint.mac", "srcMACAddr", _MAC),
    Field("evidences.dst_endpoint.ip", "destIpAddr", ADDRESS),
    Field("evidences.dst_endpoint.port", "destIpPort", PORT),
    Field("evidences.dst_endpoint.hostname", "destName"),
    Field("evidences.dst_endpoint.mac", "destMACAddr", _MAC),
    Field("evidences.connection_info.direction_id", "initiated", choice({"true": 2, "false": 1})),
    Field("evidences.connection_info.protocol_name", "srcProto"),
    Field("evidences.process.name", "procName", NAME),
    Field("evidences.process.path", "procName"),
    Field("evidences.process.pid", "procId", INTEGER),
    Field("evidences.process.uid", "procGUID"),
    Field("evidences.process.cmd_line", "command"),
    Field("evidences.process.working_directory", "dirName"),
    Field("evidences.process.parent_process.name", "parentProcName", NAME),
    Field("evidences.process.parent_process.path", "parentProcName"),
    Field("evidences.process.parent_process.pid", "parentProcId", INTEGER),
    Field("evidences.process.parent_process.uid", "procOwner"),
    Field("evidences.process.parent_process.cmd_line", "parentCommand"),
    Field("evidences.user.name", "user"),
    Field("evidences.user.domain", "domain"),
    Field("evidences.file.name", "fileName", NAME),
    Field("evidences.file.path", "fileName"),
    Field("evidences.query.hostname", "queryId"),
    Field("evidences.reg_key.path", "regKeyPath"),
)

OBSERVABLES = {
    "hostName": (1, "Hostname"),
    "srcName": (1, "Hostname"),
    "destName": (1, "Hostname"),
    "queryId": (1, "Hostname"),
    "srcIpAddr": (2, "IP Address"),
    "destIpAddr": (2, "IP Address"),
    "hostIpAddr": (2, "IP Address"),
    "srcMACAddr": (3, "MAC Address"),
    "destMACAddr": (3, "MAC Address"),
    "user": (4, "User Name"),
    "targetUser": (4, "User Name"),
    "hashMD5": (8, "Hash"),
    "hashSHA1": (8, "Hash"),
    "hashSHA256": (8, "Hash"),
    "hashSHA512": (8, "Hash"),
    "command": (13, "Command Line"),
    "parentCommand": (13, "Command Line"),
    "fileName": (45, "File Path"),
    "procName": (45, "File Path"),
    "parentProcName": (45, "File Path"),
    "targetProcName": (45, "File Path"),
    "loadedProcName": (45, "File Path"),
    "regKeyPath": (46, "Registry Key Path"),
}
"""Attribute: type of its observable."""

_NEEDS: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
    ("device", ("hostname", "ip"), {"type_id": 0}),
    ("evidences.src_endpoint", ("ip", "hostname"), {}),
    ("evidences.dst_endpoint", ("ip", "hostname"), {}),
    ("evidences.connection_info", (), {"direction_id": 0}),
    ("evidences.process.parent_process", ("pid", "uid"), {}),
    ("evidences.process", ("pid", "uid"), {}),
    ("evidences.user", ("name",), {}),
    ("evidences.file", ("name",), {"type_id": 1}),
)
"""Object, what it must have one of (nothing: whatever it has), and what OCSF wants to be told of it besides."""

_filled = plan(FIELDS, FIXED)
_encode = msgspec.json.Encoder().encode


def to_bytes(incident: Incident, limit: int = UNBOUNDED) -> bytes:
    """Give the finding, keyed by the incident's id; cut to ``limit`` bytes as far as it can be."""
    return fitted(facts_of(incident), limit, _write)


def _write(facts: Facts) -> bytes:
    document = _filled(facts)
    for path, needed, besides in _NEEDS:
        _complete(document, path.split("."), needed, besides)
    attributes = attributes_of(facts)
    evidence = document.pop("evidences", {})
    if attributes:
        document["evidences"] = [{**evidence, "data": attributes}]
        document["observables"] = [
            {"name": f"evidences[].data.{name}", "type_id": number, "type": kind, "value": str(attributes[name])}
            for name, (number, kind) in OBSERVABLES.items()
            if name in attributes
        ]
    return _encode(document)


def _complete(document: dict[str, Any], path: list[str], needed: tuple[str, ...], besides: dict[str, Any]) -> None:
    """Take away an object that lacks what it needs, or say the rest of one that has it."""
    *parents, last = path
    for each in parents:
        document = document.get(each, {})
    if last not in document:
        return
    if needed and document[last].keys().isdisjoint(needed):
        del document[last]
    else:
        document[last] = {**besides, **document[last]}
