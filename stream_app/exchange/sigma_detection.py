"""A Sigma rule, parsed by pySigma, goes in; a rule as its file says it comes out.

Decision: as Fortinet's converter does, a rule groups by every field that its detection names and by hostName, within
300 seconds, so that an incident is one thing that happened again and again. With the older ``| count() by x > 5`` the
rule counts what it says, by what it says, within its timeframe.
"""

import re
from collections.abc import Mapping, Sequence

from sigma.conditions import SigmaCondition
from sigma.correlations import SigmaCorrelationTimespan
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule, SigmaRuleBase, SigmaStatus

from stream_app.exchange.sigma_aggregation import Aggregation, aggregation_of
from stream_app.exchange.sigma_query import Asking
from stream_app.exchange.sigma_source import Source, source_of
from stream_app.exchange.sigma_terms import NEVER, Said, SigmaRefused, all_of, any_of
from stream_app.rulebook.text import PatternText, RuleText

WINDOW = 300
"""Seconds."""
PATTERN = "Filter"

_SEVERITY = {"low": 3, "medium": 5, "high": 7, "critical": 9}
_OFF = (SigmaStatus.DEPRECATED, SigmaStatus.UNSUPPORTED)
_TECHNIQUE = re.compile(r"t[0-9]{4}(?:\.[0-9]{3})?")
_SMALL_WORDS = frozenset({"and"})
_TACTICS = frozenset(
    {
        "reconnaissance",
        "resource-development",
        "initial-access",
        "execution",
        "persistence",
        "privilege-escalation",
        "defense-evasion",
        "credential-access",
        "discovery",
        "lateral-movement",
        "collection",
        "command-and-control",
        "exfiltration",
        "impact",
        "stealth",
        "defense-impairment",
    }
)


def filter_of(rule: SigmaRule, placeholders: Mapping[str, Sequence[str]]) -> tuple[Source, Said]:
    """Give a rule's events and its filter. Raises SigmaRefused, and SigmaError for what pySigma cannot read."""
    source = source_of(rule.logsource)
    asking = Asking(source, placeholders)
    found = any_of([asking.said(_tree(condition)) for condition in rule.detection.parsed_condition])
    if found is NEVER:
        raise SigmaRefused("never true: it asks for a field that its events never have", "detection")
    return source, all_of([source.said, found])


def _tree(condition: SigmaCondition) -> object:
    """Let pySigma read a condition."""
    try:
        return condition.parsed
    except SigmaError:
        raise
    except Exception as error:
        raise SigmaRefused(f"no condition can look like this ({type(error).__name__}: {error})", "condition") from error


def detection_rule(rule: SigmaRule, placeholders: Mapping[str, Sequence[str]]) -> RuleText:
    """Give the rule. Raises as :func:`filter_of` does."""
    source, found = filter_of(rule, placeholders)
    aggregation = aggregation_of(rule)
    if aggregation is None:
        group_by, aggregate = tuple(sorted(found.reads | {"hostName"})), "COUNT(*) >= 1"
    else:
        group_by, aggregate = counted(aggregation, source)
    window = WINDOW if aggregation is None or not aggregation.timeframe else seconds(aggregation.timeframe)
    return described(
        rule,
        window=window,
        pattern={PATTERN: PatternText(query=found.text, group_by=group_by, aggregate=aggregate)},
        incident={name: f"{PATTERN}.{name}" for name in group_by},
    )


def counted(aggregation: Aggregation, source: Source) -> tuple[tuple[str, ...], str]:
    """Give what an aggregation groups by, and its constraint. Raises SigmaRefused."""
    group_by = tuple(dict.fromkeys(source.field(name).name for name in aggregation.group_by))
    attribute = source.field(aggregation.field).name if aggregation.field else "*"
    if aggregation.function == "count":
        what = f"COUNT(DISTINCT {attribute})" if aggregation.field else "COUNT(*)"
    else:
        what = f"{aggregation.function.upper()}({attribute})"
    return group_by, f"{what} {aggregation.operator} {aggregation.number}"


def seconds(timespan: str) -> int:
    """Read a time span such as 15m. Raises SigmaError."""
    return SigmaCorrelationTimespan(timespan).seconds


def described(  # noqa: PLR0913 - what a rule is made of, by name
    rule: SigmaRuleBase,
    *,
    window: int,
    pattern: dict[str, PatternText],
    incident: dict[str, str],
    trigger: str = "",
    related: str = "",
) -> RuleText:
    """Give a rule that has a Sigma rule's name, severity and the like."""
    tactics, techniques = _attack(rule)
    return RuleText(
        comments=_comments(rule),
        id=id_of(rule),
        name=rule.title,
        description=(rule.description or "").strip(),
        severity=_SEVERITY.get(str(rule.level), 1),
        category="Security",
        subcategory=tactics[0] if tactics else "",
        tactics=tactics,
        techniques=techniques,
        window=window,
        trigger=trigger,
        global_=related,
        enabled=rule.status not in _OFF,
        case="ignore",
        pattern=pattern,
        incident=incident,
    )


def id_of(rule: SigmaRuleBase) -> str:
    """Give the id that a rule has here: from its own, else its name, else its title."""
    own = str(rule.id or rule.name or rule.title)
    return "SIGMA_" + re.sub(r"[^A-Za-z0-9_.-]+", "_", own)[:120]


def _comments(rule: SigmaRuleBase) -> tuple[str, ...]:
    said = [f"Sigma rule {rule.id}" if rule.id else "Sigma rule"]
    said += [f"by {rule.author}"] if rule.author else []
    said += [f"licence {rule.license}"] if rule.license else []
    return (", ".join(" ".join(each.split()) for each in said), *(f"see {each}" for each in rule.references))


def _attack(rule: SigmaRuleBase) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the tactics and the techniques that a rule is tagged with, in its order."""
    tactics: dict[str, None] = {}
    techniques: dict[str, None] = {}
    for tag in rule.tags:
        name = tag.name.lower().replace("_", "-")
        if tag.namespace.lower() != "attack":
            continue
        if _TECHNIQUE.fullmatch(name):
            techniques[name.upper()] = None
        elif name in _TACTICS:
            words = name.split("-")
            tactics[" ".join(word if word in _SMALL_WORDS else word.capitalize() for word in words)] = None
    return tuple(tactics), tuple(techniques)
