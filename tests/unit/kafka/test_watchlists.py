"""What a worker writes of watch lists, what it reads, and what it does not start without."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException
from faust.types import TP

from stream_app.engine.key import encode_key
from stream_app.engine.match import VERSION, Match, Origin, encode_match
from stream_app.engine.watchlist import Entry, decode_entry, encode_entry, put
from stream_app.kafka import compacted, facts, watchlists
from stream_app.kafka.app import WorkerOptions
from stream_app.kafka.batch import Batch
from stream_app.kafka.connection import Connection
from stream_app.kafka.counters import Counters
from stream_app.kafka.facts import TopicsMissing, ask_topics
from stream_app.kafka.placing import Placing
from stream_app.kafka.recovery import Recovered
from stream_app.kafka.rows import RowPartitions
from stream_app.kafka.topics import Names
from stream_app.kafka.watchlists import Follower, WatchListsUnread, entries_on
from stream_app.kafka.windows import Windows
from stream_app.language.forms import as_text
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.watchlists import Listing, WatchLists
from stream_app.service.parts import outlets
from stream_app.sysmon.normalise import Event
from tests.corpus import EVERY_CHANGE
from tests.unit.kafka.simulation import Stored

NAMES = Names()
TOPIC = NAMES.watchlists
PC = Entry("1", "hosts", "pc")
KEEP = 100_000
RULE = """
id = "R"
name = "A rule"
severity = 5
category = "Security"
window = 60
clear_after = 60
lateness = 10
[pattern.Filter]
query = 'hostName IS NOT NULL'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
[[watch_list]]
name = "hosts"
attribute = "hostName"
keep = 100
"""


class Producer:
    """What a batch sends goes into a list; nothing is acknowledged."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []

    def send_all(self, topic: str, records: Any, _delivered: Any, **_: Any) -> None:
        """Take records."""
        self.sent += [(topic, key, value) for value, key, _headers in records]

    def check(self) -> None:
        """Have nothing to say."""

    def serve(self) -> None:
        """Have nothing to do."""


@pytest.fixture
def rulebook(tmp_path: Path) -> Rulebook:
    """Give a rule that fills a list."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "r.toml").write_text(RULE)
    return load_rulebook(tmp_path, EVERY_CHANGE)


class Stage:
    """The windows side of one partition, over rows that stay; :meth:`restart` forgets the rest, as a crash does."""

    def __init__(self, rulebook: Rulebook) -> None:
        self.rulebook = rulebook
        self.rows: dict[bytes, bytes] = {}
        self.restart()

    def restart(self) -> None:
        """Recover from the rows."""
        held = RowPartitions(NAMES.changelog, lambda _error: None)
        held.put(0, Recovered(rows=self.rows, end=0))
        editions = Editions(self.rulebook)
        placing = Placing(editions, 1)
        self.windows = Windows(
            editions,
            NAMES,
            held,
            Counters(),
            placing=placing,
            outlets=outlets(NAMES),
            settled=lambda _partition: 0,
        )
        self.windows.prepare(0, self.rows)

    def handle(self, *records: Stored) -> tuple[Batch, list[tuple[Entry, Listing | None]]]:
        """Take a batch; gives it, and what was written of watch lists."""
        producer = Producer()
        passed = [(cast("Any", record), record, 0) for record in records]
        batch = Batch(cast("Any", producer), TP(NAMES.matches, 0), passed, 0)
        with batch:
            self.windows.handle(batch)
        return batch, [decode_entry(key, value) for topic, key, value in producer.sent if topic == TOPIC]


def match(position: int, time: int, host: str = "pc") -> Stored:
    """Give a match on the matches topic."""
    found = Match(VERSION, "R", "1", (host,), time, Origin("sysmon", "T", 0, position))
    return Stored(NAMES.matches, 0, position, encode_key("R", "1", (host,)), encode_match(found), None)


def test_what_an_incident_lists_is_written_when_it_is_made(rulebook: Rulebook) -> None:
    """With the batch of its match, and not with an update; a second incident of the group adds it again."""
    stage = Stage(rulebook)
    batch, written = stage.handle(match(0, 1_000), match(1, 2_000))
    assert [(PC, Listing(1_000, 1_000 + KEEP))] == written
    assert (False, 1) == (batch.settled, stage.windows.counters.listed)
    assert [] == stage.handle(match(2, 3_000))[1]
    assert [(PC, Listing(500_000, 500_000 + KEEP))] == stage.handle(match(3, 500_000))[1]


def test_after_a_crash_it_is_written_again_unless_it_is_known(rulebook: Rulebook) -> None:
    """With the time of the incident's first trigger, whatever came behind it."""
    stage = Stage(rulebook)
    written = stage.handle(match(0, 1_000), match(1, 2_000))[1]
    stage.restart()
    assert written == [*dict.fromkeys(stage.handle(match(0, 1_000), match(1, 2_000))[1])]
    assert rulebook.lists is not None
    put(rulebook.lists, *written[0])
    stage.restart()
    assert [] == stage.handle(match(0, 1_000), match(1, 2_000))[1]


def test_a_repeated_match_has_its_incident_listed_again(rulebook: Rulebook) -> None:
    """Also where the row was read from elsewhere than its changelog's end."""
    stage = Stage(rulebook)
    written = stage.handle(match(0, 1_000))[1]
    assert written == stage.handle(match(0, 1_000))[1]


class Consumer:
    """Stands for confluent-kafka's; gives what ``polls`` holds, one list after another, then nothing."""

    polls: list[list[Any]]
    partitions: Mapping[int, object]
    refused: KafkaError | None = None

    def __init__(self, _settings: object) -> None:
        self.closed = False

    def list_topics(self, topic: str, **_: Any) -> Any:
        """Say which partitions there are."""
        return SimpleNamespace(topics={topic: SimpleNamespace(partitions=self.partitions, error=self.refused)})

    def assign(self, assigned: list[Any]) -> None:
        """Take partitions."""
        assert len(self.partitions) == len(assigned)

    def consume(self, *_: Any) -> list[Any]:
        """Give the next poll."""
        return self.polls.pop(0) if self.polls else []

    def close(self) -> None:
        """End."""
        self.closed = True


def failing(code: int, partition: int = 0) -> Any:
    """Give a message that is an error."""
    return SimpleNamespace(error=lambda: KafkaError(code), partition=lambda: partition)


END = KafkaError._PARTITION_EOF


def entry(value: str, listing: Listing | None, partition: int = 0) -> Stored:
    """Give a record of the lists' topic."""
    key, data = encode_entry(Entry("1", "hosts", value), listing or Listing(0, 0))
    return Stored(TOPIC, partition, 0, key, None if listing is None else data, None)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Consumer]]:
    """Put a topic of two partitions, with nothing on it, in the broker's place."""
    monkeypatch.setattr(compacted, "Consumer", Consumer)
    Consumer.polls, Consumer.partitions = [], {0: None, 1: None}
    yield Consumer
    assert Consumer.polls == []


def test_all_partitions_are_read_to_their_ends(topic: type[Consumer]) -> None:
    """What a broker answers for a moment while a leader moves is waited out; the last record of a key counts."""
    topic.polls = [
        [failing(KafkaError.NOT_LEADER_FOR_PARTITION), entry("a", Listing(1, 2)), entry("gone", Listing(1, 2))],
        [failing(END, 0)],
        [],
        [entry("b", Listing(3, 4), 1), entry("gone", None), entry("a", Listing(5, 6)), failing(END, 1)],
    ]
    expected = {Entry("1", "hosts", "a"): Listing(5, 6), Entry("1", "hosts", "b"): Listing(3, 4)}
    assert expected == entries_on(Connection(), TOPIC)


def follower(lists: WatchLists, fail: Any, times: Any = dict) -> Follower:
    """Give a follower of the topic."""
    return Follower(Connection(), TOPIC, lists, times=times, lateness=10, fail=fail)


def test_a_topic_that_says_nothing_ends_the_start(topic: type[Consumer], monkeypatch: pytest.MonkeyPatch) -> None:
    """An error by name, with the topic; one that is not there says how to make it, and not one that may not be seen."""
    topic.polls = [[failing(END, 0)]]
    with pytest.raises(WatchListsUnread, match=f"{TOPIC}: nothing came for 0 s"):
        follower(WatchLists(["hosts"]), None).start(patience=0)
    topic.polls = [[failing(KafkaError.TOPIC_AUTHORIZATION_FAILED)]]
    with pytest.raises(WatchListsUnread, match=TOPIC):
        follower(WatchLists(["hosts"]), None).start()
    topic.partitions = {}
    with pytest.raises(WatchListsUnread, match="make it with `stream-app topics create`"):
        entries_on(Connection(), TOPIC)
    monkeypatch.setattr(topic, "refused", KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(WatchListsUnread, match="authorization failed"):
        entries_on(Connection(), TOPIC)


def test_what_comes_behind_is_followed_until_it_fails(topic: type[Consumer]) -> None:
    """Entries come and go while filters ask; an error that does not pass is said, since lists would stand still."""
    lists, failures = WatchLists(["hosts"]), list[BaseException]()
    reader = lists.named["hosts"].reader(as_text, event_clock=False)
    topic.polls = [[entry("a", Listing(0, 10)), failing(END, 0), failing(END, 1)]]
    follower_ = follower(lists, failures.append)
    polls: list[list[Any]] = [[entry("b", Listing(0, 10))], [entry("a", None)]]
    polls.append([failing(KafkaError.TOPIC_AUTHORIZATION_FAILED)])
    start, follower_._thread.start = follower_._thread.start, lambda: None
    follower_.start()
    assert reader("a", Event({}, "flat", 0, None, None))
    topic.polls = polls
    start()
    follower_._thread.join(30)
    assert [False, True] == [reader(each, Event({}, "flat", 0, None, None)) for each in "ab"]
    assert [KafkaException] == [type(failure) for failure in failures]


def test_what_is_over_is_forgotten_a_look_later(topic: type[Consumer], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the lowest time of this worker's partitions, less what may come late; not while one of them has no time."""
    lists = WatchLists(["hosts"])
    for at, end in enumerate((5, 90, 91, 200)):
        lists.add("hosts", "1", str(at), Listing(0, end))
    left: list[int] = []
    looks: list[dict[int, tuple[int | None, int | None]]] = [
        {},
        {0: (100, None), 1: (None, None)},
        {0: (300, None), 1: (100, 0)},
        {0: (300, None), 1: (300, None)},
    ]
    monkeypatch.setattr(watchlists, "SWEEP", 0)
    topic.polls = [[failing(END, 0), failing(END, 1)]]

    def times() -> dict[int, tuple[int | None, int | None]]:
        left.append(len(lists))
        if len(looks) == 1:
            follower_._stopping.set()
        return looks.pop(0)

    follower_ = follower(lists, pytest.fail, times)
    follower_.start()
    follower_.stop()
    assert ([4, 4, 4, 2], []) == (left, looks)


def test_rules_that_use_lists_need_their_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a worker names it and does not start; for other rules it need not be there."""
    there = SimpleNamespace(partitions=dict.fromkeys(range(4)))
    gone = SimpleNamespace(partitions={})

    def list_topics(name: str, **_: Any) -> Any:
        return SimpleNamespace(topics={name: gone if name == TOPIC else there})

    monkeypatch.setattr(facts, "admin_client", lambda _connection: SimpleNamespace(list_topics=list_topics))
    monkeypatch.setattr(facts, "topic_ids", lambda _connection, names: dict.fromkeys(names, "id"))
    monkeypatch.setattr(facts, "message_limits", lambda _connection, _names: {})
    options = WorkerOptions(connection=Connection())
    assert "id" == ask_topics(options, lists=False).sysmon_id
    with pytest.raises(TopicsMissing, match=f"topics that do not exist: {TOPIC};"):
        ask_topics(options, lists=True)
