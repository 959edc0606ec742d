"""The rules that the console shows and asks: of the folder or the rules topic, and newer ones while it runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient
from confluent_kafka import Producer

from stream_app.engine.record import Record
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.rulesets import SET, contents, encode_manifest, manifest_of
from stream_app.kafka.topics import Names
from stream_app.rulebook.ruleset import RuleSet, read_set
from stream_app.service.console import evidence, rules
from stream_app.service.console.rules import RulesShown
from stream_app.service.settings import Settings
from tests.corpus import SEED, seed_rules
from tests.unit.service.console.test_access import asked

SEED_ID = "PH_Rule_SIGMA_1774"
TOPIC = Names().rules


def until(true: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, true
        time.sleep(0.02)


def another(folder: Path, name: str, rule_id: str) -> RuleSet:
    """Write the seed under another id, alone in a folder of rules."""
    text = (SEED / f"{SEED.name}.toml").read_text().replace(SEED_ID, rule_id)
    (folder / name).mkdir(parents=True)
    (folder / name / f"{name}.toml").write_text(text)
    return read_set(folder)


@contextmanager
def following(settings: Settings) -> Iterator[RulesShown]:
    """Give the rules of a console that looks often."""
    shown = RulesShown(settings, every=0.02)
    shown.start()
    try:
        yield shown
    finally:
        shown.stop()


def ids(shown: RulesShown) -> list[str]:
    """Give the rules that are shown."""
    return [] if shown.shown is None else [each.rule for each in shown.shown.named]


def explained(asked: evidence.Rules, rule: str) -> list[str]:
    """Ask a rule about a record that is none; gives the places of the answers."""
    record = Record("sysmon", 0, 0, 0, b"no record of anything", "")
    return [each["place"] for each in msgspec.json.decode(asked.explain(rule, [("here", record)], 60))]


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """Give a mock broker with an empty rules topic."""
    with EmbeddedBroker() as broker:
        broker.make_topics([TOPIC])
        yield broker


def put(broker: EmbeddedBroker, found: RuleSet, at: int) -> None:
    """Publish a set, on one partition: a topic of the mock has four."""
    manifest = manifest_of(found, published_at=at, by="", message="")
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
    for key, value in {**contents(found), SET + found.id: encode_manifest(manifest)}.items():
        producer.produce(TOPIC, value, key, 0)
    assert 0 == producer.flush(10)


def test_published_rules_are_followed(tmp_path: Path, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was published last is shown and asked; not what lies in the folder, nor a set that cannot run."""
    monkeypatch.setattr(rules, "AGAIN", 0.05)
    settings = Settings(bootstrap_servers=broker.bootstrap_servers, rules_from="topic", rules=str(tmp_path / "none"))
    with following(settings) as shown, closing(evidence.Rules(settings)) as asking:
        assert shown.begun.wait(20)
        assert (None, True) == (shown.shown, "no rules were published" in shown.trouble)
        with pytest.raises(LookupError):
            explained(asking, SEED_ID)
        put(broker, read_set(seed_rules(tmp_path / "seed")), 1)
        until(lambda: ids(shown) == [SEED_ID])
        assert shown.shown is not None
        assert "" == shown.trouble
        asking.take(shown.shown.rules)
        assert ["here"] == explained(asking, SEED_ID)
        put(broker, another(tmp_path / "newer", "newer", "NEWER"), 2)
        until(lambda: ids(shown) == ["NEWER"])
        asking.take(shown.shown.rules)
        assert ["here"] == explained(asking, "NEWER")
        with pytest.raises(LookupError):
            explained(asking, SEED_ID)
        put(broker, RuleSet({"bad/bad.toml": b"id = 1\n"}), 3)
        until(lambda: "bad.toml" in shown.trouble)
        assert ["NEWER"] == ids(shown)
        put(broker, another(tmp_path / "mended", "mended", "MENDED"), 4)
        until(lambda: ids(shown) == ["MENDED"])
        until(lambda: not shown.trouble)


def test_a_folder_that_changes_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that comes is shown; one that is wrong leaves the rules as they were, with what is wrong."""
    monkeypatch.setattr("stream_app.kafka.sources.LOOK", 0.02)
    another(tmp_path, "one", "ONE")
    with following(Settings(rules=str(tmp_path))) as shown:
        assert ["ONE"] == ids(shown)
        another(tmp_path, "two", "TWO")
        until(lambda: ids(shown) == ["ONE", "TWO"])
        (tmp_path / "two" / "two.toml").write_text("id = 1\n")
        until(lambda: "two.toml" in shown.trouble)
        assert ["ONE", "TWO"] == ids(shown)


def test_the_page_is_told_of_rules_that_cannot_be_had() -> None:
    """Without brokers there are no published rules, and the answer is there all the same."""

    async def what(client: TestClient[Any, Any]) -> None:
        answer = await client.get("/api/rules")
        assert {"trouble": "", "rules": []} == await answer.json()

    asked(Settings(rules_from="topic"), what)
