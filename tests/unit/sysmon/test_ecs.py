"""Winlogbeat 7, with its Sysmon module and without, and Elastic's agent."""

import json
from typing import Any

import pytest

from stream_app.sysmon.normalise import Event, Unreadable, normalise

CHANNEL = "Microsoft-Windows-Sysmon/Operational"
TEN_FIFTEEN = 1_772_446_530_250
GUID = "{11111111-2222-3333-4444-55555555abcd}"


def _read(event_id: int, event_data: dict[str, Any] | None = None, module: str = "sysmon", **ecs: object) -> Event:
    """Read a record of Winlogbeat 7; ``module`` "" is Winlogbeat alone."""
    winlog = {"channel": CHANNEL, "provider_name": "Microsoft-Windows-Sysmon", "computer_name": "ws07.lab.example"}
    record = {
        "@timestamp": "2026-03-02T09:15:30.250Z",
        "event": {
            "code": str(event_id),
            "created": "2026-03-02T10:15:30.250Z",
            **({"module": module} if module else {}),
        },
        "winlog": {**winlog, "event_id": event_id, "event_data": event_data},
        "host": {"name": "collector"},
        "agent": {"type": "winlogbeat"},
        **ecs,
    }
    return normalise(json.dumps(record).encode())


def test_without_the_module() -> None:
    """Winlogbeat alone leaves Sysmon's fields in winlog.event_data, and its timestamp is the record's clock."""
    event = _read(3, {"Image": "C:\\a.exe", "Initiated": "true", "SourceIp": "192.0.2.17"}, module="")

    assert {"procName": "C:\\a.exe", "initiated": "true", "srcIpAddr": "192.0.2.17"}.items() <= event.attributes.items()
    assert ("winlogbeat7", TEN_FIFTEEN - 3_600_000) == (event.shape, event.created)
    assert "ws07.lab.example" == event.attributes["hostName"]


def test_connection_by_the_module() -> None:
    """The module's connection is put back whole; its timestamp is Sysmon's UtcTime, so event.created is the clock."""
    event = _read(
        3,
        process={"entity_id": GUID, "pid": 4242, "executable": "C:\\Tools\\python.exe", "name": "python.exe"},
        network={"transport": "tcp", "protocol": "https", "direction": "egress", "type": "ipv6", "community_id": "1:x"},
        source={"ip": "0:0:0:0:0:0:0:1", "domain": "ws07", "port": 50123},
        destination={"ip": "2001:db8:0:0:0:0:0:7", "domain": "db.example", "port": 443},
        user={"domain": "LAB", "name": "mara", "id": "S-1-5-18"},
        rule={"name": "Alert"},
    )

    assert {
        "eventType": "Win-Sysmon-3-Network-Connect-IPv6",
        "procGUID": GUID,
        "procId": "4242",
        "procName": "C:\\Tools\\python.exe",
        "srcProto": "tcp",
        "initiated": "true",
        "isIpv6": "true",
        "srcIpAddr": "::1",
        "srcIpPort": 50123,
        "srcName": "ws07",
        "destIpAddr": "2001:db8::7",
        "destName": "db.example",
        "destIpPort": 443,
        "user": "mara",
        "domain": "LAB",
        "ruleName": "Alert",
    }.items() <= event.attributes.items()
    assert ("winlogbeat7-module", TEN_FIFTEEN) == (event.shape, event.created)


@pytest.mark.parametrize(
    ("direction", "initiated"),
    [("egress", "true"), ("outbound", "true"), ("ingress", "false"), ("inbound", "false"), ("unknown", None)],
)
def test_direction_is_initiated(direction: str, initiated: str | None) -> None:
    """Who began a connection is told by its direction, in the words of the module's early and later versions."""
    assert initiated == _read(3, network={"direction": direction}).attributes.get("initiated")


def test_what_was_left_wins() -> None:
    """What the module left in the event data is Sysmon's own, and is taken before what stands beside."""
    event = _read(
        3, {"Initiated": "false", "User": "LAB\\ivo"}, network={"direction": "egress"}, user={"name": "SYSTEM"}
    )

    assert ("false", "ivo") == (event.attributes["initiated"], event.attributes["user"])


def test_process_by_the_module() -> None:
    """A process is put back with its parent, its program's facts and its hashes; arguments are no command line."""
    event = _read(
        1,
        {"LogonId": "0x3e7"},
        process={
            "command_line": "run.exe  /all",
            "args": ["run.exe", "/all"],
            "working_directory": "C:\\w\\",
            "parent": {"executable": "C:\\cmd.exe", "pid": 77, "entity_id": GUID, "args": ["cmd", "/c"]},
            "pe": {"original_file_name": "RUN.EXE", "company": "Contoso", "imphash": "0f0f"},
            "hash": {"md5": "ab", "sha256": "cd", "other": "ef"},
        },
    )

    assert {
        "command": "run.exe  /all",
        "dirName": "C:\\w\\",
        "parentProcName": "C:\\cmd.exe",
        "parentProcId": "77",
        "procOwner": GUID,
        "srcFileName": "RUN.EXE",
        "company": "Contoso",
        "hashCode": "MD5=AB,SHA256=CD,IMPHASH=0F0F",
        "hashMD5": "AB",
        "hashIMP": "0F0F",
        "winLogonId": "0x3e7",
    }.items() <= event.attributes.items()
    assert "parentCommand" not in event.attributes


@pytest.mark.parametrize(
    ("event_id", "ecs", "attribute", "expected"),
    [
        (6, {"file": {"path": "C:\\d.sys"}}, "loadedProcName", "C:\\d.sys"),
        (7, {"file": {"path": "C:\\l.dll", "pe": {"product": "Office"}}}, "product", "Office"),
        (7, {"file": {"code_signature": {"signed": True}}}, "authResult", "true"),
        (8, {"process": {"executable": "C:\\s.exe"}}, "procName", "C:\\s.exe"),
        (9, {"file": {"path": "\\Device\\Disk0"}}, "deviceIdentification", "\\Device\\Disk0"),
        (10, {"process": {"pid": 12, "thread": {"id": 34}}}, "SourceThreadId", "34"),
        (10, {"process": {"pid": 12}}, "procId", "12"),
        (11, {"file": {"path": "C:\\n.txt", "name": "n.txt"}}, "fileName", "C:\\n.txt"),
        (13, {"registry": {"path": "HKLM\\x", "data": {"strings": ["DWORD (1)"]}}}, "newRegValue", "DWORD (1)"),
        (13, {"registry": {"path": "HKLM\\x", "data": {"strings": ["a", "b"]}}}, "newRegValue", None),
        (13, {"registry": {"path": "HKLM\\x"}}, "regKeyPath", "HKLM\\x"),
        (15, {"hash": {"sha1": "ee"}}, "hashSHA1", "EE"),
        (17, {"file": {"name": "\\pipe"}}, "vpnTunnelName", "\\pipe"),
        (20, {"process": {"executable": "C:\\evil.vbs"}}, "Destination", "C:\\evil.vbs"),
        (22, {"dns": {"question": {"name": "a.example"}}}, "queryId", "a.example"),
        (22, {"sysmon": {"dns": {"status": "SUCCESS"}}}, "status", "0"),
        (22, {"sysmon": {"dns": {"status": "DNS_ERROR_RCODE_NAME_ERROR"}}}, "status", "DNS_ERROR_RCODE_NAME_ERROR"),
        (23, {"sysmon": {"file": {"archived": True}}}, "Archived", "true"),
        (255, {"error": {"code": "GetConfig"}}, "ID", "GetConfig"),
        (11, {"file": {"path": ["C:\\n.txt"]}}, "fileName", None),
        (11, {"file": "C:\\n.txt"}, "fileName", None),
    ],
)
def test_moved_fields(event_id: int, ecs: dict[str, Any], attribute: str, expected: object) -> None:
    """Each field that the module moves comes back under the event it belongs to; what is not one value stays absent."""
    assert expected == _read(event_id, **ecs).attributes.get(attribute)


def test_the_module_is_told_by_what_it_leaves() -> None:
    """A pipeline may drop event.module: the objects that only the module makes tell it too."""
    event = _read(5, module="", process={"executable": "C:\\a.exe"})

    assert ("winlogbeat7-module", "C:\\a.exe") == (event.shape, event.attributes["procName"])


def test_names_from_event_and_host() -> None:
    """Event id, provider and host are taken from ECS where winlog does not have them."""
    event = normalise(
        b'{"winlog": {}, "event": {"code": 5, "provider": "Microsoft-Windows-Sysmon"}, "host": {"name": "ws07"}}'
    )

    assert ("Win-Sysmon-5-Process-Terminated", "ws07") == (event.attributes["eventType"], event.attributes["hostName"])


def test_event_data_that_is_no_object() -> None:
    """Event data that is no object is no shape we know."""
    with pytest.raises(Unreadable, match="no object"):
        _read(3, event_data="text")  # type: ignore[arg-type]  # that is the case
