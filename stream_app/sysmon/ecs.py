"""Sysmon's fields put back from ECS, where Winlogbeat's Sysmon module has moved them.

Goes in: a Winlogbeat record and its event id. Comes out: the event data as Sysmon wrote it, as far as it can be known.
The module renames (Image to process.executable), splits (User, Hashes) and replaces (Initiated by network.direction,
both IsIpv6 by network.type). What it left in ``winlog.event_data`` is Sysmon's own and wins.

Decision: only what can be put back exactly. ``process.args`` is no command line and ``dns.answers`` no QueryResults:
those stay absent. Hashes come back in ECS's order of algorithms and in upper case, which the module had taken away.
"""

from collections.abc import Iterable, Mapping

_MOVED: tuple[tuple[tuple[str, ...], Mapping[str, str]], ...] = (
    (
        ("process",),
        {
            "entity_id": "ProcessGuid",
            "pid": "ProcessId",
            "executable": "Image",
            "command_line": "CommandLine",
            "working_directory": "CurrentDirectory",
        },
    ),
    (
        ("process", "parent"),
        {
            "entity_id": "ParentProcessGuid",
            "pid": "ParentProcessId",
            "executable": "ParentImage",
            "command_line": "ParentCommandLine",
        },
    ),
    (("process", "thread"), {"id": "SourceThreadId"}),
    (("network",), {"transport": "Protocol", "protocol": "DestinationPortName"}),
    (("source",), {"ip": "SourceIp", "domain": "SourceHostname", "port": "SourcePort"}),
    (("destination",), {"ip": "DestinationIp", "domain": "DestinationHostname", "port": "DestinationPort"}),
    (("dns", "question"), {"name": "QueryName"}),
    (("sysmon", "dns"), {"status": "QueryStatus"}),
    (("sysmon", "file"), {"archived": "Archived", "is_executable": "IsExecutable"}),
    (("file",), {"path": "TargetFilename", "name": "PipeName"}),
    (("file", "code_signature"), {"subject_name": "Signature", "signed": "Signed", "status": "SignatureStatus"}),
    (("registry",), {"path": "TargetObject"}),
    (("rule",), {"name": "RuleName"}),
    (("error",), {"code": "ID"}),
)

MOVED_TO = frozenset({"process", "network", "file", "dns", "registry", "sysmon"})
"""Top-level objects that only the module makes: Winlogbeat alone has none of them."""

_PROGRAM = {
    "original_file_name": "OriginalFileName",
    "file_version": "FileVersion",
    "description": "Description",
    "product": "Product",
    "company": "Company",
}

_SOURCE_PROCESS = {"ProcessGuid": "SourceProcessGuid", "ProcessId": "SourceProcessId", "Image": "SourceImage"}
_ELSEWHERE: Mapping[int, Mapping[str, str]] = {
    6: {"TargetFilename": "ImageLoaded"},
    7: {"TargetFilename": "ImageLoaded"},
    8: _SOURCE_PROCESS,
    9: {"TargetFilename": "Device"},
    10: _SOURCE_PROCESS,
    20: {"Image": "Destination"},
}
"""Event id -> what the module's ECS name stands for there, where it is not what it stands for elsewhere."""

_ACCOUNT_PARTS = ("domain", "name")
_PIPES = (17, 18)
_STREAM = 15
_DIRECTIONS = {"egress": "true", "outbound": "true", "ingress": "false", "inbound": "false"}
_FAMILIES = {"ipv6": "true", "ipv4": "false"}
_STATUSES = {"SUCCESS": "0"}
_ALGORITHMS = ("md5", "sha1", "sha256", "sha512", "imphash")


def section(record: Mapping[str, object], path: Iterable[str]) -> Mapping[str, object]:
    """Give the object at the path; an empty one where there is none."""
    for name in path:
        inner = record.get(name)
        if not isinstance(inner, dict):
            return {}
        record = inner
    return record


def restore(record: Mapping[str, object], event_id: int, event_data: Mapping[str, object]) -> dict[str, object]:
    """Give Sysmon's event data of a record that the module has been at."""
    elsewhere = _ELSEWHERE.get(event_id, {})
    fields: dict[str, object] = {}
    program = ("file", "pe") if event_id in (6, 7) else ("process", "pe")
    for path, names in (*_MOVED, (program, _PROGRAM)):
        found = section(record, path)
        for name, field in names.items():
            value = found.get(name)
            if isinstance(value, str | int):
                fields[elsewhere.get(field, field)] = value
    if event_id not in _PIPES:
        fields.pop("PipeName", None)
    fields.update(_replaced(record))
    hashes = _hashes(record)
    if hashes:
        fields["Hash" if event_id == _STREAM else "Hashes"] = hashes
    return {**fields, **event_data}


def _replaced(record: Mapping[str, object]) -> dict[str, object]:
    fields: dict[str, object] = {}
    network = section(record, ("network",))
    initiated = _DIRECTIONS.get(str(network.get("direction")))
    if initiated is not None:
        fields["Initiated"] = initiated
    family = _FAMILIES.get(str(network.get("type")))
    if family is not None:
        fields["SourceIsIpv6"] = fields["DestinationIsIpv6"] = family
    user = section(record, ("user",))
    if all(isinstance(user.get(part), str) for part in _ACCOUNT_PARTS):
        fields["User"] = "\\".join(str(user[part]) for part in _ACCOUNT_PARTS)
    details = section(record, ("registry", "data")).get("strings")
    if isinstance(details, list) and len(details) == 1 and isinstance(details[0], str):
        fields["Details"] = details[0]
    status = _STATUSES.get(str(section(record, ("sysmon", "dns")).get("status")))
    if status is not None:
        fields["QueryStatus"] = status
    return fields


def _hashes(record: Mapping[str, object]) -> str:
    """Write Sysmon's ``MD5=…,SHA256=…`` from wherever this version of the module keeps the digests."""
    digests: dict[str, object] = {}
    for path in (("hash",), ("file", "hash"), ("process", "hash"), ("file", "pe"), ("process", "pe")):
        digests.update(section(record, path))
    told = ((algorithm.upper(), digests.get(algorithm)) for algorithm in _ALGORITHMS)
    return ",".join(f"{algorithm}={digest.upper()}" for algorithm, digest in told if isinstance(digest, str))
