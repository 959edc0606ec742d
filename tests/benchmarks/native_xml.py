"""One event of NXLog's flat JSON → the same event as Windows renders it, ``<Event xmlns='…'><System>…``.

Goes in: a decoded record; comes out: text such as FortiSIEM's agent sends behind ``[xml]=`` and most forwarders send
alone: single quotes around attributes, no blanks between elements, ``&``, ``<`` and ``>`` escaped, the Data elements in
the order of Sysmon's schema. Decision: nothing is invented. A field that NXLog lost (ProcessId, EventType) is missing
in the XML too, so that both have the same attributes; what only NXLog writes (Message, tags) stays behind. The clock in
TimeCreated is ``@timestamp``, the only one of the record that has a zone.
"""

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
_PROCESS = ("RuleName", "UtcTime", "ProcessGuid", "ProcessId", "Image")
_ACTION = ("RuleName", "EventType", "UtcTime", "ProcessGuid", "ProcessId")
_CODE = ("FileVersion", "Description", "Product", "Company", "OriginalFileName")
_SOURCE = ("RuleName", "UtcTime", "SourceProcessGuid", "SourceProcessGUID", "SourceProcessId", "SourceThreadId")
_TARGET = ("SourceImage", "TargetProcessGuid", "TargetProcessGUID", "TargetProcessId", "TargetImage")
_DELETED = (*_PROCESS[:4], "User", "Image", "TargetFilename", "Hashes", "IsExecutable", "Archived")

DATA: Mapping[int, tuple[str, ...]] = {
    1: (
        *_PROCESS, *_CODE, "CommandLine", "CurrentDirectory", "User", "LogonGuid", "LogonId", "TerminalSessionId",
        "IntegrityLevel", "Hashes", "ParentProcessGuid", "ParentProcessId", "ParentImage", "ParentCommandLine",
    ),
    2: (*_PROCESS, "TargetFilename", "CreationUtcTime", "PreviousCreationUtcTime"),
    3: (
        *_PROCESS, "User", "Protocol", "Initiated", "SourceIsIpv6", "SourceIp", "SourceHostname", "SourcePort",
        "SourcePortName", "DestinationIsIpv6", "DestinationIp", "DestinationHostname", "DestinationPort",
        "DestinationPortName",
    ),
    5: _PROCESS,
    7: (*_PROCESS, "ImageLoaded", *_CODE, "Hashes", "Signed", "Signature", "SignatureStatus"),
    8: (*_SOURCE, *_TARGET, "NewThreadId", "StartAddress", "StartModule", "StartFunction"),
    9: (*_PROCESS, "Device"),
    10: (*_SOURCE, *_TARGET, "GrantedAccess", "CallTrace"),
    11: (*_PROCESS, "TargetFilename", "CreationUtcTime"),
    12: (*_ACTION, "Image", "TargetObject"),
    13: (*_ACTION, "Image", "TargetObject", "Details"),
    14: (*_ACTION, "Image", "TargetObject", "NewName"),
    15: (*_PROCESS, "TargetFilename", "CreationUtcTime", "Hash", "Contents"),
    17: (*_ACTION, "PipeName", "Image"),
    18: (*_ACTION, "PipeName", "Image"),
    22: (*_PROCESS[:4], "QueryName", "QueryStatus", "QueryResults", "Image"),
    23: _DELETED,
    24: (*_PROCESS, "Session", "ClientInfo", "Hashes", "Archived"),
    26: _DELETED,
}  # fmt: skip
"""Event id → its Data elements in Sysmon's order; those of which it has two spellings are there once in any record."""

_LINE = "\nEventType: "


def native(record: Mapping[str, Any]) -> str:
    """Render a record. Raises KeyError for an event that :data:`DATA` does not know, or without NXLog's header."""
    number = record["EventID"]
    data = "".join(
        f"<Data Name='{name}'>{escape(str(value))}</Data>"
        for name in DATA[number]
        if (value := _action(record) if name == "EventType" else record.get(name)) is not None
    )
    process = record.get("ExecutionProcessID", record.get("ProcessID", 0))
    return (
        f"<Event xmlns='{NAMESPACE}'><System>"
        f"<Provider Name='{record['SourceName']}' Guid='{record['ProviderGuid']}'/><EventID>{number}</EventID>"
        f"<Version>{record['Version']}</Version><Level>4</Level><Task>{record['Task']}</Task>"
        f"<Opcode>{record['OpcodeValue']}</Opcode><Keywords>0x{record['Keywords'] % (1 << 64):x}</Keywords>"
        f"<TimeCreated SystemTime='{record['@timestamp'].removesuffix('Z')}000000Z'/>"
        f"<EventRecordID>{record['RecordNumber']}</EventRecordID><Correlation/>"
        f"<Execution ProcessID='{process}' ThreadID='{record['ThreadID']}'/><Channel>{record['Channel']}</Channel>"
        f"<Computer>{escape(record['Hostname'])}</Computer><Security UserID='{record['UserID']}'/></System>"
        f"<EventData>{data}</EventData></Event>"
    )


def _action(record: Mapping[str, Any]) -> str | None:
    """Give Sysmon's EventType; where NXLog wrote the level (INFO) over it, the rendered message still has it."""
    word = record.get("EventType")
    if isinstance(word, str) and not word.isupper():
        return word
    _, _, behind = str(record.get("Message", "")).partition(_LINE)
    return behind.partition("\n")[0].strip() or None
