"""Records of our own, one writer for each shape that the tests of several files need."""

import json
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

import pytest

from stream_app.sysmon.normalise import Event, normalise

CHANNEL = "Microsoft-Windows-Sysmon/Operational"
PROVIDER = "Microsoft-Windows-Sysmon"
GUID = "{11111111-2222-3333-4444-55555555abcd}"

Write = Callable[..., bytes]
Read = Callable[..., Event]


def flat_record(event_id: object = 3, **fields: object) -> bytes:
    """Write flat JSON as an exporter of Windows events does."""
    header = {"EventID": event_id, "Channel": CHANNEL, "SourceName": PROVIDER, "Hostname": "ws07.lab.example"}
    return json.dumps({**header, "TimeCreated": "2026-03-02T10:15:30.250Z", **fields}).encode()


def nxlog_record(event_id: object = 3, **fields: object) -> bytes:
    """Write JSON as NXLog and Logstash do: the header and Sysmon's fields in one object, with the collector beside."""
    header = {
        "EventID": event_id,
        "Channel": CHANNEL,
        "SourceName": PROVIDER,
        "Hostname": "ws07.lab.example",
        "host": "collector.lab.example",
        "SourceModuleName": "eventlog",
        "EventType": "INFO",
        "EventTime": "2026-03-02 05:15:30",
        "EventReceivedTime": "2026-03-02 05:15:32",
        "@timestamp": "2026-03-02T10:15:33.125Z",
        "Domain": "NT AUTHORITY",
        "AccountName": "SYSTEM",
        "Version": 5,
    }
    return json.dumps({**header, **fields}).encode()


def evtx_record(event_id: object = 3, **fields: object) -> bytes:
    """Write the JSON of an .evtx dump: typed values, GUIDs without braces, attributes under ``#attributes``."""
    system = {
        "Provider": {"#attributes": {"Name": PROVIDER}},
        "EventID": event_id,
        "TimeCreated": {"#attributes": {"SystemTime": "2026-03-02T10:15:30.250999Z"}},
        "Channel": CHANNEL,
        "Computer": "WS07",
    }
    return json.dumps({"Event": {"System": system, "EventData": fields}}).encode()


def listed_record(event_id: object = 1, **fields: object) -> bytes:
    """Write event XML turned into JSON with a list of named values; None is an item without a text."""
    system = {
        "Provider": {"Name": PROVIDER},
        "EventID": event_id,
        "TimeCreated": {"SystemTime": "2026-03-02T10:15:30.250123400Z"},
        "Channel": CHANNEL,
        "Computer": "ws07.lab.example",
    }
    data = [{"Name": name} if value is None else {"Name": name, "text": value} for name, value in fields.items()]
    return json.dumps({"Event": {"System": system, "EventData": {"Data": data}}}).encode()


def event_xml(event_id: object = 3, provider: str = PROVIDER, channel: str = CHANNEL, **fields: str) -> str:
    """Write event XML as Windows renders it."""
    data = "".join(f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in fields.items())
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='{provider}'/><EventID>{event_id}</EventID>"
        f"<TimeCreated SystemTime='2026-03-02T10:15:30.250987600Z'/><Channel>{channel}</Channel>"
        f"<Computer>ws07.lab.example</Computer></System><EventData>{data}</EventData></Event>"
    )


def linux_record(event_id: object = 1, xml: str = "", **fields: str) -> bytes:
    """Write Sysmon for Linux as Azure's Syslog table holds it; ``xml`` replaces the message."""
    message = xml or event_xml(event_id, provider="Linux-Sysmon", channel="Linux-Sysmon/Operational", **fields)
    envelope = {"TimeGenerated": "2026-03-02T10:15:31Z", "HostName": "PI4", "HostIP": "192.0.2.44", "Type": "Syslog"}
    return json.dumps({**envelope, "SyslogMessage": message}).encode()


def azure_record(event_id: object = 3, **fields: object) -> bytes:
    """Write Azure's WindowsEvent table: the event data is JSON in a string."""
    envelope = {"TimeGenerated": "2026-03-02T10:15:30.250Z", "Type": "WindowsEvent", "EventID": event_id}
    where = {"Provider": PROVIDER, "Channel": CHANNEL, "Computer": "WS07"}
    return json.dumps({**envelope, **where, "EventData": json.dumps(fields)}).encode()


def winlogbeat6_record(event_id: object = 3, **fields: object) -> bytes:
    """Write a record of Winlogbeat 6: the collector stands in beat and host."""
    envelope = {
        "@timestamp": "2026-03-02T10:15:30.250Z",
        "event_id": event_id,
        "computer_name": "ws07.lab.example",
        "log_name": CHANNEL,
        "source_name": PROVIDER,
        "record_number": "4711",
        "beat": {"name": "collector", "hostname": "collector"},
        "host": {"name": "collector"},
        "user": {"name": "SYSTEM", "domain": "NT AUTHORITY"},
    }
    return json.dumps({**envelope, "event_data": fields}).encode()


_WRITERS: dict[str, Write] = {
    "flat": flat_record,
    "nxlog": nxlog_record,
    "evtx": evtx_record,
    "listed": listed_record,
    "linux": linux_record,
    "azure": azure_record,
    "winlogbeat6": winlogbeat6_record,
}


@pytest.fixture
def read() -> Read:
    """Give a reader of a record written by the named shape's writer: ``read("flat", 3, Image="…")``."""

    def written(shape: str, *arguments: object, **fields: object) -> Event:
        return normalise(_WRITERS[shape](*arguments, **fields))

    return written


@pytest.fixture
def xml() -> Callable[..., str]:
    """Give the writer of event XML."""
    return event_xml


@pytest.fixture
def linux() -> Write:
    """Give the writer of Sysmon for Linux in syslog."""
    return linux_record


@pytest.fixture
def flat() -> Write:
    """Give the writer of flat JSON."""
    return flat_record


@pytest.fixture
def guid() -> str:
    """Give a GUID of a process, as newer Sysmons write it."""
    return GUID
