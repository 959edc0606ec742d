r"""An incident as one line of ArcSight's Common Event Format: incident in, ``CEF:0|…`` out, without a syslog header.

The keys are those that FortiSIEM itself forwards incidents with; an attribute that has none there has a key of ours,
``streamApp`` and its name. Decision: a line is a line. Line breaks are ``\n`` and ``\r`` in the extension and blanks in
the header; other control characters, for which CEF has no escape, become U+FFFD.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from stream_app.engine.incident import Incident
from stream_app.handoff.cut import UNBOUNDED, Facts, fitted
from stream_app.handoff.mapping import (
    ADDRESS,
    INTEGER,
    JOINED,
    MILLISECONDS,
    NAME,
    PORT,
    Field,
    Shape,
    attributes_of,
    plan,
)
from stream_app.handoff.native import facts_of

VERSION = "0"
SOURCE = "FortiSIEM's User Guide, Event Attribute to CEF Key Mapping"

PRODUCT_VERSION = "1"
"""Of these lines: another one says that keys have changed their meaning."""


def _family(version: int) -> Shape:
    def of_family(value: object) -> str | None:
        address = ADDRESS.give(value)
        return address if address is not None and ip_address(address).version == version else None

    return Shape(f"IPv{version} address", of_family)


_V4, _V6 = _family(4), _family(6)
_YES = Shape("true", lambda _: "true")
_NUMERIC = Shape("integer", lambda value: value if isinstance(value, int) else None)
_NAMED = Shape("text that is no number", lambda value: value if isinstance(value, str) else None)

FIXED: Mapping[str, Any] = {}

FIELDS = (
    Field("act", "activity"),
    Field("cat", "phIncidentCategory"),
    Field("cnt", "count", INTEGER),
    Field("start", "incidentFirstSeen", MILLISECONDS),
    Field("end", "incidentLastSeen", MILLISECONDS),
    Field("rt", "incidentLastSeen", MILLISECONDS),
    Field("externalId", "incidentId"),
    Field("msg", "incidentTitle"),
    Field("cs2", "phCustId", _NAMED),
    Field("cs3", "incidentDetail"),
    Field("cs4", "ruleName"),
    Field("cs5", "triggeringEventList", JOINED),
    Field("cn1", "phCustId", _NUMERIC),
    Field("streamAppRevision", "revision", INTEGER),
    Field("streamAppIncidentCount", "incidentCount", INTEGER),
    Field("streamAppIncidentStatus", "incidentStatus", INTEGER),
    Field("streamAppRuleId", "ruleId"),
    Field("streamAppPhSubIncidentCategory", "phSubIncidentCategory"),
    Field("streamAppAttackTactic", "attackTactic", JOINED),
    Field("streamAppAttackTechnique", "attackTechnique", JOINED),
    Field("streamAppIncidentClearedTime", "incidentClearedTime", MILLISECONDS),
    Field("streamAppMergedInto", "mergedInto"),
    Field("streamAppCut", "cut", _YES),
    Field("dst", "destIpAddr", _V4),
    Field("c6a3", "destIpAddr", _V6),
    Field("dpt", "destIpPort", PORT),
    Field("dmac", "destMACAddr"),
    Field("dhost", "destName"),
    Field("destinationDnsDomain", "destDomain"),
    Field("duser", "targetUser"),
    Field("src", "srcIpAddr", _V4),
    Field("c6a2", "srcIpAddr", _V6),
    Field("spt", "srcIpPort", PORT),
    Field("smac", "srcMACAddr"),
    Field("shost", "srcName"),
    Field("sourceDnsDomain", "srcDomain"),
    Field("suser", "user"),
    Field("dvc", "hostIpAddr", _V4),
    Field("c6a1", "hostIpAddr", _V6),
    Field("dvchost", "hostName"),
    Field("deviceDnsDomain", "domain"),
    Field("deviceExternalId", "deviceIdentification"),
    Field("deviceProcessName", "procName"),
    Field("dvcpid", "procId", INTEGER),
    Field("dproc", "targetProcName"),
    Field("dpid", "targetProcId", INTEGER),
    Field("fname", "fileName", NAME),
    Field("filePath", "fileName"),
    Field("fileHash", "hashCode"),
    Field("fileType", "fileType"),
    Field("filePermission", "fileAccess"),
    Field("app", "appTransportProto"),
    Field("proto", "srcProto"),
    Field("request", "infoURL"),
    Field("requestMethod", "httpMethod"),
    Field("requestContext", "httpReferrer"),
    Field("requestClientApplication", "httpUserAgent"),
    Field("sourceServiceName", "serviceName"),
)

LABELS = {
    "cs2": "CustomerName",
    "cs3": "IncidentDetail",
    "cs4": "RuleName",
    "cs5": "IncidentEventIDList",
    "cn1": "CustomerID",
    "c6a1": "Device IPv6 Address",
    "c6a2": "Source IPv6 Address",
    "c6a3": "Destination IPv6 Address",
}
"""Key: what ``<key>Label`` says."""

_BY_NAME = {field.of: [each for each in FIELDS if each.of == field.of] for field in FIELDS}
_CONTROL = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_SIGNS = re.compile("[^A-Za-z0-9]")
_BREAK = re.compile("[\r\n]+")
_filled = plan(FIELDS, FIXED)


def to_bytes(incident: Incident, limit: int = UNBOUNDED) -> bytes:
    """Give the line in UTF-8, keyed by the incident's id; cut to ``limit`` bytes as far as it can be."""
    return fitted(facts_of(incident), limit, _write)


def _write(facts: Facts) -> bytes:
    names = "stream_app", "stream_app", PRODUCT_VERSION, facts["eventType"], facts["ruleName"], facts["eventSeverity"]
    extension = _filled(facts)
    found = [(key, value) for key, value in extension.items() if value != ""]
    for key, label in LABELS.items():
        if key in extension:
            found.append((f"{key}Label", label))
    for name, value in attributes_of(facts).items():
        if value != "" and all(field.shape.give(value) is None for field in _BY_NAME.get(name, ())):
            found.append((f"streamApp{_SIGNS.sub('', name[:1].upper() + name[1:])}", value))
    said = " ".join(f"{key}={_value(value)}" for key, value in found)
    return f"CEF:0|{'|'.join(_header(each) for each in names)}|{said}".encode()


def _header(value: object) -> str:
    text = _CONTROL.sub("\ufffd", _BREAK.sub(" ", str(value)))
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _value(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace("=", "\\=")
    if text.isprintable():  # nearly every one
        return text
    return _CONTROL.sub("\ufffd", text).replace("\n", "\\n").replace("\r", "\\r")
