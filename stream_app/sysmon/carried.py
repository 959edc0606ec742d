"""Which attributes Sysmon's events carry: an event id in, the attributes that an event with it can have out.

Decision: what may stand beside an event in some shape or other (who reports it, when, for which customer) counts as
carried by all. An event that FortiSIEM has normalised may bring more, whatever its type; that is not Sysmon's.
"""

from collections.abc import Mapping
from types import MappingProxyType

from stream_app.sysmon.attributes import DOMAINS, HASHES, fields_of

FIELDS_OF_SYSMON: Mapping[int, str] = MappingProxyType(
    {
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
)
"""Sysmon's events and their fields, as Sysmon's own documentation and manifest list them."""


def _filled(event_id: int) -> frozenset[str]:
    """Give what the fields of an event fill, and what is read from these beside them."""
    table = fields_of(event_id)
    names = {name for field in FIELDS_OF_SYSMON[event_id].split() for name in table[field]}
    names.update(DOMAINS[name] for name in DOMAINS.keys() & names)
    return frozenset(names.union(HASHES.values() if "hashCode" in names else ()))


_FILLED = {event_id: _filled(event_id) for event_id in FIELDS_OF_SYSMON}
_BESIDE = frozenset(
    {
        "EventID", "activityType", "collectorIpAddr", "computer", "customer", "deviceTime", "eventName",
        "eventParsedOk", "eventSeverity", "eventSeverityCat", "eventSource", "eventType", "extEventRecvProto",
        "hostIpAddr", "hostName", "phCollectorName", "phCustId", "phEventCategory", "phRecvTime", "relayDevIpAddr",
        "reptDevIpAddr", "reptDevName", "reptModel", "reptVendor", "winEventId",
    }
)  # fmt: skip


def carried_by(event_id: int) -> frozenset[str]:
    """Give the attributes that one of Sysmon's events can have. Raises KeyError for an id that Sysmon does not have."""
    return _FILLED[event_id] | _BESIDE
