"""The [incident] table: the attributes of an incident, each from a group-by attribute or from an aggregate.

Decision: every group-by attribute is mapped, once. An active incident is one for a customer, a rule and the tuple of
its attributes, and correlation keeps one incident per group: an attribute left out would put two groups into one.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from stream_app.language.checks import NOUNS
from stream_app.language.compile import Environment
from stream_app.language.constraint import MappedAggregate, aggregate_of
from stream_app.language.diagnostics import LanguageError
from stream_app.language.values import AttributeType
from stream_app.rulebook.fields import Fields, kind_of
from stream_app.rulebook.rule import Subpattern
from stream_app.sysmon.attributes import NOT_NEGATIVE

INCIDENT_FIELDS = frozenset(
    {
        "activity",
        "attackTactic",
        "attackTechnique",
        "count",
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


Mapped = tuple[tuple[str, str], ...]
Shown = tuple[tuple[str, MappedAggregate], ...]


def read_mapping(
    incident: Fields, subpattern: Subpattern, environment: Environment
) -> tuple[Mapped, Shown, tuple[str, ...]]:
    """Give (incident attribute, group-by attribute), (incident attribute, aggregate), each in the file's order.

    And, third, what events bring along for the constraint and these aggregates. What is wrong is reported.
    """
    mapping: dict[str, str] = {}
    shown: dict[str, MappedAggregate] = {}
    for name, source in incident.rest().items():
        if not isinstance(source, str):
            incident.at_value(f"{name}: expected a string, got {kind_of(source)}", name)
        elif "(" in source:
            aggregate = _aggregate(incident, name, source, subpattern, environment)
            if aggregate is not None:
                shown[name] = aggregate
                subpattern = replace(subpattern, carries=aggregate.attributes)
        else:
            pattern, _, attribute = source.partition(".")
            problem = _problem(name, pattern, attribute, subpattern, environment.vocabulary)
            if problem is None and attribute in mapping.values():
                problem = f"{attribute!r} is mapped twice"
            if problem is not None:
                incident.at_value(problem, name)
            mapping[name] = attribute
    for attribute in subpattern.group_by:
        if attribute not in mapping.values():
            incident.at_key(f"group-by attribute {attribute!r} is not mapped: map it, so that a group has one incident")
    return tuple(mapping.items()), tuple(shown.items()), subpattern.carries


def _aggregate(
    incident: Fields, name: str, source: str, subpattern: Subpattern, environment: Environment
) -> MappedAggregate | None:
    """Read an aggregate that an attribute shows, or report why not."""
    place = incident.verbatim(name, literal=False)
    try:
        aggregate = aggregate_of(source, environment, place, carried=subpattern.carries, non_negative=NOT_NEGATIVE)
    except LanguageError as error:
        for each in error.diagnostics:
            incident.at_value(f"{name}: {each.message}", name)
        return None
    checks = (
        *_naming(name, environment.vocabulary),
        (aggregate.subpattern not in ("", subpattern.name), _unknown(name, aggregate.subpattern, subpattern)),
        (
            environment.vocabulary.get(name) is not aggregate.kind,
            f"{name} is {_noun(environment.vocabulary.get(name))}, {aggregate.text} is {_noun(aggregate.kind)}",
        ),
    )
    problem = next((message for wrong, message in checks if wrong), None)
    if problem is not None:
        incident.at_value(problem, name)
        return None
    return aggregate


def _problem(
    name: str, pattern: str, attribute: str, subpattern: Subpattern, vocabulary: Mapping[str, AttributeType]
) -> str | None:
    """Say what is wrong with one line ``name = "pattern.attribute"``, or None."""
    checks = (
        (not pattern or not attribute, f"{name}: expected '{subpattern.name}.<attribute>'"),
        (pattern != subpattern.name, _unknown(name, pattern, subpattern)),
        (attribute not in subpattern.group_by, f"{name}: {attribute!r} is neither grouped by nor aggregated"),
        *_naming(name, vocabulary),
        (
            attribute in vocabulary and vocabulary.get(name) is not vocabulary[attribute],
            f"{name} and {attribute} are of different types",
        ),
    )
    return next((message for wrong, message in checks if wrong), None)


def _naming(name: str, vocabulary: Mapping[str, AttributeType]) -> tuple[tuple[bool, str], ...]:
    return (
        (name in INCIDENT_FIELDS, f"{name} is a field of every incident: choose another attribute"),
        (name not in vocabulary, f"unknown attribute {name!r}"),
    )


def _unknown(name: str, pattern: str, subpattern: Subpattern) -> str:
    return f"{name}: unknown pattern {pattern!r}, the rule's is {subpattern.name!r}"


def _noun(kind: AttributeType | None) -> str:
    return "unknown" if kind is None else NOUNS[kind]
