"""The patterns of a rule file: each [pattern.<Name>] table, and [clear], becomes a subpattern.

Decision: of a rule with one pattern and no [clear], events bring along what its aggregates need. Of any other rule all
events bring one row along, whichever subpatterns they serve: what any subpattern groups by, then what any aggregate
needs, each attribute once.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVENT_TYPE, EVERYTHING, Environment, Filter, compile_filter
from stream_app.language.constraint import Constraint, constraint_of
from stream_app.language.diagnostics import Diagnostic, Place
from stream_app.language.parser import parse
from stream_app.language.trigger import OPERATORS
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.rule import Subpattern
from stream_app.sysmon.attributes import NOT_NEGATIVE
from stream_app.sysmon.event_type import usual_types

CLEAR = "Clear"
"""What the subpattern of the [clear] table is called."""
MOST_PATTERNS = 16
"""The most subpatterns of a rule, [clear] among them: each has a bit in what is held of an event."""

NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
"""What a pattern may be called."""

_ONE = CountConstraint(">=", 1)
_DECIDED_LAST = frozenset({"=", "!=", "<", "<="})
"""Comparisons that a further event can make false: on arrival they are true on the way up, which no author means."""


class Patterns(Struct, frozen=True):
    """What a rule file says in its [pattern.<Name>] tables, in the file's order, and in [clear]."""

    own: tuple[Subpattern, ...]
    """None where a rule has no pattern, which was reported."""
    clear: Subpattern | None = None
    clear_table: Fields | None = None
    """The [clear] table, of which ``match`` is still to be read."""

    @property
    def joint(self) -> bool:
        """Whether subpatterns meet: the rule has several, or one and [clear]."""
        return len(self.own) > 1 or self.clear is not None

    @property
    def all(self) -> tuple[Subpattern, ...]:
        """All of them by number: [clear] last."""
        return self.own if self.clear is None else (*self.own, self.clear)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of :attr:`own`."""
        return tuple(subpattern.name for subpattern in self.own)


def decided_last(subpattern: Subpattern) -> bool:
    """Say whether the constraint waits for the stream where the rule does not say when it is decided."""
    constraint = subpattern.constraint
    if isinstance(constraint, Constraint):
        return constraint.final_by_default
    return constraint.operator in _DECIDED_LAST


def read_patterns(fields: Fields, environment: Environment) -> Patterns:
    """Read the patterns of a rule. What is wrong is reported, and something harmless stands in for it."""
    patterns = fields.table("pattern", required=True)
    tables = {} if patterns is None else _tables(patterns)
    clear = fields.table("clear")
    if clear is not None and CLEAR in tables:
        tables[CLEAR].at_key(f"{CLEAR!r} is what [clear] is called: name the pattern otherwise")
    everything = [*tables.items(), *([(CLEAR, clear)] if clear is not None else [])]
    if patterns is not None and len(everything) > MOST_PATTERNS:
        patterns.at_key(f"{len(everything)} patterns, {MOST_PATTERNS} may be: split the rule")
    groups = [_group_by(table, environment) for _, table in everything]
    carried = tuple(dict.fromkeys(name for group in groups for name in group)) if len(everything) > 1 else ()
    found = []
    for (name, table), group_by in zip(everything, groups, strict=True):
        if len(tables) > 1 and table is not clear:
            _check_name(name, table)
        found.append(_subpattern(name, table, group_by, carried, environment, optional=table is clear))
        carried = found[-1].carries
        if table is not clear:
            table.close()
    own = tuple(found[: len(tables)])
    return Patterns(own, None if clear is None else found[-1], clear)


def _tables(patterns: Fields) -> dict[str, Fields]:
    """Give the tables in [pattern] by name; report what else stands there, or that there is nothing."""
    tables: dict[str, Fields] = {}
    for name, value in patterns.rest().items():
        table = patterns.table(name) if isinstance(value, dict) else None
        if table is None:
            patterns.at_key(f"{name!r} stands in no pattern: begin one with [pattern.<Name>]", name)
            continue
        tables[name] = table
        if not NAME.fullmatch(name):
            table.at_key("a pattern's name must be 1 to 64 letters, digits and '_'")
    if not patterns.data:
        patterns.at_key("expected a table [pattern.<Name>]")
    return tables


def _check_name(name: str, table: Fields) -> None:
    """Report a name that a trigger line cannot hold."""
    if name.upper() in OPERATORS or name.upper() == "NOT":
        table.at_key(f"{name!r} is a word of the trigger line: name the pattern otherwise")
    elif name[:1].isdigit():
        table.at_key(f"{name!r} cannot stand in a trigger line: begin the name with a letter")


def _group_by(table: Fields, environment: Environment) -> tuple[str, ...]:
    group_by = table.texts("group_by", required=True)
    for attribute, index in group_by.items():
        if attribute not in environment.vocabulary:
            table.at_value(f"unknown attribute {attribute!r}", "group_by", index)
    return tuple(group_by)


def _subpattern(  # noqa: PLR0913 - what a pattern needs beside its table
    name: str,
    table: Fields,
    group_by: tuple[str, ...],
    carried: tuple[str, ...],
    environment: Environment,
    *,
    optional: bool,
) -> Subpattern:
    """Read a pattern; ``optional`` says that it need not have an aggregate."""
    query = table.parsed(
        "query", lambda text, place: (text, compile_filter(parse(text, place), environment, place)), literal=True
    )
    text, compiled = query or ("", EVERYTHING)

    def constraint(text: str, place: Place) -> Constraint:
        return constraint_of(text, environment, place, group_by=group_by, carried=carried, non_negative=NOT_NEGATIVE)

    aggregate = table.parsed("aggregate", constraint, required=not optional)
    counted: CountConstraint | Constraint = _ONE
    if aggregate is not None:
        counted = aggregate if aggregate.count is None else aggregate.count
    return Subpattern(
        name=name,
        query=text,
        filter=compiled,
        group_by=group_by,
        constraint=counted,
        carries=counted.attributes if isinstance(counted, Constraint) else carried,
        notes=tuple(_notes(compiled, table)),
    )


def _notes(compiled: Filter, table: Fields) -> Iterator[Diagnostic]:
    """Say why a filter runs more often than its author may think."""
    if compiled is EVERYTHING:
        return
    if not compiled.kind_text:
        said = "no condition outside of OR reads eventType alone: the filter is asked of events of every type"
    elif not compiled.clauses and any(compiled.kind({EVENT_TYPE: each}) for each in usual_types()):
        said = "no condition needs a text to be there: the filter is asked of every event of its types"
    else:
        return
    said += "; what is on a watch list is not known before" if compiled.watch_lists else ""
    yield table.document.at_value((*table.path, "query"), said)
