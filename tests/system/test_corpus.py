"""The corpus on real Apache Kafka: two workers, four partitions, the same incidents as replay, also with a kill."""

from pathlib import Path

import pytest

from stream_app.kafka.connection import Connection
from tests.brokers import fresh_topics, settings_of
from tests.corpus import seed_rules
from tests.runs import incidents_of_run, play_corpus, replayed
from tests.workers import WorkerProcess


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "one worker killed"])
def test_two_workers_give_the_incidents_of_replay(tmp_path: Path, connection: Connection, killed: bool) -> None:  # noqa: FBT001 - a case's name
    """Every incident record that replay gives for the corpus, and no other, stands on the incidents topic."""
    names = fresh_topics(connection, f"corpus-{killed}")
    settings = settings_of(connection, names) | {"drained": "hold"}
    with WorkerProcess(tmp_path, "one", settings) as one, WorkerProcess(tmp_path, "two", settings) as two:
        played = play_corpus(connection, names, seed_rules(tmp_path / "rules"))
        expected = replayed(connection, names, played, seed_rules(tmp_path / "rules"))
        if killed:
            incidents_of_run(connection, names, len(expected) // 2, [one, two])
            one.kill()
            one.restart()
        actual = incidents_of_run(connection, names, len(expected), [one, two])
        assert expected == actual
