"""The [incident] table: the attributes of an incident, each from a group-by attribute or from an aggregate.

Decision: of a rule with one pattern and no [clear] every group-by attribute is mapped, once. An active incident is one
for a customer, a rule and the tuple of its attributes, and correlation keeps one incident per group: an attribute left
out would put two groups into one. Of any other rule the author chooses: its incidents are kept by that tuple.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from stream_app.language.checks import NOUNS
from stream_app.language.compile import Environment
from stream_app.language.constraint import MappedAggregate, aggregate_of
from stream_app.language.diagnostics import LanguageError
from stream_app.language.values import AttributeType
from stream_app.rulebook.fields import Fields, kind_of
from stream_app.rulebook.join import Way
from stream_app.rulebook.pattern import CLEAR, Patterns
from stream_app.rulebook.relations import Node
from stream_app.sysmon.attributes import NOT_NEGATIVE

INCIDENT_FIELDS = frozenset(
    {
        "activity",
        "attackTactic",
        "attackTechnique",
        "count",
        "cut",
        "eventSeverity",
        "eventSeverityCat",
        "eventType",
        "incidentClearedTime",
        "incidentCount",
        "incidentDetail",
        "incidentFirstSeen",
        "incidentId",
        "incidentLastSeen",
        "incidentSrc",
        "incidentStatus",
        "incidentTarget",
        "incidentTitle",
        "mergedInto",
        "phCustId",
        "phIncidentCategory",
        "phSubIncidentCategory",
        "revision",
        "ruleId",
        "ruleName",
        "schemaVersion",
        "triggeringEventList",
    }
)
"""Fields that every incident has of its own; an attribute of this name would hide one of them."""


Check = tuple[bool, str]
"""Whether something is wrong, and what."""


class Mapped(Struct, frozen=True):
    """What an [incident] table says, in the file's order."""

    attributes: tuple[tuple[str, str, Node], ...] = ()
    """(incident attribute, its source as ``<pattern>.<attribute>``, that group-by value)."""
    shown: tuple[tuple[str, MappedAggregate], ...] = ()
    """(incident attribute, aggregate); of a rule whose subpatterns meet it names its subpattern."""
    carries: tuple[str, ...] = ()
    """What events bring along for the constraints and these aggregates."""
    refused: frozenset[str] = frozenset()
    """Incident attributes of which something is wrong, which was reported."""


class _Sources(Struct, frozen=True):
    """What a line can mean."""

    patterns: Patterns
    negated: frozenset[str]
    environment: Environment

    @property
    def vocabulary(self) -> Mapping[str, AttributeType]:
        """The attributes that there are."""
        return self.environment.vocabulary

    def of_pattern(self, name: str, pattern: str) -> Iterator[Check]:
        """Say what is wrong with naming a pattern."""
        names = self.patterns.names
        known = f"the rule's is {names[0]!r}" if len(names) == 1 else f"the rule's are {', '.join(map(repr, names))}"
        if pattern == CLEAR and self.patterns.clear is not None:
            yield True, f"{name}: [clear] comes when the incident is made already, so it gives no attribute"
        yield pattern not in names, f"{name}: unknown pattern {pattern!r}, {known}"
        yield pattern in self.negated, f"{name}: {pattern!r} is negated in trigger: what does not come gives no value"

    def of_name(self, name: str) -> Iterator[Check]:
        """Say what is wrong with an incident attribute's name."""
        yield name in INCIDENT_FIELDS, f"{name} is a field of every incident: choose another attribute"
        yield name not in self.vocabulary, f"unknown attribute {name!r}"

    def of_attribute(self, name: str, pattern: str, attribute: str) -> Iterator[Check]:
        """Say what is wrong with ``name = "pattern.attribute"``."""
        known = self.patterns.names[0] if len(self.patterns.names) == 1 else "<pattern>"
        yield not pattern or not attribute, f"{name}: expected '{known}.<attribute>'"
        yield from self.of_pattern(name, pattern)
        yield self.node(pattern, attribute) is None, f"{name}: {attribute!r} is neither grouped by nor aggregated"
        yield from self.of_name(name)
        kind = self.vocabulary.get(attribute)
        different = kind is not None and self.vocabulary.get(name) is not kind
        yield different, f"{name} and {attribute} are of different types"

    def of_aggregate(self, name: str, aggregate: MappedAggregate) -> Iterator[Check]:
        """Say what is wrong with ``name = "pattern.AGGREGATE(...)"``."""
        yield from self.of_name(name)
        names = self.patterns.names
        if aggregate.subpattern:
            yield from self.of_pattern(name, aggregate.subpattern)
        else:
            yield len(names) > 1, f"{name}: say which pattern's, as in '{names[0]}.{aggregate.text}'"
        kind = self.vocabulary.get(name)
        yield kind is not aggregate.kind, f"{name} is {_noun(kind)}, {aggregate.text} is {_noun(aggregate.kind)}"

    def node(self, pattern: str, attribute: str) -> Node | None:
        """Find a group-by value."""
        for number, subpattern in enumerate(self.patterns.own):
            if subpattern.name == pattern and attribute in subpattern.group_by:
                return number, subpattern.group_by.index(attribute)
        return None


def read_mapping(incident: Fields, patterns: Patterns, ways: Sequence[Way], environment: Environment) -> Mapped:
    """Read the table. What is wrong is reported."""
    members = {number for way in ways for number in way.members}
    negated = {name for number, name in enumerate(patterns.names) if ways and number not in members}
    sources = _Sources(patterns, frozenset(negated), environment)
    attributes: dict[str, tuple[str, Node]] = {}
    shown: dict[str, MappedAggregate] = {}
    named: set[str] = set()
    carries = patterns.all[-1].carries
    lines = incident.rest()
    for name, source in lines.items():
        if not isinstance(source, str):
            incident.at_value(f"{name}: expected a string, got {kind_of(source)}", name)
        elif "(" in source:
            aggregate = _aggregate(incident, name, source, sources, carries)
            if aggregate is not None:
                shown[name] = aggregate
                carries = aggregate.attributes
        else:
            pattern, _, attribute = source.partition(".")
            problem = _first(sources.of_attribute(name, pattern, attribute))
            node = sources.node(pattern, attribute)
            if problem is None and (source, node) in attributes.values():
                problem = f"{attribute!r} is mapped twice"
            if problem is not None:
                incident.at_value(problem, name)
            else:
                attributes[name] = (source, cast("Node", node))  # there is one, or there would be a problem
            named.add(attribute)
    if not patterns.joint:
        _check_all_mapped(incident, patterns.own[0].group_by, named)
    return Mapped(
        tuple((name, source, node) for name, (source, node) in attributes.items()),
        tuple(shown.items()),
        carries,
        frozenset(lines) - set(attributes) - set(shown),
    )


def _check_all_mapped(incident: Fields, group_by: Sequence[str], named: set[str]) -> None:
    for attribute in group_by:
        if attribute not in named:
            advice = "map it, so that a group has one incident"
            incident.at_key(f"group-by attribute {attribute!r} is not mapped: {advice}")


def _aggregate(
    incident: Fields, name: str, source: str, sources: _Sources, carries: tuple[str, ...]
) -> MappedAggregate | None:
    """Read an aggregate that an attribute shows, or report why not."""
    place = incident.verbatim(name, literal=False)
    try:
        aggregate = aggregate_of(source, sources.environment, place, carried=carries, non_negative=NOT_NEGATIVE)
    except LanguageError as error:
        for each in error.diagnostics:
            incident.at_value(f"{name}: {each.message}", name)
        return None
    problem = _first(sources.of_aggregate(name, aggregate))
    if problem is not None:
        incident.at_value(problem, name)
        return None
    return replace(aggregate, subpattern=sources.patterns.names[0]) if not aggregate.subpattern else aggregate


def _first(checks: Iterator[Check]) -> str | None:
    return next((message for wrong, message in checks if wrong), None)


def _noun(kind: AttributeType | None) -> str:
    return "unknown" if kind is None else NOUNS[kind]
