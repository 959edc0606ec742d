"""The incident in FortiSIEM's words."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.incident import Incident
from stream_app.handoff.native import FIELDS, severity_category, to_bytes
from stream_app.rulebook.mapping import INCIDENT_FIELDS

INCIDENT = Incident(
    activity="create",
    revision=1,
    incident_id="6d0c3c2e-1111-5222-8333-444455556666",
    rule="PH_Rule_SIGMA_1774",
    rule_name="Windows: Python Initiated Connection",
    severity=5,
    category="Security",
    subcategory="Discovery",
    tactics=("Discovery",),
    techniques=("T1046",),
    customer="1",
    attributes={
        "destIpAddr": "203.0.113.9",
        "hostName": "pc1",
        "procName": "C:\\Python311\\python.exe",
        "srcIpAddr": "10.0.0.5",
        "srcIpPort": 50123,
    },
    status=0,
    count=1,
    incident_count=1,
    first_seen=1_700_000_000_000,
    last_seen=1_700_000_000_000,
    evidence=("sysmon/0@42",),
)
WIRE = {
    "schemaVersion": 1,
    "incidentId": "6d0c3c2e-1111-5222-8333-444455556666",
    "revision": 1,
    "activity": "create",
    "incidentStatus": 0,
    "incidentTitle": "Windows: Python Initiated Connection",
    "incidentFirstSeen": 1_700_000_000_000,
    "incidentLastSeen": 1_700_000_000_000,
    "count": 1,
    "incidentCount": 1,
    "eventType": "PH_Rule_SIGMA_1774",
    "eventSeverity": 5,
    "eventSeverityCat": "MEDIUM",
    "ruleId": "PH_Rule_SIGMA_1774",
    "ruleName": "Windows: Python Initiated Connection",
    "phIncidentCategory": "Security",
    "phSubIncidentCategory": "Discovery",
    "attackTactic": ["Discovery"],
    "attackTechnique": ["T1046"],
    "phCustId": 1,
    "incidentSrc": "srcIpAddr:10.0.0.5",
    "incidentTarget": "destIpAddr:203.0.113.9, hostName:pc1",
    "incidentDetail": "procName:C:\\Python311\\python.exe, srcIpPort:50123",
    "triggeringEventList": ["sysmon/0@42"],
    "destIpAddr": "203.0.113.9",
    "hostName": "pc1",
    "procName": "C:\\Python311\\python.exe",
    "srcIpAddr": "10.0.0.5",
    "srcIpPort": 50123,
}


def test_wire() -> None:
    """One flat object, every field in its place, no blanks between them."""
    assert list(WIRE.items()) == list(json.loads(to_bytes(INCIDENT)).items())
    assert json.dumps(WIRE, separators=(",", ":")).encode() == to_bytes(INCIDENT)


def test_fields() -> None:
    """The declared fields come first, in the declared order, and no rule may map an attribute onto one of them."""
    assert list(FIELDS) == list(json.loads(to_bytes(INCIDENT)))[: len(FIELDS)]
    assert set(FIELDS) <= INCIDENT_FIELDS


def test_merged() -> None:
    """An incident that another one took over says which."""
    merged = msgspec.structs.replace(INCIDENT, activity="clear", status=3, count=0, merged_into="other")
    wire = json.loads(to_bytes(merged))
    assert ("clear", 3, 0, "other") == (wire["activity"], wire["incidentStatus"], wire["count"], wire["mergedInto"])


def test_no_attributes() -> None:
    """An incident of a rule that groups by nothing, or none of whose attributes is present, ends with its evidence."""
    bare = msgspec.structs.replace(INCIDENT, attributes={})
    assert list(FIELDS) == list(json.loads(to_bytes(bare)))
    merged = msgspec.structs.replace(bare, merged_into="other")
    assert [*FIELDS, "mergedInto"] == list(json.loads(to_bytes(merged)))


@pytest.mark.parametrize(
    ("severity", "category"),
    [(1, "LOW"), (4, "LOW"), (5, "MEDIUM"), (8, "MEDIUM"), (9, "HIGH"), (10, "HIGH")],
)
def test_severity(severity: int, category: str) -> None:
    """1 to 4 is LOW, 5 to 8 MEDIUM, 9 and 10 HIGH."""
    assert category == severity_category(severity)


@pytest.mark.parametrize(
    ("customer", "expected"),
    [("1", 1), ("0", 0), ("2001", 2001), ("01", "01"), ("acme", "acme"), ("", ""), ("٣", "٣"), ("9" * 19, "9" * 19)],
)
def test_customer(customer: str, expected: str | int) -> None:
    """A customer is the number that phCustId is in FortiSIEM; any other text stays as it was."""
    wire = json.loads(to_bytes(msgspec.structs.replace(INCIDENT, customer=customer)))
    assert (type(expected), expected) == (type(wire["phCustId"]), wire["phCustId"])


HOSTILE = ['"', "\\", "\x00", "\x1b[2J", "\u202eexe.cod", "</script>", "\r\n", "\U0010ffff", "", "{}", "\x7f"]


@given(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=("Cs",))))
def test_hostile(value: str) -> None:
    """Whatever an attribute, a title or a customer holds, the bytes are valid JSON that gives it back."""
    hostile = msgspec.structs.replace(
        INCIDENT, attributes={"procName": value, "hostName": value}, rule_name=value, customer=f"x{value}"
    )
    wire = json.loads(to_bytes(hostile).decode("utf-8"))
    assert (value, value, value, f"x{value}") == (
        wire["procName"],
        wire["hostName"],
        wire["ruleName"],
        wire["phCustId"],
    )
    assert [f"procName:{value}", f"hostName:{value}"] == [wire["incidentDetail"], wire["incidentTarget"]]
    assert to_bytes(hostile) == to_bytes(hostile)
