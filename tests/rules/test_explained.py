"""Every case of every rule, explained: what is said of it is what comes of it."""

from pathlib import Path

import pytest

from stream_app.engine.explain import Given, explain
from stream_app.engine.explained import Explained
from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.rulebook.cases import Case
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rulefile import Defaults
from tests.corpus import RULES, corpus, records, rule_of

PACED = load_rulebook(RULES, Defaults())


def said(explained: list[Explained]) -> list[tuple[str, int, str, int]]:
    """Give the incidents of which a record was sent, as they were then."""
    return sorted(
        (told.id, told.revision, told.activity, told.count)
        for each in explained
        for told in (*(one for standing in each.standings for one in standing.incidents if one.said), *each.by_time)
    )


@pytest.mark.parametrize(("folder", "case"), corpus(), ids=lambda value: getattr(value, "name", str(value)))
@pytest.mark.parametrize("sources", [None, 1])
def test_an_explanation_tells_the_incidents_of_a_replay(folder: Path, case: Case, sources: int | None) -> None:
    """All of them and no others; an event whose filter is true has a key and one whose is false has none."""
    rule = rule_of(folder, PACED)
    given = [Record("sysmon", 0, at, time, value) for at, (_, value, time) in enumerate(records(case))]
    replayed = [each for each in replay(PACED, given, sources=sources) if isinstance(each, Incident)]
    named = [Given(f"e{each.offset}", each) for each in given]
    explained = list(explain(PACED, rule.id, named, sources=sources))
    assert sorted(
        (each.incident_id, each.revision, each.activity, each.count) for each in replayed if each.rule.id == rule.id
    ) == said(explained)
    assert [each.matches for each in explained] == [bool(each.standings) for each in explained]
