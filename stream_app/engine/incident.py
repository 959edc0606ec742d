"""What a rule found, as a value: rule, key, episode in; an incident out, with the id that it will have for ever.

Decision: the id is a UUIDv5 of a JSON text, ``[customer, rule, [[attribute, value or null], ...], first seen]``, its
attributes in the order of their names. A replay, a restart or a second worker makes the same one, and anybody can
recompute it. It is made once, when the incident is, and kept: an earlier event that comes later moves
``incidentFirstSeen`` back and leaves the id alone.
"""

from hashlib import sha1
from uuid import UUID

import msgspec
from msgspec import Struct

from stream_app.engine.key import Key
from stream_app.engine.match import NO_PARTITION, Group
from stream_app.engine.row import Episode, Source
from stream_app.language.values import Value
from stream_app.rulebook.editions import id_of
from stream_app.rulebook.rule import Rule

NAMESPACE = UUID("5b0f2f6c-0c55-5c58-9b53-0f7a1d8e2c11")
_NAMESPACE = NAMESPACE.bytes
_encode = msgspec.json.Encoder().encode

_CUSTOMER_DIGITS = 18

ACTIVE, AUTO_CLEARED, SYSTEM_CLEARED = 0, 1, 3
"""FortiSIEM's incidentStatus, as far as it is given here."""

CREATE, UPDATE, CLEAR = "create", "update", "clear"


class Incident(Struct, frozen=True, gc=False):
    """One state of one incident. Of several with the same id, the highest revision is the truth.

    Decision: a view. One is made for each match, so that it holds what its fields follow from, and a field costs where
    it is asked for.
    """

    incident_id: str
    rule: Rule
    key: Key
    episode: Episode
    evidence: tuple[str, ...]
    """Records as ``topic/partition@offset``, incidents as ``incidents/<id>``: the first trigger, then the latest of the
    others."""

    @property
    def activity(self) -> str:
        """``create``, ``update``, or ``clear`` for one that is over or became part of another (``merged_into``)."""
        return activity_of(self.episode)

    @property
    def status(self) -> int:
        """FortiSIEM's incidentStatus."""
        return status_of(self.episode)

    @property
    def revision(self) -> int:
        """How often it changed."""
        return self.episode.revision

    @property
    def count(self) -> int:
        """Triggers."""
        return self.episode.count

    @property
    def incident_count(self) -> int:
        """Distinct events behind them."""
        return self.episode.events

    @property
    def first_seen(self) -> int:
        """Time of the first trigger, integer milliseconds since 1970."""
        return self.episode.first

    @property
    def last_seen(self) -> int:
        """Time of the last one."""
        return self.episode.last

    @property
    def cleared(self) -> int | None:
        """From when on it is over, integer milliseconds since 1970; None while it stands, or where it was merged."""
        return self.episode.cleared

    @property
    def merged_into(self) -> str:
        """The id of the incident that took this one's counts over, where an event came that joins the two; or empty."""
        return id_text(self.episode.into)

    @property
    def attributes(self) -> dict[str, Value]:
        """The mapped attributes that are present, in the mapping's order, those that show aggregates behind the others.

        A key that was made when the rule grouped by fewer attributes lacks values: these are absent.
        """
        group = whole(self.rule, self.key.group)
        said = [(name, group[place]) for name, place in self.rule.places]
        said += zip([name for name, _ in self.rule.shown], shown_by(self.rule, self.episode), strict=True)
        return {name: value for name, value in said if value is not None}


def incident_id(rule: Rule, key: Key, first_seen: int) -> bytes:
    """Give the 16 bytes of the id of an incident that is made at ``first_seen``."""
    group = whole(rule, key.group)
    named = [(attribute, group[place]) for attribute, place in rule.sorted_places]
    return _uuid(_encode((key.customer, id_of(key.rule), named, first_seen)))


def summary_id(rule: Rule, customer: str, span: str, start: int) -> bytes:
    """Give the 16 bytes of the id of the summary of what a cap held back in the ``span`` that begins at ``start``."""
    return _uuid(_encode((customer, rule.id, [("flood", span)], start)))


def _uuid(name: bytes) -> bytes:
    digest = sha1(_NAMESPACE + name, usedforsecurity=False).digest()
    # RFC 9562, 5.5: version 5 in the seventh byte, the variant in the ninth.
    return digest[:6] + bytes((digest[6] & 0x0F | 0x50, digest[7], digest[8] & 0x3F | 0x80)) + digest[9:16]


def activity_of(episode: Episode) -> str:
    """Tell what a record of an incident says of it."""
    if episode.into or episode.cleared is not None:
        return CLEAR
    return CREATE if episode.revision == 1 else UPDATE


def status_of(episode: Episode) -> int:
    """Give FortiSIEM's incidentStatus. Decision: one that was taken over was cleared by the system, not by time."""
    if episode.into:
        return SYSTEM_CLEARED
    return ACTIVE if episode.cleared is None else AUTO_CLEARED


def whole(rule: Rule, group: Group) -> Group:
    """Give a group a value for each attribute that the rule groups by now, absent where it has none."""
    missing = rule.width - len(group)
    return (*group, *[None] * missing) if missing > 0 else group


def shown_by(rule: Rule, episode: Episode) -> Group:
    """Give the values of the aggregates that the rule shows, in its order; absent where an incident has none yet."""
    values = () if episode.latest is None else episode.latest.values
    return (*values, *[None] * (len(rule.shown) - len(values)))[: len(rule.shown)]


def id_text(data: bytes) -> str:
    """Give an id's text; empty for none."""
    pairs = data.hex("-", 2)  # of bytes; five of the seven dashes are wanted
    return pairs and f"{pairs[:4]}{pairs[5:29]}{pairs[30:34]}{pairs[35:]}"


def customer_value(text: str) -> Value:
    """Give phCustId as the number that it is in FortiSIEM; another text stays text."""
    if text.isascii() and text.isdigit() and len(text) <= _CUSTOMER_DIGITS and (text[0] != "0" or text == "0"):
        return int(text)
    return text


def _place(source: Source, offset: int) -> str:
    if source.partition == NO_PARTITION:
        return f"{source.topic}/{source.topic_id}"
    return f"{source.topic}/{source.partition}@{offset}"


def incident(rule: Rule, key: Key, episode: Episode, sources: tuple[Source, ...]) -> Incident:
    """Give the incident as it stands. The same episode gives the same incident: the activity follows from it too."""
    if len(sources) == 1 and sources[0].partition != NO_PARTITION:
        place = f"{sources[0].topic}/{sources[0].partition}@"
        evidence = [f"{place}{mark.offset}" for mark in episode.evidence]
    else:
        evidence = [_place(sources[mark.source], mark.offset) for mark in episode.evidence]
    return Incident(id_text(episode.id), rule, key, episode, tuple(evidence))
