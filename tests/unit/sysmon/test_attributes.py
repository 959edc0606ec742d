"""The vocabulary and the table of Sysmon's fields."""

import json
import re
import sys
from pathlib import Path

import pytest

from stream_app.language.values import AttributeType
from stream_app.sysmon.attributes import ACTING, EVENTS, FIELDS, PER_EVENT, VOCABULARY, fields_of
from stream_app.sysmon.carried import FIELDS_OF_SYSMON, carried_by
from stream_app.sysmon.normalise import normalise
from stream_app.sysmon.readings import ANY_EVENT, TABLES

RULES = Path(__file__).parents[3].parent / "shared" / "data" / "fortisiem-rules"
SAMPLE_NAMES = {"ObjectContianAll", "ObjectEndWith", "ObjectRe", "ObjectSkipStar", "ObjectStar", "ObjectStartwith"}
"""Names that a sample rule of the converter's tests made up."""


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
    assert set(event.attributes) <= carried_by(event_id)
    assert promised <= carried_by(event_id)


def test_what_is_read_from_a_field_is_carried_with_it() -> None:
    """Domains beside accounts, and hashes by their algorithms; an event without hashes carries none."""
    assert {"user", "domain", "hashMD5", "hashIMP"} <= carried_by(1)
    assert {"user", "domain", "hostName", "phCustId"} <= carried_by(3)
    assert set() == {"command", "parentProcName", "hashMD5", "targetDomain"} & carried_by(3)
    assert {"targetUser", "targetDomain"} <= carried_by(10)


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
