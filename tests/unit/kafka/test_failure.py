"""The end of a worker: it is explained where that can be done, and comes in any case."""

import logging
import threading
from collections.abc import Callable

import pytest

from stream_app.kafka.failure import EXIT_STATUS, Failure


def ending(explain: Callable[[BaseException], str]) -> list[int]:
    """Give the statuses with which a worker left that failed and had this to say, when the last timer has run out."""
    left: list[int] = []
    gone = threading.Event()

    def leave(status: int) -> None:
        left.append(status)
        gone.set()

    failure = Failure(grace=0.0, leave=leave)
    failure.explain = explain
    failure.set(ValueError("no more"))
    assert gone.wait(10)
    return left


def test_a_failure_is_said_with_what_is_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    """One line: the failure, and what was found out."""
    assert [EXIT_STATUS] == ending(lambda error: f"of {error} the cause")
    assert ["the worker ends, what it was handling will be read again: no more; of no more the cause"] == [
        record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL
    ]


def test_what_fails_while_it_is_explained_does_not_keep_a_worker(caplog: pytest.LogCaptureFixture) -> None:
    """It ends with what is known, and the other error is in the log."""

    def explain(_error: BaseException) -> str:
        raise OSError("nobody to ask")

    assert [EXIT_STATUS] == ending(explain)
    assert "the worker ends, what it was handling will be read again: no more" in caplog.messages
    assert "what is behind the failure could not be found out" in caplog.messages
