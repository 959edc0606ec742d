"""Sending: one failure ends everything, a full queue waits, a process that stood still sends nothing more."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message
from faust.types import TP

from stream_app.kafka.batch import Batch
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.failure import EXIT_STATUS, Failure, WorkerFailed
from stream_app.kafka.sender import Outgoing, Sender, StoodStill
from tests.unit.kafka.simulation import Stored


class FakeClock:
    """A clock that is moved by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


@pytest.fixture
def broker() -> Iterator[Connection]:
    """Give the mock."""
    with EmbeddedBroker() as embedded:
        embedded.make_topics(["out"])
        yield Connection(bootstrap_servers=embedded.bootstrap_servers)


def failure_of() -> Failure:
    """Give a failure that ends no process."""
    return Failure(grace=0.0, leave=lambda _status: None)


def ignore(_error: KafkaError | None, _message: Message) -> None:
    """Take an acknowledgement and do nothing."""


def test_a_queue_that_is_full_waits_and_loses_nothing(broker: Connection) -> None:
    """With room for ten records, a thousand are sent and each is acknowledged once."""
    heard: list[int | None] = []
    sender = Sender(broker, failure_of(), patience=60, settings={"queue.buffering.max.messages": 10})
    for number in range(1000):
        sender.send("out", b"%d" % number, b"key", lambda _error, message: heard.append(message.offset()))
    assert asyncio.run(sender.drain(10))
    assert list(range(1000)) == heard


def test_records_that_are_sent_together_keep_their_order_over_a_full_queue(broker: Connection) -> None:
    """The record that found no room waits, and what is behind it waits with it."""
    heard: list[tuple[int | None, bytes | None]] = []
    sender = Sender(broker, failure_of(), patience=60, settings={"queue.buffering.max.messages": 10})
    records: list[Outgoing] = [(b"%d" % number, b"key", None) for number in range(1000)]
    sender.send_all("out", records, lambda _error, message: heard.append((message.offset(), message.value())))
    assert asyncio.run(sender.drain(10))
    assert [(number, b"%d" % number) for number in range(1000)] == heard


def test_what_is_behind_a_record_that_cannot_be_sent_is_not_sent(broker: Connection) -> None:
    """Of records that are sent together, those before it may get through, none after it."""
    heard: list[bytes | None] = []
    failure = failure_of()
    sender = Sender(broker, failure, patience=60)
    records: list[Outgoing] = [(b"a", b"key", None), (b"x" * 20_000_000, b"key", None), (b"b", b"key", None)]
    with pytest.raises(WorkerFailed, match="MSG_SIZE_TOO_LARGE"):
        sender.send_all("out", records, lambda _error, message: heard.append(message.value()))
    asyncio.run(sender.drain(10))
    sender._producer.flush(10)
    assert {b"a"} >= set(heard)


def test_the_last_row_of_a_batch_is_heard_of_when_all_of_them_are_there(broker: Connection) -> None:
    """One acknowledgement settles a batch's rows, and it comes from behind them all; a header goes with its row."""
    sender, offsets = Sender(broker, failure_of(), patience=60), list[int | None]()
    record = (cast("Message", Stored("in", 0, 0, None, b"", None)), None, 0)
    batch = Batch(sender, TP("in", 0), [record], 0)

    def delivered(error: KafkaError | None, message: Message) -> None:
        offsets.append(message.offset())
        batch.delivered(error, message)

    rows: list[Outgoing] = [(b"%d" % number, b"k", None) for number in range(99)]
    with batch:
        batch.log("out", [*rows, (None, b"k", [("position", b"7")])], 2, delivered)
        assert 1 == batch._outstanding
    assert not batch.settled
    assert asyncio.run(sender.drain(10))
    assert ([99], True) == (offsets, batch.settled)


def test_a_full_queue_is_no_standing_still(broker: Connection) -> None:
    """A worker that waits for room lives: its clock is looked at in each turn of the wait."""
    clock = FakeClock()
    sender = Sender(broker, failure_of(), patience=5, clock=clock)
    for _ in range(10):
        clock.now += 4
        sender.serve()
    sender.check()


def test_a_process_that_stood_still_sends_nothing_more(broker: Connection) -> None:
    """After a pause longer than the patience nothing is queued, and the failure says why."""
    clock, failure = FakeClock(), failure_of()
    sender = Sender(broker, failure, patience=5, clock=clock)
    clock.now += 5.1
    with pytest.raises(WorkerFailed, match=r"stood still for 5\.1 s"):
        sender.check()
    assert isinstance(failure.error, StoodStill)
    with pytest.raises(WorkerFailed):
        sender.send("out", b"", b"", ignore)
    assert 0 == len(sender)


def test_a_record_that_cannot_be_sent_ends_the_worker(broker: Connection) -> None:
    """One that librdkafka refuses at once is a failure, and nothing follows it."""
    failure = failure_of()
    sender = Sender(broker, failure, patience=60)
    with pytest.raises(WorkerFailed, match="MSG_SIZE_TOO_LARGE"):
        sender.send("out", b"x" * 20_000_000, b"", ignore)
    assert isinstance(failure.error, KafkaException)


def test_a_failed_delivery_leaves_its_batch_unsettled(broker: Connection) -> None:
    """The batch of a record that was not acknowledged can never be committed."""
    failure = failure_of()
    sender = Sender(broker, failure, patience=60)
    batch = Batch.__new__(Batch)
    batch.handled, batch._sender, batch._outstanding = True, sender, 1
    batch.delivered(KafkaError(KafkaError._MSG_TIMED_OUT), _Message())  # type: ignore[arg-type]  # only its topic is asked for
    assert not batch.settled
    assert "a record for out could not be sent" in str(failure.error)


class _Message:
    def topic(self) -> str:
        return "out"


def test_the_first_failure_is_said_and_ends_the_process() -> None:
    """The process leaves with its status within the grace, whatever else fails meanwhile."""
    left: list[int] = []
    failure = Failure(grace=0.0, leave=left.append)
    failure.check()
    failure.set(ValueError("first"))
    failure.set(ValueError("second"))
    with pytest.raises(WorkerFailed, match="first"):
        failure.check()
    while not left:  # the timer's thread has yet to run
        pass
    assert [EXIT_STATUS] == left
