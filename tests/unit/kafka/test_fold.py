"""A batch is folded in parts: how large they are decides nothing but how many rows are written."""

from pathlib import Path
from typing import Any, cast

import pytest
from faust.types import TP

from stream_app.kafka import windows
from stream_app.kafka.batch import Batch
from tests.unit.kafka.cluster import MATCHES, Logs, Worker
from tests.unit.kafka.simulation import NAMES
from tests.unit.kafka.test_outlets import connection, rulebook

HOSTS = 7
NUMBER = 400


def folded(monkeypatch: pytest.MonkeyPatch, folder: Path, size: int) -> tuple[Worker, Batch]:
    """Fold one batch of many matches of few groups in parts of a size."""
    monkeypatch.setattr(windows, "FOLD", size)
    logs = Logs()
    worker = Worker(rulebook(folder), logs, range(MATCHES))
    sysmon = [
        logs.append((NAMES.sysmon, 0), b"", connection(f"pc{number % HOSTS}"), None, number) for number in range(NUMBER)
    ]
    worker.handle(NAMES.sysmon, 0, sysmon)
    taken = max((logs.logs[NAMES.matches, number] for number in range(MATCHES)), key=len)
    with Batch(
        cast("Any", logs), TP(NAMES.matches, taken[0].partition()), [(each, each, 0) for each in taken], 0
    ) as batch:
        worker.windows.handle(batch)
    return worker, batch


def test_parts_of_any_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last rows are the same bytes, and so are the incidents; each match is counted once, and its delay too."""
    found = []
    for size in (1, 9, 250, NUMBER):
        worker, batch = folded(monkeypatch, tmp_path / f"{size}", size)
        logs = worker.logs.logs
        number = batch.tp.partition
        rows = {each.key(): each.value() for each in logs[NAMES.changelog, number]}
        said = [(each.key(), each.value()) for at in range(MATCHES) for each in logs[NAMES.incidents, at]]
        assert batch.on_settled is not None
        batch.on_settled()
        delays = sum(worker.counters.incident_delays.buckets)
        found.append((rows, sorted(said), worker.counters.observed, delays))
        assert len(said) == delays
    assert len(found[0][0]) > 0
    assert [found[0]] * len(found) == found
