"""Cases, played: how what came of them differs from what they expect."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from stream_app.engine.playing import BASE_MS, Outcome, Projection, Stage, differences, projection
from stream_app.rulebook.cases import Case, cases_beside
from stream_app.rulebook.load import load_folder
from tests.corpus import EVERY_CHANGE, SEED, seed_rules

ONE: Projection = {"at": 0, "activity": "create", "count": 1, "incidentCount": 1, "procName": "a"}
TWO: Projection = {**ONE, "at": 60.5, "activity": "update", "count": 2}
ALL_OF_ONE = '{"at":0,"activity":"create","count":1,"incidentCount":1,"procName":"a"}'
ALL_OF_TWO = '{"at":60.5,"activity":"update","count":2,"incidentCount":1,"procName":"a"}'


def case(*expected: Projection, rejected: tuple[str, ...] = ()) -> Case:
    """Give a case that expects these incidents."""
    return Case("a case", (), tuple(map(dict, expected)), rejected)


@pytest.mark.parametrize(
    ("expected", "got", "said"),
    [
        ([ONE, TWO], [{**ONE, "at": 0.0}, TWO], ()),
        ([], [], ()),
        ([ONE, TWO], [ONE], (f"incident 2: expected {ALL_OF_TWO}, got nothing",)),
        ([ONE, TWO], [TWO], (f"incident 1: expected {ALL_OF_ONE}, got nothing",)),
        ([TWO], [ONE, TWO], (f"before any incident: expected nothing, got {ALL_OF_ONE}",)),
        ([ONE], [ONE, TWO], (f"after incident 1: expected nothing, got {ALL_OF_TWO}",)),
        (
            [ONE, TWO],
            [ONE, {**TWO, "count": 3, "procName": "b"}],
            ('incident 2: count expected 2, got 3, procName expected "a", got "b"',),
        ),
        (
            [{**ONE, "user": "1"}],
            [{**ONE, "command": "x"}],
            ('incident 1: user expected "1", got nothing, command expected nothing, got "x"',),
        ),
    ],
)
def test_what_differs_is_said_side_by_side(
    expected: list[Projection], got: list[Projection], said: tuple[str, ...]
) -> None:
    """Field by field where an incident is another, whole where it is missing or one too many."""
    assert said == differences(case(*expected), Outcome(tuple(got), ()))


def test_rejections_are_compared_too() -> None:
    """Their reasons, in order."""
    expected = case(rejected=("late",))
    assert () == differences(expected, Outcome((), ("late",)))
    assert ('rejected: expected ["late"], got []',) == differences(expected, Outcome((), ()))


def test_a_stage_plays_case_after_case(tmp_path: Path) -> None:
    """Each of them as if it were the only one, disabled rules too; and shows each record before it is taken."""
    loaded = load_folder(seed_rules(tmp_path), EVERY_CHANGE)
    ((rule_id, cases),) = cases_beside(loaded.documents).items()
    rules = {name: replace(rule, enabled=False) for name, rule in loaded.rulebook.rules.items()}
    stage = Stage(replace(loaded.rulebook, rules=rules))
    for _ in range(2):
        assert [()] * len(cases) == [differences(each, stage.play(rule_id, each)) for each in cases]
    times: list[int] = []
    first = next(stage.found(cases[0], before=lambda record: times.append(record.timestamp)))
    assert [BASE_MS] == times
    assert cases[0].incidents[0] == projection(first, BASE_MS)  # type: ignore[arg-type]  # it is an incident
    assert f"{(tmp_path / SEED.name / 'cases.toml').as_posix()}:" in cases[0].place


def test_what_others_made_is_not_compared(tmp_path: Path) -> None:
    """Neither their incidents nor what was rejected for them."""
    loaded = load_folder(seed_rules(tmp_path), EVERY_CHANGE)
    (cases,) = cases_beside(loaded.documents).values()
    assert Outcome((), ()) == Stage(loaded.rulebook).play("another", cases[0])
