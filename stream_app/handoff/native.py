"""An incident in FortiSIEM's own words: incident in, one flat JSON object out, in a fixed order of fields.

Decision: everything FortiSIEM has a name for bears it, times are integer milliseconds since 1970, and the mapped
attributes stand beside these under their own names. Four fields are ours: ``schemaVersion``, ``activity``, ``revision``
(the highest of an incidentId is the truth; the same one has the same bytes) and ``mergedInto``. An incident that is
over bears ``incidentClearedTime``. What is the same in all incidents of a rule is encoded once for the rule. One that
is larger than it may be is cut (``cut.py``), and says so in a last field, ``cut``.
"""

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, defstruct
from msgspec.structs import replace

from stream_app.engine.incident import Incident, activity_of, customer_value, shown_by, status_of, whole
from stream_app.engine.match import Group
from stream_app.handoff.cut import UNBOUNDED, Facts, fitted
from stream_app.rulebook.rule import Rule

SCHEMA = 1

FIELDS = (
    "schemaVersion",
    "incidentId",
    "revision",
    "activity",
    "incidentStatus",
    "incidentTitle",
    "incidentFirstSeen",
    "incidentLastSeen",
    "count",
    "incidentCount",
    "eventType",
    "eventSeverity",
    "eventSeverityCat",
    "ruleId",
    "ruleName",
    "phIncidentCategory",
    "phSubIncidentCategory",
    "attackTactic",
    "attackTechnique",
    "phCustId",
    "incidentSrc",
    "incidentTarget",
    "incidentDetail",
    "triggeringEventList",
)
"""The fields of every incident, in their order on the wire. The mapped attributes follow; a rule that maps one of these
names is refused when it is loaded. Last comes ``incidentClearedTime`` in an incident that is over, or ``mergedInto`` in
one that another one took over."""

_SOURCE = frozenset({"srcIpAddr", "srcName", "srcMACAddr", "srcDomain"})
_TARGET = frozenset(
    {"destIpAddr", "destName", "destMACAddr", "destDomain", "hostIpAddr", "hostName", "user", "targetUser"}
)
_MEDIUM, _HIGH = 5, 9

_SURROGATE = re.compile("[\ud800-\udfff]")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class _Form:
    """How the incidents of one rule are written: a type with their fields in order, and what is the same in all."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.title = Raw(_encode(rule.name))
        facts = {
            "eventType": rule.event_type,
            "eventSeverity": rule.severity,
            "eventSeverityCat": severity_category(rule.severity),
            "ruleId": rule.id,
            "ruleName": rule.name,
            "phIncidentCategory": rule.category,
            "phSubIncidentCategory": rule.subcategory,
            "attackTactic": rule.tactics,
            "attackTechnique": rule.techniques,
        }
        # The value of eventType, and behind it whole fields: what is raw is written as it is.
        self.facts = Raw(_encode(facts)[len(b'{"eventType":') : -1])
        fields = [name for name in FIELDS if name == "eventType" or name not in facts]
        self.attributes = [*(name for name, _ in rule.places), *(name for name, _ in rule.shown)]
        names = (*fields, *self.attributes, "incidentClearedTime", "mergedInto")
        wire = {f"field{place}": name for place, name in enumerate(names)}
        self.kind = defstruct("Written", [(each, Any, UNSET) for each in wire], rename=wire, frozen=True, gc=False)
        self.places = [place for _, place in rule.places]
        self.width = rule.width
        self.in_order = not rule.shown and self.places == list(range(self.width))
        sides = [_side(name) for name in self.attributes]
        self.source, self.target, self.detail = [
            _Said([(name, place) for place, name in enumerate(self.attributes) if sides[place] == side])
            for side in range(3)
        ]


class _Said:
    """Attributes as one text: a template, and what picks its values out of those of an incident."""

    def __init__(self, attributes: Sequence[tuple[str, int]]) -> None:
        self.template = ", ".join(f"{name}:%s" for name, _ in attributes)
        places: list[int | slice] = [place for _, place in attributes]
        # Of one place it gives the value itself, which a template takes as well; of none, no values.
        self.values: Callable[[Group], Any] = itemgetter(*places or [slice(0)])


_forms: dict[str, _Form] = {}


def _form(rule: Rule) -> _Form:
    """Give a rule's form, worked out once for the rule that is loaded."""
    form = _forms.get(rule.event_type)
    if form is None or form.rule is not rule:
        form = _forms[rule.event_type] = _Form(rule)
    return form


def severity_category(severity: int) -> str:
    """Give eventSeverityCat as FortiSIEM does: 1 to 4 LOW, 5 to 8 MEDIUM, 9 and 10 HIGH."""
    if severity >= _HIGH:
        return "HIGH"
    return "MEDIUM" if severity >= _MEDIUM else "LOW"


def to_bytes(incident: Incident, limit: int = UNBOUNDED) -> bytes:
    """Give the JSON that goes on the incidents topic, keyed by the incident's id. The same incident: the same bytes.

    What would be more than ``limit`` bytes is cut to fit, as far as it can be.
    """
    try:
        data = _written(incident)
    except UnicodeEncodeError:  # half of a character, which no topic brings and JSON does not know
        data = _written(_mended(incident))
    return data if len(data) <= limit else fitted(_decode(data), limit, _encode)


def facts_of(incident: Incident) -> Facts:
    """Give what the JSON says, by name: what the other formats are written from."""
    facts: Facts = _decode(to_bytes(incident))
    return facts


def _mended(incident: Incident) -> Incident:
    """Give the incident with a replacement character for each surrogate that stands alone."""
    key, episode = incident.key, incident.episode
    latest = (
        None if episode.latest is None else replace(episode.latest, values=_whole_characters(episode.latest.values))
    )
    return replace(
        incident,
        key=replace(key, customer=_SURROGATE.sub("\ufffd", key.customer), group=_whole_characters(key.group)),
        episode=replace(episode, latest=latest),
    )


def _whole_characters(values: Group) -> Group:
    return tuple(_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value for value in values)


def _written(incident: Incident) -> bytes:
    rule, key, episode = incident.rule, incident.key, incident.episode
    into = episode.into
    form = _form(rule)
    group = key.group if len(key.group) >= form.width else whole(rule, key.group)
    values = (
        group
        if form.in_order and len(group) == form.width
        else (*[group[place] for place in form.places], *shown_by(rule, episode))
    )
    written: Sequence[object] = values
    if None in values:
        source, target, detail = _sides(form.attributes, values)
        written = [UNSET if value is None else value for value in values]
    else:
        source = form.source.template % form.source.values(values)
        target = form.target.template % form.target.values(values)
        detail = form.detail.template % form.detail.values(values)
    fields = form.kind(
        SCHEMA,
        incident.incident_id,
        episode.revision,
        activity_of(episode),
        status_of(episode),
        form.title,
        episode.first,
        episode.last,
        episode.count,
        episode.events,
        form.facts,
        customer_value(key.customer),
        source,
        target,
        detail,
        incident.evidence,
        *written,
        *((UNSET, incident.merged_into) if into else () if episode.cleared is None else (episode.cleared,)),
    )
    return _encode(fields)


def _side(name: str) -> int:
    """Tell where an attribute is said: 0 incidentSrc, 1 incidentTarget, 2 incidentDetail."""
    return 0 if name in _SOURCE else 1 if name in _TARGET else 2


def _sides(attributes: list[str], values: Group) -> list[str]:
    """Say the attributes that are present."""
    sides: tuple[list[str], ...] = ([], [], [])
    for name, value in zip(attributes, values, strict=True):
        if value is not None:
            sides[_side(name)].append(f"{name}:{value}")
    return [", ".join(side) for side in sides]
