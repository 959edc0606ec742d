"""What a change of rules changes: two rulebooks and the same records in, the incidents that differ out.

Decision: an incident is the same one in both if it has the same id, which follows from customer, rule, attributes and
first trigger. Then its last state counts, as a SOAR that follows it sees it at the end. One that became part of another
is none. Both rulebooks are played side by side, record by record, so that what can be read only once is enough.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.joined import Joined, Replayed
from stream_app.engine.process_context import Joining
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Flow, Tally
from stream_app.language.values import Value
from stream_app.rulebook.rule import Rule, Rulebook

Change = tuple[object, object]
"""What it was, and what it is."""


class Outcome(Struct, frozen=True, kw_only=True):
    """An incident as it was last told of. Times are ms since 1970."""

    id: str
    customer: str
    first: int
    last: int
    severity: int
    status: int
    """FortiSIEM's incidentStatus."""
    count: int
    events: int
    attributes: dict[str, Value]


class Altered(Struct, frozen=True, kw_only=True):
    """An incident that both have, with what differs: a field's name or ``attributes.<name>`` -> (old, new)."""

    incident: Outcome
    changes: dict[str, Change]


class RuleIncidents(Struct, frozen=True, kw_only=True):
    """The incidents of one rule."""

    rule: str
    added: tuple[Outcome, ...]
    removed: tuple[Outcome, ...]
    altered: tuple[Altered, ...]
    same: int
    """How many are told of alike."""


class ChangedRule(Struct, frozen=True, kw_only=True):
    """A rule that both have, with what differs."""

    id: str
    what: tuple[str, ...]
    """``content`` (what decides, by the content id), and fields that do not."""


class Comparison(Struct, frozen=True, kw_only=True):
    """All that differs."""

    same: bool
    """Whether every incident is told of alike."""
    records: int
    added_rules: tuple[str, ...]
    removed_rules: tuple[str, ...]
    changed_rules: tuple[ChangedRule, ...]
    incidents: tuple[RuleIncidents, ...]
    """By rule, those of which something differs."""
    total: tuple[int, int]
    """How many incidents there were, and are."""
    rejected: dict[str, tuple[int, int]]
    """Reason -> how many records, matches and triggers were rejected for it, and are, where that differs."""


_FACTS = (
    "enabled",
    "shadow",
    "name",
    "description",
    "severity",
    "category",
    "subcategory",
    "tactics",
    "techniques",
    "update_interval",
    "row_limit",
    "watch_lists",
)
"""Fields of a rule that its content id leaves out, and that show."""

_COMPARED = ("severity", "status", "count", "events", "first", "last")


class _Side:
    """One of the two."""

    def __init__(self, rulebook: Rulebook, sources: int | None, joining: Joining | None) -> None:
        self.tally = Tally()
        joined = None if joining is None else Joined(replace(joining, wait=0), Replayed())
        self.flow = Flow(rulebook, sources, self.tally, joined)
        self.told: dict[tuple[str, str], Outcome] = {}
        """By rule and id."""

    def take(self, found: Iterable[Incident | Rejection]) -> None:
        """Take note of what came."""
        for each in found:
            if isinstance(each, Incident):
                key = each.rule.id, each.incident_id
                if each.merged_into:
                    self.told.pop(key, None)
                else:
                    self.told[key] = _outcome(each)


def compare(
    old: Rulebook,
    new: Rulebook,
    records: Iterable[Record],
    *,
    sources: int | None = None,
    joining: Joining | None = None,
) -> Comparison:
    """Play the records through both rulebooks, which must have been loaded apart, and give what differs.

    ``sources`` and ``joining`` are those of :func:`stream_app.engine.replay.replay`; no connection waits.
    """
    before, after = _Side(old, sources, joining), _Side(new, sources, joining)
    for record in records:
        for side in (before, after):
            side.take(side.flow.play(record))
    for side in (before, after):
        side.take(side.flow.finish())
    incidents = tuple(_by_rule(before.told, after.told))
    return Comparison(
        same=not incidents,
        records=before.tally.records,
        added_rules=tuple(sorted(new.rules.keys() - old.rules.keys())),
        removed_rules=tuple(sorted(old.rules.keys() - new.rules.keys())),
        changed_rules=tuple(_changed(old.rules, new.rules)),
        incidents=incidents,
        total=(len(before.told), len(after.told)),
        rejected=_rejected(before.tally.rejected, after.tally.rejected),
    )


def _outcome(one: Incident) -> Outcome:
    return Outcome(
        id=one.incident_id,
        customer=one.key.customer,
        first=one.first_seen,
        last=one.last_seen,
        severity=one.rule.severity,
        status=one.status,
        count=one.count,
        events=one.incident_count,
        attributes=one.attributes,
    )


def _by_rule(
    before: Mapping[tuple[str, str], Outcome], after: Mapping[tuple[str, str], Outcome]
) -> Iterator[RuleIncidents]:
    """Compare rule by rule, incidents in the order of their first triggers."""
    for rule in sorted({rule for rule, _ in (*before, *after)}):
        old, new = _of_rule(rule, before), _of_rule(rule, after)
        both = [one for one in old if one in new]
        altered = [
            Altered(incident=new[one], changes=changes) for one in both if (changes := _changes(old[one], new[one]))
        ]
        added = [new[one] for one in new if one not in old]
        removed = [old[one] for one in old if one not in new]
        if added or removed or altered:
            yield RuleIncidents(
                rule=rule,
                added=tuple(added),
                removed=tuple(removed),
                altered=tuple(altered),
                same=len(both) - len(altered),
            )


def _of_rule(rule: str, told: Mapping[tuple[str, str], Outcome]) -> dict[str, Outcome]:
    found = [(one, outcome) for (of, one), outcome in told.items() if of == rule]
    return dict(sorted(found, key=lambda each: (each[1].first, each[0])))


def _changes(old: Outcome, new: Outcome) -> dict[str, Change]:
    names = dict.fromkeys((*old.attributes, *new.attributes))
    pairs: dict[str, Change] = {name: (getattr(old, name), getattr(new, name)) for name in _COMPARED}
    pairs |= {f"attributes.{name}": (old.attributes.get(name), new.attributes.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _changed(old: Mapping[str, Rule], new: Mapping[str, Rule]) -> Iterator[ChangedRule]:
    for rule in sorted(old.keys() & new.keys()):
        one, other = old[rule], new[rule]
        what = ["content"] if one.content_id != other.content_id else []
        what += [name for name in _FACTS if getattr(one, name) != getattr(other, name)]
        if what:
            yield ChangedRule(id=rule, what=tuple(what))


def _rejected(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    reasons = sorted({*old, *new})
    return {
        reason: (old.get(reason, 0), new.get(reason, 0)) for reason in reasons if old.get(reason) != new.get(reason)
    }
