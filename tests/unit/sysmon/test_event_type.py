"""What FortiSIEM calls the events."""

from collections.abc import Callable

import pytest

from stream_app.sysmon.normalise import Event, Unreadable, normalise

Read = Callable[..., Event]


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        (1, "Win-Sysmon-1-Create-Process"),
        (2, "Win-Sysmon-2-FileCreation-Time-Changed"),
        (4, "Win-Sysmon-4-Service-State-Changed"),
        (5, "Win-Sysmon-5-Process-Terminated"),
        (6, "Win-Sysmon-6-Driver-Loaded"),
        (7, "Win-Sysmon-7-Image-Loaded"),
        (8, "Win-Sysmon-8-CreateRemoteThread"),
        (9, "Win-Sysmon-9-RawAccessRead"),
        (10, "Win-Sysmon-10-ProcessAccess"),
        (11, "Win-Sysmon-11-FileCreate"),
        (15, "Win-Sysmon-15-FileCreateStreamHash"),
        (16, "Win-Sysmon-16-Config-State-Changed"),
        (17, "Win-Sysmon-17-PipeCreated"),
        (18, "Win-Sysmon-18-PipeConnected"),
        (19, "Win-Sysmon-19-WMI-Event-Filter-Activity"),
        (20, "Win-Sysmon-20-WMI-Event-Consumer-Activity"),
        (21, "Win-Sysmon-21-WMI-Event-ConsumerToFilter-Activity"),
        (22, "Win-Sysmon-22-DNS-Query"),
        (23, "Win-Sysmon-23-FileDelete-archived"),
        (24, "Win-Sysmon-24-Clipboard-Changed"),
        (25, "Win-Sysmon-25-Process-Tampering"),
        (26, "Win-Sysmon-26-FileDelete"),
        (27, "Win-Sysmon-27-FileBlockExecutable"),
        (28, "Win-Sysmon-28-FileBlockShredding"),
        (29, "Win-Sysmon-29-FileExecutableDetected"),
        (30, "Win-Sysmon-30-Unknown"),
        (255, "Win-Sysmon-255-Error"),
    ],
)
def test_names(read: Read, event_id: int, expected: str) -> None:
    """Each event has FortiSIEM's name; an event that is not known yet is still Sysmon's, and read."""
    event = read("nxlog", event_id, Image="C:\\a.exe")

    assert expected == event.attributes["eventType"]
    assert "C:\\a.exe" == event.attributes["procName"]


@pytest.mark.parametrize(
    ("fields", "suffix"),
    [
        ({"SourceIsIpv6": "true", "SourceIp": "192.0.2.1"}, "-IPv6"),
        ({"SourceIsIpv6": "false", "SourceIp": "::1"}, "-IPv4"),
        ({"SourceIsIpv6": "True"}, "-IPv6"),
        ({"SourceIp": "fe80:0:0:0:0:0:0:1", "DestinationIsIpv6": "false"}, "-IPv6"),
        ({"SourceIp": "192.0.2.1"}, "-IPv4"),
        ({"SourceIsIpv6": "-", "SourceIp": "-", "DestinationIsIpv6": "true"}, "-IPv6"),
        ({"SourceIp": "nowhere", "DestinationIp": "192.0.2.1"}, "-IPv4"),
        ({}, ""),
    ],
)
def test_network_connect(read: Read, fields: dict[str, str], suffix: str) -> None:
    """A connection's family is the source's: told by its flag, else by its address, else by the destination's."""
    assert f"Win-Sysmon-3-Network-Connect{suffix}" == read("flat", 3, **fields).attributes["eventType"]


@pytest.mark.parametrize(
    ("event_id", "action"),
    [
        (12, "CreateKey"),
        (12, "DeleteKey"),
        (12, "CreateValue"),
        (12, "DeleteValue"),
        (13, "SetValue"),
        (14, "RenameKey"),
        (14, "RenameValue"),
    ],
)
def test_registry(read: Read, event_id: int, action: str) -> None:
    """A registry event is named by its action, spelled as Sysmon does; the action is an attribute too."""
    attributes = read("flat", event_id, EventType=action).attributes

    assert f"Win-Sysmon-{event_id}-Registry-{action}" == attributes["eventType"]
    assert action == attributes["osObjAction"]


@pytest.mark.parametrize(
    ("event_id", "message", "expected"),
    [
        (12, "Registry object added or deleted:\r\nRuleName: -\r\nEventType: DeleteKey\r\nUtcTime: x", "DeleteKey"),
        (12, "Registry object added or deleted:\r\nEventType: CreateKey", "CreateKey"),
        (12, "", None),
        (13, "", "SetValue"),
        (17, "", "CreatePipe"),
        (18, "", "ConnectPipe"),
        (19, "", "WmiFilterEvent"),
        (20, "", "WmiConsumerEvent"),
        (21, "", "WmiBindingEvent"),
        (14, "", None),
        (5, "EventType: CreateKey\nEventType: CreateKey", None),
    ],
)
@pytest.mark.parametrize("level", ["INFO", "-", None])
def test_lost_event_type(read: Read, event_id: int, message: str, expected: str | None, level: str | None) -> None:
    """An EventType that NXLog wrote over comes from the message, or is the only one the event has; else nothing."""
    attributes = read("nxlog", event_id, EventType=level, Message=message).attributes

    assert expected == attributes.get("osObjAction")
    if event_id in (12, 14):
        assert f"Win-Sysmon-{event_id}-Registry-{expected or 'Unknown'}" == attributes["eventType"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"Channel": "Security"}, "Win-Security-4688"),
        ({"Channel": "Application"}, "Win-App-4688"),
        ({"Channel": "Windows PowerShell"}, "Win-PowerShell-4688"),
        ({"Channel": "Microsoft-Windows-PowerShell/Operational"}, "Win-PowerShell-4688"),
        ({"Channel": "Key Management Service"}, "Win-Key-Management-Service-4688"),
        ({"Provider": "Microsoft-Windows-Security-Auditing"}, "Win-Security-Auditing-4688"),
    ],
)
def test_other_windows_events(header: dict[str, str], expected: str) -> None:
    """An event that is not Sysmon's is read, and named by its channel, or by its provider where it has none."""
    pairs = "".join(f', "{name}": "{value}"' for name, value in header.items())
    event = normalise(f'{{"EventID": 4688, "CommandLine": "whoami", "EventType": "AUDIT_SUCCESS"{pairs}}}'.encode())

    assert (expected, "whoami") == (event.attributes["eventType"], event.attributes["command"])
    assert "osObjAction" not in event.attributes


def test_a_registry_id_of_another_channel() -> None:
    """An id that is the registry's in Sysmon means nothing of the kind elsewhere."""
    event = normalise(b'{"EventID": 13, "Channel": "System", "EventType": "SetValue"}')

    assert "Win-System-13" == event.attributes["eventType"]
    assert "osObjAction" not in event.attributes


def test_forwarded_events() -> None:
    """An event that was forwarded to another channel is Sysmon's by its provider."""
    event = normalise(b'{"EventID": 5, "Channel": "ForwardedEvents", "Provider": "Microsoft-Windows-Sysmon"}')

    assert "Win-Sysmon-5-Process-Terminated" == event.attributes["eventType"]


def test_neither_provider_nor_channel() -> None:
    """An object with an id and nothing of Sysmon's is no event that we know."""
    with pytest.raises(Unreadable, match="no provider, no channel"):
        normalise(b'{"EventID": 5, "User": "mara"}')


@pytest.mark.parametrize(
    "written", ['"five"', "true", "5.0", "-1", "65536", "99999999999999999999", "null", "[5]", '{"a": 5}', '"\u0665"']
)
def test_no_event_id(written: str) -> None:
    """What is no event id is refused by name."""
    with pytest.raises(Unreadable) as refused:
        normalise(f'{{"Channel": "Security", "EventID": {written}}}'.encode())

    assert ("unknown shape", "no event id") == (refused.value.reason, refused.value.detail)
