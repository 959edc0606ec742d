"""One rule file: a TOML document in, a compiled rule out, or every error in it with its place.

Decision: what cannot be run exactly is refused here, never ignored or guessed.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING, Environment
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.caps import read_caps
from stream_app.rulebook.clear import read_clear
from stream_app.rulebook.content import content_id
from stream_app.rulebook.document import Document
from stream_app.rulebook.exceptions import read_exceptions
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.filling import read_fillings
from stream_app.rulebook.join import Way
from stream_app.rulebook.joint import Read, join_of
from stream_app.rulebook.mapping import Mapped, read_mapping
from stream_app.rulebook.pattern import Patterns, decided_last, read_patterns
from stream_app.rulebook.relations import read_relations
from stream_app.rulebook.rule import MOST_ROW_BYTES, Rule, Subpattern
from stream_app.rulebook.trigger import read_trigger

LONGEST = 31_622_400
"""The longest window, and the like: 366 days in seconds. A longer one is a slip of the keyboard."""
LONGEST_HELD = 86_400
"""The longest window, in seconds, of a rule that must hold every event of it: a group's row is bounded."""
LEAST_ROW_BYTES = 100_000
"""The smallest limit that a row may have: below it, what a row must remember of its sources would fill it."""
MOST_EVIDENCE = 100
"""The most triggering records an incident may name: evidence is held in the group's row."""

ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""What a rule may be called."""
TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")
"""How ATT&CK names a technique."""

_SECOND = 1000
_REFUSED = Subpattern("", "", EVERYTHING, (), CountConstraint(">=", 1))
"""Stands in for a pattern that was refused until all else is read."""


class Defaults(Struct, frozen=True):
    """The options of rules that do not set their own; times in integer milliseconds."""

    ignore_case: bool = True
    event_clock: bool = False
    lateness: int = 600_000
    clear_after: int = 86_400_000
    evidence: int = 5
    update_interval: int = 60_000
    row_limit: int = MOST_ROW_BYTES


def read_rule(document: Document, environment: Environment, defaults: Defaults) -> Rule:
    """Give the rule that the document holds. Raises LanguageError with all that is wrong."""
    problems: list[Diagnostic] = []
    fields = Fields.of(document, problems)
    environment = _compared(fields, environment, defaults)
    patterns = read_patterns(fields, environment)
    trigger, ways = read_trigger(fields, patterns)
    relations = read_relations(fields, patterns, environment)
    rule = _rule(fields, patterns, ways, defaults)
    incident = _incident(fields, patterns, ways, environment)
    clear = read_clear(patterns, incident, ways, environment)
    rule = msgspec.structs.replace(
        rule,
        shown=incident.shown,
        event_clock=environment.event_clock,
        watch_lists=read_fillings(fields),
        exceptions=read_exceptions(fields, problems, environment),
        environment=environment,
    )
    if (patterns.joint or rule.holds_all) and rule.window > LONGEST_HELD * _SECOND:
        why = "" if patterns.joint else " for this rule's aggregates"
        fields.at_value(f"window: all events of it must be held{why}, so it may be {LONGEST_HELD} at most", "window")
    fields.close()
    if problems:
        raise LanguageError(problems)
    if patterns.joint:
        join = join_of(Read(patterns, trigger, ways, relations, incident, clear), document, environment)
        mapping = tuple((name, source) for name, source, _ in incident.attributes)
    else:
        join, group_by = None, rule.subpattern.group_by
        mapping = tuple((name, group_by[place]) for name, _, (_, place) in incident.attributes)
    first, *others = (msgspec.structs.replace(each, carries=incident.carries) for each in patterns.all)
    rule = msgspec.structs.replace(rule, subpattern=first, others=tuple(others), join=join, mapping=mapping)
    return msgspec.structs.replace(rule, content_id=content_id(rule, environment))


def own_environment(document: Document, environment: Environment, defaults: Defaults) -> Environment:
    """Give what the filters of a rule, which must be right, are compiled with."""
    return _compared(Fields.of(document, []), environment, defaults)


def _compared(fields: Fields, environment: Environment, defaults: Defaults) -> Environment:
    """Read how the rule compares."""
    ignore_case = fields.choice("case", {"ignore": True, "exact": False}, defaults.ignore_case)
    event_clock = fields.choice("clock", {"receive": False, "event": True}, defaults.event_clock)
    return msgspec.structs.replace(environment, ignore_case=ignore_case, event_clock=event_clock)


def _incident(fields: Fields, patterns: Patterns, ways: Sequence[Way], environment: Environment) -> Mapped:
    """Read the mapping of a rule; one that groups by nothing needs none."""
    incident = fields.table("incident", required=any(each.group_by for each in patterns.own))
    if incident is None or not patterns.own:
        return Mapped(carries=patterns.all[-1].carries if patterns.own else ())
    return read_mapping(incident, patterns, ways, environment)


def _rule(fields: Fields, patterns: Patterns, ways: Sequence[Way], defaults: Defaults) -> Rule:
    """Read everything but the patterns and the mapping."""
    rule_id = fields.text("id")
    if rule_id and not ID.fullmatch(rule_id):
        fields.at_value("id must be 1 to 128 letters, digits, '_', '-' and '.'", "id")
    negated = any(way.without for way in ways)
    final = fields.choice("decide", {"arrival": False, "final": True}, negated or any(map(decided_last, patterns.all)))
    if negated and not final:
        said = "what must not come is known when its window has passed: decide must be 'final', which is the default"
        fields.at_value(f"decide: {said}", "decide")
    return Rule(
        id=rule_id,
        name=fields.text("name"),
        description=fields.text("description", ""),
        severity=fields.integer("severity", 1, 10),
        category=fields.text("category"),
        subcategory=fields.text("subcategory", ""),
        tactics=tuple(fields.texts("tactics")),
        techniques=_techniques(fields),
        window=fields.integer("window", 1, LONGEST) * _SECOND,
        subpattern=patterns.own[0] if patterns.own else _REFUSED,
        mapping=(),
        enabled=fields.flag("enabled", default=True),
        shadow=fields.flag("shadow", default=False),
        lateness=_milliseconds(fields, "lateness", 0, defaults.lateness),
        clear_after=_milliseconds(fields, "clear_after", 1, defaults.clear_after),
        final=final,
        evidence=fields.integer("evidence", 1, MOST_EVIDENCE, defaults.evidence),
        update_interval=_milliseconds(fields, "update_interval", 0, defaults.update_interval),
        row_limit=fields.integer("row_limit", LEAST_ROW_BYTES, MOST_ROW_BYTES, defaults.row_limit),
        caps=read_caps(fields),
    )


def _milliseconds(fields: Fields, key: str, low: int, default: int) -> int:
    """Read seconds. The default is in milliseconds already."""
    return fields.integer(key, low, LONGEST, low) * _SECOND if key in fields.data else default


def _techniques(fields: Fields) -> tuple[str, ...]:
    techniques = fields.texts("techniques")
    for technique, index in techniques.items():
        if not TECHNIQUE.fullmatch(technique):
            message = f"{technique!r} is not an ATT&CK technique such as 'T1046' or 'T1059.006'"
            fields.at_value(message, "techniques", index)
    return tuple(techniques)
