"""What FortiSIEM calls things: the vocabulary with its types, the table of Sysmon's fields, the event types' names.

Goes in: nothing. Comes out: ``VOCABULARY`` (attribute -> type, what a rule may name), ``FIELDS`` and ``PER_EVENT``
(Sysmon field -> attributes), ``EVENTS`` (Sysmon event id -> the name in eventType).

Decision: an account is split into name and domain, as FortiSIEM does, and is whole under Sysmon's own name too, which
rules from Sigma mean.

Decision: where the sources disagree, the order is our design, then Fortinet's rule converter (its field table and its
list of event types), then Fortinet's event data models. A Sysmon field that none of them names keeps Sysmon's own name.
A field that is neither here nor an attribute is dropped: no rule could name it, for a rule that names what is not in
the vocabulary is refused at load.
"""

from collections.abc import Mapping
from types import MappingProxyType

from stream_app.language.values import AttributeType

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "UtcTime": "UtcTime",
        "RuleName": "ruleName",
        # the process
        "Image": "procName",
        "ProcessId": "procId",
        "ProcessGuid": "procGUID",
        "CommandLine": "command",
        "CurrentDirectory": "dirName",
        "User": "user User",
        "LogonGuid": "uuid",
        "LogonId": "winLogonId",
        "TerminalSessionId": "TerminalSessionId",
        "IntegrityLevel": "integrityLevel",
        "OriginalFileName": "srcFileName",
        "FileVersion": "fileVersion",
        "Description": "description",
        "Product": "product",
        "Company": "company",
        "Hashes": "hashCode",
        "ParentImage": "parentProcName",
        "ParentProcessId": "parentProcId",
        "ParentProcessGuid": "procOwner",
        "ParentCommandLine": "parentCommand",
        "ParentUser": "userGrp",
        # the connection
        "Protocol": "srcProto",
        "Initiated": "initiated",
        "SourceIsIpv6": "SourceIsIpv6",
        "SourceIp": "srcIpAddr",
        "SourceHostname": "srcName",
        "SourcePort": "srcIpPort",
        "SourcePortName": "SourcePortName",
        "DestinationIsIpv6": "isIpv6",
        "DestinationIp": "destIpAddr",
        "DestinationHostname": "destName",
        "DestinationPort": "destIpPort",
        "DestinationPortName": "DestinationPortName",
        # one process on another
        "SourceProcessGuid": "procGUID",
        "SourceProcessGUID": "procGUID",
        "SourceProcessId": "procId",
        "SourceThreadId": "SourceThreadId",
        "SourceImage": "procName",
        "SourceUser": "user SourceUser",
        "TargetProcessGuid": "TargetProcessGuid",
        "TargetProcessGUID": "TargetProcessGuid",
        "TargetProcessId": "targetProcId",
        "TargetImage": "targetProcName",
        "TargetUser": "targetUser TargetUser",
        "NewThreadId": "NewThreadId",
        "StartAddress": "startAddress",
        "StartModule": "module",
        "StartFunction": "funName",
        "GrantedAccess": "accessKeyId",
        "CallTrace": "procPath",
        # files, images, drivers, pipes
        "TargetFilename": "fileName",
        "CreationUtcTime": "createTime",
        "PreviousCreationUtcTime": "preTime",
        "ImageLoaded": "loadedProcName",
        "Signed": "authResult",
        "Signature": "signatureName",
        "SignatureStatus": "signatureStatus",
        "PipeName": "vpnTunnelName",
        "Archived": "Archived",
        "IsExecutable": "IsExecutable",
        # the registry and names
        "TargetObject": "regKeyPath",
        "QueryName": "queryId",
        "QueryStatus": "status",
        "QueryResults": "actionResult",
        # whose record it is, where a forwarder wrote that beside Sysmon's fields
        "phCustId": "phCustId",
        "customer": "customer",
    }
)
"""Sysmon field -> attribute, for every event id."""

_NONE: Mapping[str, str] = MappingProxyType({})
_ACTION = {"EventType": "osObjAction"}
_WMI = {**_ACTION, "Operation": "Operation"}
_BETWEEN_PROCESSES = {"ProcessId": ""}

PER_EVENT: Mapping[int, Mapping[str, str]] = MappingProxyType(
    {
        4: {"State": "status", "Version": "version", "SchemaVersion": "SchemaVersion"},
        8: _BETWEEN_PROCESSES,
        9: {"Device": "deviceIdentification"},
        10: _BETWEEN_PROCESSES,
        12: _ACTION,
        13: {**_ACTION, "Details": "details newRegValue"},
        14: {**_ACTION, "NewName": "newObjValue"},
        15: {"Hash": "hashCode", "Contents": "lineContent"},
        16: {"Configuration": "configValue", "ConfigurationFileHash": "ConfigurationFileHash"},
        17: _ACTION,
        18: _ACTION,
        19: {**_WMI, "EventNamespace": "EventNamespace", "Name": "Name", "Query": "queryFilter"},
        20: {**_WMI, "Name": "Name", "Type": "type", "Destination": "Destination"},
        21: {**_WMI, "Consumer": "Consumer", "Filter": "filter"},
        24: {"Session": "Session", "ClientInfo": "ClientInfo"},
        25: {"Type": "type"},
        255: {"ID": "ID"},
    }
)
"""Event id -> fields which only that event has, or which mean something else there.

"" drops the field: NXLog adds a ProcessId of its own to events 8 and 10, whose process is SourceProcessId. Fields whose
names a forwarder's header also uses (Version, Type, Name, EventType) are here, so that a header is never taken for
data.
"""

EVENTS: Mapping[int, str] = MappingProxyType(
    {
        1: "Create-Process",
        2: "FileCreation-Time-Changed",
        3: "Network-Connect",
        4: "Service-State-Changed",
        5: "Process-Terminated",
        6: "Driver-Loaded",
        7: "Image-Loaded",
        8: "CreateRemoteThread",
        9: "RawAccessRead",
        10: "ProcessAccess",
        11: "FileCreate",
        12: "Registry",
        13: "Registry",
        14: "Registry",
        15: "FileCreateStreamHash",
        16: "Config-State-Changed",
        17: "PipeCreated",
        18: "PipeConnected",
        19: "WMI-Event-Filter-Activity",
        20: "WMI-Event-Consumer-Activity",
        21: "WMI-Event-ConsumerToFilter-Activity",
        22: "DNS-Query",
        23: "FileDelete-archived",
        24: "Clipboard-Changed",
        25: "Process-Tampering",
        26: "FileDelete",
        27: "FileBlockExecutable",
        28: "FileBlockShredding",
        29: "FileExecutableDetected",
        255: "Error",
    }
)
"""Sysmon event id -> the last part of eventType; 3 and 12 to 14 get a further word from the event itself."""

ACTING = frozenset(event_id for event_id, fields in PER_EVENT.items() if "EventType" in fields)
"""Events whose EventType is Sysmon's own field; elsewhere a field of that name is a forwarder's level."""

BOOLEANS = frozenset({"initiated", "isIpv6", "SourceIsIpv6", "authResult", "Archived", "IsExecutable"})
"""Attributes that are "true" or "false" in lower case, whatever the shape wrote. They stay strings, as in FortiSIEM."""

PROCESS_GUIDS = frozenset({"procGUID", "procOwner", "TargetProcessGuid"})
"""GUIDs that events are joined by: all zeros means that Sysmon knew no process, and is absent."""

GUIDS = PROCESS_GUIDS | {"uuid"}

DOMAINS: Mapping[str, str] = MappingProxyType({"user": "domain", "targetUser": "targetDomain"})
"""Account attribute -> where the part before the backslash goes."""

HASHES: Mapping[str, str] = MappingProxyType(
    {"MD5": "hashMD5", "SHA1": "hashSHA1", "SHA256": "hashSHA256", "SHA512": "hashSHA512", "IMPHASH": "hashIMP"}
)
"""Algorithm in Sysmon's Hashes -> attribute. hashCode holds the whole text, as converted rules expect it."""

_IP = "collectorIpAddr destIpAddr hostIpAddr relayDevIpAddr reptDevIpAddr srcIpAddr"

_NUMBER = """
    count destIpPort deviceTime eventSeverity incidentCount incidentFirstSeen incidentLastSeen ipProto phCustId
    phEventCategory phRecvTime recvBytes64 sentBytes64 srcIpPort totBytes64 totFlows winLogonType
"""

_HEADER = """
    EventID activityType computer customer domain eventSource eventType hostName reptDevName targetDomain
    winEventId
"""

_FURTHER = """
    accountName activityName appName appTransportProto attackTactic attackTechnique authenMethod country
    destCountry destDomain destMACAddr downloadURL endUserMonitorName errorCode eventName eventParsedOk
    eventSeverityCat extEventRecvProto fileAccess filePath fileType fwAction fwRule groupID hashAlgo httpMethod
    httpReferrer httpUserAgent imageFile incidentDetail incidentId incidentSrc incidentTarget incidentTitle
    infoURL jobName jobStatusType module msg oldRegValue opName originalProcName osObjAccessType osObjName
    osObjType phCollectorName phIncidentCategory policyName privName procTrustLevel providerName regValueName
    reptModel reptVendor resourceName ruleId script securityId serverName serviceFileName serviceName
    serviceStartType serviceType shortParentProcName shortProcName srcCountry srcDomain srcMACAddr subjectName
    targetName targetUserGrp task threatCategory uriQuery uriStem userId virusName vulnCVEId webCategory
    winKerbFailCode winLogonFailCode2 winLogonProc winStatusCode
"""
"""Strings that Sysmon has no field for; FortiSIEM's own normalised events bring them."""


def _vocabulary() -> Mapping[str, AttributeType]:
    tables = (FIELDS, *PER_EVENT.values())
    mapped = {name for table in tables for names in table.values() for name in names.split()}
    strings = mapped.union(_HEADER.split(), _FURTHER.split(), HASHES.values())
    types = dict.fromkeys(sorted(strings), AttributeType.STRING)
    types.update(dict.fromkeys(_NUMBER.split(), AttributeType.NUMBER))
    types.update(dict.fromkeys(_IP.split(), AttributeType.IP))
    return MappingProxyType(types)


VOCABULARY: Mapping[str, AttributeType] = _vocabulary()
"""Every attribute a rule may name. Ports, severities, times (ms) and byte counts are numbers; ids of processes and
events, and what is true or false, are strings."""


NOT_NEGATIVE = frozenset(
    {"count", "incidentCount", "recvBytes64", "sentBytes64", "totBytes64", "totFlows", "srcIpPort", "destIpPort"}
)
"""Numbers that cannot be below 0: their sums only grow."""


def fields_of(event_id: int) -> dict[str, tuple[str, ...]]:
    """Give the whole table for one event id: Sysmon field -> the attributes it fills, none where it is dropped."""
    table = {**FIELDS, **PER_EVENT.get(event_id, _NONE)}
    return {field: tuple(attributes.split()) for field, attributes in table.items()}
