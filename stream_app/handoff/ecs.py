"""An incident as a document of the Elastic Common Schema: incident in, one nested JSON object of kind ``alert`` out.

Every revision is a document of its own; the Kafka key, which is ``event.id`` too, is the id under which the newest is
kept. Decision: what ECS has no field for stands under ``stream_app``, which is no name of ECS's, and all attributes
stand in ``labels``, as texts, so that an index never sees one name with two types.
"""

import msgspec

from stream_app.engine.incident import Incident
from stream_app.handoff.cut import UNBOUNDED, Facts, fitted
from stream_app.handoff.mapping import (
    ADDRESS,
    ALONE,
    FLAG,
    INTEGER,
    LIST,
    NAME,
    PORT,
    TIME,
    Field,
    Shape,
    attributes_of,
    choice,
    plan,
)
from stream_app.handoff.native import facts_of

VERSION = "8.17.0"
SOURCE = "the Elastic Common Schema's field list"

FIXED = {
    "ecs.version": VERSION,
    "event.kind": "alert",
    "event.category": ["intrusion_detection"],
    "event.type": ["info"],
    "event.module": "stream_app",
    "event.dataset": "stream_app.incident",
    "observer.vendor": "stream_app",
    "observer.product": "stream_app",
    "observer.type": "siem",
    "threat.framework": "MITRE ATT&CK",
}

_PARENTS = Shape("technique", lambda numbers: list(dict.fromkeys(number.partition(".")[0] for number in numbers)))
_CHILDREN = Shape("subtechnique", lambda numbers: [number for number in numbers if "." in number])
_LOWER = Shape("lower case", lambda value: str(value).lower() or None)

FIELDS = (
    Field("@timestamp", "incidentLastSeen", TIME),
    Field("message", "incidentTitle"),
    Field("event.id", "incidentId"),
    Field("event.sequence", "revision", INTEGER),
    Field("event.action", "activity"),
    Field("event.code", "eventType"),
    Field("event.severity", "eventSeverity", INTEGER),
    Field("event.start", "incidentFirstSeen", TIME),
    Field("event.end", "incidentLastSeen", TIME),
    Field("event.reason", "incidentDetail"),
    Field("rule.id", "ruleId"),
    Field("rule.name", "ruleName"),
    Field("rule.category", "phIncidentCategory"),
    Field("threat.tactic.name", "attackTactic", LIST),
    Field("threat.technique.id", "attackTechnique", _PARENTS),
    Field("threat.technique.subtechnique.id", "attackTechnique", _CHILDREN),
    Field("organization.id", "phCustId"),
    Field("stream_app.status", "incidentStatus", INTEGER),
    Field("stream_app.count", "count", INTEGER),
    Field("stream_app.incident_count", "incidentCount", INTEGER),
    Field("stream_app.severity_category", "eventSeverityCat"),
    Field("stream_app.subcategory", "phSubIncidentCategory"),
    Field("stream_app.source", "incidentSrc"),
    Field("stream_app.target", "incidentTarget"),
    Field("stream_app.records", "triggeringEventList", LIST),
    Field("stream_app.cleared", "incidentClearedTime", TIME),
    Field("stream_app.merged_into", "mergedInto"),
    Field("stream_app.cut", "cut", FLAG),
    Field("host.name", "hostName"),
    Field("host.hostname", "hostName"),
    Field("host.ip", "hostIpAddr", ADDRESS),
    Field("source.ip", "srcIpAddr", ADDRESS),
    Field("source.port", "srcIpPort", PORT),
    Field("source.domain", "srcName"),
    Field("source.mac", "srcMACAddr"),
    Field("destination.ip", "destIpAddr", ADDRESS),
    Field("destination.port", "destIpPort", PORT),
    Field("destination.domain", "destName"),
    Field("destination.mac", "destMACAddr"),
    Field("network.transport", "srcProto", _LOWER),
    Field("network.direction", "initiated", choice({"true": "egress", "false": "ingress"})),
    Field("user.name", "user"),
    Field("user.domain", "domain"),
    Field("user.target.name", "targetUser"),
    Field("user.target.domain", "targetDomain"),
    Field("process.name", "procName", NAME),
    Field("process.executable", "procName"),
    Field("process.pid", "procId", INTEGER),
    Field("process.entity_id", "procGUID"),
    Field("process.command_line", "command"),
    Field("process.working_directory", "dirName"),
    Field("process.parent.name", "parentProcName", NAME),
    Field("process.parent.executable", "parentProcName"),
    Field("process.parent.pid", "parentProcId", INTEGER),
    Field("process.parent.entity_id", "procOwner"),
    Field("process.parent.command_line", "parentCommand"),
    Field("file.name", "fileName", NAME),
    Field("file.path", "fileName"),
    Field("dll.path", "loadedProcName"),
    Field("registry.path", "regKeyPath"),
    Field("dns.question.name", "queryId"),
    Field("url.original", "downloadURL"),
    Field("related.hash", "hashMD5", ALONE),
    Field("related.hash", "hashSHA1", ALONE),
    Field("related.hash", "hashSHA256", ALONE),
    Field("related.hash", "hashSHA512", ALONE),
    Field("related.hash", "hashIMP", ALONE),
)

_filled = plan(FIELDS, FIXED)
_encode = msgspec.json.Encoder().encode


def to_bytes(incident: Incident, limit: int = UNBOUNDED) -> bytes:
    """Give the document, keyed by the incident's id; cut to ``limit`` bytes as far as it can be."""
    return fitted(facts_of(incident), limit, _write)


def _write(facts: Facts) -> bytes:
    labels = {name: str(value) for name, value in attributes_of(facts).items()}
    return _encode({**_filled(facts), "labels": labels})
