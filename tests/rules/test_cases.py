"""Every case of every rule, through the whole engine without Kafka."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from stream_app.engine.incident import Incident
from stream_app.engine.playing import BASE_MS, Stage, differences, outcome_of, records_of
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.rulebook.cases import Case
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule
from stream_app.sysmon.attributes import fields_of
from tests.corpus import EVERY_CHANGE, RULES, corpus, projection, rule_of, scheduled

if TYPE_CHECKING:
    from stream_app.engine.record import Record

RULEBOOK = load_rulebook(RULES, EVERY_CHANGE)
STAGE = Stage(RULEBOOK)
CORPUS = corpus()
HEADER = {"EventID", "Channel", "SourceName", "Hostname"}
"""Fields of an event that are not Sysmon's own: a log shipper adds them."""


def shown(found: list[Incident | Rejection], base_ms: int, rule: Rule) -> list[dict[str, object]]:
    """Give the projections of a rule's incidents on the wire among what was found."""
    own = [each for each in found if isinstance(each, Incident) and each.rule.id == rule.id]
    return [projection(msgspec.json.decode(to_bytes(each)), base_ms, rule) for each in own]


@pytest.mark.parametrize(
    ("folder", "case"), [pytest.param(*each, id=f"{each[0].name}: {each[1].name}") for each in CORPUS]
)
def test_a_case_has_exactly_the_incidents_it_expects(folder: Path, case: Case) -> None:
    """The complete list, in order, and nothing rejected that is not expected to be; disabled rules are run too.

    All rules run, since a rule may read what others make; only its own incidents are compared. They say the same on the
    wire.
    """
    rule = rule_of(folder, RULEBOOK)
    found = list(STAGE.found(case))
    outcome = outcome_of(found, rule.id, BASE_MS)
    assert () == differences(case, outcome)
    assert list(outcome.incidents) == shown(found, BASE_MS, rule)


def test_the_cases_played_one_after_the_other_have_the_same_incidents() -> None:
    """As scheduled, none reaches into the next: so a runner may play them into one topic.

    But for clears: what a case leaves standing is over by the time of the next one.
    """
    plan = scheduled(CORPUS, RULEBOOK)
    topic: list[Record] = []
    for _, case, base_ms in plan:
        topic.extend(records_of(case, base_ms, len(topic)))
    found = list(replay(STAGE.rulebook, topic))
    for number, (folder, case, base_ms) in enumerate(plan):
        until = plan[number + 1][2] if number + 1 < len(plan) else base_ms * 2
        rule = rule_of(folder, RULEBOOK)
        own = [
            each
            for each in found
            if isinstance(each, Incident) and each.rule.id == rule.id and base_ms <= each.first_seen < until
        ]
        before, after = (
            [each for each in all_of if each["activity"] != "clear"]
            for all_of in (case.incidents, shown(own, base_ms, rule))
        )
        assert before == after
        cleared = [each for each in shown(own, base_ms, rule) if each["activity"] == "clear"]
        assert all(each in cleared for each in case.incidents if each["activity"] == "clear")
        begun = [each for each in after if each["activity"] == "create"]
        assert number + 1 == len(plan) or len(begun) == len(cleared)


def test_every_rule_has_cases_that_fire_and_cases_that_are_quiet(
    record_property: Callable[[str, object], None],
) -> None:
    """A rule without both is not shown to tell one thing from another."""
    rules = sorted(path.parent for path in RULES.glob("*/*.toml") if path.stem == path.parent.name)
    assert len(RULEBOOK.rules) == len(rules)
    record_property("rules", len(rules))
    record_property("cases", len(CORPUS))
    for folder in rules:
        own = [case for of, case in CORPUS if of == folder]
        assert {True, False} == {bool(case.incidents) for case in own}, folder.name


def test_every_field_of_an_event_is_one_of_sysmon() -> None:
    """A misspelt field would make a quiet case that proves nothing."""
    checked = 0
    for _, case in CORPUS:
        for event in case.events:
            if event.value.startswith(b'{"EventID"') and b"Microsoft-Windows-Sysmon" in event.value:
                checked += 1
                flat = msgspec.json.decode(event.value)
                assert set(flat) <= HEADER | set(fields_of(flat["EventID"])), case.name
    assert checked >= len(CORPUS)
