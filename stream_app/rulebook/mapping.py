"""The [incident] table: which attributes an incident carries, and from which group-by attribute each comes.

Decision: every group-by attribute is mapped, once. An active incident is one for a customer, a rule and the tuple of
its attributes, and correlation keeps one incident per group: an attribute left out would put two groups into one.
"""

from collections.abc import Mapping

from stream_app.language.values import AttributeType
from stream_app.rulebook.fields import Fields, kind_of
from stream_app.rulebook.rule import Subpattern

INCIDENT_FIELDS = frozenset(
    {
        "activity",
        "attackTactic",
        "attackTechnique",
        "count",
        "eventSeverity",
        "eventSeverityCat",
        "eventType",
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


def read_mapping(
    incident: Fields, subpattern: Subpattern, vocabulary: Mapping[str, AttributeType]
) -> tuple[tuple[str, str], ...]:
    """Give (incident attribute, group-by attribute) in the file's order; what is wrong is reported to ``incident``."""
    mapping: dict[str, str] = {}
    for name, source in incident.rest().items():
        if not isinstance(source, str):
            incident.at_value(f"{name}: expected a string, got {kind_of(source)}", name)
            continue
        pattern, _, attribute = source.partition(".")
        problem = _problem(name, pattern, attribute, subpattern, vocabulary)
        if problem is None and attribute in mapping.values():
            problem = f"{attribute!r} is mapped twice"
        if problem is not None:
            incident.at_value(problem, name)
        mapping[name] = attribute
    for attribute in subpattern.group_by:
        if attribute not in mapping.values():
            incident.at_key(f"group-by attribute {attribute!r} is not mapped: map it, so that a group has one incident")
    return tuple(mapping.items())


def _problem(
    name: str, pattern: str, attribute: str, subpattern: Subpattern, vocabulary: Mapping[str, AttributeType]
) -> str | None:
    """Say what is wrong with one line ``name = "pattern.attribute"``, or None."""
    checks = (
        (not pattern or not attribute, f"{name}: expected '{subpattern.name}.<attribute>'"),
        (pattern != subpattern.name, f"{name}: unknown pattern {pattern!r}, the rule's is {subpattern.name!r}"),
        ("(" in attribute, f"{name}: mapping an aggregate is not built yet; incidentCount gives the number of events"),
        (attribute not in subpattern.group_by, f"{name}: {attribute!r} is neither grouped by nor aggregated"),
        (name in INCIDENT_FIELDS, f"{name} is a field of every incident: choose another attribute"),
        (name not in vocabulary, f"unknown attribute {name!r}"),
        (
            attribute in vocabulary and vocabulary.get(name) is not vocabulary[attribute],
            f"{name} and {attribute} are of different types",
        ),
    )
    return next((message for wrong, message in checks if wrong), None)
