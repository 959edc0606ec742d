"""The incident in FortiSIEM's words."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.incident import Incident, incident
from stream_app.engine.key import Key
from stream_app.engine.row import Episode, Latest, Mark, Source
from stream_app.handoff.native import FIELDS, severity_category, to_bytes
from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Environment
from stream_app.language.constraint import aggregate_of
from stream_app.language.values import Value
from stream_app.rulebook.mapping import INCIDENT_FIELDS
from stream_app.rulebook.rule import Rule, Subpattern
from stream_app.sysmon.attributes import VOCABULARY

ID = bytes.fromhex("6d0c3c2e111152228333444455556666")
OTHER = bytes.fromhex("00000000111152228333444455556666")
TIME = 1_700_000_000_000
SYSMON = Source("T", "sysmon", 0, 42)
ATTRIBUTES: dict[str, Value | None] = {
    "destIpAddr": "203.0.113.9",
    "hostName": "pc1",
    "procName": "C:\\Python311\\python.exe",
    "srcIpAddr": "10.0.0.5",
    "srcIpPort": 50123,
}


def made(  # noqa: PLR0913 - what differs between the tests
    attributes: Mapping[str, Value | None] = ATTRIBUTES,
    *,
    customer: str = "1",
    name: str = "Windows: Python Initiated Connection",
    into: bytes = b"",
    sources: tuple[Source, ...] = (SYSMON,),
    marks: tuple[Mark, ...] = (Mark(TIME, 0, 42),),
) -> Incident:
    """Give an incident of a rule that maps each attribute onto its own name, None for one that is absent."""
    pattern = Subpattern("Filter", "", lambda _: True, tuple(attributes), CountConstraint(">=", 1))
    rule = Rule(
        id="PH_Rule_SIGMA_1774",
        name=name,
        description="",
        severity=5,
        category="Security",
        subcategory="Discovery",
        tactics=("Discovery",),
        techniques=("T1046",),
        window=1000,
        subpattern=pattern,
        mapping=tuple((attribute, attribute) for attribute in attributes),
    )
    key = Key(rule.id, customer, tuple(attributes.values()))
    count = 0 if into else 1
    return incident(rule, key, Episode(ID, 2 if into else 1, TIME, TIME, count, count, 0, marks, into), sources)


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
    assert list(WIRE.items()) == list(json.loads(to_bytes(made())).items())
    assert json.dumps(WIRE, separators=(",", ":")).encode() == to_bytes(made())


def test_shown_aggregates_stand_behind_the_others() -> None:
    """What an aggregate gives is an attribute like the others; it is absent where an incident has none yet."""
    plain = made()
    kinds = (("totFlows", "COUNT(*)"), ("targetName", "LAST(procName)"), ("destName", "FIRST(procName)"))
    shown = tuple((name, aggregate_of(text, Environment(vocabulary=VOCABULARY))) for name, text in kinds)
    rule = replace(plain.rule, shown=shown)
    latest = Latest(Mark(TIME, 0, 42), (3, "last.exe", None))
    episode = replace(plain.episode, latest=latest)
    told = incident(rule, plain.key, episode, (SYSMON,))
    wire = {**WIRE, "incidentDetail": f"{WIRE['incidentDetail']}, totFlows:3, targetName:last.exe"}
    assert {**ATTRIBUTES, "totFlows": 3, "targetName": "last.exe"} == told.attributes
    assert [*wire.items(), ("totFlows", 3), ("targetName", "last.exe")] == list(json.loads(to_bytes(told)).items())
    assert WIRE == json.loads(to_bytes(incident(rule, plain.key, plain.episode, (SYSMON,))))


def test_fields() -> None:
    """The declared fields come first, in the declared order, and no rule may map an attribute onto one of them."""
    assert list(FIELDS) == list(json.loads(to_bytes(made())))[: len(FIELDS)]
    assert set(FIELDS) <= INCIDENT_FIELDS


def test_absent() -> None:
    """An attribute that is absent is said nowhere, and the others stand as they do beside it."""
    lacking = {**ATTRIBUTES, "hostName": None, "srcIpPort": None}
    expected = {name: value for name, value in WIRE.items() if name not in {"hostName", "srcIpPort"}} | {
        "incidentTarget": "destIpAddr:203.0.113.9",
        "incidentDetail": "procName:C:\\Python311\\python.exe",
    }
    assert json.dumps(expected, separators=(",", ":")).encode() == to_bytes(made(lacking))


def test_merged() -> None:
    """An incident that another one took over says which, at its end."""
    wire = json.loads(to_bytes(made(into=OTHER)))
    other = "00000000-1111-5222-8333-444455556666"
    assert ("clear", 3, 0, other) == (wire["activity"], wire["incidentStatus"], wire["count"], wire["mergedInto"])
    assert [*WIRE, "mergedInto"] == list(wire)


def test_over() -> None:
    """An incident that is over says from when on, at its end; one that was taken over says nothing of that."""
    plain = made()
    over = replace(plain.episode, revision=2, cleared=TIME + 5)
    wire = json.loads(to_bytes(incident(plain.rule, plain.key, over, (SYSMON,))))
    assert ("clear", 1, 1, TIME + 5) == (
        wire["activity"],
        wire["incidentStatus"],
        wire["count"],
        wire["incidentClearedTime"],
    )
    assert [*WIRE, "incidentClearedTime"] == list(wire)
    merged = json.loads(to_bytes(incident(plain.rule, plain.key, replace(over, into=OTHER), (SYSMON,))))
    assert (3, [*WIRE, "mergedInto"]) == (merged["incidentStatus"], list(merged))


def test_no_attributes() -> None:
    """An incident of a rule that groups by nothing, or none of whose attributes is present, ends with its evidence."""
    bare: list[dict[str, Value | None]] = [{}, dict.fromkeys(ATTRIBUTES)]
    for attributes in bare:
        assert list(FIELDS) == list(json.loads(to_bytes(made(attributes))))
        assert [*FIELDS, "mergedInto"] == list(json.loads(to_bytes(made(attributes, into=OTHER))))


def test_evidence() -> None:
    """A record is named by its topic and partition, whichever of the row's sources it came from."""
    sources = (SYSMON, Source("T", "sysmon", 3, 7), Source("U", 'capture "a".json', 0, 1))
    marks = (Mark(TIME, 2, 1), Mark(TIME, 0, 42), Mark(TIME, 1, 7))
    wire = json.loads(to_bytes(made(sources=sources, marks=marks)))
    assert ['capture "a".json/0@1', "sysmon/0@42", "sysmon/3@7"] == wire["triggeringEventList"]
    assert [] == json.loads(to_bytes(made(marks=())))["triggeringEventList"]


def test_a_rule_that_is_loaded_anew() -> None:
    """What is kept for a rule is kept for that very rule: one of the same id with another name has its own."""
    assert ["one", "two", "one"] == [
        json.loads(to_bytes(made(name=name)))["ruleName"] for name in ("one", "two", "one")
    ]


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
    wire = json.loads(to_bytes(made(customer=customer)))
    assert (type(expected), expected) == (type(wire["phCustId"]), wire["phCustId"])


HOSTILE = ['"', "\\", "\x00", "\x1b[2J", "\u202eexe.cod", "</script>", "\r\n", "\U0010ffff", "", "{}", "\x7f"]


@given(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=("Cs",))))
def test_hostile(value: str) -> None:
    """Whatever an attribute, a title or a customer holds, the bytes are valid JSON that gives it back."""
    hostile = made({"procName": value, "hostName": value}, name=value, customer=f"x{value}")
    wire = json.loads(to_bytes(hostile).decode("utf-8"))
    assert (value, value, value, f"x{value}") == (
        wire["procName"],
        wire["hostName"],
        wire["ruleName"],
        wire["phCustId"],
    )
    assert [f"procName:{value}", f"hostName:{value}"] == [wire["incidentDetail"], wire["incidentTarget"]]
    assert to_bytes(hostile) == to_bytes(hostile)
