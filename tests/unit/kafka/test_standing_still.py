"""Records and rows that take long: the worker is not taken for one that stood still, and one that did is ended."""

import random
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec.structs import replace

from stream_app.kafka import windows
from stream_app.kafka.connection import Connection
from stream_app.kafka.failure import Failure, WorkerFailed
from stream_app.kafka.reader import LONG, Limits, Reader
from stream_app.kafka.sender import Sender, StoodStill
from stream_app.language.aggregate import CountConstraint
from stream_app.rulebook.rule import Rulebook
from tests.corpus import seed_rulebook
from tests.unit.kafka.simulation import Broker, Producer, Stored, Worker

if TYPE_CHECKING:
    from confluent_kafka import Message

PATIENCE = 5.0


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def taken(seconds: float, count: int, size: int) -> BaseException | None:
    """Screen one poll of records that take so many seconds each; give the failure then, if there is one."""
    clock, failure = Clock(), Failure(leave=lambda _: None)
    connection = Connection(bootstrap_servers="127.0.0.1:1")
    sender = Sender(connection, failure, patience=PATIENCE, clock=clock, settings={"log_level": 0})

    def screen(_: "Message") -> None:
        clock.now += seconds

    async def nobody(_: Any) -> None:
        """Take no batch."""

    reader = Reader(
        "sysmon",
        {0: 0},
        settings={"bootstrap.servers": "127.0.0.1:1", "group.id": "test", "log_level": 0},
        limits=Limits(),
        screen=screen,
        sender=sender,
        deliver=nobody,
        on_read=lambda *_: None,
        on_gap=lambda *_: None,
    )
    try:
        reader._take(cast("list[Message]", [Stored("sysmon", 0, at, None, b"x" * size, None) for at in range(count)]))
        sender.check()
    except WorkerFailed:
        return failure.error
    finally:
        reader.close()
    return failure.error


def test_a_poll_of_large_records_may_take_longer_than_a_session() -> None:
    """Forty seconds over forty large records are no standing still."""
    assert taken(1.0, 40, LONG + 1) is None


@pytest.mark.parametrize("size", [10, LONG + 1])
def test_a_worker_that_stood_still_while_it_screened_is_ended(size: int) -> None:
    """A gap of more than the patience within a poll ends it, whatever the record's size."""
    assert isinstance(taken(PATIENCE + 1, 1, size), StoodStill)


@pytest.mark.parametrize(("least", "shown"), [(1, 0), (5, 16)])
def test_matches_of_a_crowded_row_are_no_standing_still(
    monkeypatch: pytest.MonkeyPatch, least: int, shown: int
) -> None:
    """A row that holds many events takes long for each match: behind each one the worker shows that it runs."""
    beats: list[Producer] = []

    def serve(producer: Producer) -> None:
        beats.append(producer)

    monkeypatch.setattr(windows, "CROWD", 4)
    monkeypatch.setattr(Producer, "serve", serve, raising=False)
    (rule,) = seed_rulebook().rules.values()
    rule = replace(rule, subpattern=replace(rule.subpattern, constraint=CountConstraint(">=", least)))
    broker = Broker()
    for _ in range(20):
        broker.count("h", "203.0.113.1")
    worker = Worker(broker, Rulebook({rule.id: rule}), random.Random(1))
    for topic, number in worker.books:
        worker.read(topic, number, 100)
        worker.producer.pump(1000)
    assert shown == len(beats)
