"""The incident in FortiSIEM's words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.incident import incident
from stream_app.engine.row import Latest, Mark, Source
from stream_app.handoff.native import FIELDS, facts_of, severity_category, to_bytes
from stream_app.language.compile import Environment
from stream_app.language.constraint import aggregate_of
from stream_app.rulebook.mapping import INCIDENT_FIELDS
from stream_app.sysmon.attributes import VOCABULARY
from tests.unit.handoff.made import ATTRIBUTES, MANY, OTHER, SYSMON, TIME, made

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
    for attributes in ({}, dict.fromkeys(ATTRIBUTES)):
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


def test_half_a_character() -> None:
    """A surrogate that stands alone, which JSON cannot say, is a replacement character, wherever it stands."""
    told = made({"procName": "a\ud800b", "hostName": "h"}, customer="x\udfff")
    told = replace(told, episode=replace(told.episode, latest=Latest(Mark(TIME, 0, 42), ("\ud800", 1))))
    wire = facts_of(told)
    assert ("a\ufffdb", "h", "x\ufffd") == (wire["procName"], wire["hostName"], wire["phCustId"])
    assert "\ufffd" == facts_of(made({"procName": "\ud800"}))["procName"]


def test_cut() -> None:
    """One that is too large says less, in the same order: first the evidence goes, then the ends of long texts."""
    told = made({**MANY, "command": "c" * 300_000}, marks=tuple(Mark(TIME, 0, offset) for offset in range(100)))
    whole = to_bytes(told)
    assert len(whole) > 600_000
    assert whole == to_bytes(told, len(whole))
    less = json.loads(to_bytes(told, 400_000))
    assert ("c" * 300_000, [], "", True) == (
        less["command"],
        less["triggeringEventList"],
        less["incidentDetail"],
        less["cut"],
    )
    assert [*json.loads(whole), "cut"] == list(less)
    least = json.loads(to_bytes(told, 20_000))
    assert ("c" * 8_191 + "…", "pc1") == (least["command"], least["hostName"])
    assert len(to_bytes(told, 1)) < 5_000
