"""An incident as an alert of TheHive 5: incident in, the body of a request of its API out.

The header ``activity`` says which: ``create`` is what POST /api/v1/alert takes, ``update`` and ``clear`` what PATCH
takes of the alert with this ``sourceRef``. TheHive refuses a second alert of one type, source and sourceRef; the last
is the incident's id. Decision: after its creation an alert is its analyst's. What follows renews the description and
adds a tag where it is over; title, severity, status, TLP and PAP stay as they were made or set.
"""

import msgspec

from stream_app.engine.incident import Incident
from stream_app.handoff.cut import UNBOUNDED, Facts, fitted
from stream_app.handoff.mapping import MILLISECONDS, Field, Shape, attributes_of, choice, moment, plan
from stream_app.handoff.native import facts_of
from stream_app.handoff.shown import lines_of, visible

VERSION = "5"
SOURCE = "thehive4py 2.1, types InputAlert, InputUpdateAlert and InputObservable"

FIXED = {"type": "correlation", "source": "stream_app", "tlp": 2, "pap": 2}

_TITLE, _DATA = 512, 4_096
"""Characters of a title, and of the data of an observable: TheHive refuses more."""


def _tags(prefix: str) -> Shape:
    return Shape(f"tag {prefix}=", lambda value: [f"{prefix}={visible(str(value))}"])


def _each(prefix: str) -> Shape:
    return Shape(f"tag {prefix}= each", lambda values: [f"{prefix}={visible(value)}" for value in values])


_CLEARED = Shape("a sentence", lambda value: f"Over since {moment(value)}.")
_MERGED = Shape("a sentence", lambda value: f"Went into incident {value}.")
_SUMMED = Shape(
    f"text of at most {_TITLE}",
    lambda value: (
        visible(str(value)) if len(visible(str(value))) <= _TITLE else f"{visible(str(value))[: _TITLE - 1]}…"
    ),
)

FIELDS = (
    Field("sourceRef", "incidentId"),
    Field("title", "incidentTitle", _SUMMED),
    Field("severity", "eventSeverityCat", choice({"LOW": 1, "MEDIUM": 2, "HIGH": 3})),
    Field("date", "incidentFirstSeen", MILLISECONDS),
    Field("lastSyncDate", "incidentLastSeen", MILLISECONDS),
    Field("summary", "incidentClearedTime", _CLEARED),
    Field("summary", "mergedInto", _MERGED),
    Field("addTags", "incidentClearedTime", Shape("tag cleared", lambda _: ["cleared"])),
    Field("addTags", "mergedInto", Shape("tag merged", lambda _: ["merged"])),
    Field("tags", "ruleId", _tags("rule")),
    Field("tags", "phIncidentCategory", _tags("category")),
    Field("tags", "attackTactic", _each("tactic")),
    Field("tags", "attackTechnique", _each("technique")),
    Field("tags", "phCustId", _tags("customer")),
)

OBSERVABLES = {
    "srcIpAddr": "ip",
    "destIpAddr": "ip",
    "hostIpAddr": "ip",
    "hostName": "hostname",
    "srcName": "hostname",
    "destName": "hostname",
    "queryId": "domain",
    "hashMD5": "hash",
    "hashSHA1": "hash",
    "hashSHA256": "hash",
    "hashSHA512": "hash",
    "fileName": "filename",
    "procName": "filename",
    "regKeyPath": "registry",
    "downloadURL": "url",
    "command": "other",
    "user": "other",
}
"""Attribute: data type of its observable, as TheHive is installed with them."""

_RENEWED = ("type", "source", "sourceRef", "lastSyncDate", "summary", "addTags")
"""What an update says beside the description."""

_filled = plan(FIELDS, FIXED)
_encode = msgspec.json.Encoder().encode


def to_bytes(incident: Incident, limit: int = UNBOUNDED) -> bytes:
    """Give the alert, keyed by the incident's id; cut to ``limit`` bytes as far as it can be."""
    return fitted(facts_of(incident), limit, _write)


def _write(facts: Facts) -> bytes:
    document = _filled(facts)
    if facts["activity"] == "create":
        del document["lastSyncDate"]
        document["observables"] = _observables(facts)
    else:
        document = {name: value for name, value in document.items() if name in _RENEWED}
    # Four blanks make it code in Markdown: what a value holds is neither markup nor a link.
    document["description"] = "\n".join(f"    {line}" for line in lines_of(facts))
    return _encode(document)


def _observables(facts: Facts) -> list[dict[str, str]]:
    attributes = attributes_of(facts)
    found = {
        (kind, str(attributes[name])): name
        for name, kind in OBSERVABLES.items()
        if 0 < len(str(attributes.get(name, ""))) <= _DATA
    }
    return [{"dataType": kind, "data": data, "message": name} for (kind, data), name in found.items()]
