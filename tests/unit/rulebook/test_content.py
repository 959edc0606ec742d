"""The hash of what decides."""

import msgspec
import pytest

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING, Environment
from stream_app.language.tables import LookupTable
from stream_app.language.values import AttributeType
from stream_app.rulebook.content import content_id
from stream_app.rulebook.rule import Rule, Subpattern

RULE = Rule(
    id="R",
    name="A rule",
    description="",
    severity=5,
    category="Security",
    subcategory="",
    tactics=(),
    techniques=(),
    window=300_000,
    subpattern=Subpattern(
        name="Filter",
        query="srcIpAddr IN (Group@LAB) AND LookupTableHas(fruit, procName) = 1",
        filter=EVERYTHING,
        group_by=("procName",),
        constraint=CountConstraint(">=", 2),
    ),
    mapping=(("procName", "procName"),),
)
TABLE = LookupTable(columns=("name", "kind"), rows=(("apple", "tree"),))
ENVIRONMENT = Environment(
    vocabulary={"procName": AttributeType.STRING, "srcIpAddr": AttributeType.IP},
    groups={"LAB": ("10.0.0.0/8",), "OFFICE": ("10.1.0.0/16",)},
    tables={"fruit": TABLE, "bread": TABLE},
)


def content(rule: Rule = RULE, environment: Environment = ENVIRONMENT, query: str | None = None) -> str:
    """Give the content id, of a rule with another query if one is given."""
    if query is not None:
        subpattern = msgspec.structs.replace(rule.subpattern, query=query)
        rule = msgspec.structs.replace(rule, subpattern=subpattern)
    return content_id(rule, environment)


def test_the_hash_is_the_same_in_every_process() -> None:
    """A golden value: it changes with VERSION only."""
    assert "84dbb6f6fa3c3b8ca8bec47f666da2667cb3c3b7c2b35921230d4b75b4596609" == content()


@pytest.mark.parametrize(
    "change",
    [
        {"window": 1},
        {"event_clock": True},
        {"lateness": 1},
        {"clear_after": 1},
        {"final": True},
        {"evidence": 1},
        {"mapping": ()},
        {"subpattern": msgspec.structs.replace(RULE.subpattern, group_by=())},
        {"subpattern": msgspec.structs.replace(RULE.subpattern, constraint=CountConstraint(">=", 3))},
        {"subpattern": msgspec.structs.replace(RULE.subpattern, constraint=CountConstraint(">", 2))},
        {"subpattern": msgspec.structs.replace(RULE.subpattern, query="procName IS NULL")},
    ],
)
def test_what_decides_changes_the_hash(change: dict[str, object]) -> None:
    """Query, group-by, constraint, mapping, window and options all count."""
    assert content() != content(msgspec.structs.replace(RULE, **change))


def test_what_does_not_decide_leaves_the_hash_alone() -> None:
    """Titles, severity, whether it runs or is in shadow, and how the query is set out do not count."""
    renamed = msgspec.structs.replace(RULE, name="B", description="d", severity=9, tactics=("x",), enabled=False)
    assert content() == content(renamed)
    assert content() == content(msgspec.structs.replace(RULE, shadow=True))
    assert content() == content(query="srcIpAddr in(Group@LAB)\n and  LookupTableHas( fruit,procName )=1")


def test_case_groups_and_tables_that_the_query_reads_count() -> None:
    """Those of other rules do not."""
    assert content() != content(environment=msgspec.structs.replace(ENVIRONMENT, ignore_case=False))
    lab = msgspec.structs.replace(ENVIRONMENT, groups={"LAB": ("10.0.0.0/9",)})
    assert content() != content(environment=lab)
    fruit = msgspec.structs.replace(ENVIRONMENT, tables={"fruit": LookupTable(columns=("name",), rows=())})
    assert content() != content(environment=fruit)
    others = msgspec.structs.replace(ENVIRONMENT, groups={"LAB": ("10.0.0.0/8",)}, tables={"fruit": TABLE})
    assert content() == content(environment=others)


def test_a_query_that_asks_the_cmdb_reads_its_tables() -> None:
    """The function names no table."""
    query = 'DeviceToCMDBAttr(procName, "kind") = "tree"'
    without = content(query=query)
    cmdb = msgspec.structs.replace(ENVIRONMENT, tables={"cmdb": TABLE})
    interfaces = msgspec.structs.replace(ENVIRONMENT, tables={"cmdb_intfName": TABLE})
    assert 3 == len({without, content(query=query, environment=cmdb), content(query=query, environment=interfaces)})
