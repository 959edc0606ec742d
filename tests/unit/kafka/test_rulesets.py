"""The rules topic: what is whole, what is rubbish, and what a worker makes of it."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream_app.kafka import changing as changing_module
from stream_app.kafka import publishing, sources
from stream_app.kafka.changing import Changing, Makes
from stream_app.kafka.connection import Connection
from stream_app.kafka.publishing import LARGEST, NotPublished, publish
from stream_app.kafka.rulesets import FILE, SET, Catalogue, Manifest, SetRefused, contents, encode_manifest, manifest_of
from stream_app.kafka.sources import Folder, Look, NoRules, Rules, Topic, from_folder, from_topic
from stream_app.kafka.watchlists import WatchListsUnread
from stream_app.rulebook.load import load_set
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.rulefile import Defaults
from stream_app.rulebook.ruleset import RuleSet
from tests.unit.kafka.simulation import Stored
from tests.unit.rulebook.test_load import rule, write

TOPIC = "stream-app-rules"
OLD = RuleSet({"a/a.toml": rule("A").encode()})
NEW = RuleSet({"a/a.toml": rule("A", 'procName = "x"').encode(), "b/b.toml": rule("B").encode()})
BAD = RuleSet({"a/a.toml": rule("A").replace("= 5", "= 50").encode()})


def load(found: RuleSet) -> Rulebook:
    """Load a set as a worker does."""
    return load_set(found, "rules", Defaults())


class Log:
    """The rules topic, as a list."""

    def __init__(self) -> None:
        self.records: list[Stored] = []

    def put(self, key: str, value: bytes | None) -> None:
        """Write one record."""
        self.records.append(Stored(TOPIC, 0, len(self.records), key.encode(), value, None))

    def publish(self, rules: RuleSet, *, leave_out: int = 0) -> None:
        """Write a set, without so many of its files."""
        for key, value in list(contents(rules).items())[leave_out:]:
            self.put(key, value)
        self.put(SET + rules.id, encode_manifest(manifest_of(rules, published_at=1, by="me", message="")))


class Reader:
    """Stands for the consumer of a compacted topic; reads ``log``."""

    log = Log()
    broken: KafkaException | None = None

    def __init__(self, _connection: Connection, _topic: str) -> None:
        self.at = 0

    def to_the_end(self, _patience: float = 0.0) -> Iterator[Any]:
        """Give all there is."""
        return self.more()

    def more(self) -> Iterator[Any]:
        """Give what has come."""
        if Reader.broken is not None:
            raise Reader.broken
        at, self.at = self.at, len(Reader.log.records)
        return iter(Reader.log.records[at:])

    def close(self) -> None:
        """End."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Put an empty topic in the broker's place."""
    for module in (sources, publishing):
        monkeypatch.setattr(module, "Compacted", Reader)
    Reader.log, Reader.broken = Log(), None

    def produce(_connection: Connection, _topic: str, records: Any) -> None:
        for key, value, _ in records:
            Reader.log.put(key.decode(), value)

    monkeypatch.setattr(publishing, "produce", produce)
    return Reader.log


def following(lists: Callable[[Rulebook], Any] = lambda _: None) -> Changing:
    """Give what follows the topic, without its thread."""
    rules = from_topic(Connection(), TOPIC, load)
    makes = Makes(load=load, screen=lambda rulebook: cast("Any", rulebook), lists=lists)
    return Changing(rules, makes, cast("Any", None))


def test_a_set_is_there_when_its_manifest_is(log: Log) -> None:
    """Files alone change nothing; behind the manifest the set is offered, with all that it needs to run."""
    log.publish(OLD)
    changing = following()
    for key, value in contents(NEW).items():
        log.put(key, value)
    changing.look()
    assert (OLD.id, None) == (changing.report.set, changing.offer)
    log.publish(NEW, leave_out=2)
    changing.look()
    assert changing.offer is not None
    assert (NEW.id, {"A", "B"}) == (changing.offer.id, set(changing.offer.rulebook.rules))
    changing.taken(changing.offer)
    assert (NEW.id, 2, None) == (changing.report.set, changing.report.rules, changing.report.refused)
    assert {"A": "enabled", "B": "enabled"} == {rule: does for rule, (_, does) in changing.rules.items()}


def test_half_a_set_is_refused_until_it_is_whole(log: Log) -> None:
    """It is said once what is missing; the old one runs on, and the new one runs when the rest has come."""
    log.publish(OLD)
    changing = following()
    log.publish(NEW, leave_out=1)
    for _ in range(2):
        changing.look()
    refused = changing.report.refused
    assert refused is not None
    assert (NEW.id, None, 1) == (refused.set, changing.offer, changing.refusals)
    assert "is not whole: 1 of 2 files are missing, such as a/a.toml" in refused.problems[0]
    for key, value in contents(NEW).items():
        log.put(key, value)
    changing.look()
    assert changing.offer is not None
    assert NEW.id == changing.offer.id


RUBBISH: list[tuple[str, bytes | None, str]] = [
    ("hello", b"", "its key 'hello' begins neither with file/ nor with set/"),
    ("\\xff", b"", "begins neither"),
    (FILE + "0" * 64, b"x", "it does not hold what its key says"),
    (SET + "x", b"{", "it is no manifest of a set"),
    (SET + "x", b'{"files": {}, "published_at": 1, "more": 1}', "it is no manifest of a set"),
    (SET + "x", b'{"files": {}, "published_at": 1, "version": 2}', "manifest version 2, this version reads 1"),
]


@pytest.mark.parametrize(("key", "value", "why"), RUBBISH)
def test_rubbish_is_refused_by_its_place(
    log: Log, caplog: pytest.LogCaptureFixture, key: str, value: bytes, why: str
) -> None:
    """It is counted and named with its place, and what runs goes on; a manifest is what should have run."""
    log.publish(OLD)
    changing = following()
    log.put(key, value)
    changing.look()
    assert (OLD.id, None, 1) == (changing.report.set, changing.offer, changing.rubbish)
    assert f"{TOPIC}/0@2: " in caplog.text
    assert why in caplog.text
    refused = changing.report.refused
    assert key.startswith(SET) == (refused is not None)
    assert refused is None or f"{TOPIC}/0@2" == refused.set
    log.publish(NEW)
    changing.look()
    assert changing.offer is not None


def test_a_set_that_is_not_what_it_is_called_is_refused() -> None:
    """Nobody can hide other files under a known set's name."""
    catalogue = Catalogue()
    for key, value in contents(NEW).items():
        catalogue.take(cast("Any", Stored(TOPIC, 0, 0, key.encode(), value, None)))
    manifest = encode_manifest(manifest_of(NEW, published_at=1, by="", message=""))
    assert not catalogue.take(cast("Any", Stored(TOPIC, 0, 1, (SET + OLD.id).encode(), manifest, None)))
    with pytest.raises(SetRefused, match=f"set {OLD.id} is not what it is called: it holds {NEW.id}"):
        catalogue.whole(catalogue.sets[0])


def test_a_set_with_a_mistake_is_refused_whole(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """With the place of the mistake; going back to what runs takes the refusal away."""
    log.publish(OLD)
    changing = following()
    log.publish(BAD)
    changing.look()
    refused = changing.report.refused
    assert refused is not None
    said = "rules/a/a.toml:3:12: severity must be 1 to 10, got 50"
    assert (BAD.id, (said,), None) == (refused.set, refused.problems, changing.offer)
    assert said in caplog.text
    log.publish(OLD)
    changing.look()
    assert (None, OLD.id) == (changing.report.refused, changing.report.set)


def test_a_worker_begins_with_the_newest_set_that_can_run(log: Log) -> None:
    """A bad one is refused at the start as later; where none can run, or none is there, it says so and how to go on."""
    with pytest.raises(NoRules, match=f"no rules were published on {TOPIC}: do it with `stream-app rules publish`"):
        from_topic(Connection(), TOPIC, load)
    log.publish(BAD)
    with pytest.raises(NoRules, match="severity must be 1 to 10"):
        from_topic(Connection(), TOPIC, load)
    log.records.clear()
    for each in (OLD, NEW, BAD):
        log.publish(each)
    begun = from_topic(Connection(), TOPIC, load)
    assert (NEW.id, [BAD.id]) == (begun.set, [each.set_id for each in begun.refused])


def test_watch_lists_that_cannot_be_read_are_tried_again(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The set is refused meanwhile, by what it waits for."""
    log.publish(OLD)
    answers: list[Exception | None] = [WatchListsUnread("there is no topic x"), None]

    def lists(_rulebook: Rulebook) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    changing = following(lists)
    log.publish(NEW)
    changing.look()
    assert changing.report.refused is not None
    assert "its watch lists cannot be read: there is no topic x" in changing.report.refused.problems[0]
    later = time.monotonic() + 31
    monkeypatch.setattr(changing_module.time, "monotonic", lambda: later)
    changing.look()
    assert changing.offer is not None


def test_an_error_of_the_workers_own_refuses_the_set(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted and stands in the report, with the place in the log; the set runs where it is published again."""
    log.publish(OLD)
    answers: list[Exception] = [ZeroDivisionError("by zero")]

    def lists(_rulebook: Rulebook) -> None:
        if answers:
            raise answers.pop()

    changing = following(lists)
    log.publish(NEW)
    for _ in range(2):
        changing.look()
    refused = changing.report.refused
    assert refused is not None
    said = "it cannot be loaded, by an error of the worker's own: ZeroDivisionError: by zero"
    assert (NEW.id, (said,), 1, None) == (refused.set, refused.problems, changing.refusals, changing.offer)
    assert "Traceback" in caplog.text
    log.publish(NEW)
    changing.look()
    assert changing.offer is not None


def test_a_topic_that_cannot_be_read_changes_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, what runs goes on, and the topic is read anew later."""
    log.publish(OLD)
    changing = following()
    Reader.broken = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    changing.look()
    assert changing.report.refused is not None
    assert f"{TOPIC} cannot be read" in changing.report.refused.problems[0]
    Reader.broken = None
    log.publish(NEW)
    changing.look()
    assert changing.offer is None
    later = time.monotonic() + 11
    monkeypatch.setattr(sources.time, "monotonic", lambda: later)
    changing.look()
    assert changing.offer is not None


def test_a_topic_that_was_made_anew_is_followed(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is published there is the newest, though its offsets are lower than those of before."""
    for each in (BAD, OLD):
        log.publish(each)
    changing = following()
    Reader.broken = KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
    changing.look()
    Reader.broken = None
    log.records.clear()
    log.publish(NEW)
    later = time.monotonic() + 11
    monkeypatch.setattr(sources.time, "monotonic", lambda: later)
    changing.look()
    assert changing.offer is not None
    assert NEW.id == changing.offer.id


def test_sets_that_are_kept_are_searched_for_what_is_missing(log: Log) -> None:
    """One after another, the latest first, each once; an edition that none has is not looked for again."""
    for each in (OLD, BAD, NEW):
        log.publish(each)
    changing = following()
    (edition,) = load(OLD).editions
    changing.want([edition, "A#nowhere", "plain"])
    for _ in range(4):
        changing.look()
    assert [{edition}] == [set(each.editions) for each in changing.found]
    changing.seek([OLD.id])
    changing.look()
    assert [OLD.id] == list(changing.screens)


def test_what_no_set_has_is_looked_for_again_once_something_new_comes(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before: who has a row of it asks every few seconds, and each search reads every set that is kept."""
    log.publish(OLD)
    changing, real, searches = following(), Topic.others, list[int]()

    def others(topic: Topic) -> Iterator[RuleSet]:
        searches.append(len(log.records))
        return real(topic)

    monkeypatch.setattr(Topic, "others", others)
    for _ in range(3):
        changing.want(["A#nowhere"])
        changing.look()
    before = len(log.records)
    assert ([before], {"A#nowhere"}) == (searches, changing.vain)
    log.publish(NEW)
    changing.look()
    assert changing.offer is not None
    assert set() == changing.vain
    changing.taken(changing.offer)
    changing.want(["A#nowhere"])
    changing.look()
    assert ([before, len(log.records)], {"A#nowhere"}) == (searches, changing.vain)


def test_publishing_writes_files_first_and_prunes_what_is_old(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is not written again; the oldest set goes, and with it the files that only it has."""
    monkeypatch.setattr(publishing, "KEPT", 1)
    done = publish(Connection(), TOPIC, OLD, manifest_of(OLD, published_at=1, by="me", message="first"))
    assert (1, 0, OLD.id) == (done.files, done.pruned_sets, done.newest)
    assert [True, False] == [(each.key() or b"").startswith(FILE.encode()) for each in log.records]
    done = publish(Connection(), TOPIC, NEW, manifest_of(NEW, published_at=2, by="me", message="second"))
    assert (2, 1, NEW.id) == (done.files, done.pruned_sets, done.newest)
    there = publishing.catalogue_on(Connection(), TOPIC)
    assert [NEW.id] == [each.id for each in there.sets]
    assert {*contents(NEW)} == {FILE + each for each in there.files}
    assert NEW.files == there.whole(there.sets[0]).files


def test_who_publishes_at_once_puts_back_what_was_pruned(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another publisher may take away files of a set that it did not see yet."""
    real, takes = publishing._send, [True]

    def send(connection: Connection, topic: str, records: Any) -> None:
        real(connection, topic, records)
        if SET + NEW.id in records and takes:
            takes.pop()
            log.put(next(iter(contents(NEW))), None)

    monkeypatch.setattr(publishing, "_send", send)
    publish(Connection(), TOPIC, NEW, manifest_of(NEW, published_at=2, by="me", message=""))
    there = publishing.catalogue_on(Connection(), TOPIC)
    assert NEW.files == there.whole(there.sets[0]).files


def test_what_a_topic_does_not_take_is_not_published(log: Log) -> None:
    """A file that is too large is named, with what it may be; nothing is written."""
    large = RuleSet({"tables/t.csv": b"x" * (LARGEST + 1)})
    with pytest.raises(NotPublished, match=f"tables/t.csv has {LARGEST + 1} bytes: .* may have {LARGEST}"):
        publish(Connection(), TOPIC, large, Manifest(files={}, published_at=1))
    many = RuleSet({f"{number:0100}": b"" for number in range(6000)})
    with pytest.raises(NotPublished, match="the list of 6000 files takes"):
        publish(Connection(), TOPIC, many, manifest_of(many, published_at=1, by="", message=""))
    assert [] == log.records


def look_again(folder: Folder) -> Look:
    """Look as if enough time had passed."""
    folder._next = 0.0
    return folder.look()


def test_a_folder_counts_once_it_stands_still(tmp_path: Path) -> None:
    """Not while it is being copied into, and not where nothing but times has changed."""
    write(tmp_path, {"a/a.toml": rule("A")})
    begun = from_folder(tmp_path, load)
    folder = cast("Folder", begun.source)
    assert OLD.id == begun.set
    assert Look() == look_again(folder) == folder.look()
    write(tmp_path, {"a/a.toml": rule("A", 'procName = "x"')})
    assert Look() == look_again(folder)
    write(tmp_path, {"b/b.toml": rule("B")})
    assert Look() == look_again(folder)
    found = look_again(folder).newest
    assert found is not None
    assert (NEW.id, Look()) == (found.id, look_again(folder))


def test_a_folder_that_is_gone_is_refused(tmp_path: Path) -> None:
    """What runs goes on until it is back."""
    write(tmp_path / "rules", {"a/a.toml": rule("A")})
    begun = from_folder(tmp_path / "rules", load)
    (tmp_path / "rules").rename(tmp_path / "away")
    refused = look_again(cast("Folder", begun.source)).refused
    assert refused is not None
    assert "No such file or directory" in str(refused)


def test_the_thread_looks_until_it_is_stopped(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in a look does not end it; each look is told of; what followed watch lists is stopped."""
    log.publish(OLD)
    monkeypatch.setattr(changing_module, "TICK", 0.001)
    stopped: list[str] = []
    told: list[str] = []
    first, second = (SimpleNamespace(stop=lambda name=name: stopped.append(name)) for name in ("first", "second"))
    lists = [first, second]
    rules = from_topic(Connection(), TOPIC, load)
    makes = Makes(load=load, screen=lambda _: cast("Any", None), lists=lambda _: cast("Any", lists.pop(0)))
    teller = SimpleNamespace(say=lambda report, _: told.append(report.set), close=lambda: told.append("closed"))
    changing = Changing(rules, makes, cast("Any", None), cast("Any", teller))
    look, looks = changing.look, 0

    def once_wrong() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ValueError("wrong once")
        look()

    monkeypatch.setattr(changing, "look", once_wrong)
    changing.start()
    log.publish(NEW)
    deadline = time.monotonic() + 30
    while changing.offer is None:
        assert time.monotonic() < deadline
    changing.taken(changing.offer)
    while "first" not in stopped or NEW.id not in told:
        assert time.monotonic() < deadline
    changing.stop()
    assert (["first", "second"], "closed") == (stopped, told[-1])


def test_a_worker_says_what_it_could_not_begin_with(log: Log) -> None:
    """What was refused before the start is in its report."""
    log.publish(OLD)
    log.publish(BAD)
    changing = following()
    changing.start()
    changing.stop()
    assert changing.report.refused is not None
    assert BAD.id == changing.report.refused.set


def test_a_topic_gives_no_set_that_is_not_whole(log: Log) -> None:
    """Of the sets that are kept, those without all of their files are passed over."""
    log.publish(OLD, leave_out=1)
    log.publish(NEW)
    topic = Topic(Connection(), TOPIC, 1.0)
    assert [] == list(topic.others())
    assert isinstance(Rules(topic, RuleSet({}), Rulebook({}), load), Rules)
