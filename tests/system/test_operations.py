"""What an operator does to a group and its topics, on real Kafka: more partitions, rebuilding, replaying, waiting."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.rejection import decode_rejection, encode_rejection
from stream_app.engine.stream_time import Progress, encode_progress
from stream_app.kafka.admin import add_partitions, partitions_in
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import members_of, open_work
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names
from tests.brokers import everything, fresh_topics, settings_of
from tests.faults.load import record
from tests.system.test_stream_time import until
from tests.workers import WorkerProcess

PYTHON = r"C:\Python311\python.exe"
HOSTS = [f"host-{number}" for number in range(24)]
CAP = 5

RULE = """
id = "{id}"
name = "{id}"
description = "Connections of python, by host."
severity = 5
category = "Security"
subcategory = "Discovery"
tactics = ["Discovery"]
techniques = ["T1046"]
window = 3600

[pattern.Filter]
query = '''eventType CONTAIN "Win-Sysmon-3-" AND procName CONTAIN "python"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= {least}"

[incident]
hostName = "Filter.hostName"
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Give rules over the same events: one that fires at once, one that counts to six, one with a cap."""
    texts = {
        "once": RULE.format(id="ONCE", least=1),
        "six": RULE.format(id="SIX", least=6),
        "capped": RULE.format(id="CAPPED", least=1) + f"\n[flood]\nper_day = {CAP}\n",
    }
    for name, text in texts.items():
        (tmp_path / "rules" / name).mkdir(parents=True)
        (tmp_path / "rules" / name / f"{name}.toml").write_text(text)
    return tmp_path / "rules"


def run(
    settings: Mapping[str, str], *arguments: str, hindered: str = "", timeout: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a command with a worker's settings; ``hindered`` is Python that is run before it."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("STREAM_APP_")}
    environment |= {f"STREAM_APP_{key.upper()}": value for key, value in settings.items()}
    program = f"{hindered}\nfrom stream_app.cli.main import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def send(connection: Connection, names: Names, hosts: Iterable[str], times: int) -> None:
    """Send so many connections of each host, a millisecond apart."""
    now = int(time.time() * 1000) - times
    records = [
        (host.encode(), record(host, "203.0.113.1", PYTHON, number), now + number)
        for number in range(times)
        for host in hosts
    ]
    produce(connection, names.sysmon, records)


def newest(connection: Connection, names: Names, rule: str) -> dict[str, dict[str, object]]:
    """Give the newest revision of each incident of a rule by its host. Fails where a host has two."""
    found: dict[str, dict[str, dict[str, object]]] = defaultdict(dict)
    for message in everything(connection, names.incidents):
        fields = msgspec.json.decode(message.value() or b"")
        if fields["ruleId"] != rule or "hostName" not in fields:
            continue
        known = found[fields["hostName"]].setdefault(fields["incidentId"], fields)
        if fields["revision"] > known["revision"]:
            found[fields["hostName"]][fields["incidentId"]] = fields
    assert all(len(ids) == 1 for ids in found.values()), f"{rule}: a host has two incidents"
    return {host: next(iter(ids.values())) for host, ids in found.items()}


def counts(connection: Connection, names: Names, rule: str) -> dict[str, int]:
    """Give the number of triggers of each host's incident."""
    return {host: int(str(each["count"])) for host, each in newest(connection, names, rule).items()}


KILLED = """
import os, signal
from stream_app.kafka import growing, rowlog
def die(*_args, **_kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
"""
IN_THE_MIDDLE_OF_ROWS = KILLED + "rowlog.RowLog.remove = die"
BEFORE_THE_LAST_STEP = KILLED + "growing.Grow._verify = die"


def test_more_partitions_lose_no_count_and_no_incident(tmp_path: Path, connection: Connection, rules: Path) -> None:
    """Half of a threshold is counted in 4 partitions, the rest in 8, the move killed twice: counts are exact."""
    names = fresh_topics(connection, "grown")
    settings = settings_of(connection, names) | {"rules": str(rules)}
    client = AdminClient({**connection.librdkafka()})
    with WorkerProcess(tmp_path, "before", settings) as worker:
        send(connection, names, HOSTS, 3)
        assert run(settings, "topics", "drained", "--timeout", "40").returncode == 0
        assert dict.fromkeys(HOSTS, 3) == counts(connection, names, "ONCE")
        busy = run(settings, "topics", "grow", "--partitions", "8", "--wait", "0")
        assert (busy.returncode, "has members" in busy.stderr) == (1, True)
        worker.terminate()
    told = newest(connection, names, "ONCE")
    produce(
        connection, names.matches, [(PROGRESS_KEY, encode_progress(Progress(1, 0, ())), None)]
    )  # as workers leave it
    undone = run(settings, "topics", "grow", "--partitions", "8")
    assert (1, True) == (undone.returncode, "`stream-app topics drain` counts them" in undone.stderr), undone.stderr
    drain = run(settings, "topics", "drain")
    assert drain.returncode == 0, drain.stderr
    assert open_work(client, names.app_id, names.matches, 4) == 0
    for hindered in (IN_THE_MIDDLE_OF_ROWS, BEFORE_THE_LAST_STEP):
        killed = run(settings, "topics", "grow", "--partitions", "8", hindered=hindered)
        assert killed.returncode == -9, killed.stderr
        assert (partitions_in(client, names.matches), partitions_in(client, names.changelog)) == (4, 8)
    for told_to in ("4", "8"):
        refused = run(settings | {"partitions": told_to}, "worker")
        assert (refused.returncode, "partitions" in refused.stderr) == (1, True)
    told_of = run(settings | {"rules": str(tmp_path / "seed")}, "topics", "grow", "--partitions", "8", "--dry-run")
    assert "rows are of rules that are not loaded here (CAPPED, ONCE, SIX)" in told_of.stderr, told_of.stderr
    grown = run(settings, "topics", "grow", "--partitions", "8")
    assert grown.returncode == 0, grown.stderr
    assert "STREAM_APP_PARTITIONS=8" in grown.stdout
    with WorkerProcess(tmp_path, "after", settings | {"partitions": "8"}) as worker:
        send(connection, names, HOSTS, 3)
        until(lambda: dict.fromkeys(HOSTS, 6) == counts(connection, names, "ONCE"), worker.said())
        until(lambda: dict.fromkeys(HOSTS, 1) == counts(connection, names, "SIX"), worker.said())
        until(lambda: set(counts(connection, names, "CAPPED").values()) == {6}, worker.said())
    after = newest(connection, names, "ONCE")
    assert {host: each["incidentId"] for host, each in told.items()} == {
        host: each["incidentId"] for host, each in after.items()
    }
    assert dict.fromkeys(HOSTS, 6) == {
        host: each["incidentCount"] for host, each in newest(connection, names, "SIX").items()
    }
    assert len(newest(connection, names, "CAPPED")) == CAP
    assert members_of(client, "nobody-has-this-group") == ()


def test_state_made_anew_counts_the_same_under_the_same_ids(
    tmp_path: Path, connection: Connection, rules: Path
) -> None:
    """All rows are forgotten, the source is read again: the ids and counts of before, and new triggers go on.

    Between the two the source is given more partitions: hosts' records go on elsewhere. And somebody has given matches
    more by hand, which only this puts right.
    """
    names = fresh_topics(connection, "rebuilt")
    settings = settings_of(connection, names) | {"rules": str(rules)}
    with WorkerProcess(tmp_path, "before", settings) as worker:
        send(connection, names, HOSTS, 3)
        until(lambda: dict.fromkeys(HOSTS, 3) == counts(connection, names, "ONCE"), "not all was counted")
        worker.terminate()
    before = newest(connection, names, "ONCE")
    late = run(settings, "state", "rebuild", "--since", "0s", "--dry-run", "--json")
    assert (0, True) == (late.returncode, f"{2 * len(HOSTS) - (len(HOSTS) - CAP)} are left" in late.stderr), late.stderr
    asked = run(settings, "state", "rebuild", "--since", "1h")
    assert (1, True) == (asked.returncode, "Forget all of it" in asked.stderr)  # nobody says yes
    assert (
        run(settings | {"process_context": "true"}, "topics", "grow", "--source", "--partitions", "6").returncode == 1
    )
    wider = run(settings, "topics", "grow", "--source", "--partitions", "6")
    assert wider.stdout == f"{names.sysmon}: 4 → 6 partitions\n", wider.stderr
    add_partitions(AdminClient({**connection.librdkafka()}), names.matches, 5)
    by_hand = run(settings, "topics", "grow", "--partitions", "5")
    assert (1, True) == (by_hand.returncode, "`stream-app state rebuild` makes" in by_hand.stderr), by_hand.stderr
    done = run(settings, "state", "rebuild", "--since", "1h", "--yes")
    assert (0, True) == (done.returncode, f"{3 * len(HOSTS)} records to read again" in done.stderr), done.stderr
    with WorkerProcess(tmp_path, "after", settings | {"partitions": "5"}) as worker:
        assert run(settings, "topics", "drained", "--timeout", "40").returncode == 0, worker.said()
        send(connection, names, HOSTS, 3)
        until(lambda: dict.fromkeys(HOSTS, 1) == counts(connection, names, "SIX"), worker.said())
        until(lambda: dict.fromkeys(HOSTS, 6) == counts(connection, names, "ONCE"), worker.said())
    after = newest(connection, names, "ONCE")
    assert {host: each["incidentId"] for host, each in before.items()} == {
        host: each["incidentId"] for host, each in after.items()
    }
    bytes_of: dict[tuple[str, int], set[bytes]] = defaultdict(set)
    for message in everything(connection, names.incidents):
        fields = msgspec.json.decode(message.value() or b"")
        bytes_of[fields["incidentId"], fields["revision"]].add(message.value() or b"")
    assert {1} == {len(each) for each in bytes_of.values()}, "a revision was said twice, with different bytes"


KILLED_IN_THE_TRANSACTION = """
import os, signal
from stream_app.kafka import replaying
class Killed(replaying.Producer):
    def commit_transaction(self, *args):
        self.flush(10)
        os.kill(os.getpid(), signal.SIGKILL)
replaying.Producer = Killed
"""


def test_rejected_records_are_put_on_the_source_once(tmp_path: Path, connection: Connection, rules: Path) -> None:
    """Records that were too large are counted once after the limit is raised, whatever is broken off or run again."""
    names = fresh_topics(connection, "replayed")
    settings = settings_of(connection, names) | {"rules": str(rules)}
    large = [
        record(host, "203.0.113.1", PYTHON, 1).replace(b"}", b',"Padding":"' + b"x" * 2000 + b'"}') for host in "abc"
    ]
    with WorkerProcess(tmp_path, "small", settings | {"max_record_bytes": "1000"}) as worker:
        produce(connection, names.sysmon, [(b"k", each, None) for each in large])
        until(lambda: len(everything(connection, names.rejected)) == 3, worker.said())
        worker.terminate()
    (first, *_) = [decode_rejection(each.value() or b"") for each in everything(connection, names.rejected)]
    others = [
        replace(first, reason="late", rule="ONCE", offset=99),
        replace(first, topic_id="another", offset=7, value=record("d", "203.0.113.1", PYTHON, 1), truncated=False),
        replace(first, topic_id="another", offset=8, value=b"{", truncated=True),
        replace(first, topic=names.matches),
        first,
    ]
    produce(connection, names.rejected, [(None, encode_rejection(each), None) for each in others])
    planned = run(settings, "rejected", "replay", "--dry-run")
    assert "4 records would be replayed" in planned.stdout, planned.stderr
    killed = run(settings, "rejected", "replay", hindered=KILLED_IN_THE_TRANSACTION)
    assert killed.returncode == -9, killed.stderr
    done = run(settings, "rejected", "replay")
    assert "4 records replayed\n" in done.stdout, done.stderr
    for fate in ("counted by other rules", "no records of the source", "neither on the source", "replayed before"):
        assert f"1 record {fate}" in done.stdout, done.stdout
    assert "5 records replayed before" in run(settings, "rejected", "replay", "--reason", first.reason).stdout
    with WorkerProcess(tmp_path, "large", settings) as worker:
        until(lambda: dict.fromkeys("abcd", 1) == counts(connection, names, "ONCE"), worker.said())
        assert run(settings, "topics", "drained", "--timeout", "30").returncode == 0
    assert dict.fromkeys("abcd", 1) == counts(connection, names, "ONCE")
    places = {
        dict(each.headers() or [])["replayed-from"] for each in everything(connection, names.sysmon) if each.headers()
    }
    assert len(places) == 4
