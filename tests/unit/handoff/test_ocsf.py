"""The incident as an OCSF Detection Finding, checked against the published schema."""

import re
from functools import cache
from typing import Any

from hypothesis import given, settings
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from stream_app.engine.incident import Incident
from stream_app.handoff.ocsf import VERSION, to_bytes
from tests.unit.handoff.made import (
    ATTRIBUTES,
    ID_TEXT,
    MANY,
    OTHER_TEXT,
    TIME,
    document,
    incidents,
    made,
    merged,
    over,
    updated,
)


@cache
def validator(version: str = VERSION) -> Draft202012Validator:
    """Give what checks a finding."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version)).get_class_schema("detection_finding", profiles=[])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def finding(told: Incident, limit: int | None = None) -> dict[str, Any]:
    """Give the finding, which must be valid."""
    read = document(to_bytes(told) if limit is None else to_bytes(told, limit))
    assert [] == [f"{error.json_path}: {error.message}" for error in validator().iter_errors(read)]
    return read


def test_activities() -> None:
    """Create, update, close: one finding, whose revision grows; the times are those of the incident."""
    states = [made(MANY), updated(made(MANY)), over(made(MANY)), merged(made(MANY))]
    read = [finding(state) for state in states]
    assert [(1, 200401, 1), (2, 200402, 1), (3, 200403, 4), (3, 200403, 4)] == [
        (each["activity_id"], each["type_uid"], each["status_id"]) for each in read
    ]
    assert {ID_TEXT} == {each["finding_info"]["uid"] for each in read}
    assert [1, 2, 3, 3] == [each["metadata"]["sequence"] for each in read]
    assert [TIME, TIME + 1000, TIME + 5000, TIME] == [each["time"] for each in read]
    assert OTHER_TEXT == read[-1]["unmapped"]["mergedInto"]


def test_what_is_where() -> None:
    """A connection's process, endpoints and user are evidence; all attributes stand there in our words too."""
    read = finding(made(MANY, techniques=("T1046", "T1059.006")))
    (evidence,) = read["evidences"]
    assert MANY == evidence["data"]
    assert ("python.exe", 4711, "{B1-2}") == tuple(evidence["process"][each] for each in ("name", "pid", "uid"))
    assert {"ip": "203.0.113.9", "port": 443, "hostname": "example.org"} == evidence["dst_endpoint"]
    assert {"name": "m.okafor", "domain": "CORP"} == evidence["user"]
    assert {"type_id": 0, "hostname": "pc1", "ip": "fe80::1"} == read["device"]
    assert [
        {"tactic": {"name": "Discovery"}},
        {"technique": {"uid": "T1046"}},
        {"technique": {"uid": "T1059"}, "sub_technique": {"uid": "T1059.006"}},
    ] == read["finding_info"]["attacks"]
    assert {"name": "evidences[].data.hostName", "type_id": 1, "type": "Hostname", "value": "pc1"} in read[
        "observables"
    ]


def test_what_ocsf_would_refuse_is_left_out() -> None:
    """A process without pid and GUID, a port alone, an address that is none: the attributes say them still."""
    attributes = {"procName": "a.exe", "parentProcName": "b.exe", "domain": "CORP", "srcIpPort": 1, "srcIpAddr": "x"}
    attributes |= {"srcMACAddr": "x", "destMACAddr": "00-1A-2B-3C-4D-5E\n"}
    read = finding(made({**attributes, "destIpPort": "http", "fileName": "C:\\"}))
    assert [{"data": {**attributes, "destIpPort": "http", "fileName": "C:\\"}}] == read["evidences"]
    assert "device" not in read
    assert "evidences" not in finding(made({}))


def test_other_versions() -> None:
    """The newest schema takes it as well."""
    for state in (made(MANY), updated(made(ATTRIBUTES)), over(made(MANY)), merged(made(MANY))):
        assert [] == list(validator("1.8.0").iter_errors(document(to_bytes(state))))


@given(incidents())
@settings(max_examples=150, deadline=None)
def test_any_incident_is_a_valid_finding(told: Incident) -> None:
    """Whatever the attributes hold; also when it is cut."""
    whole = finding(told)
    assert bool(told.attributes) == ("evidences" in whole)
    finding(told, 1)


def test_cut() -> None:
    """A huge value is shortened at last, and the finding says so."""
    told = made({**MANY, "command": "\x01" * 60_000})
    assert len(to_bytes(told)) > 1_000_000
    read = finding(told, 500_000)
    assert read["unmapped"]["cut"]
    assert re.fullmatch("\x01{8191}…", read["evidences"][0]["data"]["command"])


def test_addresses() -> None:
    """A MAC address in either spelling, an IP address in its shorter form where it is written too long."""
    long = "0000:0000:0000:0000:0000:ffff:192.168.100.228"
    read = finding(
        made({"srcIpAddr": long, "srcMACAddr": "00-1A-2B-3C-4D-5E", "destIpAddr": "::1", "destMACAddr": "x"})
    )
    (evidence,) = read["evidences"]
    assert {"ip": "::ffff:c0a8:64e4", "mac": "00-1A-2B-3C-4D-5E"} == evidence["src_endpoint"]
    assert {"ip": "::1"} == evidence["dst_endpoint"]
    assert long == evidence["data"]["srcIpAddr"]
