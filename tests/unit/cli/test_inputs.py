"""Where replay and rules explain take their records from, on the command line."""

import json
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from stream_app.cli.demo import SCENE
from stream_app.kafka.embedded import EmbeddedBroker
from tests.unit.cli.test_main import run

RULE_ID = "PH_Rule_SIGMA_1774"
LINES = SCENE.read_bytes().splitlines()[:55]


@pytest.fixture
def topic() -> Iterator[str]:
    """Give the address of a broker that has the scene on its sysmon topic, all of it in partition 2."""
    with EmbeddedBroker() as broker:
        broker.make_topics(["sysmon"])
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        for offset, line in enumerate(LINES):
            producer.produce("sysmon", line, partition=2, timestamp=1_772_442_000_000 + offset)
        producer.flush()
        yield broker.bootstrap_servers


def test_a_topic_is_replayed_as_it_lies_there(topic: str) -> None:
    """The incidents are those of the file; they name the topic's own offsets."""
    done = run("replay", "--json", "--topic", "sysmon", bootstrap_servers=topic, update_interval_s="0")
    incidents = [json.loads(line) for line in done.stdout.splitlines()]
    assert (0, 11) == (done.returncode, len(incidents)), done.stderr
    assert "sysmon/2@30" == incidents[0]["triggeringEventList"][0]
    assert b"55 records read, " in done.stderr


def test_a_range_of_offsets_is_replayed_and_explained(topic: str) -> None:
    """The end is not in it; of what is not there a line is told."""
    asked = ("--topic", "sysmon", "--partition", "2", "--from-offset", "30", "--to-offset", "31")
    replayed = run("replay", "--json", *asked, bootstrap_servers=topic)
    explained = run("rules", "explain", RULE_ID, "--json", *asked, bootstrap_servers=topic)
    assert (1, True) == (len(replayed.stdout.splitlines()), b"1 record read, " in replayed.stderr)
    (one,) = [json.loads(line) for line in explained.stdout.splitlines()]
    assert ("sysmon/2@30", True) == (one["place"], one["matches"])
    beyond = run("replay", "--topic", "sysmon", "--partition", "2", "--to-offset", "99", bootstrap_servers=topic)
    assert b"sysmon: warning: partition 2 ends with offset 54\n" in beyond.stderr
    gone = run("replay", "--topic", "sysmon", "--partition", "9", bootstrap_servers=topic)
    assert (1, b"stream-app: topic sysmon has no partition 9: they are 0 to 3\n") == (gone.returncode, gone.stderr)


def test_times_are_taken_as_people_and_programs_write_them(topic: str) -> None:
    """ISO 8601 with an offset, or milliseconds."""
    for until in ("2026-03-02T10:00:00.031+01:00", "1772442000031"):
        done = run("replay", "--json", "--topic", "sysmon", "--until", until, bootstrap_servers=topic)
        assert (0, 1) == (done.returncode, len(done.stdout.splitlines()))
        assert b"31 records read, " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name files, or --topic"),
        (("x", "--topic", "sysmon"), "name files, or --topic, not both"),
        (("x", "--from-offset", "3"), "--from-offset without --topic"),
        (("--topic", "sysmon", "--since", "2026-03-02T09:00:00"), "is no time such as 2026-03-02T09:00:00Z"),
        (("--topic", "sysmon", "--until", "soon"), "'soon' is no time such as"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(arguments: tuple[str, ...], said: str) -> None:
    """Status 2, before anything is read."""
    done = run("replay", *arguments)
    assert (2, True) == (done.returncode, said in done.stderr.decode()), done.stderr
