"""An incident in FortiSIEM's own words: incident in, one flat JSON object out, in a fixed order of fields.

Decision: everything FortiSIEM has a name for bears it, times are integer milliseconds since 1970, and the mapped
attributes stand beside these under their own names. Four fields are ours: ``schemaVersion``, ``activity``, ``revision``
(the highest of an incidentId is the truth; the same one has the same bytes) and ``mergedInto``.
"""

import msgspec
from msgspec import Struct

from stream_app.engine.incident import Incident
from stream_app.language.values import Value

SCHEMA = 1


class _Head(Struct, frozen=True, gc=False, rename="camel"):
    """What every incident has, as it goes on the wire."""

    schema_version: int
    incident_id: str
    revision: int
    activity: str
    incident_status: int
    incident_title: str
    incident_first_seen: int
    incident_last_seen: int
    count: int
    incident_count: int
    event_type: str
    event_severity: int
    event_severity_cat: str
    rule_id: str
    rule_name: str
    ph_incident_category: str
    ph_sub_incident_category: str
    attack_tactic: tuple[str, ...]
    attack_technique: tuple[str, ...]
    ph_cust_id: Value
    incident_src: str
    incident_target: str
    incident_detail: str
    triggering_event_list: tuple[str, ...]


FIELDS = _Head.__struct_encode_fields__
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
    # Fields by position, and their names encoded once for all: a dict would cost half as much again.
    head = _Head(
        SCHEMA,
        incident.incident_id,
        incident.revision,
        incident.activity,
        incident.status,
        incident.rule_name,
        incident.first_seen,
        incident.last_seen,
        incident.count,
        incident.incident_count,
        incident.rule,
        incident.severity,
        severity_category(incident.severity),
        incident.rule,
        incident.rule_name,
        incident.category,
        incident.subcategory,
        incident.tactics,
        incident.techniques,
        _customer(incident.customer),
        ", ".join(source),
        ", ".join(target),
        ", ".join(detail),
        incident.evidence,
    )
    rest = incident.attributes
    if incident.merged_into:
        rest = {**rest, "mergedInto": incident.merged_into}
    if not rest:
        return _encoder.encode(head)
    return _encoder.encode(head)[:-1] + b"," + _encoder.encode(rest)[1:]


def _customer(text: str) -> Value:
    """Give phCustId as the number that it is in FortiSIEM; another text stays text."""
    if text.isascii() and text.isdigit() and len(text) <= _CUSTOMER_DIGITS and (text[0] != "0" or text == "0"):
        return int(text)
    return text
