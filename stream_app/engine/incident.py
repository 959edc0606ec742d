"""What a rule found, as a value: rule, group, episode in; an incident out, with the id that it will have for ever.

Decision: the id is a UUIDv5 of a JSON text, ``[customer, rule, [[attribute, value or null], ...], first seen]``, its
attributes in the order of their names. A replay, a restart or a second worker makes the same one, and anybody can
recompute it. It is made once, when the incident is, and kept: an earlier event that comes later moves
``incidentFirstSeen`` back and leaves the id alone.
"""

from collections.abc import Mapping
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from stream_app.engine.key import Key
from stream_app.engine.row import Episode, Source
from stream_app.language.values import Value
from stream_app.rulebook.rule import Rule

NAMESPACE = UUID("5b0f2f6c-0c55-5c58-9b53-0f7a1d8e2c11")

ACTIVE, SYSTEM_CLEARED = 0, 3
"""FortiSIEM's incidentStatus, as far as it is given here."""

CREATE, UPDATE, CLEAR = "create", "update", "clear"


class Incident(Struct, frozen=True, kw_only=True):
    """One state of one incident. Of several with the same id, the highest revision is the truth.

    Times are integer milliseconds since 1970. ``attributes`` holds the mapped attributes that are present.
    ``evidence`` names records as ``topic/partition@offset``: the first trigger, then the latest of the others.
    """

    activity: str
    """``create``, ``update``, or ``clear`` for one that turned out to be part of another (``merged_into``)."""
    revision: int
    incident_id: str
    rule: str
    rule_name: str
    severity: int
    category: str
    subcategory: str
    tactics: tuple[str, ...]
    techniques: tuple[str, ...]
    customer: str
    attributes: Mapping[str, Value]
    status: int
    count: int
    """Triggers."""
    incident_count: int
    """Distinct events behind them."""
    first_seen: int
    last_seen: int
    evidence: tuple[str, ...]
    merged_into: str = ""
    """The incident that took over the counts of this one, where an event came that joins the two."""


def incident_id(rule: Rule, key: Key, first_seen: int) -> bytes:
    """Give the 16 bytes of the id of an incident that is made at ``first_seen``."""
    values = dict(zip(rule.subpattern.group_by, key.group, strict=True))
    named = sorted((attribute, values[source]) for attribute, source in rule.mapping)
    name = msgspec.json.encode((key.customer, key.rule, named, first_seen))
    return uuid5(NAMESPACE, name.decode()).bytes


def id_text(data: bytes) -> str:
    """Give an id's text; empty for none."""
    text = data.hex()
    return text and f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def incident(rule: Rule, key: Key, episode: Episode, sources: tuple[Source, ...]) -> Incident:
    """Give the incident as it stands. The same episode gives the same incident: the activity follows from it too."""
    values = dict(zip(rule.subpattern.group_by, key.group, strict=True))
    attributes = {name: value for name, source in rule.mapping if (value := values[source]) is not None}
    evidence = []
    for mark in episode.evidence:
        source = sources[mark.source]
        evidence.append(f"{source.topic}/{source.partition}@{mark.offset}")
    activity = CLEAR if episode.into else CREATE if episode.revision == 1 else UPDATE
    return Incident(
        activity=activity,
        revision=episode.revision,
        incident_id=id_text(episode.id),
        rule=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        category=rule.category,
        subcategory=rule.subcategory,
        tactics=rule.tactics,
        techniques=rule.techniques,
        customer=key.customer,
        attributes=attributes,
        status=SYSTEM_CLEARED if episode.into else ACTIVE,
        count=episode.count,
        incident_count=episode.events,
        first_seen=episode.first,
        last_seen=episode.last,
        evidence=tuple(evidence),
        merged_into=id_text(episode.into),
    )
