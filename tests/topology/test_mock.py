"""A whole worker on the broker inside the process: the same incidents as replay."""

from pathlib import Path

from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.topics import Names, declare
from tests.brokers import settings_of
from tests.corpus import seed_rules
from tests.runs import incidents_of_run, play_corpus, replayed
from tests.workers import WorkerProcess


def test_a_worker_on_the_mock_gives_the_incidents_of_replay(tmp_path: Path) -> None:
    """Every incident record that replay gives for the corpus, and no other, stands on the incidents topic."""
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="mock")
        broker.make_topics(topic.name for topic in declare(names))
        played = play_corpus(connection, names, seed_rules(tmp_path / "rules"))
        settings = settings_of(connection, names) | {"drained": "hold"}
        with WorkerProcess(tmp_path, "worker", settings) as worker:
            expected = replayed(connection, names, played, seed_rules(tmp_path / "rules"))
            actual = incidents_of_run(connection, names, len(expected), [worker])
            assert expected == actual
