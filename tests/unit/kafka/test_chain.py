"""The chain from a source record to its incident: whole, it loses nothing; with any one link cut, it does.

Each cut is the test of a test: the same runs, with one link taken out, must show a loss, a double count or two tellings
of one thing, else the runs would prove nothing about that link.
"""

import uuid
from typing import Any

import pytest
from msgspec.structs import replace

from stream_app.engine import observe as observing
from stream_app.kafka import screening, windows
from stream_app.kafka.batch import Batch
from stream_app.rulebook.rule import Rulebook
from tests.corpus import seed_rulebook
from tests.unit.kafka.simulation import Run, simulate

SEEDS = range(300)
CLEAN = Run(missing=0, extra=0, wrong=0)


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    """Give the seed rule."""
    whole = seed_rulebook()
    return Rulebook({"PH_Rule_SIGMA_1774": whole.rules["PH_Rule_SIGMA_1774"]})


def _some(rulebook: Rulebook, **how: bool) -> Run | None:
    """Give the first run that is not clean."""
    return next((run for run in (simulate(rulebook, seed, **how) for seed in SEEDS) if run != CLEAN), None)


@pytest.mark.parametrize("seed", SEEDS[:120])
def test_the_whole_chain_counts_every_match_once(rulebook: Rulebook, seed: int) -> None:
    """Crashes, repeats and frozen workers that wake: every match is in its incident once, told in one way."""
    assert CLEAN == simulate(rulebook, seed)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("interval", [5, 60_000])
def test_incidents_that_are_held_back_and_over_lose_nothing(rulebook: Rulebook, interval: int, seed: int) -> None:
    """With updates that wait for time, and time that moves past all of them: the final numbers are out, and the end."""
    rules = {name: replace(rule, update_interval=interval) for name, rule in rulebook.rules.items()}
    assert CLEAN == simulate(Rulebook(rules), seed, days=3)


@pytest.mark.parametrize("seed", range(30))
def test_a_source_topic_made_anew_is_counted_from_its_beginning(rulebook: Rulebook, seed: int) -> None:
    """A topic with another id starts at offset 0 and is not taken for counted."""
    assert CLEAN == simulate(rulebook, seed, remade=True)


def test_link_1_and_3_cut_offsets_committed_before_their_records_are_acknowledged(
    rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that counts as settled when it is only handled loses matches."""
    monkeypatch.setattr(Batch, "settled", property(lambda batch: batch.handled))
    found = _some(rulebook, zombies=False)
    assert found is not None
    assert found.missing > 0


def test_link_2_cut_a_repeated_match_is_not_answered(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the resend an incident whose row got out and which did not itself is lost."""

    def silent(*given: Any) -> observing.Observed:
        observed = observing.observe(*given)
        return replace(observed, incidents=()) if observed.repeated else observed

    monkeypatch.setattr(windows, "observe", silent)
    monkeypatch.setattr(windows, "current", lambda *_: ())
    losing = [seed for seed in SEEDS if _last_is_lost(rulebook, seed)]
    assert losing


def _last_is_lost(rulebook: Rulebook, seed: int) -> bool:
    """Whether some incident of a run without the last count never came."""
    return simulate(rulebook, seed, steps=60, zombies=False, counted_again=False) != CLEAN


def test_link_2_cut_the_topic_id_is_forgotten(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the topic's id a topic made anew looks as if it had been counted."""
    encode_place = screening.encode_place
    monkeypatch.setattr(screening, "encode_place", lambda topic, _id, partition: encode_place(topic, "", partition))
    found = _some(rulebook, remade=True, zombies=False)
    assert found is not None
    assert found.missing > 0


def test_link_4_cut_an_old_row_is_let_in(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recovery that takes the last row instead of the newest undercounts once a frozen worker has woken."""
    monkeypatch.setattr("tests.unit.kafka.simulation.row_position", lambda _row: 0)
    monkeypatch.setattr("stream_app.kafka.rows.RowPartitions.book", lambda *_: True)
    found = _some(rulebook)
    assert found is not None
    assert found.missing > 0


def test_link_5_cut_ids_are_drawn_by_chance(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an id that another worker does not make again, one incident becomes two."""
    monkeypatch.setattr("stream_app.engine.correlate.incident_id", lambda *_: uuid.uuid4().bytes)
    found = _some(rulebook, zombies=False)
    assert found is not None
    assert found.wrong > 0
