"""An incident in FortiSIEM's own words: incident in, one flat JSON object out, in a fixed order of fields.

Decision: everything FortiSIEM has a name for bears it, times are integer milliseconds since 1970, and the mapped
attributes stand beside these under their own names. Four fields are ours: ``schemaVersion``, ``activity``, ``revision``
(the highest of an incidentId is the truth; the same one has the same bytes) and ``mergedInto``.
"""

import msgspec

from stream_app.engine.incident import Incident
from stream_app.language.values import Value

SCHEMA = 1

FIELDS = (
    "schemaVersion",
    "incidentId",
    "revision",
    "activity",
    "incidentStatus",
    "incidentTitle",
    "incidentFirstSeen",
    "incidentLastSeen",
    "count",
    "incidentCount",
    "eventType",
    "eventSeverity",
    "eventSeverityCat",
    "ruleId",
    "ruleName",
    "phIncidentCategory",
    "phSubIncidentCategory",
    "attackTactic",
    "attackTechnique",
    "phCustId",
    "incidentSrc",
    "incidentTarget",
    "incidentDetail",
    "triggeringEventList",
)
"""The fields of every incident, in their order on the wire. The mapped attributes follow; a rule that maps one of these
names is refused when it is loaded. ``mergedInto`` comes last, in an incident that another one took over."""

_SOURCE = frozenset({"srcIpAddr", "srcName", "srcMACAddr", "srcDomain"})
_TARGET = frozenset(
    {"destIpAddr", "destName", "destMACAddr", "destDomain", "hostIpAddr", "hostName", "user", "targetUser"}
)
_CUSTOMER_DIGITS = 18
_MEDIUM, _HIGH = 5, 9

_encoder = msgspec.json.Encoder()


def severity_category(severity: int) -> str:
    """Give eventSeverityCat as FortiSIEM does: 1 to 4 LOW, 5 to 8 MEDIUM, 9 and 10 HIGH."""
    if severity >= _HIGH:
        return "HIGH"
    return "MEDIUM" if severity >= _MEDIUM else "LOW"


def to_bytes(incident: Incident) -> bytes:
    """Give the JSON that goes on the incidents topic, keyed by the incident's id. The same incident: the same bytes."""
    source: list[str] = []
    target: list[str] = []
    detail: list[str] = []
    for name, value in incident.attributes.items():
        side = source if name in _SOURCE else target if name in _TARGET else detail
        side.append(f"{name}:{value}")
    wire: dict[str, Value | tuple[str, ...] | None] = {
        "schemaVersion": SCHEMA,
        "incidentId": incident.incident_id,
        "revision": incident.revision,
        "activity": incident.activity,
        "incidentStatus": incident.status,
        "incidentTitle": incident.rule_name,
        "incidentFirstSeen": incident.first_seen,
        "incidentLastSeen": incident.last_seen,
        "count": incident.count,
        "incidentCount": incident.incident_count,
        "eventType": incident.rule,
        "eventSeverity": incident.severity,
        "eventSeverityCat": severity_category(incident.severity),
        "ruleId": incident.rule,
        "ruleName": incident.rule_name,
        "phIncidentCategory": incident.category,
        "phSubIncidentCategory": incident.subcategory,
        "attackTactic": incident.tactics,
        "attackTechnique": incident.techniques,
        "phCustId": _customer(incident.customer),
        "incidentSrc": ", ".join(source),
        "incidentTarget": ", ".join(target),
        "incidentDetail": ", ".join(detail),
        "triggeringEventList": incident.evidence,
    }
    wire |= incident.attributes
    if incident.merged_into:
        wire["mergedInto"] = incident.merged_into
    return _encoder.encode(wire)


def _customer(text: str) -> Value:
    """Give phCustId as the number that it is in FortiSIEM; another text stays text."""
    if text.isascii() and text.isdigit() and len(text) <= _CUSTOMER_DIGITS and (text[0] != "0" or text == "0"):
        return int(text)
    return text
