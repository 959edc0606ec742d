"""A match counts in the row of its own key, and in no other's: what lies under another key is rejected."""

import random

import pytest

from stream_app.engine.key import encode_key
from stream_app.engine.match import VERSION, Match, Origin, encode_match
from stream_app.engine.rejection import decode_rejection
from stream_app.kafka.windows import BAD_MATCH
from tests.corpus import seed_rulebook
from tests.unit.kafka.simulation import NAMES, Broker, Worker

RULE = "PH_Rule_SIGMA_1774"


def match(command: str, offset: int) -> Match:
    """Give a match of the seed rule."""
    group = (command, "203.0.113.9", "pc", "true", None, "python.exe", "10.0.0.1")
    return Match(VERSION, RULE, "1", group, 1_000 + offset, Origin("sysmon", "T", 0, offset))


def key_of(one: Match) -> bytes:
    """Give its own key."""
    return encode_key(one.rule, one.customer, one.group)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("cut", [0, 1, 5])
def test_under_another_key(*, known: bool, cut: int) -> None:
    """Whether that key has a row or not, and where it is the beginning of the right one as well."""
    counted, wrong = match("a", 1), match("ab", 2)
    key = key_of(wrong)[: -cut * 8] if cut else key_of(counted)
    broker = Broker()
    if known:
        broker.append(NAMES.matches, 0, key_of(counted), encode_match(counted))
    broker.append(NAMES.matches, 0, key, encode_match(wrong))
    broker.append(NAMES.matches, 0, key_of(wrong), encode_match(wrong))
    worker = Worker(broker, seed_rulebook(), random.Random(1))
    worker.read(NAMES.matches, 0, 10)
    worker.producer.pump(100)
    logs = broker.logs
    rejected = [decode_rejection(each.value() or b"") for number in (0, 1) for each in logs[NAMES.rejected, number]]
    assert [(NAMES.matches, int(known), BAD_MATCH)] == [(each.topic, each.offset, each.reason) for each in rejected]
    rows = {each.key() for each in logs[NAMES.changelog, 0]}
    assert ({key_of(counted)} if known else set()) | {key_of(wrong)} == rows
