"""Health on real Apache Kafka: a worker that does not commit is dead, and one that has no reason to is not."""

import signal
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from stream_app.kafka.connection import Connection
from stream_app.kafka.failure import EXIT_STATUS
from stream_app.kafka.local import LocalBroker
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names
from tests.brokers import everything, fresh_topics, settings_of
from tests.corpus import seed_rules
from tests.runs import play_corpus
from tests.watched import STALL, Watched, has_read_all

READABLE = b'{"EventID": 1, "Computer": "ws-1", "Channel": "Microsoft-Windows-Sysmon/Operational"}'
UNREADABLE = b"no record of anything"

HANGS = """
import threading
from stream_app.kafka.detecting import Detecting
def never_comes_back(self, batch):
    threading.Event().wait()
Detecting.handle = never_comes_back
"""
"""An agent that blocks the event loop for ever; other threads run on."""

LOSES = """
import os, pathlib
from stream_app.kafka.batch import Batch
hold, held, take = pathlib.Path(os.environ["STREAM_APP_DATA_DIR"] + ".hold"), [], Batch.delivered
def delivered(*each):
    held.append(each)
    while held and not hold.exists():
        take(*held.pop(0))
Batch.delivered = delivered
"""
"""Acknowledgements that do not arrive for as long as a file exists; the event loop runs on."""


def one_partition(connection: Connection, name: str) -> tuple[Names, dict[str, str]]:
    """Give topics in which every record has its place in one order, and a worker's settings for them."""
    names = fresh_topics(connection, name, partitions=1)
    return names, settings_of(connection, names, partitions=1)


def send(connection: Connection, names: Names, *values: bytes) -> None:
    """Put records on the sysmon topic."""
    assert len(values) == produce(connection, names.sysmon, [(None, value, None) for value in values])


def remove(connection: Connection, names: Names, before: int) -> None:
    """Do what retention does: the sysmon topic's only partition begins at that offset then."""
    admin = AdminClient({**connection.librdkafka()})
    (removed,) = admin.delete_records([TopicPartition(names.sysmon, 0, before)]).values()
    removed.result(30)


def test_a_hung_event_loop_is_dead_and_says_where_it_hangs(tmp_path: Path, connection: Connection) -> None:
    """The probes answer while nothing else does; the log holds the stacks, once; the file grows old."""
    names = fresh_topics(connection, "hangs")
    with Watched(tmp_path, names, settings_of(connection, names), HANGS) as worker:
        worker.until(lambda report: report["ready"])
        assert [200, 200] == [worker.probe(path)[0] for path in ("/live", "/ready")]
        play_corpus(connection, names, seed_rules(tmp_path / "rules"))
        dead = worker.until(lambda report: not report["alive"])
        assert "nothing was committed" in dead["why"]
        assert "the event loop has not run for" in dead["why"]
        assert [503, 503] == [worker.probe(path)[0] for path in ("/live", "/ready")]
        shown = worker.metrics()
        assert {(): 0.0} == shown["stream_app_alive"]
        assert shown["stream_app_event_loop_silent_seconds"][()] > 1
        assert max(shown["stream_app_stuck_seconds"].values()) >= STALL
        written = worker.file.stat().st_mtime
        worker.until(lambda report: report["at"] > dead["at"] + 2000)
        assert written == worker.file.stat().st_mtime
        assert 1 == worker.said().count("reported dead")
        assert "thread MainThread" in worker.said()
        assert "in never_comes_back" in worker.said()
        assert "task " in worker.said()


def test_a_worker_whose_acknowledgements_stay_away_is_dead_until_they_come(
    tmp_path: Path, connection: Connection
) -> None:
    """An event loop that runs is no proof of life; a commit is, and it makes the worker alive again."""
    names = fresh_topics(connection, "loses")
    hold = tmp_path / "loses.hold"
    hold.touch()
    with Watched(tmp_path, names, settings_of(connection, names), LOSES) as worker:
        play_corpus(connection, names, seed_rules(tmp_path / "rules"))
        dead = worker.until(lambda report: not report["alive"])
        assert "event loop" not in dead["why"]
        assert 503 == worker.probe("/live")[0]
        hold.unlink()
        play_corpus(connection, names, seed_rules(tmp_path / "rules"))  # their acknowledgements bring those of before
        worker.until(lambda report: report["alive"] and has_read_all(report))
        assert 200 == worker.probe("/live")[0]
        assert "reported alive again" in worker.said()


def test_a_worker_with_nothing_to_do_is_alive_also_behind_transaction_markers(
    tmp_path: Path, connection: Connection
) -> None:
    """Markers, and what a forwarder aborted, are offsets without a record: an idle worker passes them."""
    names, settings = one_partition(connection, "idle")
    forwarder = Producer({**connection.librdkafka(), "transactional.id": "forwarder"})
    forwarder.init_transactions(30)
    forwarder.begin_transaction()
    forwarder.produce(names.sysmon, READABLE)
    forwarder.commit_transaction(30)
    with Watched(tmp_path, names, settings) as worker:
        worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 1)
        forwarder.begin_transaction()
        forwarder.produce(names.sysmon, READABLE)
        forwarder.flush(30)
        forwarder.abort_transaction(30)
        first = worker.until(
            lambda report: has_read_all(report) and report["partitions"][f"{names.sysmon}/0"]["end"] == 4
        )
        last = worker.until(lambda report: report["at"] > first["at"] + (STALL + 2) * 1000)
        assert (True, True, "", 1) == (last["alive"], last["ready"], last["why"], last["counters"]["records"])


def test_a_broker_that_does_not_answer_is_said_and_kills_no_worker(
    tmp_path: Path, kafka: LocalBroker, connection: Connection
) -> None:
    """With the broker frozen the lag is not known: the worker stays alive, and works when the broker does."""
    names, settings = one_partition(connection, "silent")
    assert kafka.process is not None
    with Watched(tmp_path, names, settings) as worker:
        worker.until(has_read_all)
        kafka.process.send_signal(signal.SIGSTOP)
        try:
            unknown = worker.until(lambda report: "no broker says" in report["why"])
            later = worker.until(lambda report: report["at"] > unknown["at"] + (STALL + 1) * 1000)
            assert (True, 200) == (later["alive"], worker.probe("/live")[0])
        finally:
            kafka.process.send_signal(signal.SIGCONT)
        send(connection, names, READABLE)
        worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 1)
        assert "reported dead" not in worker.said()


@pytest.mark.parametrize("choice", ["stop", "continue"])
def test_retention_that_overtook_a_worker_is_a_choice(tmp_path: Path, connection: Connection, choice: str) -> None:
    """Records removed unread end the worker by name, or are counted and passed."""
    names, settings = one_partition(connection, f"gap-{choice}")
    with Watched(tmp_path, names, settings | {"on_gap": choice}) as worker:
        send(connection, names, *[READABLE] * 40)
        worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 40)
        assert 0 == worker.terminate()
        send(connection, names, *[READABLE] * 30)
        remove(connection, names, 60)
        worker.restart()
        if choice == "stop":
            assert EXIT_STATUS == worker.ended()
            assert f"{names.sysmon}/0: offset 40 is to be read next, the topic holds 60 to 70" in worker.said()
            assert "STREAM_APP_ON_GAP=continue" in worker.said()
        else:
            report = worker.until(lambda report: has_read_all(report) and report["counters"]["gap"] > 0)
            assert (20, 10) == (report["counters"]["gap"], report["counters"]["records"])
            assert 70 == report["partitions"][f"{names.sysmon}/0"]["committed"]
            assert "20 records were removed by retention before they were read" in worker.said()


def test_a_gap_up_to_the_end_is_counted_once(tmp_path: Path, connection: Connection) -> None:
    """Where retention left nothing, the worker commits the end: a restart counts no record again, and nothing lags."""
    names, settings = one_partition(connection, "gap-all")
    with Watched(tmp_path, names, settings | {"on_gap": "continue"}) as worker:
        send(connection, names, *[READABLE] * 5)
        worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 5)
        assert 0 == worker.terminate()
        send(connection, names, *[READABLE] * 30)
        remove(connection, names, 35)
        worker.restart()
        at_end = f"{names.sysmon}/0"
        worker.until(lambda report: report["partitions"].get(at_end, {}).get("committed") == 35)
        assert 0 == worker.terminate()
        worker.restart()
        send(connection, names, READABLE)
        report = worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 1)
        assert (0, 36) == (report["counters"]["gap"], report["partitions"][at_end]["committed"])


@pytest.mark.parametrize("choice", ["stop", "continue"])
def test_too_many_rejections_in_a_row_are_a_choice(tmp_path: Path, connection: Connection, choice: str) -> None:
    """The fifth unreadable record in a row ends the worker by name, or is an error that is logged and counted."""
    names, settings = one_partition(connection, f"streak-{choice}")
    with Watched(tmp_path, names, settings | {"reject_streak": "5", "on_reject_streak": choice}) as worker:
        send(connection, names, *[UNREADABLE] * 4, READABLE)
        worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 5)
        assert "in a row" not in worker.said()
        send(connection, names, *[UNREADABLE] * 6)
        if choice == "stop":
            assert EXIT_STATUS == worker.ended()
        else:
            report = worker.until(lambda report: has_read_all(report) and report["counters"]["records"] == 11)
            assert (6, 1) == (report["counters"]["reject_streak"], report["counters"]["reject_streaks"])
            assert 10 == len(everything(connection, names.rejected))
        assert f"5 records in a row could not be read, the last of them {names.sysmon}/0@9" in worker.said()
