"""Nothing that a worker sends is larger than what Kafka takes, however large what it read was."""

import json
import random
from typing import get_args, get_type_hints

import pytest
from msgspec import Meta

from stream_app.engine.key import encode_key
from stream_app.engine.match import GROUP_LIMIT, VERSION, Match, Origin, encode_match
from stream_app.engine.record import Record
from stream_app.engine.rejection import TOO_LARGE, Rejection, decode_rejection, encode_rejection
from stream_app.kafka.sender import LARGEST
from stream_app.kafka.topics import MESSAGE_BYTES, declare
from stream_app.kafka.windows import BAD_MATCH
from stream_app.service.settings import Settings
from tests.corpus import seed_rulebook
from tests.unit.kafka.simulation import NAMES, PYTHON, Broker, Worker

OVERHEAD = 100
"""Bytes of a record's own frame, at most."""


def connection(command: str) -> bytes:
    """Give a record that matches the seed rule."""
    record = {
        "EventID": 3,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Image": PYTHON,
        "Initiated": "true",
        "CommandLine": command,
    }
    return json.dumps(record, ensure_ascii=False).encode()


def room(text: str) -> int:
    """Give how many times a text fits into the command line of a match that is just not too large."""
    group = json.dumps(["1", ["", None, None, "true", None, PYTHON, None]], separators=(",", ":"))
    return (GROUP_LIMIT - len(group)) // (len(json.dumps(text, ensure_ascii=False).encode()) - 2)


def run(*values: bytes | None) -> Broker:
    """Let a worker read these, and what comes of them."""
    broker = Broker()
    for value in values:
        broker.append(NAMES.sysmon, 0, None, value)
    worker = Worker(broker, seed_rulebook(), random.Random(1))
    for topic, number in worker.books:
        worker.read(topic, number, 100)
        worker.producer.pump(1000)
    worker.commit()
    assert len(values) == broker.committed[NAMES.sysmon, 0]
    return broker


@pytest.mark.parametrize("text", ["x", "\x01", "\u202e", "\\"])
def test_the_largest_match_fits_as_match_row_and_incident(text: str) -> None:
    """A command line just within the limit is counted, and no record that comes of it is larger than Kafka takes."""
    broker = run(connection(text * room(text)))
    for topic in (NAMES.matches, NAMES.changelog, NAMES.incidents):
        sizes = [
            len(each.key()) + len(each.value() or b"") for number in range(2) for each in broker.logs[topic, number]
        ]
        assert sizes, topic
        assert max(sizes) + OVERHEAD <= LARGEST < MESSAGE_BYTES
        assert topic != NAMES.incidents or max(sizes) > GROUP_LIMIT


@pytest.mark.parametrize("text", ["x", "\x01", "\u202e", "\\"])
def test_a_match_that_is_larger_is_rejected_and_its_record_is_found(text: str) -> None:
    """With one more it is on the rejected topic, with the rule, and the records around it are counted."""
    broker = run(connection("a"), connection(text * (room(text) + 1)), None, connection("b"))
    rejected = [
        decode_rejection(each.value() or b"") for number in range(2) for each in broker.logs[NAMES.rejected, number]
    ]
    assert [(1, TOO_LARGE, "PH_Rule_SIGMA_1774"), (2, "empty", None)] == sorted(
        (each.offset, each.reason, each.rule) for each in rejected
    )
    assert 2 == sum(len(broker.logs[NAMES.incidents, number]) for number in range(2))


def test_what_an_earlier_worker_left_on_the_matches_topic_is_rejected_too() -> None:
    """A match above the limit, and one that is not even text, are rejected by the windows side."""
    broker = Broker()
    group = ("x" * GROUP_LIMIT,)
    match = Match(VERSION, "PH_Rule_SIGMA_1774", "1", group, 5, Origin("sysmon", "first", 0, 3))
    broker.append(NAMES.matches, 0, encode_key(match.rule, "1", group), encode_match(match))
    broker.append(NAMES.matches, 0, b"k", b"\x96\x01\xa1\xff\xa11\x90\x01\x94\xa1t\xa1i\x00\x00")
    worker = Worker(broker, seed_rulebook(), random.Random(1))
    worker.read(NAMES.matches, 0, 10)
    worker.producer.pump(100)
    rejected = [
        decode_rejection(each.value() or b"") for number in range(2) for each in broker.logs[NAMES.rejected, number]
    ]
    assert [(NAMES.matches, 1, BAD_MATCH), ("sysmon", 3, TOO_LARGE)] == sorted(
        (each.topic, each.offset, each.reason) for each in rejected
    )


def test_the_largest_rejection_fits() -> None:
    """With as many bytes as the setting allows and the longest detail, of a topic with the longest name."""
    hint = get_type_hints(Settings, include_extras=True)["rejected_value_bytes"]
    limit = next(each.le for each in get_args(hint) if isinstance(each, Meta) and each.le is not None)
    assert isinstance(limit, int)
    record = Record("t" * 249, 10**9, 2**63 - 1, -(2**63), b"\xff" * 10_000_000, "i" * 22)
    rejection = Rejection.of(record, TOO_LARGE, "\x01" * 10_000_000, limit, "r" * 200)
    place = f"{record.topic}/{record.partition}@{record.offset}"
    assert len(encode_rejection(rejection)) + len(place) + OVERHEAD <= LARGEST


def test_topics_that_a_worker_writes_take_what_it_sends() -> None:
    """Whatever the cluster's own limit is; the sysmon topic's is the forwarder's affair."""
    limits = {topic.name: topic.settings().get("max.message.bytes") for topic in declare(NAMES)}
    assert limits.pop(NAMES.sysmon) is None
    assert {str(MESSAGE_BYTES)} == set(limits.values())
