"""Every shape that Sysmon travels in gives the same attributes for the same event."""

import json
from collections.abc import Callable

import pytest

from stream_app.sysmon.normalise import Event, Unreadable, normalise

Read = Callable[..., Event]

TEN_FIFTEEN = 1_772_446_530_250
CONNECTION = {
    "RuleName": "-",
    "UtcTime": "2026-03-02 10:15:29.100",
    "ProcessGuid": "{11111111-2222-3333-4444-55555555ABCD}",
    "ProcessId": "4242",
    "Image": "C:\\Tools\\Python\\python.exe",
    "User": "LAB\\mara",
    "Protocol": "tcp",
    "Initiated": "true",
    "SourceIsIpv6": "false",
    "SourceIp": "192.0.2.17",
    "SourceHostname": "ws07.lab.example",
    "SourcePort": "50123",
    "SourcePortName": "-",
    "DestinationIsIpv6": "false",
    "DestinationIp": "198.51.100.7",
    "DestinationHostname": "-",
    "DestinationPort": "443",
    "DestinationPortName": "https",
}
EXPECTED = {
    "DestinationPortName": "https",
    "EventID": "3",
    "SourceIsIpv6": "false",
    "User": "LAB\\mara",
    "UtcTime": "2026-03-02 10:15:29.100",
    "destIpAddr": "198.51.100.7",
    "destIpPort": 443,
    "domain": "LAB",
    "eventType": "Win-Sysmon-3-Network-Connect-IPv4",
    "initiated": "true",
    "isIpv6": "false",
    "phCustId": 1,
    "procGUID": "{11111111-2222-3333-4444-55555555abcd}",
    "procId": "4242",
    "procName": "C:\\Tools\\Python\\python.exe",
    "srcIpAddr": "192.0.2.17",
    "srcIpPort": 50123,
    "srcName": "ws07.lab.example",
    "srcProto": "tcp",
    "user": "mara",
    "winEventId": "3",
}
WHERE = {
    "activityType": "Microsoft-Windows-Sysmon/Operational",
    "computer": "ws07.lab.example",
    "eventSource": "Microsoft-Windows-Sysmon",
    "hostName": "ws07.lab.example",
}
CLOCK = {"deviceTime": TEN_FIFTEEN}


@pytest.mark.parametrize(
    ("writer", "shape", "beside"),
    [
        ("flat", "flat", {**WHERE, **CLOCK}),
        ("nxlog", "nxlog", WHERE),
        ("listed", "xml2json", {**WHERE, **CLOCK}),
        ("winlogbeat6", "winlogbeat6", {**WHERE, **CLOCK}),
        ("azure", "azure-windowsevent", {**WHERE, **CLOCK, "computer": "WS07", "hostName": "WS07"}),
        ("evtx", "evtx-json", {**WHERE, **CLOCK, "computer": "WS07", "hostName": "WS07"}),
    ],
)
def test_the_same_connection(read: Read, writer: str, shape: str, beside: dict[str, object]) -> None:
    """The same connection has the same attributes in each JSON shape, but for what the shape says of the record."""
    event = read(writer, 3, **CONNECTION)

    assert {**EXPECTED, **beside} == event.attributes
    assert shape == event.shape


def test_typed_values(read: Read) -> None:
    """Numbers and booleans, as .evtx dumps write them, are the same attributes as the strings of other shapes."""
    typed = {"Initiated": True, "SourceIsIpv6": False, "DestinationIsIpv6": False, "ProcessId": 4242}
    ports = {"SourcePort": 50123, "DestinationPort": 443}
    event = read("evtx", 3, **{**CONNECTION, **typed, **ports})

    assert {**EXPECTED, **WHERE, **CLOCK, "computer": "WS07", "hostName": "WS07"} == event.attributes


@pytest.mark.parametrize("wrapped", [False, True], ids=["as it is", "in a JSON string"])
def test_native_xml(xml: Callable[..., str], *, wrapped: bool) -> None:
    """Native event XML has the same attributes, also inside a JSON string."""
    text = xml(3, **CONNECTION)
    event = normalise((json.dumps(text) if wrapped else text).encode())

    assert {**EXPECTED, **WHERE, **CLOCK} == event.attributes
    assert ("xml", TEN_FIFTEEN, None) == (event.shape, event.created, event.received)


def test_event_data_alone() -> None:
    """Event data without any header is Sysmon's by its fields; there is no host to name."""
    event = normalise(json.dumps({"EventId": 3, **CONNECTION}).encode())

    assert EXPECTED == event.attributes
    assert ("eventdata", None) == (event.shape, event.created)


def test_json_in_a_json_string(flat: Callable[..., bytes]) -> None:
    """A JSON object that a forwarder wrapped in a JSON string is opened."""
    record = flat(3, **CONNECTION)

    assert normalise(record) == normalise(json.dumps(record.decode()).encode())


def test_byte_order_mark_and_blanks(flat: Callable[..., bytes]) -> None:
    """A byte order mark and blanks around a record are no part of it."""
    record = flat(5)

    assert normalise(record) == normalise(b"\xef\xbb\xbf \r\n" + record + b"\n")


def test_of_equal_keys_the_last_counts() -> None:
    """A key that stands twice has its last value, as JSON readers have it."""
    event = normalise(b'{"EventID": 1, "Image": "first.exe", "Image": "second.exe"}')

    assert "second.exe" == event.attributes["procName"]


def test_unknown_fields_are_dropped(read: Read) -> None:
    """What is neither Sysmon's nor FortiSIEM's is not in the event, and does no harm as an object either."""
    plain = read("flat", 5)

    assert plain == read("flat", 5, Favourite="tea", tags=["a"], enrichment={"geo": {"deep": [1, 2]}})


def test_customer_beside_the_event(read: Read) -> None:
    """A forwarder may say whose record it is, in FortiSIEM's words."""
    attributes = read("nxlog", 5, phCustId="2007", customer="Contoso").attributes

    assert (2007, "Contoso") == (attributes["phCustId"], attributes["customer"])


def test_an_envelope_around_text(xml: Callable[..., str]) -> None:
    """A forwarder's envelope whose message is event XML is opened; one without it is no shape we know."""
    event = normalise(json.dumps({"message": xml(5) + "\n", "path": "/var/log/x"}).encode())

    assert "Win-Sysmon-5-Process-Terminated" == event.attributes["eventType"]
    with pytest.raises(Unreadable, match="not json"):
        normalise(b'{"message": "sshd: session opened"}')


@pytest.mark.parametrize(
    ("name", "text"), [("text", "text"), ("#text", "#text")], ids=["text beside the name", "text marked"]
)
def test_one_named_value(name: str, text: str) -> None:
    """A list of one value, written as the value alone, is read; values without a name are no fields."""
    data = {"Name": "Image", text: "C:\\a.exe"}
    system = {
        "EventID": {"#text": 5, "#attributes": {"Qualifiers": 0}},
        "Channel": "Microsoft-Windows-Sysmon/Operational",
    }
    one = normalise(json.dumps({"Event": {"System": system, "EventData": {"Data": data}}}).encode())
    several = normalise(json.dumps({"Event": {"System": system, "EventData": {"Data": [data, "loose", {}]}}}).encode())

    assert "C:\\a.exe" == one.attributes["procName"], name
    assert one == several


def test_an_event_without_data(read: Read) -> None:
    """An event without event data is read from its header, in JSON and in XML."""
    system = {"EventID": 16, "Provider": {"Name": "Microsoft-Windows-Sysmon"}}
    bare = (
        "<Event><System><EventID>16</EventID><Channel>Microsoft-Windows-Sysmon/Operational</Channel></System></Event>"
    )

    for record in (json.dumps({"Event": {"System": system, "EventData": None}}), bare):
        assert "Win-Sysmon-16-Config-State-Changed" == normalise(record.encode()).attributes["eventType"]
    assert "Win-Sysmon-16-Config-State-Changed" == read("winlogbeat6", 16).attributes["eventType"]


def test_event_data_as_an_object() -> None:
    """Azure's event data may be the object itself."""
    event = normalise(b'{"EventID": 1, "Provider": "Microsoft-Windows-Sysmon", "EventData": {"Image": "a.exe"}}')

    assert "a.exe" == event.attributes["procName"]


def test_raw_syslog(xml: Callable[..., str]) -> None:
    """Sysmon for Linux in a line of syslog, with a priority before it, is read from where its XML begins."""
    text = xml(3, provider="Linux-Sysmon", channel="Linux-Sysmon/Operational", **CONNECTION)
    event = normalise(f"<14>Mar  2 10:15:30 pi4 sysmon[411]: {text}\n".encode())

    assert ("linux-syslog", "Linux-Sysmon-3-Network-Connect-IPv4") == (event.shape, event.attributes["eventType"])


def test_syslog_without_a_sender(xml: Callable[..., str]) -> None:
    """A syslog table that names no sender gives no reporting device; its own time dates what the event does not."""
    text = xml(5).replace("SystemTime", "Other")
    event = normalise(json.dumps({"TimeGenerated": "2026-03-02T10:15:30.250Z", "SyslogMessage": text}).encode())

    assert {"reptDevName", "reptDevIpAddr"}.isdisjoint(event.attributes)
    assert (None, TEN_FIFTEEN) == (event.created, event.recorded)


def test_fortisiem_json() -> None:
    """FortiSIEM's normalised event is read as it is: attributes by name, values by type, its own receive time."""
    given = {
        "eventType": "Win-Sysmon-3-Network-Connect-IPv6",
        "phRecvTime": 1_772_446_531,
        "deviceTime": TEN_FIFTEEN,
        "phCustId": "2007",
        "destIpPort": "443",
        "destIpAddr": "0:0:0:0:0:0:0:1",
        "procGUID": "11111111-2222-3333-4444-55555555ABCD",
        "user": "LAB\\mara",
        "hostName": "ws07",
        "initiated": "True",
        "command": "-",
        "colour": "red",
    }
    event = normalise(json.dumps(given).encode())

    assert {
        "eventType": "Win-Sysmon-3-Network-Connect-IPv6",
        "phRecvTime": 1_772_446_531_000,
        "deviceTime": TEN_FIFTEEN,
        "phCustId": 2007,
        "destIpPort": 443,
        "destIpAddr": "::1",
        "procGUID": "{11111111-2222-3333-4444-55555555abcd}",
        "user": "LAB\\mara",
        "hostName": "ws07",
        "initiated": "true",
    } == event.attributes
    assert ("fortisiem-json", 1_772_446_531_000, TEN_FIFTEEN) == (event.shape, event.received, event.created)
    assert event.received == event.recorded


def test_fortisiem_json_without_times() -> None:
    """Without a receive time the record has none; what cannot be read as a time stays text."""
    event = normalise(b'{"eventType": "PH_RULE_X", "phRecvTime": "yesterday"}')

    assert (None, None, None) == (event.received, event.created, event.recorded)
    assert "yesterday" == event.attributes["phRecvTime"]


def test_fortisiem_json_without_an_event_type() -> None:
    """A normalised event whose event type is missing is nothing that a rule could see."""
    with pytest.raises(Unreadable, match="no eventType"):
        normalise(b'{"eventType": "-", "procName": "a.exe"}')
