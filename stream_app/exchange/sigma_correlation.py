"""A Sigma correlation, its rules resolved by pySigma, goes in; a rule as its file says it comes out.

Counts and values of several rules become one pattern whose filter is true where any of theirs is; a temporal
correlation becomes a pattern for each rule, AND or FOLLOWED_BY between them, and its group-by the global constraint.
Decision: a correlation of correlations reads their incidents, which are events here. An incident is an event once, when
it is made, however often its rule triggers while it stands: that is said as a change of meaning.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaRuleReference,
)
from sigma.rule import SigmaRule

from stream_app.exchange.sigma_detection import PATTERN, described, filter_of, id_of
from stream_app.exchange.sigma_source import Source
from stream_app.exchange.sigma_terms import Said, SigmaRefused, any_of, quoted
from stream_app.language.trigger import OPERATORS
from stream_app.rulebook.text import PatternText, RuleText

Rule = SigmaRule | SigmaCorrelationRule

_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "EQ": "=", "NEQ": "!="}
_VALUES = {
    SigmaCorrelationType.VALUE_COUNT: "COUNT(DISTINCT {})",
    SigmaCorrelationType.VALUE_SUM: "SUM({})",
    SigmaCorrelationType.VALUE_AVG: "AVG({})",
    SigmaCorrelationType.VALUE_MEDIAN: "MEDIAN({})",
    SigmaCorrelationType.VALUE_PERCENTILE: "PCTILE({}, {})",
}
_GROWING = frozenset({">", ">="})
ONCE = "reads the incidents of {}, each of which is an event once, when it is made, and is told by itself too"


class Base(Struct, frozen=True):
    """A rule that a correlation is about: its name there, its filter, and what its fields are called."""

    name: str
    said: Said
    source: Source | None
    """None for a correlation, whose incidents are read."""
    shown: Mapping[str, str]
    """Of a correlation: Sigma's field -> the incident attribute that has it."""

    def attribute(self, field: str) -> str:
        """Give the attribute that is a field of this rule. Raises SigmaRefused."""
        if self.source is not None:
            return self.source.field(field).name
        if field not in self.shown:
            raise SigmaRefused(f"{self.name} groups by no {field!r}, so its incidents have none", field)
        return self.shown[field]


class Correlating(Struct, frozen=True):
    """A correlation with the rules that it is about, by their references."""

    rule: SigmaCorrelationRule
    bases: Mapping[str, Base]

    @property
    def chained(self) -> tuple[str, ...]:
        """The correlations among them."""
        return tuple(each.name for each in self.bases.values() if each.source is None)

    def field(self, reference: str, name: str) -> str:
        """Give the attribute that a field or an alias is for a rule."""
        alias = self.rule.aliases.aliases.get(name)
        if alias is not None:
            named = {each.reference: field for each, field in alias.mapping.items()}
            if reference not in named:
                raise SigmaRefused(f"alias {name!r} says nothing of {reference!r}", name)
            name = named[reference]
        return self.bases[reference].attribute(name)

    def same(self, references: Iterable[str], name: str) -> str:
        """Give the attribute that a field is for all of these rules. Raises SigmaRefused where they differ."""
        found = {reference: self.field(reference, name) for reference in references}
        if len(set(found.values())) > 1:
            said = ", ".join(f"{attribute} for {reference}" for reference, attribute in found.items())
            raise SigmaRefused(f"{name!r} is {said}: one pattern groups by one attribute", name)
        return next(iter(found.values()))


def base_of(rule: Rule, name: str, placeholders: Mapping[str, Sequence[str]], shown: Mapping[str, str]) -> Base:
    """Make what a correlation needs of a rule; ``shown`` is what its incidents have. Raises SigmaRefused."""
    if isinstance(rule, SigmaCorrelationRule):
        return Base(name, Said(f"eventType = {quoted(id_of(rule))}"), None, shown)
    source, said = filter_of(rule, placeholders)
    return Base(name, said, source, {})


def correlation_rule(correlating: Correlating) -> tuple[RuleText, dict[str, str], tuple[str, ...]]:
    """Give the rule, what its incidents show of Sigma's fields, and what has another meaning. Raises SigmaRefused."""
    rule = correlating.rule
    changed = tuple(ONCE.format(name) for name in correlating.chained)
    references = [each.reference for each in rule.referenced_rules]
    if rule.type not in {SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED}:
        made = _counting(correlating, references, _aggregate(correlating, references))
    elif isinstance(rule.condition, SigmaCorrelationCondition):
        needed = _needed(rule.condition, len(references))
        if needed == 1:
            made = _counting(correlating, references, "COUNT(*) >= 1")
        else:
            made = _together(correlating, [[each] for each in references], [])
    else:
        made = _together(correlating, *_parts(rule.condition.parsed))
    return made, _shown(correlating, made), changed


def _counting(correlating: Correlating, references: Sequence[str], aggregate: str) -> RuleText:
    """Make a rule of one pattern."""
    pattern = _pattern(correlating, references, aggregate)
    _refuse_waiting(correlating, waits=not any(f" {sign} " in aggregate for sign in _GROWING))
    incident = {name: f"{PATTERN}.{name}" for name in pattern.group_by}
    return described(
        correlating.rule, window=correlating.rule.timespan.seconds, pattern={PATTERN: pattern}, incident=incident
    )


def _pattern(correlating: Correlating, references: Sequence[str], aggregate: str) -> PatternText:
    """Make a pattern that is true of what any of some rules is."""
    group_by = tuple(dict.fromkeys(correlating.same(references, name) for name in correlating.rule.group_by or ()))
    query = any_of(correlating.bases[reference].said for reference in references).text
    return PatternText(query=query, group_by=group_by, aggregate=aggregate)


def _together(correlating: Correlating, wanted: Sequence[Sequence[str]], unwanted: Sequence[Sequence[str]]) -> RuleText:
    """Make a rule of several patterns; each is true of what any of some rules is."""
    ordered = correlating.rule.type is SigmaCorrelationType.TEMPORAL_ORDERED
    if unwanted and ordered:
        raise SigmaRefused("'not' in a temporal_ordered condition says no place in the order", "not")
    if not wanted:
        raise SigmaRefused("a condition of nothing but 'not' waits for nothing", "not")
    _refuse_waiting(correlating, waits=bool(unwanted))
    if len(wanted) == 1 and not unwanted:
        return _counting(correlating, wanted[0], "COUNT(*) >= 1")
    patterns: dict[str, PatternText] = {}
    for references in (*wanted, *unwanted):
        name = _name("_or_".join(references), patterns)
        patterns[name] = _pattern(correlating, references, "COUNT(*) >= 1")
    names = list(patterns)
    trigger = (" FOLLOWED_BY " if ordered else " AND ").join(names[: len(wanted)])
    if unwanted:
        trigger = f"({trigger})" if len(wanted) > 1 else trigger
        trigger = " AND_NOT ".join([trigger, *names[len(wanted) :]])
    first = names[0]
    related = [
        f"{first}.{one} = {name}.{other}"
        for name in names[1:]
        for one, other in zip(patterns[first].group_by, patterns[name].group_by, strict=True)
    ]
    return described(
        correlating.rule,
        window=correlating.rule.timespan.seconds,
        pattern=patterns,
        incident={attribute: f"{first}.{attribute}" for attribute in patterns[first].group_by},
        trigger=trigger,
        related=" AND ".join(related),
    )


def _name(text: str, taken: Iterable[str]) -> str:
    """Make a name for a pattern, which none has yet and which a trigger line can hold."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text)[:56]
    if not name[:1].isalpha() or name.upper() in {*OPERATORS, "NOT", "CLEAR"}:
        name = f"Rule_{name}"
    taken = set(taken)
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 99))) if each not in taken)


def _shown(correlating: Correlating, made: RuleText) -> dict[str, str]:
    """Say which incident attribute has which of the correlation's group-by fields."""
    names = correlating.rule.group_by or ()
    first = next(iter(made.pattern.values())).group_by
    return dict(zip(dict.fromkeys(names), first, strict=False))


def _aggregate(correlating: Correlating, references: Sequence[str]) -> str:
    """Write the constraint of a count or of a value."""
    rule = correlating.rule
    condition: Any = rule.condition
    operator = _OPERATORS[condition.op.name]
    if rule.type is SigmaCorrelationType.EVENT_COUNT:
        return f"COUNT(*) {operator} {condition.count}"
    if not isinstance(condition.fieldref, str):
        raise SigmaRefused("several fields at once are not counted here: give one", "field")
    attribute = correlating.same(references, condition.fieldref)
    percentile = condition.percentile
    if rule.type is SigmaCorrelationType.VALUE_PERCENTILE and percentile is None:
        raise SigmaRefused("value_percentile needs a percentile", "condition")
    return f"{_VALUES[rule.type].format(attribute, percentile)} {operator} {condition.count}"


def _needed(condition: SigmaCorrelationCondition, count: int) -> int:
    """Say how many of the rules must be there: one, or all. Raises SigmaRefused for what is neither."""
    least = {"GTE": condition.count, "GT": condition.count + 1}.get(condition.op.name)
    if condition.op.name == "EQ" and condition.count == count:
        least = count
    if least not in {1, count}:
        said = f"{condition.op.name.lower()} {condition.count} of {count} rules"
        raise SigmaRefused(f"{said}: one of them or all of them can be asked for", condition.op.name.lower())
    return int(least)


def _parts(node: Any) -> tuple[list[list[str]], list[list[str]]]:  # noqa: ANN401 - pySigma's nodes have no common type
    """Take an extended condition apart: what must be there and what must not; each is a rule, or one of several."""
    wanted: list[list[str]] = []
    unwanted: list[list[str]] = []
    for each in _flat(node, CorrelationConditionAND):
        if isinstance(each, CorrelationConditionNOT):
            unwanted.append(_any(each.args[0]))
        else:
            wanted.append(_any(each))
    return wanted, unwanted


def _any(node: Any) -> list[str]:  # noqa: ANN401 - as above
    """Give the rules of which one must be there."""
    nodes = _flat(node, CorrelationConditionOR)
    if not all(isinstance(each, SigmaRuleReference) for each in nodes):
        raise SigmaRefused(
            "only rules stand on both sides of 'or', and behind 'not' here: write two correlations", "or"
        )
    return [each.reference for each in nodes]


def _flat(node: Any, kind: type[CorrelationConditionItem]) -> list[Any]:  # noqa: ANN401 - as above
    return [part for each in node.args for part in _flat(each, kind)] if isinstance(node, kind) else [node]


def _refuse_waiting(correlating: Correlating, *, waits: bool) -> None:
    """Refuse to wait for what incidents cannot be waited for."""
    if waits and correlating.chained:
        names = ", ".join(correlating.chained)
        raise SigmaRefused(f"what is decided when the timespan has passed cannot read the incidents of {names}")
