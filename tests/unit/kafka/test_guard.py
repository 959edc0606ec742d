"""A record that would take for ever is broken off, and nothing else is."""

import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from stream_app.engine.expense import TooExpensive
from stream_app.kafka.guard import Guard

BUDGET = 40

CATASTROPHIC = (
    (r"(a+)+$", "a" * 60 + "b"),
    (r"(a|a)*$", "a" * 60 + "b"),
    (r"(a|aa)+$", "a" * 80 + "b"),
    (r"(.*a){20}", "a" * 19 + "b" * 200),
    (r"^(\w+\s?)*$", "word " * 20 + "!"),
    (r"\s*\s*\s*\s*\s*\s*x", " " * 2000),
    (r"([a-z]+)*\d", "abcdefgh" * 12),
)
"""The known families, with texts on which ``re`` would be busy for hours."""


def search(pattern: str, text: str) -> bool:
    """Stand for a stage: each call is one record."""
    return re.search(pattern, text) is not None


def spend(milliseconds: int) -> None:
    """Use CPU time of this thread, without ``re``."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


def spend_elsewhere(milliseconds: int) -> None:
    """Use as much, in what is no stage."""
    until = time.thread_time() + milliseconds / 1000
    while time.thread_time() < until:
        pass


@pytest.fixture(autouse=True)
def _no_timer_is_left() -> Iterator[None]:
    """After each test nothing ticks."""
    yield
    assert (0.0, 0.0) == signal.getitimer(signal.ITIMER_VIRTUAL)


@pytest.mark.parametrize(("pattern", "text"), CATASTROPHIC, ids=[pattern for pattern, _ in CATASTROPHIC])
def test_a_catastrophic_search_is_broken_off(pattern: str, text: str) -> None:
    """Each family; the same pattern works on the next record, and the next catastrophe ends too."""
    with Guard(BUDGET, search):
        for _ in range(2):
            with pytest.raises(TooExpensive) as given_up:
                search(pattern, text)
            assert given_up.value.spent >= BUDGET == given_up.value.allowed
            assert search(pattern, "aaa") == (re.search(pattern, "aaa") is not None)


def test_many_records_are_not_one() -> None:
    """What is within the budget for each record is never broken off, however many there are."""
    with Guard(BUDGET, spend):
        for _ in range(20):
            spend(BUDGET // 4)


def test_what_is_not_a_stage_is_not_broken_off() -> None:
    """The loop around the stages may take its time, also right after a record that was given up."""
    with Guard(BUDGET, spend):
        with pytest.raises(TooExpensive):
            spend(BUDGET * 100)
        spend_elsewhere(BUDGET * 3)


def test_a_record_in_which_the_exception_was_lost_is_broken_off_again() -> None:
    """Something that swallows it once, as a finaliser does, gives the record no more than another budget."""
    lost = []

    def stage() -> None:
        try:
            spend(BUDGET * 100)
        except TooExpensive as expense:
            lost.append(expense)
        spend(BUDGET * 100)

    with Guard(BUDGET, stage), pytest.raises(TooExpensive):
        stage()
    assert 1 == len(lost)


def test_a_budget_of_nothing_guards_nothing() -> None:
    """The option to switch it off starts no timer."""
    with Guard(0, spend):
        assert (0.0, 0.0) == signal.getitimer(signal.ITIMER_VIRTUAL)
        spend(BUDGET * 3)


def _in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_worker_in_a_thread_works_unguarded_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    """Signals are the main thread's: elsewhere nothing is broken off, and nothing fails."""
    done = []

    def work() -> None:
        with Guard(BUDGET, spend):
            spend(BUDGET * 3)
            done.append(True)

    with caplog.at_level(logging.WARNING):
        _in_a_thread(work)
    assert [True] == done
    assert ["a record that takes long is not broken off: only the main thread can be told the time"] == caplog.messages


def test_a_platform_without_the_timer_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing timer is no reason not to run."""
    with monkeypatch.context() as missing, caplog.at_level(logging.WARNING):
        missing.delattr(signal, "setitimer")
        with Guard(BUDGET, spend):
            spend(BUDGET * 3)
    assert ["a record that takes long is not broken off: this platform has no timer of CPU time"] == caplog.messages


def test_a_second_guard_leaves_the_first_one_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The timer is one; whoever has it keeps it."""
    with Guard(BUDGET, spend), caplog.at_level(logging.WARNING):
        with Guard(BUDGET, spend_elsewhere):
            spend_elsewhere(BUDGET * 3)
        with pytest.raises(TooExpensive):
            spend(BUDGET * 100)
    assert ["a record that takes long is not broken off: something else uses the timer of CPU time"] == caplog.messages


def test_the_reason_says_the_times() -> None:
    """What is said to a person: how long it took, and what is allowed."""
    assert "given up after 612 ms, allowed are 500" == str(TooExpensive(612, 500))
