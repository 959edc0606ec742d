"""One run of the corpus through workers, and through replay over the very records that lie on the topic."""

import time
from collections.abc import Sequence
from pathlib import Path

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.kafka.connection import Connection
from stream_app.kafka.detecting import record_of
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names
from stream_app.rulebook.load import load_rulebook
from tests.brokers import everything
from tests.corpus import EVERY_CHANGE, corpus, records, scheduled
from tests.workers import WorkerProcess

PATIENCE = 60.0
"""Seconds after which a run that has not given what is expected is judged as it is."""


def play_corpus(connection: Connection, names: Names, rules: Path) -> int:
    """Produce the records of every case, each case in a time of its own; gives how many."""
    planned = scheduled(corpus(rules), load_rulebook(rules, EVERY_CHANGE))
    return produce(connection, names.sysmon, [each for _, case, base in planned for each in records(case, base)])


def records_on(connection: Connection, names: Names) -> list[Record]:
    """Give what lies on the sysmon topic, those of a partition in order."""
    return [record_of(message, "") for message in everything(connection, names.sysmon)]


def replayed(connection: Connection, names: Names, count: int, rules: Path) -> set[bytes]:
    """Give the incident records that replay gives for what lies on the topic, time standing still as it does there."""
    given = records_on(connection, names)
    assert count == len(given)
    emitted = replay(load_rulebook(rules, EVERY_CHANGE), given, sources=None)
    return {to_bytes(each) for each in emitted if isinstance(each, Incident)}


def incidents_of_run(
    connection: Connection, names: Names, expected: int, workers: Sequence[WorkerProcess]
) -> set[bytes]:
    """Give the distinct incident records of a run, as soon as there are as many as expected and nothing more comes."""
    seen: set[bytes] = set()
    deadline = time.monotonic() + PATIENCE
    quiet = 0

    def done() -> bool:
        nonlocal quiet
        for worker in workers:
            assert worker.alive, worker.said()
        quiet = quiet + 1 if len(seen) >= expected else 0
        return quiet > 10 or time.monotonic() > deadline  # ten empty looks, each of which waits 0.1 s

    for message in follow(connection, names.incidents, from_beginning=True, stop=done):
        seen.add(message.value() or b"")
    return seen
