"""The vocabulary and the table of Sysmon's fields."""

import json
import re
import sys
from pathlib import Path

import pytest

from stream_app.language.values import AttributeType
from stream_app.sysmon.attributes import ACTING, EVENTS, FIELDS, PER_EVENT, VOCABULARY, fields_of
from stream_app.sysmon.normalise import normalise
from stream_app.sysmon.readings import ANY_EVENT, TABLES

RULES = Path(__file__).parents[3].parent / "shared" / "data" / "fortisiem-rules"
SAMPLE_NAMES = {"ObjectContianAll", "ObjectEndWith", "ObjectRe", "ObjectSkipStar", "ObjectStar", "ObjectStartwith"}
"""Names that a sample rule of the converter's tests made up."""

FIELDS_OF_SYSMON = {
    1: "RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company "
    "OriginalFileName CommandLine CurrentDirectory User LogonGuid LogonId TerminalSessionId "
    "IntegrityLevel Hashes ParentProcessGuid ParentProcessId ParentImage ParentCommandLine ParentUser",
    2: "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime PreviousCreationUtcTime User",
    3: "RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp "
    "SourceHostname SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname "
    "DestinationPort DestinationPortName",
    4: "UtcTime State Version SchemaVersion",
    5: "RuleName UtcTime ProcessGuid ProcessId Image User",
    6: "RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus",
    7: "RuleName UtcTime ProcessGuid ProcessId Image ImageLoaded FileVersion Description Product Company "
    "OriginalFileName Hashes Signed Signature SignatureStatus User",
    8: "RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId "
    "TargetImage NewThreadId StartAddress StartModule StartFunction SourceUser TargetUser",
    9: "RuleName UtcTime ProcessGuid ProcessId Image Device User",
    10: "RuleName UtcTime SourceProcessGUID SourceProcessId SourceThreadId SourceImage TargetProcessGUID "
    "TargetProcessId TargetImage GrantedAccess CallTrace SourceUser TargetUser",
    11: "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime User",
    12: "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject User",
    13: "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details User",
    14: "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject NewName User",
    15: "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime Hash Contents User",
    16: "UtcTime Configuration ConfigurationFileHash",
    17: "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User",
    18: "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User",
    19: "RuleName EventType UtcTime Operation User EventNamespace Name Query",
    20: "RuleName EventType UtcTime Operation User Name Type Destination",
    21: "RuleName EventType UtcTime Operation User Consumer Filter",
    22: "RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image User",
    23: "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable Archived",
    24: "RuleName UtcTime ProcessGuid ProcessId Image Session ClientInfo Hashes Archived User",
    25: "RuleName UtcTime ProcessGuid ProcessId Image Type User",
    26: "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable",
    27: "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes",
    28: "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable",
    29: "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes",
    255: "UtcTime ID Description",
}
"""Sysmon's events and their fields, as Sysmon's own documentation and manifest list them."""


def test_every_event_has_a_name() -> None:
    """Every event that Sysmon has is named, and no other."""
    assert set(FIELDS_OF_SYSMON) == set(EVENTS) == set(TABLES)


@pytest.mark.parametrize("event_id", sorted(FIELDS_OF_SYSMON))
def test_every_field_has_an_attribute(event_id: int) -> None:
    """No field of the event is lost, and each of its attributes is in the vocabulary."""
    table = fields_of(event_id)
    lost = [field for field in FIELDS_OF_SYSMON[event_id].split() if not table.get(field)]
    unknown = [name for names in table.values() for name in names if name not in VOCABULARY]

    assert ([], []) == (lost, unknown)


@pytest.mark.parametrize("event_id", sorted(FIELDS_OF_SYSMON))
def test_no_two_fields_of_an_event_share_an_attribute(event_id: int) -> None:
    """Within one event each field has attributes of its own, so that the order of fields decides nothing."""
    table = fields_of(event_id)
    filled = [name for field in FIELDS_OF_SYSMON[event_id].split() for name in table[field]]

    assert sorted(set(filled)) == sorted(filled)


@pytest.mark.parametrize("event_id", sorted(FIELDS_OF_SYSMON))
def test_every_field_arrives(event_id: int) -> None:
    """A record with every field of the event fills every attribute that the table promises."""
    texts = dict.fromkeys(FIELDS_OF_SYSMON[event_id].split(), "x")
    record = {"EventID": event_id, "Channel": "Microsoft-Windows-Sysmon/Operational", "EventData": texts}
    event = normalise(json.dumps(record).encode())
    promised = {name for field in texts for name in fields_of(event_id)[field]}

    assert set() == promised - set(event.attributes)


def test_types() -> None:
    """Ports, customers and times are numbers, addresses are addresses, ids and flags are strings."""
    expected = {
        "srcIpPort": AttributeType.NUMBER,
        "destIpPort": AttributeType.NUMBER,
        "phCustId": AttributeType.NUMBER,
        "phRecvTime": AttributeType.NUMBER,
        "srcIpAddr": AttributeType.IP,
        "destIpAddr": AttributeType.IP,
        "hostIpAddr": AttributeType.IP,
        "reptDevIpAddr": AttributeType.IP,
        "procId": AttributeType.STRING,
        "initiated": AttributeType.STRING,
        "isIpv6": AttributeType.STRING,
        "winEventId": AttributeType.STRING,
        "eventType": AttributeType.STRING,
    }

    assert expected == {name: VOCABULARY[name] for name in expected}


def test_header_names_are_no_data_elsewhere() -> None:
    """Names that forwarders use in their own headers are fields only of the events that have them."""
    for name in ("EventType", "Version", "Type", "Name", "Query", "Destination", "Operation", "State", "ID"):
        assert name not in FIELDS
        assert name not in ANY_EVENT
        assert any(name in fields for fields in PER_EVENT.values())
    assert {12, 13, 14, 17, 18, 19, 20, 21} == ACTING


@pytest.mark.skipif(not RULES.is_dir(), reason="needs ../shared/data/fortisiem-rules beside the checkout")
def test_rules_use_known_attributes(capsys: pytest.CaptureFixture[str]) -> None:
    """Every attribute that the converted rules group by or show is in the vocabulary."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.xml"))]
    lists = [names for text in texts for names in re.findall(r"<(?:GroupByAttr|AttrList)>([^<]*)<", text)]
    used = {name.strip() for names in lists for name in names.split(",")} - SAMPLE_NAMES - {"rawEventMsg"}

    assert set() == used - set(VOCABULARY)
    assert len(used) > 10
    with capsys.disabled():
        sys.stdout.write(f"\n{len(used)} attributes in {len(lists)} lists of {len(texts)} files: all known\n")
