"""How much of a sample each filter wants: rules and records in, findings for those that want most of it out.

Decision: the share is that of the records whose event type a filter wants; where only a few of a sample are of these
types, nothing is said. Watch lists are empty here.
"""

from collections.abc import Iterable, Iterator

from stream_app.language.compile import EVENT_TYPE
from stream_app.rulebook.conditions import Condition, conditions_of
from stream_app.rulebook.findings import MOST_EVENTS, Finding
from stream_app.rulebook.load import Loaded
from stream_app.sysmon.normalise import Unreadable, normalise

FEWEST = 20
"""Records of its types that a sample must have for a filter to be judged."""


class _Counted:
    """How many records were of the types that a filter wants, and how many it wants."""

    def __init__(self, condition: Condition) -> None:
        self.condition = condition
        self.of_type = 0
        self.wanted = 0


class Sample:
    """Counts what the filters of rules want of records."""

    def __init__(self, loaded: Loaded, rule_ids: Iterable[str]) -> None:
        conditions = (each for rule_id in rule_ids for each in conditions_of(loaded, rule_id))
        self._counted = [_Counted(each) for each in conditions if not each.of_incident]
        self._declared = loaded.rulebook.declared
        self._wanting: dict[object, list[_Counted]] = {}

    def take(self, value: bytes) -> None:
        """Count a record; one that cannot be read is none."""
        try:
            event = normalise(value, declared=self._declared)
        except Unreadable:
            return
        kind = event.get(EVENT_TYPE)
        wanting = self._wanting.get(kind)
        if wanting is None:
            wanting = [each for each in self._counted if each.condition.filter.kind(event)]
            self._wanting[kind] = wanting
        for each in wanting:
            each.of_type += 1
            each.wanted += each.condition.filter.rest(event)

    def findings(self) -> Iterator[Finding]:
        """Tell of filters that want more than half of the records of their types."""
        for each in self._counted:
            if each.of_type >= FEWEST and 2 * each.wanted > each.of_type:
                said = f"wants {each.wanted} of the {each.of_type} records of its event types in the sample"
                condition = each.condition
                at = condition.at(condition.tree, said)
                mend = "ask for what sets apart what should be looked at"
                yield Finding(MOST_EVENTS, condition.rule, at, mend, text=condition.text)
