"""Rules that read incidents, through the stages of workers: as replay has it, and with crashes in the middle."""

import random
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.chain import Asked, Chain
from stream_app.engine.expense import TooExpensive
from stream_app.engine.incident import Incident
from stream_app.engine.rejection import decode_rejection
from stream_app.kafka.telling import Telling
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from tests.corpus import EVERY_CHANGE, RULES
from tests.unit.kafka.cluster import Cluster, Sent, replayed
from tests.unit.kafka.simulation import NAMES, Broker, Run, Worker, simulate
from tests.unit.kafka.test_same_incidents import END, SOURCES, sources, write

CLEAN = Run(missing=0, extra=0, wrong=0)

HOST = """
[pattern.Filter]
query = 'eventType REGEXP "Win-Sysmon-3-.*"'
group_by = ["hostName", "destIpAddr"]
aggregate = "COUNT(*) >= 2"
[incident]
hostName = "Filter.hostName"
destIpAddr = "Filter.destIpAddr"
"""
FEW = """
[pattern.Filter]
query = 'eventType REGEXP "Win-Sysmon-3-.*"'
group_by = ["destIpAddr"]
aggregate = "COUNT(*) <= 2"
[incident]
destIpAddr = "Filter.destIpAddr"
"""
READER = """
[pattern.Filter]
query = 'eventType IN ("host", "few") AND count = 1'
group_by = ["{by}"]
aggregate = "{aggregate}"
[incident]
{shown} = "Filter.{by}"
totFlows = "COUNT(DISTINCT eventType)"
"""


def readers(folder: Path, lateness: int) -> Rulebook:
    """Load two rules and two that read their incidents; these hold what is up to ``lateness`` seconds out of order."""
    for name, text in {
        "host": HOST,
        "few": FEW,
        "address": READER.format(by="destIpAddr", shown="destIpAddr", aggregate="COUNT(*) >= 2"),
        "rule": READER.format(by="ruleId", shown="accountName", aggregate="COUNT(DISTINCT incidentId) > 1"),
    }.items():
        write(folder, name, text)
    for name in ("address", "rule"):
        path = folder / name / f"{name}.toml"
        path.write_text(path.read_text().replace("lateness = 60", f"lateness = {lateness}"))
    return load_rulebook(folder, EVERY_CHANGE)


@pytest.fixture(name="rulebook", scope="module")
def _rulebook(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """Give rules of which two read the incidents of the others, whatever their order."""
    return readers(tmp_path_factory.mktemp("rules"), 30_000)


@settings(max_examples=100, deadline=None)
@given(records=sources(), workers=st.sampled_from([1, 2, 4]), seed=st.integers(0, 1 << 32))
def test_a_cluster_makes_of_incidents_what_a_replay_makes(
    rulebook: Rulebook, records: list[Sent], workers: int, seed: int
) -> None:
    """In any interleaving of partitions: of those decided on arrival and those decided as final."""
    cluster = Cluster(rulebook, records, workers, SOURCES)
    cluster.run(random.Random(seed), END)
    assert replayed(rulebook, records, SOURCES) == cluster.incidents()
    assert not cluster.rejected


META = """
[pattern.Filter]
query = 'eventType = "PH_Rule_SIGMA_1774"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
"""


@pytest.fixture(name="crashing", scope="module")
def _crashing(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """Give the seed rule and one that counts its incidents by host."""
    folder = tmp_path_factory.mktemp("rules")
    seed = folder / "seed"
    seed.mkdir()
    name = "windows-python-initiated-connection"
    (seed / "seed.toml").write_text((RULES / name / f"{name}.toml").read_text())
    write(folder, "meta", META)
    return load_rulebook(folder, EVERY_CHANGE)


@pytest.mark.parametrize("seed", range(60))
def test_every_incident_is_counted_once_whatever_crashes(crashing: Rulebook, seed: int) -> None:
    """Crashes, repeats and frozen workers that wake: each incident is in that of its host once, told in one way."""
    assert CLEAN == simulate(crashing, seed, days=2 * (seed % 2))


def test_link_cut_matches_of_incidents_are_not_sent_again(crashing: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the resend an incident whose row got out is missed by the rule that reads it."""
    send = Telling.send
    monkeypatch.setattr(Telling, "send", lambda told, incidents, **_: send(told, incidents))
    assert any(simulate(crashing, seed, zombies=False, counted_again=False).missing for seed in range(100))


def test_link_cut_an_event_does_not_say_which_incident_it_is(
    crashing: Rulebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an origin that is another one each time it is asked, what is sent again is counted again."""
    numbers, ask = count(), Chain.ask

    def anonymous(chain: Chain, incident: Incident) -> Asked:
        return ask(chain, replace(incident, incident_id=f"{next(numbers)}"))

    monkeypatch.setattr(Chain, "ask", anonymous)
    assert any(simulate(crashing, seed, zombies=False).extra for seed in range(100))


def test_what_cannot_be_asked_of_an_incident_is_rejected(crashing: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the incident named; the incident itself is sent."""
    broker = Broker()
    broker.count("h1", "203.0.113.1")
    worker = Worker(broker, crashing, random.Random(1))

    def too_slow(*_: object) -> None:
        expense = TooExpensive(700, 500)
        expense.rules = ("meta",)
        raise expense

    monkeypatch.setattr(worker.windows.chain._detector, "detect", too_slow)
    for topic, number in worker.books:
        worker.read(topic, number, 10)
        worker.producer.pump(100)
    incidents = [each for number in range(2) for each in broker.logs[NAMES.incidents, number]]
    rejected = [each for number in range(2) for each in broker.logs[NAMES.rejected, number]]
    assert 1 == len(incidents) == len(rejected)
    rejection = decode_rejection(rejected[0].value())
    assert ("too expensive", "meta", incidents[0].key().decode()) == (
        rejection.reason,
        rejection.rule,
        rejection.topic_id,
    )
