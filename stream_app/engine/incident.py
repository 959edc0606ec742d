"""What a rule found, as a value: rule, group, episode in; an incident out, with the id that it will have for ever.

Decision: the id is a UUIDv5 of a JSON text, ``[customer, rule, [[attribute, value or null], ...], first seen]``, its
attributes in the order of their names. A replay, a restart or a second worker makes the same one, and anybody can
recompute it. It is made once, when the incident is, and kept: an earlier event that comes later moves
``incidentFirstSeen`` back and leaves the id alone.
"""

from collections.abc import Mapping
from hashlib import sha1
from uuid import UUID

import msgspec
from msgspec import Struct

from stream_app.engine.key import Key
from stream_app.engine.match import Group
from stream_app.engine.row import Episode, Source
from stream_app.language.values import Value
from stream_app.rulebook.rule import Rule

NAMESPACE = UUID("5b0f2f6c-0c55-5c58-9b53-0f7a1d8e2c11")
_NAMESPACE = NAMESPACE.bytes

ACTIVE, SYSTEM_CLEARED = 0, 3
"""FortiSIEM's incidentStatus, as far as it is given here."""

CREATE, UPDATE, CLEAR = "create", "update", "clear"


class Incident(Struct, frozen=True, gc=False):
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
    group = _whole(rule, key.group)
    named = [(attribute, group[place]) for attribute, place in rule.sorted_places]
    name = msgspec.json.encode((key.customer, key.rule, named, first_seen))
    digest = sha1(_NAMESPACE + name, usedforsecurity=False).digest()
    # RFC 9562, 5.5: version 5 in the seventh byte, the variant in the ninth.
    return digest[:6] + bytes((digest[6] & 0x0F | 0x50, digest[7], digest[8] & 0x3F | 0x80)) + digest[9:16]


def _whole(rule: Rule, group: Group) -> Group:
    """Give a group a value for each attribute that the rule groups by now, absent where it has none."""
    missing = len(rule.subpattern.group_by) - len(group)
    return (*group, *[None] * missing) if missing > 0 else group


def id_text(data: bytes) -> str:
    """Give an id's text; empty for none."""
    text = data.hex()
    return text and f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def incident(rule: Rule, key: Key, episode: Episode, sources: tuple[Source, ...]) -> Incident:
    """Give the incident as it stands. The same episode gives the same incident: the activity follows from it too.

    A key that was made when the rule grouped by fewer attributes lacks values: these are absent.
    """
    group = _whole(rule, key.group)
    attributes = {name: value for name, place in rule.places if (value := group[place]) is not None}
    places = [f"{source.topic}/{source.partition}@" for source in sources]
    evidence = tuple([f"{places[mark.source]}{mark.offset}" for mark in episode.evidence])
    # Fields by position: their names would cost as much as all else here.
    return Incident(
        CLEAR if episode.into else CREATE if episode.revision == 1 else UPDATE,
        episode.revision,
        id_text(episode.id),
        rule.id,
        rule.name,
        rule.severity,
        rule.category,
        rule.subcategory,
        rule.tactics,
        rule.techniques,
        key.customer,
        attributes,
        SYSTEM_CLEARED if episode.into else ACTIVE,
        episode.count,
        episode.events,
        episode.first,
        episode.last,
        evidence,
        id_text(episode.into),
    )
