"""Factories of the engine's tests: a rule, a match of it, and the facts of the rule that the project starts from."""

from collections.abc import Callable

import pytest

from stream_app.engine.match import VERSION, Match, Origin
from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING
from stream_app.rulebook.rule import Rule, Subpattern

SEED_GROUP = ("command", "destIpAddr", "hostName", "initiated", "parentProcName", "procName", "srcIpAddr")


def _rule_of(constraint: str = ">= 1", *, group_by: tuple[str, ...] = ("hostName",), **options: object) -> Rule:
    operator, number = constraint.split()
    subpattern = Subpattern("Filter", "", EVERYTHING, group_by, CountConstraint(operator, int(number)))
    facts: dict[str, object] = {
        "id": "PH_Rule_Test",
        "name": "A test",
        "description": "",
        "severity": 5,
        "category": "Security",
        "subcategory": "Discovery",
        "tactics": ("Discovery",),
        "techniques": ("T1046",),
        "window": 300_000,
        "subpattern": subpattern,
        "mapping": tuple((name, name) for name in group_by),
    }
    return Rule(**{**facts, **options})


def _match_of(time: int, offset: int, partition: int = 0, topic_id: str = "T", **other: object) -> Match:
    group = other.get("group", ("pc1",))
    return Match(VERSION, "PH_Rule_Test", "1", group, time, Origin("sysmon", topic_id, partition, offset))


@pytest.fixture(scope="session")
def rule_of() -> Callable[..., Rule]:
    """Give a maker of rules: ``rule_of(">= 3", window=1000)``."""
    return _rule_of


@pytest.fixture(scope="session")
def match_of() -> Callable[..., Match]:
    """Give a maker of matches: ``match_of(time, offset, partition, topic_id)``."""
    return _match_of


@pytest.fixture(scope="session")
def seed_rule() -> Rule:
    """Give the rule that the project starts from, but for its filter."""
    return _rule_of(group_by=SEED_GROUP, id="PH_Rule_SIGMA_1774", name="Windows: Python Initiated Connection")
