"""The end of a worker that only counts what is left, where the broker does not say what that is."""

import os
import signal
from typing import Any, cast

import pytest

from stream_app.kafka import draining
from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.connection import Connection
from stream_app.kafka.draining import DrainWatch
from stream_app.kafka.topics import Names


def test_a_worker_that_drains_ends_also_where_nobody_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told to end as by an operator, the reason is in the log, and nothing is called done."""
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))

    def refuse(_connection: Connection) -> None:
        raise KafkaUnavailable("nobody answers")

    monkeypatch.setattr(draining, "admin_client", refuse)
    watch = DrainWatch(Connection(), Names(), 60.0, print)
    watch.watch(cast("Any", None))
    assert watch._thread is not None
    watch._thread.join(10)
    assert ([(os.getpid(), signal.SIGTERM)], False) == (told, watch.done)
    assert "nobody answers" in caplog.text
