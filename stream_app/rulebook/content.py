"""What decides a rule's incidents, as one hash: two rules with the same id and hash make the same incidents.

Decision: what is hashed is the meaning, not the file: the query as the printer writes it (blanks and keyword case do
not count), and the groups and tables that it reads, but no title, severity or ATT&CK name. A query that holds a group's
or a table's name, even only inside a string, counts as reading it: a hash that changes too often does no harm.
"""

import hashlib

import msgspec

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Environment
from stream_app.language.lookups import CMDB
from stream_app.language.parser import parse
from stream_app.language.printer import to_text
from stream_app.rulebook.join import Join
from stream_app.rulebook.rule import Rule, Subpattern
from stream_app.sysmon.attributes import VOCABULARY

VERSION = 1


def content_id(rule: Rule, environment: Environment) -> str:
    """Give the SHA-256, hexadecimal, of what decides. The rule must have been compiled in this environment."""
    asked = [_asked(subpattern) for subpattern in rule.subpatterns]
    query, group_by, counted = asked[0]
    shown = [(name, aggregate.text) for name, aggregate in rule.shown]
    read = f"{asked} {shown} {[each.when for each in rule.exceptions]}"
    declared = sorted(
        (name, kind.value) for name, kind in environment.vocabulary.items() if name not in VOCABULARY and name in read
    )
    cmdb = CMDB if "DeviceToCMDBAttr" in read else read
    decides = (
        VERSION,
        query,
        environment.ignore_case,
        group_by,
        counted,
        rule.mapping,
        (rule.window, rule.event_clock, rule.lateness, rule.clear_after, rule.final, rule.evidence),
        [(name, members) for name, members in sorted(environment.groups.items()) if name in read],
        [
            (name, table.columns, table.rows)
            for name, table in sorted(environment.tables.items())
            if name in read or name.startswith(cmdb)
        ],
        *([declared] if declared else ()),
        *([shown] if shown else ()),
        *([("flood", rule.caps.spans)] if rule.caps is not None else ()),
        *([_met(rule.join, asked, rule)] if rule.join is not None else ()),
        *(
            [[(to_text(parse(each.when)), each.period and each.period.facts) for each in rule.exceptions]]
            if rule.exceptions
            else ()
        ),
    )
    return hashlib.sha256(msgspec.msgpack.encode(decides)).hexdigest()


def _asked(subpattern: Subpattern) -> tuple[str, tuple[str, ...], object]:
    """Give what a subpattern asks of an event, what it groups by, and what it asks of a group."""
    constraint = subpattern.constraint
    counted = (constraint.operator, constraint.number) if isinstance(constraint, CountConstraint) else constraint.text
    return to_text(parse(subpattern.query)), subpattern.group_by, counted


def _met(join: Join, asked: object, rule: Rule) -> object:
    """Give what decides where subpatterns meet."""
    matched = () if join.clear is None else tuple((place, each.text) for place, each in join.clear.matched)
    of = tuple(aggregate.subpattern for _, aggregate in rule.shown)
    return join.names, asked, join.trigger, tuple(each.text for each in join.relations), matched, of
