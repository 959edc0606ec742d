"""An incident as a record of FortiSOAR's module Alerts: incident in, the body for /api/3/alerts out.

``sourceId`` is the incident's id: a playbook makes the record at ``create`` and looks it up by that for the rest.
Decision: severity and status are the names of FortiSOAR's picklists, which a playbook turns into the IRIs of its own
installation. Times stand in the fields that are text; which number a Datetime field takes is not published.
"""

import html

import msgspec

from stream_app.engine.incident import Incident
from stream_app.handoff.cut import UNBOUNDED, Facts, fitted
from stream_app.handoff.mapping import JOINED, NAME, TIME, Field, Shape, choice, moment, plan
from stream_app.handoff.native import facts_of
from stream_app.handoff.shown import lines_of, visible

VERSION = "7"
SOURCE = "the default alert schema of Fortinet's SOAR Framework solution pack"

FIXED = {"source": "stream_app", "sourceTool": "stream_app", "sourceType": "Sysmon"}

_CLOSED = Shape("a sentence", lambda value: f"Over since {moment(value)}.")
_MERGED = Shape("a sentence", lambda value: f"Went into incident {html.escape(str(value))}.")
_NAMED = Shape("text", lambda value: visible(str(value)))

FIELDS = (
    Field("name", "incidentTitle", _NAMED),
    Field("sourceId", "incidentId"),
    Field("severity", "eventSeverityCat", choice({"LOW": "Low", "MEDIUM": "Medium", "HIGH": "High"})),
    Field("status", "incidentStatus", choice({0: "Open", 1: "Closed", 3: "Closed"})),
    Field("eventTime", "incidentFirstSeen", TIME),
    Field("epochTime", "incidentLastSeen"),
    Field("mitreattackid", "attackTechnique", JOINED),
    Field("closureNotes", "incidentClearedTime", _CLOSED),
    Field("closureNotes", "mergedInto", _MERGED),
    Field("computerName", "hostName"),
    Field("deviceUID", "hostIpAddr"),
    Field("sourceIp", "srcIpAddr"),
    Field("sourcePort", "srcIpPort"),
    Field("destinationIp", "destIpAddr"),
    Field("destinationPort", "destIpPort"),
    Field("destinationID", "destName"),
    Field("userName", "user"),
    Field("domain", "domain"),
    Field("processName", "procName"),
    Field("processId", "procId"),
    Field("processGuid", "procGUID"),
    Field("commandLine", "command"),
    Field("parentProcessName", "parentProcName"),
    Field("parentProcessPid", "parentProcId"),
    Field("parentProcessCmdLine", "parentCommand"),
    Field("targetProcess", "targetProcName"),
    Field("fileName", "fileName", NAME),
    Field("filePath", "fileName"),
    Field("fileHash", "hashMD5"),
    Field("fileHash", "hashSHA1"),
    Field("fileHash", "hashSHA256"),
    Field("registryKey", "regKeyPath"),
    Field("registryKeyValue", "newRegValue"),
    Field("url", "downloadURL"),
    Field("services", "serviceName"),
)

_filled = plan(FIELDS, FIXED)
_encode = msgspec.json.Encoder().encode


def to_bytes(incident: Incident, limit: int = UNBOUNDED) -> bytes:
    """Give the record, keyed by the incident's id; cut to ``limit`` bytes as far as it can be."""
    return fitted(facts_of(incident), limit, _write)


def _write(facts: Facts) -> bytes:
    lines = html.escape("\n".join(lines_of(facts)))  # FortiSOAR shows it as HTML
    return _encode({**_filled(facts), "description": f"<pre>{lines}</pre>", "sourcedata": _encode(facts).decode()})
