"""An incident is an event that rules match: a new incident in, the matches of the rules that read it out.

Decision: it is an event once, when it is made, with what it is then; updates and clears are none. Its time is that of
the decision that made it (:class:`~stream_app.engine.row.Born`), for a rule with ``event_clock`` too. It moves no
stream time, which is the source's alone, and it is not late, since it is we who give it its time: a reader looks at it
as if the stream had just come to it (``memory.py`` has the one exception). Its matches say that they come from the
incident, so that one that is sent again after a crash changes nothing.
"""

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.detect import Detector
from stream_app.engine.expense import TooExpensive
from stream_app.engine.incident import Incident, customer_value
from stream_app.engine.match import INCIDENTS, NO_PARTITION, Match, decode_match, too_large
from stream_app.engine.record import Record
from stream_app.engine.rejection import TOO_EXPENSIVE, TOO_LARGE, Rejection
from stream_app.engine.row import Latest, Mark
from stream_app.language.compile import NOTHING
from stream_app.rulebook.chaining import reading, reads
from stream_app.rulebook.editions import id_of
from stream_app.rulebook.rule import Rule, Rulebook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream_app.language.values import Value

CATEGORY = 1
"""phEventCategory of an incident."""


class IncidentEvent(Struct, frozen=True):
    """An incident as the event that it is. ``received`` is its time, ms."""

    attributes: "Mapping[str, Value]"
    received: int
    created: int | None = None

    def get(self, name: str) -> "Value | None":
        """Give an attribute, None where it is absent."""
        return self.attributes.get(name)


class Asked(Struct, frozen=True):
    """What came of an incident: its matches with their keys, and what could not be had or counted."""

    matches: "Sequence[tuple[bytes, Match]]" = ()
    rejections: "Sequence[Rejection]" = ()


def event_of(incident: Incident) -> IncidentEvent | None:
    """Give the event that an incident is, whatever became of it since; None for one that nobody read when it was made.

    One of a rule in shadow is none.
    The mapped attributes stand beside what every incident has, under their own names.
    """
    born = incident.episode.born
    if born is None or incident.rule.shadow:
        return None
    latest = Latest(Mark(born.time, 0, 0), born.values)
    attributes = replace(incident, episode=replace(incident.episode, latest=latest)).attributes
    rule = incident.rule
    own: dict[str, Value] = {
        "eventType": rule.id,
        "phEventCategory": CATEGORY,
        "eventSeverity": rule.severity,
        "ruleId": rule.id,
        "ruleName": rule.name,
        "incidentId": incident.incident_id,
        "incidentTitle": rule.name,
        "phCustId": customer_value(incident.key.customer),
        "incidentFirstSeen": born.first,
        "incidentLastSeen": born.last,
        "count": born.count,
        "incidentCount": born.events,
    }
    return IncidentEvent({**attributes, **own}, born.time)


class Chain:
    """A rulebook's rules that read incidents."""

    def __init__(self, rulebook: Rulebook) -> None:
        rules = rulebook.rules
        readers = {reader: _of_incidents(rules[reader], of) for reader, of in reading(rules).items()}
        self._detector = Detector(Rulebook(readers)) if readers else None

    def ask(self, incident: Incident) -> Asked:
        """Ask the rules that read an incident's rule.

        The answer is the same whenever it is asked, but for what a filter asks of watch lists.
        """
        event = event_of(incident)
        if event is None or self._detector is None:
            return Asked()
        record = Record(INCIDENTS, NO_PARTITION, event.received, event.received, None, incident.incident_id)
        rejections: list[Rejection] = []
        try:
            found = self._detector.detect(record, event)
        except TooExpensive as expense:
            rejections += [Rejection.of(record, TOO_EXPENSIVE, str(expense), rule=rule) for rule in expense.rules]
            found = [(key, decode_match(value)) for key, value in expense.found]
        matches: list[tuple[bytes, Match]] = []
        for key, match in found:
            unfit = too_large(key, match)
            if unfit:
                rejections.append(Rejection.of(record, TOO_LARGE, unfit, rule=id_of(match.rule)))
            else:
                matches.append((key, match))
        return Asked(matches, rejections)


def _of_incidents(rule: Rule, of: "Sequence[str]") -> Rule:
    """Give a rule whose subpatterns want nothing where they read no incidents: an incident is no record to them."""
    one, *others = [
        each if any(reads(each.filter, rule_id) for rule_id in of) else replace(each, filter=NOTHING)
        for each in rule.subpatterns
    ]
    return replace(rule, subpattern=one, others=tuple(others))
