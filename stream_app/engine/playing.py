"""The cases of rules, played: a rulebook and a case in, what came of it out, and how it differs from what is expected.

Decision: all rules of the rulebook run, disabled ones too, since a rule may read what others make; only the incidents
of the case's own rule are compared, and the records that were rejected for it or for all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Ready, replay
from stream_app.rulebook.cases import Case, Scalar
from stream_app.rulebook.rule import Rulebook

BASE_MS = 1_750_000_000_000
"""When a case begins, if nobody has another wish: a moment of June 2025, ms since 1970."""

_SECOND = 1000

Projection = Mapping[str, Scalar]


class Outcome(Struct, frozen=True):
    """What came of a case, in its own words: projections of the rule's incidents, and reasons of rejections."""

    incidents: tuple[Projection, ...]
    rejected: tuple[str, ...]


class Stage:
    """A rulebook made ready to have cases played under it, one at a time."""

    def __init__(self, rulebook: Rulebook) -> None:
        rules = {name: replace(rule, enabled=True, shadow=False) for name, rule in rulebook.rules.items()}
        self.rulebook = Rulebook(rules)
        self._ready = Ready.of(self.rulebook)

    def found(
        self, case: Case, base_ms: int = BASE_MS, before: Callable[[Record], None] | None = None
    ) -> Iterator[Incident | Rejection]:
        """Play a case that begins at ``base_ms``; each record is shown to ``before`` when it is about to be taken."""
        return replay(self.rulebook, _shown(records_of(case, base_ms), before), ready=self._ready)

    def play(self, rule_id: str, case: Case, base_ms: int = BASE_MS) -> Outcome:
        """Play a case and give what came of it for a rule."""
        return outcome_of(self.found(case, base_ms), rule_id, base_ms)


def records_of(case: Case, base_ms: int, first_offset: int = 0) -> Iterator[Record]:
    """Give the records of a case as they lie in one partition."""
    for offset, event in enumerate(case.events, first_offset):
        yield Record("sysmon", 0, offset, base_ms + event.at_ms, event.value, "case")


def _shown(records: Iterable[Record], before: Callable[[Record], None] | None) -> Iterator[Record]:
    for record in records:
        if before is not None:
            before(record)
        yield record


def outcome_of(found: Iterable[Incident | Rejection], rule_id: str, base_ms: int) -> Outcome:
    """Give what is a rule's among what was found in a case that began at ``base_ms``."""
    incidents: list[Projection] = []
    rejected: list[str] = []
    for each in found:
        if isinstance(each, Rejection):
            if each.rule in {None, rule_id}:
                rejected.append(each.reason)
        elif each.rule.id == rule_id:
            incidents.append(projection(each, base_ms))
    return Outcome(tuple(incidents), tuple(rejected))


def projection(incident: Incident, base_ms: int) -> Projection:
    """Give what a case says of an incident: its numbers, and its attributes under their own names."""
    return {
        "at": (incident.last_seen - base_ms) / _SECOND,
        "activity": incident.activity,
        "count": incident.count,
        "incidentCount": incident.incident_count,
        **incident.attributes,
    }


def differences(case: Case, outcome: Outcome) -> tuple[str, ...]:
    """Say how what came of a case differs from what it expects, expected and got side by side; nothing if it does not.

    Incidents are numbered from 1, as expected. What is only here or only there is shown whole.
    """
    said = [*_incidents(case.incidents, outcome.incidents)]
    if case.rejected != outcome.rejected:
        said.append(f"rejected: expected {_shown_as(case.rejected)}, got {_shown_as(outcome.rejected)}")
    return tuple(said)


def _incidents(expected: Sequence[Projection], got: Sequence[Projection]) -> Iterator[str]:
    """Compare in order, so that one that is missing or too many does not make all behind it differ."""
    left, right = ([tuple(sorted(each.items())) for each in side] for side in (expected, got))
    for kind, low, high, begin, end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for number, (one, other) in enumerate(zip_longest(expected[low:high], got[begin:end]), low + 1):
            if one is None:
                where = f"after incident {high}" if high else "before any incident"
                yield f"{where}: expected nothing, got {_shown_as(other)}"
            elif other is None:
                yield f"incident {number}: expected {_shown_as(one)}, got nothing"
            else:
                yield f"incident {number}: {', '.join(_fields(one, other))}"


def _fields(expected: Projection, got: Projection) -> Iterator[str]:
    for name in dict.fromkeys((*expected, *got)):
        if expected.get(name) != got.get(name):
            sides = [_shown_as(side[name]) if name in side else "nothing" for side in (expected, got)]
            yield f"{name} expected {sides[0]}, got {sides[1]}"


def _shown_as(value: object) -> str:
    """Write a value so that a text and a number can be told apart."""
    return msgspec.json.encode(value).decode()
