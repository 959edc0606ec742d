"""Metrics of a worker on real Apache Kafka: what it shows is what was sent, and what lies on the topics."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from stream_app.engine.key import PROGRESS_KEY
from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names
from stream_app.rulebook.cases import CASES, load_cases
from tests.brokers import everything, fresh_topics, settings_of
from tests.corpus import SEED, records
from tests.watched import Watched, has_read_all

RULE = "PH_Rule_SIGMA_1774"
UNREADABLE = (b"no record of anything", b'{"EventID": ', b"[]")


RECOVERS_SLOWLY = """
import os, pathlib, threading
from stream_app.kafka import table
hold, recover = pathlib.Path(os.environ["STREAM_APP_DATA_DIR"] + ".hold"), table.recover
def held(*each):
    while hold.exists():
        threading.Event().wait(0.05)
    recover(*each)
table.recover = held
"""
"""Rows that are not there for as long as a file exists."""


def send(connection: Connection, names: Names, values: list[tuple[bytes, int]]) -> None:
    """Put (record, timestamp in ms) on the sysmon topic, one after the other over its partitions."""
    assert len(values) == produce(
        connection, names.sysmon, [(b"%d" % at, value, stamp) for at, (value, stamp) in enumerate(values)]
    )


def test_what_is_shown_is_what_was_sent(tmp_path: Path, connection: Connection) -> None:
    """Records, matches, incidents, rejections by reason, late ones, delays, offsets, state: after a restart too."""
    names = fresh_topics(connection, "metrics")
    case = next(each for each in load_cases(SEED / CASES) if len(each.incidents) == 1 and len(each.events) == 1)
    ((_, matching, _),) = records(case)
    other = matching.replace(b'"EventID":3', b'"EventID":22')
    assert other != matching
    settings = {"drained": "follow", "log_format": "json", "log_level": "info", "instance_id": "worker-7"}
    with Watched(tmp_path, names, settings_of(connection, names) | settings) as worker:
        worker.until(lambda report: all(each["time"] for each in report["times"].values()) and report["times"])
        now = int(time.time() * 1000)
        sent = [(matching, now)] * 10 + [(other, now)] * 7 + [(value, now) for value in UNREADABLE]
        send(connection, names, sent)
        worker.until(lambda report: has_read_all(report) and report["counters"]["observed"] == 10)
        send(connection, names, [(matching, now - 3_600_000)])
        worker.until(
            lambda report: committed(report, names.sysmon) == 21 and report["counters"].get("rejected.late") == 1
        )
        shown = worker.metrics()
        rejections = everything(connection, names.rejected)
        assert {(): 21.0} == shown["stream_app_records_total"]
        assert {(): 14.0} == shown["stream_app_records_passed_total"]
        assert {(): 11.0} == shown["stream_app_matches_sent_total"]
        assert {(RULE,): 11.0} == shown["stream_app_matches_total"]
        assert {(RULE,): float(len(everything(connection, names.incidents)))} == shown["stream_app_incidents_total"]
        assert len(rejections) == sum(shown["stream_app_rejected_total"].values()) == 4
        assert 1.0 == shown["stream_app_rejected_total"][("late",)]
        assert [1.0] == list(shown["stream_app_late_total"].values())
        assert 10.0 == shown["stream_app_incident_delay_seconds_count"][()]
        assert 10.0 == shown["stream_app_incident_delay_seconds_bucket"][("60.0",)]
        assert 0 < shown["stream_app_incident_delay_seconds_sum"][()] < 600
        assert 1 <= shown["stream_app_read_delay_seconds_count"][()] <= 21
        assert ends(connection, names.sysmon) == of_topic(shown["stream_app_committed_offset"], names.sysmon)
        assert {0.0} == set(of_topic(shown["stream_app_lag_records"], names.sysmon).values())
        assert held(connection, names) == shown["stream_app_state_rows"], shown["stream_app_state_rows"]
        assert all(value > 0 for value in shown["stream_app_state_bytes"].values())
        assert 4 == len(shown["stream_app_stream_behind_seconds"])
        assert max(shown["stream_app_stream_behind_seconds"].values()) < 60
        assert ({(): 1.0}, {(): 1.0}) == (shown["stream_app_alive"], shown["stream_app_ready"])
        assert shown["process_resident_memory_bytes"][()] > 1 << 20
        assert ({(): 1.0}, [1.0]) == (shown["stream_app_rules"], list(shown["stream_app_rule_set_info"].values()))
        restart(worker, now)
        again = worker.metrics()
        assert shown["stream_app_rule_set_info"] == again["stream_app_rule_set_info"]
        assert shown["stream_app_state_rows"] == again["stream_app_state_rows"]
        assert {("windows",): 1.0} == again["stream_app_recoveries_total"]
        assert again["stream_app_recovery_records_total"][("windows",)] >= sum(again["stream_app_state_rows"].values())
        assert again["stream_app_rebalances_total"][()] >= 1
        check_log(worker)


def restart(worker: Watched, since: int) -> None:
    """Stop a worker in order, and wait until its successor reads."""
    assert 0 == worker.terminate()
    worker.file.unlink()
    worker.restart()
    worker.until(lambda report: has_read_all(report) and report["at"] > since)


def check_log(worker: Watched) -> None:
    """See that each line, of libraries too, is an object that names the worker."""
    said = [json.loads(line) for line in worker.said().splitlines()]
    assert {"worker-7"} == {line["worker"] for line in said}
    assert {"stream_app", "faust", "aiokafka"} <= {line["logger"].partition(".")[0] for line in said}
    assert {"windows"} == {line["table"] for line in said if "table" in line}


def committed(report: dict[str, Any], topic: str) -> int:
    """Give how many records of a topic are committed."""
    return sum(each["committed"] for place, each in report["partitions"].items() if place.startswith(f"{topic}/"))


def of_topic(series: dict[tuple[str, ...], float], topic: str) -> dict[int, float]:
    """Give the values of one topic's partitions that are not zero."""
    return {int(partition): value for (partition, of), value in series.items() if of == topic}


def ends(connection: Connection, topic: str) -> dict[int, float]:
    """Give how many records each of four partitions holds."""
    counted = Counter(message.partition() or 0 for message in everything(connection, topic))
    return {partition: float(counted[partition]) for partition in range(4)}


def held(connection: Connection, names: Names) -> dict[tuple[str, ...], float]:
    """Give how many keys each partition of the changelog holds."""
    keys: dict[int, set[bytes]] = {partition: set() for partition in range(4)}
    for message in everything(connection, names.changelog):
        keys[message.partition() or 0].add(message.key() or PROGRESS_KEY)
    return {(str(partition), "windows"): float(len(found)) for partition, found in keys.items()}


def test_readiness_waits_for_recovery_which_is_timed_while_it_runs(tmp_path: Path, connection: Connection) -> None:
    """Partitions are assigned and rows are not there yet: alive, not ready, and the recovery's seconds grow."""
    names = fresh_topics(connection, "recovers")
    hold = tmp_path / "recovers.hold"
    hold.touch()
    with Watched(tmp_path, names, settings_of(connection, names), RECOVERS_SLOWLY) as worker:
        first = worker.until(lambda report: len(report["partitions"]) == 8)
        last = worker.until(lambda report: report["at"] > first["at"] + 1500)
        assert (True, False, "it has not begun to read its partitions") == (last["alive"], last["ready"], last["why"])
        assert [200, 503] == [worker.probe(path)[0] for path in ("/live", "/ready")]
        shown = worker.metrics()
        assert shown["stream_app_recovery_running_seconds"][("windows",)] > 1
        assert ({("windows",): 0.0}, {(): 0.0}) == (shown["stream_app_recoveries_total"], shown["stream_app_ready"])
        hold.unlink()
        worker.until(lambda report: report["ready"])
        shown = worker.metrics()
        assert {("windows",): 1.0} == shown["stream_app_recoveries_total"]
        assert shown["stream_app_recovery_last_seconds"][("windows",)] > 1
        assert {("windows",): 0.0} == shown["stream_app_recovery_running_seconds"]
