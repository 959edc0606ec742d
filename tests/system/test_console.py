"""The console on real Kafka: reading since a time, new partitions, a group's lag, what a rule says of evidence."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import produce
from stream_app.kafka.publishing import publish
from stream_app.kafka.rulesets import manifest_of
from stream_app.rulebook.ruleset import RuleSet, read_set
from stream_app.service.console import evidence, feed
from stream_app.service.console.feed import Batch, Feed
from stream_app.service.console.probe import Probe
from stream_app.service.console.rules import RulesShown
from stream_app.service.settings import Settings, read_settings
from tests.brokers import fresh_topics, settings_of
from tests.consoles import encoded, incident
from tests.corpus import seed_rules
from tests.runs import incidents_of_run
from tests.system.test_stream_time import until
from tests.workers import WorkerProcess

HOUR = 3_600_000


@contextmanager
def fed(connection: Connection, topic: str, since: int | None) -> Iterator[Callable[[int], set[str]]]:
    """Read a topic; gives what waits until so many titles were read, and gives them."""
    seen: set[str] = set()

    def deliver(batch: Batch) -> None:
        seen.update(each.row.title for each in batch[0])

    def wait(count: int) -> set[str]:
        deadline = time.monotonic() + 20
        while len(seen) < count:
            assert time.monotonic() < deadline, seen
            time.sleep(0.02)
        return set(seen)

    reading = Feed(connection, topic, since, deliver)
    reading.start()
    try:
        yield wait
    finally:
        reading.stop()


def test_incidents_are_read_since_a_time_and_from_partitions_that_come_later(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is older is left out; a partition that is added is read from its beginning; no group is made."""
    monkeypatch.setattr(feed, "LOOK_AGAIN", 0.5)
    names = fresh_topics(connection, "console-since", partitions=2)
    now = int(time.time() * 1000)

    def send(at: int, *titles: str) -> None:
        made = [incident("h", incidentTitle=title) for title in titles]
        keyed = [(one["incidentId"].encode(), encoded(one), at) for one in made]
        assert len(titles) == produce(connection, names.incidents, keyed)

    before = {f"recent {number}" for number in range(4)}
    send(now - 3 * HOUR, "old")
    send(now - HOUR, *before)
    client = AdminClient(connection.librdkafka())
    with (
        fed(connection, names.incidents, now - 2 * HOUR) as recent,
        fed(connection, names.incidents, None) as everything,
    ):
        assert before == recent(4)
        assert {"old", *before} == everything(5)
        client.create_partitions([NewPartitions(names.incidents, 6)])[names.incidents].result(10)
        later = {f"later {number}" for number in range(40)}  # some of them in each partition
        send(now, *later)
        assert {*before, *later} == recent(44)
    groups = client.list_consumer_groups(request_timeout=10).result().valid
    assert "stream-app-console" not in {each.group_id for each in groups}


def test_a_workers_lag_is_seen_and_its_incident_explained(connection: Connection, tmp_path: Path) -> None:
    """While no worker runs all records lag; behind one none does, and its incident's evidence explains it."""
    names = fresh_topics(connection, "console-lag")
    event = {
        "EventID": 3, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "ws", "Initiated": "true",
        "Image": "C:\\Python311\\python.exe", "SourceIp": "10.0.0.1", "DestinationIp": "203.0.113.9",
    }  # fmt: skip
    assert 1 == produce(connection, names.sysmon, [(b"ws", encoded(event), None)])
    probe = Probe(connection, names.app_id, (names.sysmon, names.matches, "no-such-topic"), print)
    first = probe.look()
    assert ("", 1, 0, {}) == (
        first.trouble,
        sum(lag or 0 for lag in first.lags[names.sysmon].values()),
        sum(lag or 0 for lag in first.lags[names.matches].values()),
        first.lags["no-such-topic"],
    )
    assert "" == Probe(connection, names.app_id, (), print, names.incidents).look().trouble
    missing = Probe(connection, names.app_id, (), print, "no-such-topic").look().trouble
    assert "there is no topic no-such-topic yet: make it with stream-app topics create" == missing
    with WorkerProcess(tmp_path, "worker", settings_of(connection, names)) as worker:
        (value,) = incidents_of_run(connection, names, 1, [worker])
        deadline = time.monotonic() + 20
        while lagging := [lag for lags in probe.look().lags.values() for lag in lags.values() if lag != 0]:
            assert time.monotonic() < deadline, lagging
    places = msgspec.json.decode(value)["triggeringEventList"]
    found = evidence.records(connection, places, frozenset({names.sysmon}))
    ((shown, record),) = found
    assert encoded(event).decode() == shown.text
    assert record is not None
    rules = evidence.Rules(Settings(rules=str(seed_rules(tmp_path / "rules"))))
    try:
        (answer,) = msgspec.json.decode(rules.explain("PH_Rule_SIGMA_1774", [(shown.place, record)], 60))
        assert (places[0], True, "triggers") == (answer["place"], answer["matches"], answer["standings"][0]["verdict"])
        with pytest.raises(LookupError):
            rules.explain("NO_SUCH_RULE", [(shown.place, record)], 60)
        with pytest.raises(TimeoutError):  # its process ends with that, and the next question has a new one
            rules.explain("PH_Rule_SIGMA_1774", [(shown.place, record)], 0)
        assert answer == msgspec.json.decode(rules.explain("PH_Rule_SIGMA_1774", [(shown.place, record)], 60))[0]
    finally:
        rules.close()


def test_the_page_has_the_rules_that_workers_have(connection: Connection, tmp_path: Path) -> None:
    """Where these are published, the topic's: none at first, then the newest that can run; no folder is asked."""
    names = fresh_topics(connection, "console-published")
    own = settings_of(connection, names) | {"rules_from": "topic", "rules": str(tmp_path / "nowhere")}
    settings = read_settings({f"STREAM_APP_{key.upper()}": value for key, value in own.items()})
    shown, asked = RulesShown(settings), evidence.Rules(settings)
    try:
        assert (False, ()) == (shown.changed(), shown.named)
        assert "no rules were published" in shown.trouble
        rules = read_set(seed_rules(tmp_path / "rules"))
        publish(connection, names.rules, rules, manifest_of(rules, published_at=1, by="", message=""))
        assert (True, "") == (shown.changed(), shown.trouble)
        (named,) = shown.named
        with pytest.raises(LookupError):  # the process that explains has read them too
            asked.explain("NO_SUCH_RULE", [], 60)
        assert b"[]" == asked.explain(named.rule, [], 60)
        wrong = RuleSet({"a/a.toml": b"id"})
        publish(connection, names.rules, wrong, manifest_of(wrong, published_at=2, by="", message=""))
        until(lambda: shown.changed() or "rules/a/a.toml:1" in shown.trouble, "the refusal")
        assert (named,) == shown.named
    finally:
        asked.close()
        shown.close()
