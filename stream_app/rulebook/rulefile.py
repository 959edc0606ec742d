"""One rule file: a TOML document in, a compiled rule out, or every error in it with its place.

Decision: what cannot be run exactly is refused here, never ignored or guessed. What the format will say one day (a
second pattern) is refused by name as not built yet: nobody waits for an incident that cannot come.
"""

import re
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING, Environment, Filter, compile_filter
from stream_app.language.constraint import Constraint, constraint_of
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.language.parser import parse
from stream_app.rulebook.content import content_id
from stream_app.rulebook.document import Document
from stream_app.rulebook.exceptions import read_exceptions
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.mapping import read_mapping
from stream_app.rulebook.rule import Rule, Subpattern
from stream_app.sysmon.attributes import NOT_NEGATIVE

LONGEST = 31_622_400
"""The longest window, and the like: 366 days in seconds. A longer one is a slip of the keyboard."""
LONGEST_HELD = 86_400
"""The longest window, in seconds, of a rule that must hold every event of it: a group's row is bounded."""
MOST_EVIDENCE = 100
"""The most triggering records an incident may name: evidence is held in the group's row."""

_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")
_SECOND = 1000
_DECIDED_LAST = frozenset({"=", "!=", "<", "<="})
"""Comparisons that a further event can make false: on arrival they are true on the way up, which no author means."""
_ONE = CountConstraint(">=", 1)
_REFUSED = Subpattern(name="", query="", filter=EVERYTHING, group_by=(), constraint=_ONE)
"""Stands in for a pattern that was refused until all else is read."""


class Defaults(Struct, frozen=True):
    """The options of rules that do not set their own; times in integer milliseconds."""

    ignore_case: bool = True
    event_clock: bool = False
    lateness: int = 600_000
    clear_after: int = 86_400_000
    evidence: int = 5
    update_interval: int = 60_000


def read_rule(document: Document, environment: Environment, defaults: Defaults) -> Rule:
    """Give the rule that the document holds. Raises LanguageError with all that is wrong."""
    problems: list[Diagnostic] = []
    fields = Fields.of(document, problems)
    ignore_case = fields.choice("case", {"ignore": True, "exact": False}, defaults.ignore_case)
    environment = msgspec.structs.replace(environment, ignore_case=ignore_case)
    subpattern = _pattern(fields, problems, environment)
    rule = _rule(fields, subpattern, defaults)
    incident = fields.table("incident", required=bool(subpattern.group_by))
    if incident is not None and subpattern is not _REFUSED:
        mapping, shown, carries = read_mapping(incident, subpattern, environment)
        subpattern = msgspec.structs.replace(subpattern, carries=carries)
        rule = msgspec.structs.replace(rule, mapping=mapping, shown=shown, subpattern=subpattern)
    rule = msgspec.structs.replace(rule, exceptions=read_exceptions(fields, problems, environment))
    if rule.holds_all and rule.window > LONGEST_HELD * _SECOND:
        fields.at_value(
            f"window: all events of it must be held for this rule's aggregates, so it may be {LONGEST_HELD} at most",
            "window",
        )
    fields.close()
    if problems:
        raise LanguageError(problems)
    return msgspec.structs.replace(rule, content_id=content_id(rule, environment))


def _rule(fields: Fields, subpattern: Subpattern, defaults: Defaults) -> Rule:
    """Read everything but the pattern and the mapping."""
    rule_id = fields.text("id")
    if rule_id and not _ID.fullmatch(rule_id):
        fields.at_value("id must be 1 to 128 letters, digits, '_', '-' and '.'", "id")
    constraint = subpattern.constraint
    last = constraint.final_by_default if isinstance(constraint, Constraint) else constraint.operator in _DECIDED_LAST
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
        subpattern=subpattern,
        mapping=(),
        enabled=fields.flag("enabled", default=True),
        event_clock=fields.choice("clock", {"receive": False, "event": True}, defaults.event_clock),
        lateness=_milliseconds(fields, "lateness", 0, defaults.lateness),
        clear_after=_milliseconds(fields, "clear_after", 1, defaults.clear_after),
        final=fields.choice("decide", {"arrival": False, "final": True}, last),
        evidence=fields.integer("evidence", 1, MOST_EVIDENCE, defaults.evidence),
        update_interval=_milliseconds(fields, "update_interval", 0, defaults.update_interval),
    )


def _milliseconds(fields: Fields, key: str, low: int, default: int) -> int:
    """Read seconds. The default is in milliseconds already."""
    return fields.integer(key, low, LONGEST, low) * _SECOND if key in fields.data else default


def _techniques(fields: Fields) -> tuple[str, ...]:
    techniques = fields.texts("techniques")
    for technique, index in techniques.items():
        if not _TECHNIQUE.fullmatch(technique):
            message = f"{technique!r} is not an ATT&CK technique such as 'T1046' or 'T1059.006'"
            fields.at_value(message, "techniques", index)
    return tuple(techniques)


def _pattern(fields: Fields, problems: list[Diagnostic], environment: Environment) -> Subpattern:
    """Read the one [pattern.<Name>] table, or report why not."""
    patterns = fields.table("pattern", required=True)
    if patterns is None:
        return _REFUSED
    name, pattern = _only(patterns)
    if pattern is None:
        return _REFUSED
    if not _NAME.fullmatch(name):
        pattern.at_key("a pattern's name must be 1 to 64 letters, digits and '_'")
    group_by = pattern.texts("group_by", required=True)
    for attribute, index in group_by.items():
        if attribute not in environment.vocabulary:
            pattern.at_value(f"unknown attribute {attribute!r}", "group_by", index)
    query = pattern.text("query")
    compiled = _filter(query, pattern, problems, environment)
    constraint = _constraint(pattern, problems, environment, tuple(group_by))
    subpattern = Subpattern(
        name=name,
        query=query,
        filter=compiled,
        group_by=tuple(group_by),
        constraint=constraint,
        carries=constraint.attributes if isinstance(constraint, Constraint) else (),
        notes=tuple(_notes(compiled, pattern)),
    )
    pattern.close()
    return subpattern


def _only(patterns: Fields) -> tuple[str, Fields | None]:
    """Give the first pattern and its name; report what else stands in [pattern], or that there is nothing."""
    names = [name for name, value in patterns.rest().items() if isinstance(value, dict)]
    for name in patterns.data:
        if name not in names:
            patterns.at_key(f"{name!r} stands in no pattern: begin one with [pattern.<Name>]", name)
        elif name != names[0]:
            patterns.at_key(f"a second pattern, {name!r}: several patterns are not built yet", name)
    if not patterns.data:
        patterns.at_key("expected a table [pattern.<Name>]")
    return (names[0], patterns.table(names[0])) if names else ("", None)


def _notes(compiled: Filter, pattern: Fields) -> Iterator[Diagnostic]:
    """Say why a filter runs more often than its author may think."""
    if compiled is EVERYTHING:
        return
    if not compiled.kind_text:
        said = "no condition outside of OR reads eventType alone: the filter is asked of events of every type"
    elif not compiled.clauses:
        said = "no condition needs a text to be there: the filter is asked of every event of its types"
    else:
        return
    yield pattern.document.at_value((*pattern.path, "query"), said)


def _filter(query: str, pattern: Fields, problems: list[Diagnostic], environment: Environment) -> Filter:
    """Compile the query where it stands. Its places are places in the file only if the file holds it verbatim."""
    if query == "":
        return EVERYTHING
    place = pattern.verbatim("query", literal=True)
    if place is None:
        pattern.at_value("query must be a literal string: '…' or '''…'''", "query")
        return EVERYTHING
    try:
        return compile_filter(parse(query, place), environment, place)
    except LanguageError as error:
        problems.extend(error.diagnostics)
        return EVERYTHING


def _constraint(
    pattern: Fields, problems: list[Diagnostic], environment: Environment, group_by: tuple[str, ...]
) -> CountConstraint | Constraint:
    """Compile the aggregate constraint; one that is a count alone comes as that."""
    aggregate = pattern.text("aggregate")
    if aggregate == "":
        return _ONE
    place = pattern.verbatim("aggregate", literal=False)
    if place is None:
        pattern.at_value("aggregate must be written without escapes", "aggregate")
        return _ONE
    try:
        compiled = constraint_of(aggregate, environment, place, group_by=group_by, non_negative=NOT_NEGATIVE)
    except LanguageError as error:
        problems.extend(error.diagnostics)
        return _ONE
    return compiled if compiled.count is None else compiled.count
