"""Rules changed under load on real Kafka: every record is seen by one set, none is lost, a bad set changes nothing."""

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stream_app.cli.main import cli
from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.match import decode_match
from stream_app.kafka.connection import Connection
from stream_app.kafka.publishing import publish
from stream_app.kafka.rulesets import manifest_of
from stream_app.kafka.topics import Names
from stream_app.rulebook.editions import id_of
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.ruleset import RuleSet, read_set
from tests.brokers import everything, fresh_topics, settings_of
from tests.faults.load import Load
from tests.workers import WorkerProcess

RULE = """
id = "{id}"
name = "{id}"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = '''eventType CONTAIN "Win-Sysmon-3-" AND {condition}'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
"""
EVERY = "destIpAddr IS NOT NULL"
OLD = {"SAME": EVERY, "CHANGED": EVERY, "REMOVED": EVERY}
NEW = {"SAME": EVERY, "CHANGED": 'initiated = "true"', "ADDED": EVERY}
RATE, SECONDS = 400, 14.0
PATIENCE = 40.0


def folder_of(folder: Path, rules: dict[str, str]) -> Path:
    """Write rules, by id and condition, each of which is true of every record of the load."""
    for rule, condition in rules.items():
        (folder / rule).mkdir(parents=True, exist_ok=True)
        (folder / rule / f"{rule}.toml").write_text(RULE.format(id=rule, condition=condition))
    return folder


def until(condition: Callable[[], bool], what: str, *workers: WorkerProcess) -> None:
    """Wait for something."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what}\n{[each.said() for each in workers]}"
        for each in workers:
            assert each.alive, each.said()
        time.sleep(0.2)


class Fleet:
    """The command line, with the settings of the workers."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self.settings = settings_of(connection, names) | {"rules_from": "topic"}
        self._environment = {f"STREAM_APP_{name.upper()}": value for name, value in self.settings.items()}

    def call(self, *args: str) -> Result:
        """Call ``stream-app rules``."""
        return CliRunner().invoke(cli, ["rules", *args], env=self._environment)

    def publish(self, folder: Path) -> str:
        """Publish a folder; gives the set's id."""
        done = self.call("publish", str(folder), "--message", folder.name)
        assert done.exit_code == 0, done.output
        return read_set(folder).id

    def status(self) -> tuple[int, dict[str, Any]]:
        """Ask what runs: exit status and answer."""
        said = self.call("status", "--json")
        return said.exit_code, json.loads(said.stdout)

    def all_run(self, set_id: str) -> bool:
        """Whether two workers run it, and none has refused anything."""
        status, fleet = self.status()
        return status == 0 and [set_id] * 2 == [each["report"]["set"] for each in fleet["workers"].values()]

    def listed(self) -> list[str]:
        """Give the sets that are kept, the one published last first."""
        shown = self.call("publish", "--list").stdout
        return re.findall(r"^│ ([0-9a-f]{16}) ", shown, re.MULTILINE)

    def runs(self, worker: str, set_id: str) -> bool:
        """Whether a worker runs it."""
        said = self.status()[1]["workers"].get(worker)
        return said is not None and said["report"]["set"] == set_id

    def refuse(self, set_id: str) -> bool:
        """Whether both workers have refused it."""
        reports = [each["report"]["refused"] for each in self.status()[1]["workers"].values()]
        return len(reports) == 2 and all(each is not None and each["set"] == set_id for each in reports)


def seen_by(connection: Connection, names: Names) -> dict[tuple[int, int], frozenset[str]]:
    """Give, for each record by its place, the editions that matched it."""
    found: dict[tuple[int, int], set[str]] = defaultdict(set)
    for message in everything(connection, names.matches):
        if message.key() != PROGRESS_KEY:
            match = decode_match(message.value() or b"")
            found[match.origin.partition, match.origin.offset].add(match.rule)
    return {place: frozenset(editions) for place, editions in found.items()}


def counted(connection: Connection, names: Names, rule: str) -> tuple[Counter[str], int]:
    """Give what a rule counted by host, and how many incidents it took."""
    newest: dict[str, dict[str, Any]] = {}
    for message in everything(connection, names.incidents):
        incident = json.loads(message.value() or b"")
        known = newest.get(incident["incidentId"], incident)
        if incident["ruleId"] == rule and incident["revision"] >= known["revision"]:
            newest[incident["incidentId"]] = incident
    counts: Counter[str] = Counter()
    for incident in newest.values():
        counts[incident["hostName"]] += incident["count"]
    return counts, len(newest)


def editions(folder: Path) -> frozenset[str]:
    """Give the editions of a folder's rules."""
    return frozenset(rule.edition for rule in load_rulebook(folder).rules.values())


@pytest.fixture
def names(connection: Connection) -> Names:
    """Make topics."""
    return fresh_topics(connection, "rulesets")


def test_rules_change_under_load(tmp_path: Path, connection: Connection, names: Names) -> None:
    """Each record is seen by all of one set; what did not change counts on; a bad set is refused, and seen to be."""
    old, new = folder_of(tmp_path / "old", OLD), folder_of(tmp_path / "new", NEW)
    bad = RuleSet(read_set(new).files | {"ADDED/ADDED.toml": b"id = 'ADDED'\nseverity = 50"})
    fleet = Fleet(connection, names)
    first = fleet.publish(old)
    load = Load(connection, names.sysmon, 7, RATE, SECONDS)
    one = WorkerProcess(tmp_path, "one", fleet.settings)
    with one, WorkerProcess(tmp_path, "two", fleet.settings) as two:
        until(lambda: fleet.all_run(first), "two workers run the first set", one, two)
        load.start()
        until(lambda: len(seen_by(connection, names)) > RATE, "records are read", one, two)
        second = fleet.publish(new)
        until(lambda: fleet.all_run(second), "two workers run the second set", one, two)
        assert load._thread.is_alive(), "the load was over before the change was"
        publish(connection, names.rules, bad, manifest_of(bad, published_at=0, by="tests", message="past the loader"))
        until(lambda: fleet.refuse(bad.id), "both refuse the bad set", one, two)
        status, said = fleet.status()
        assert (1, second) == (status, next(iter(said["workers"].values()))["report"]["set"])
        before = len(seen_by(connection, names))
        load.finish()
        until(lambda: len(seen_by(connection, names)) == load.sent, "all records are matched", one, two)
        until(lambda: counted(connection, names, "SAME")[0].total() == load.sent, "all are counted", one, two)
        assert before < load.sent, "nothing was left to detect behind the bad set"
        assert fleet.call("publish", "--set", first[:8]).exit_code == 0
        until(lambda: fleet.all_run(first), "two workers are back at the first set", one, two)
        assert [first, bad.id, second] == fleet.listed()
        assert [0, 0] == [one.terminate(), two.terminate()]
    seen = Counter(seen_by(connection, names).values())
    assert {editions(old), editions(new)} == set(seen)
    assert load.sent == seen.total()
    counts, incidents = counted(connection, names, "SAME")
    assert (load.sent, len(counts)) == (counts.total(), incidents), "an unchanged rule goes on with its incidents"
    for rule, expected in (("REMOVED", seen[editions(old)]), ("ADDED", seen[editions(new)]), ("CHANGED", load.sent)):
        assert expected == counted(connection, names, rule)[0].total()
    assert not list(everything(connection, names.rejected))
    assert {"SAME", "CHANGED", "REMOVED"} == {id_of(each) for each in editions(old)}


def test_what_is_read_again_is_read_with_the_same_rules(tmp_path: Path, connection: Connection) -> None:
    """A worker stands still before it has committed while another one changes rules, and takes its partitions over."""
    names = fresh_topics(connection, "rulesets-again")
    old, new = folder_of(tmp_path / "old", OLD), folder_of(tmp_path / "new", NEW)
    fleet = Fleet(connection, names)
    settings = fleet.settings | {"commit_interval_s": "3"}
    first = fleet.publish(old)
    load = Load(connection, names.sysmon, 8, RATE, SECONDS - 5)
    one = WorkerProcess(tmp_path, "one", settings | {"instance_id": "one"})
    with one, WorkerProcess(tmp_path, "two", settings | {"instance_id": "two"}) as two:
        until(lambda: fleet.all_run(first), "two workers run the first set", one, two)
        load.start()
        until(lambda: len(seen_by(connection, names)) > 4 * RATE, "records are read", one, two)
        one.pause()
        second = fleet.publish(new)
        until(lambda: fleet.runs("two", second), "the other one runs the second set", two)
        load.finish()
        until(lambda: len(seen_by(connection, names)) == load.sent, "all records are matched", two)
        until(lambda: counted(connection, names, "SAME")[0].total() == load.sent, "all are counted", two)
        one.kill()
        assert two.terminate() == 0
    seen = Counter(seen_by(connection, names).values())
    assert {editions(old), editions(new)} == set(seen)
    assert load.sent == seen.total()
