"""The incident as a document of the Elastic Common Schema: each field has the type that the schema's list gives it."""

import re
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.handoff.ecs import FIELDS, FIXED, to_bytes
from tests.unit.handoff.made import ID_TEXT, MANY, OTHER_TEXT, document, incidents, made, merged, over, updated

TYPES = {
    "@timestamp": "date",
    "message": "match_only_text",
    "ecs.version": "keyword",
    "event.kind": "keyword",
    "event.category": "keyword",
    "event.type": "keyword",
    "event.module": "keyword",
    "event.dataset": "keyword",
    "event.id": "keyword",
    "event.sequence": "long",
    "event.action": "keyword",
    "event.code": "keyword",
    "event.severity": "long",
    "event.start": "date",
    "event.end": "date",
    "event.reason": "keyword",
    "observer.vendor": "keyword",
    "observer.product": "keyword",
    "observer.type": "keyword",
    "organization.id": "keyword",
    "rule.id": "keyword",
    "rule.name": "keyword",
    "rule.category": "keyword",
    "threat.framework": "keyword",
    "threat.tactic.name": "keyword",
    "threat.technique.id": "keyword",
    "threat.technique.subtechnique.id": "keyword",
    "host.name": "keyword",
    "host.hostname": "keyword",
    "host.ip": "ip",
    "source.ip": "ip",
    "source.port": "long",
    "source.domain": "keyword",
    "source.mac": "keyword",
    "destination.ip": "ip",
    "destination.port": "long",
    "destination.domain": "keyword",
    "destination.mac": "keyword",
    "network.transport": "keyword",
    "network.direction": "keyword",
    "user.name": "keyword",
    "user.domain": "keyword",
    "user.target.name": "keyword",
    "user.target.domain": "keyword",
    "process.name": "keyword",
    "process.executable": "keyword",
    "process.pid": "long",
    "process.entity_id": "keyword",
    "process.command_line": "wildcard",
    "process.working_directory": "keyword",
    "process.parent.name": "keyword",
    "process.parent.executable": "keyword",
    "process.parent.pid": "long",
    "process.parent.entity_id": "keyword",
    "process.parent.command_line": "wildcard",
    "file.name": "keyword",
    "file.path": "keyword",
    "dll.path": "keyword",
    "registry.path": "keyword",
    "dns.question.name": "keyword",
    "url.original": "wildcard",
    "related.hash": "keyword",
}
"""The types of ECS 8.17 of the fields that are used here."""

DATE = re.compile(r"-?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def leaves(node: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    """Give (path, value) of each leaf; a list is one for each of its elements."""
    found: list[tuple[str, Any]] = []
    for name, value in node.items():
        if isinstance(value, dict):
            found += leaves(value, f"{path}{name}.")
        else:
            found += [(f"{path}{name}", each) for each in (value if isinstance(value, list) else [value])]
    return found


def is_one(kind: str, value: object) -> bool:
    """Tell whether Elasticsearch takes a value for a field of this type."""
    if kind == "date":
        return isinstance(value, str) and DATE.fullmatch(value) is not None
    if kind == "long":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if kind == "ip":
        return isinstance(value, str) and "%" not in value and bool(ip_address(value))
    return isinstance(value, str)


def checked(told: Incident, limit: int = 1_000_000) -> dict[str, Any]:
    """Give the document, whose fields must have their types."""
    read = document(to_bytes(told, limit))
    assert {str} >= {type(value) for value in read.pop("labels").values()}
    found = [(path, value) for path, value in leaves(read) if not path.startswith("stream_app.")]
    assert [] == [(path, value) for path, value in found if not is_one(TYPES[path], value)]
    return read


def test_every_field_is_one_of_ecs() -> None:
    """What is declared is in the list of ECS, or under a name that ECS leaves to us; the list holds nothing else."""
    declared = {field.to for field in FIELDS if not field.to.startswith("stream_app.")} | set(FIXED)
    assert declared == set(TYPES)


def test_activities() -> None:
    """Each revision is an alert of its own, by its action and its sequence; what is over says since when."""
    states = [checked(state) for state in (made(MANY), updated(made(MANY)), over(made(MANY)), merged(made(MANY)))]
    assert [("alert", "create", 1), ("alert", "update", 2), ("alert", "clear", 3), ("alert", "clear", 3)] == [
        tuple(each["event"][name] for name in ("kind", "action", "sequence")) for each in states
    ]
    assert {ID_TEXT} == {each["event"]["id"] for each in states}
    assert "2023-11-14T22:13:20.000Z" == states[0]["@timestamp"]
    assert "2023-11-14T22:13:25.000Z" == states[2]["stream_app"]["cleared"]
    assert OTHER_TEXT == states[3]["stream_app"]["merged_into"]


def test_what_is_where() -> None:
    """Attributes stand in ECS's fields, and all of them as labels, which are texts."""
    read = checked(made(MANY, techniques=("T1059.006", "T1059.001")))
    assert {"id": ["T1059"], "subtechnique": {"id": ["T1059.006", "T1059.001"]}} == read["threat"]["technique"]
    assert ("egress", "tcp") == (read["network"]["direction"], read["network"]["transport"])
    assert 4711 == read["process"]["pid"]
    labels = document(to_bytes(made(MANY)))["labels"]
    assert {name: str(value) for name, value in MANY.items()} == labels


def test_a_value_of_another_kind_is_only_a_label() -> None:
    """An address that is none would make Elasticsearch refuse the document."""
    told = made({"srcIpAddr": "fe80::1%eth0", "srcIpPort": 70_000, "procId": "0x10", "initiated": "maybe"})
    read = document(to_bytes(told))
    assert {"srcIpAddr": "fe80::1%eth0", "srcIpPort": "70000", "procId": "0x10", "initiated": "maybe"} == read["labels"]
    assert not {"source", "process", "network"} & set(read)


@given(incidents())
@settings(max_examples=150, deadline=None)
def test_any_incident_has_the_types(told: Incident) -> None:
    """Whatever the attributes hold; also when it is cut."""
    checked(told)
    assert checked(told, 1)["stream_app"]["cut"]


@pytest.mark.parametrize(
    ("time", "expected"), [(2**62, "9999-12-31T23:59:59.999Z"), (-(2**62), "0001-01-01T00:00:00.000Z")]
)
def test_a_time_that_no_calendar_has(time: int, expected: str) -> None:
    """A producer may say any; the last or the first date there is stands for it, since a document needs one."""
    told = made()
    assert expected == checked(replace(told, episode=replace(told.episode, last=time)))["@timestamp"]
