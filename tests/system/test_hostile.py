"""Hostile records through a worker on real Kafka, the short form of ``make hostile``."""

from pathlib import Path

from stream_app.kafka.connection import Connection
from tests.hostile.run import run

RECORDS = 5_000
SEED = 4


def test_every_hostile_record_is_read_or_rejected_by_name(tmp_path: Path, connection: Connection) -> None:
    """No crash, no stall; each record is accounted for, with the reason that `normalise` gives."""
    said: list[str] = []
    outcome = run(connection, tmp_path, "hostile", count=RECORDS, seed=SEED, say=said.append)
    assert [] == outcome.said
    assert RECORDS == outcome.read + outcome.rejected
    assert outcome.rejected > RECORDS // 4
    assert outcome.counted > RECORDS // 20
    assert {"empty", "too large", "too deep", "not utf-8", "not json", "not xml", "unknown shape"} < set(
        outcome.reasons
    )
    assert "match too large" in outcome.reasons
    assert said
