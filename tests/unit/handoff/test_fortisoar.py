"""The incident as a record of FortiSOAR's module Alerts, checked against the fields of its default schema."""

import html
import json
from typing import Any

from hypothesis import given, settings

from stream_app.engine.incident import Incident
from stream_app.handoff.fortisoar import FIELDS, FIXED, to_bytes
from stream_app.handoff.native import facts_of
from tests.unit.handoff.made import ID_TEXT, MANY, OTHER_TEXT, document, incidents, made, merged, over, updated

KINDS = {
    "name": "Text",
    "description": "Richtext",
    "source": "Text",
    "sourceTool": "Text",
    "sourceType": "Text",
    "sourceId": "Text",
    "sourcedata": "Textarea",
    "severity": "Picklist",
    "status": "Picklist",
    "eventTime": "Text",
    "epochTime": "Text",
    "mitreattackid": "Text",
    "closureNotes": "Richtext",
    "computerName": "Text",
    "deviceUID": "Text",
    "sourceIp": "Text",
    "sourcePort": "Text",
    "destinationIp": "Text",
    "destinationPort": "Text",
    "destinationID": "Text",
    "userName": "Text",
    "domain": "Text",
    "processName": "Text",
    "processId": "Text",
    "processGuid": "Text",
    "commandLine": "Text",
    "parentProcessName": "Text",
    "parentProcessPid": "Text",
    "parentProcessCmdLine": "Text",
    "targetProcess": "Text",
    "fileName": "Text",
    "filePath": "Text",
    "fileHash": "Text",
    "registryKey": "Text",
    "registryKeyValue": "Text",
    "url": "Text",
    "services": "Text",
}
"""The types of these fields in the default alert schema."""
PICKLISTS = {"severity": {"Low", "Medium", "High", "Critical"}, "status": {"Open", "Closed"}}


def checked(told: Incident, limit: int = 1_000_000) -> dict[str, Any]:
    """Give the record: every value is a text, and of a picklist one of its items."""
    read = document(to_bytes(told, limit))
    assert {str} == {type(value) for value in read.values()}
    assert set() == set(read) - set(KINDS)
    assert [] == [name for name, items in PICKLISTS.items() if read[name] not in items]
    return read


def test_every_field_is_one_of_the_default_schema() -> None:
    """What is declared is in the list, and the list holds nothing else."""
    assert {field.to for field in FIELDS} | set(FIXED) | {"description", "sourcedata"} == set(KINDS)


def test_activities() -> None:
    """One record by its sourceId, open until it is over."""
    states = [checked(state) for state in (made(MANY), updated(made(MANY)), over(made(MANY)), merged(made(MANY)))]
    assert {ID_TEXT} == {each["sourceId"] for each in states}
    assert ["Open", "Open", "Closed", "Closed"] == [each["status"] for each in states]
    assert "Over since 2023-11-14T22:13:25.000Z." == states[2]["closureNotes"]
    assert f"Went into incident {OTHER_TEXT}." == states[3]["closureNotes"]


def test_what_is_where() -> None:
    """Numbers are texts, and the whole incident lies in sourcedata as it is on our own topic."""
    read = checked(made(MANY))
    assert ("50123", "443", "203.0.113.9", "a.txt") == tuple(
        read[name] for name in ("sourcePort", "destinationPort", "destinationIp", "fileName")
    )
    assert facts_of(made(MANY)) == json.loads(read["sourcedata"])


def test_a_description_is_no_markup() -> None:
    """A rich text shows what a value holds."""
    read = checked(made({"command": "</pre><script>alert(1)</script>\u202e"}))
    assert "<pre>" == read["description"][:5]
    assert "<" not in read["description"][5:-6]
    assert "command: </pre><script>alert(1)</script>\\u202e" in html.unescape(read["description"])


@given(incidents())
@settings(max_examples=100, deadline=None)
def test_any_incident_is_a_record(told: Incident) -> None:
    """Whatever the attributes hold; also when it is cut."""
    checked(told)
    assert json.loads(checked(told, 1)["sourcedata"])["cut"]
