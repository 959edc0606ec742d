"""Reading: what may be committed, what was handled, and how much may be under way."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Message

from stream_app.engine.expense import TooExpensive
from stream_app.kafka import reader as reader_module
from stream_app.kafka.batch import Batch
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.failure import Failure
from stream_app.kafka.producing import produce
from stream_app.kafka.reader import Limits, Reader, Stalled
from stream_app.kafka.sender import Sender

RECORDS = 40


@pytest.fixture
def reading() -> Iterator[Callable[..., tuple[Reader, list[Batch], Failure]]]:
    """Give a maker of readers over forty records of 100 bytes in partition 0 of the mock."""
    with EmbeddedBroker() as embedded:
        embedded.make_topics(["in"])
        connection = Connection(bootstrap_servers=embedded.bootstrap_servers)
        produce(connection, "in", ((b"k", b"%03d" % number + b"x" * 97, None) for number in range(RECORDS)))

        def make(limits: Limits, screen: Any = None) -> tuple[Reader, list[Batch], Failure]:
            failure, batches = Failure(grace=0.0, leave=lambda _status: None), list[Batch]()

            async def deliver(batch: Batch) -> None:
                batches.append(batch)

            reader = Reader(
                "in",
                dict.fromkeys(range(4), OFFSET_BEGINNING),
                settings={**connection.librdkafka(), "group.id": "test", "enable.auto.commit": False},
                limits=limits,
                screen=screen,
                sender=Sender(connection, failure, patience=60),
                deliver=deliver,
                on_read=lambda *_: None,
                on_gap=lambda _partition, _records: None,
            )
            return reader, batches, failure

        yield make


def turn(reader: Reader, until: Callable[[], bool]) -> None:
    """Run the reader until a condition holds."""

    async def run() -> None:
        reading = asyncio.ensure_future(reader.run())
        while not until() and not reading.done():  # noqa: ASYNC110 - a condition of another task
            await asyncio.sleep(0)
        reader.stopping = True
        await reading

    asyncio.run(asyncio.wait_for(run(), 20))


def committable(reader: Reader) -> int:
    """Give the sum of what may be committed: one partition holds everything."""
    return sum(reader.settle(tp) or 0 for tp in reader.tps)


def test_nothing_is_committed_before_it_is_handled(reading: Callable[..., Any]) -> None:
    """A batch that no agent has handled holds its offset; handled, it frees what stands behind it."""
    reader, batches, _ = reading(Limits())
    turn(reader, lambda: bool(batches))
    assert 0 == committable(reader)
    assert 0 == sum(offset for offset, _ in reader.handled().values())
    with batches[0]:
        pass
    reader.stopping = False
    turn(reader, lambda: committable(reader) == RECORDS)
    assert [RECORDS] == [reach[0] for reach in reader.handled().values() if reach[0]]


def test_time_moves_while_there_is_always_more(reading: Callable[..., Any]) -> None:
    """What was handled is known by its last record, although the next batch already waits."""
    reader, batches, _ = reading(Limits(batch=5))
    turn(reader, lambda: bool(batches) and sum(len(book.pending) for book in reader.books) == RECORDS - 5)
    with batches[0]:
        pass
    assert 5 == sum(offset for offset, _ in reader.handled().values())


def test_records_that_nobody_wants_are_passed_over(reading: Callable[..., Any]) -> None:
    """What the screen drops moves the offset without an event."""
    reader, batches, _ = reading(Limits(), lambda _message: None)
    turn(reader, lambda: committable(reader) == RECORDS)
    assert [] == batches


def test_a_screen_that_raises_loses_nothing(reading: Callable[..., Any]) -> None:
    """The record goes on, with the exception in the place of what would have been found."""

    def screen(_message: Any) -> None:
        raise ValueError("no")

    reader, batches, _ = reading(Limits(), screen)
    turn(reader, lambda: sum(len(batch.records) for batch in batches) >= 1)
    assert {("no", None)} == {(str(found), found.__traceback__) for _, found, _ in batches[0].records}


@pytest.mark.parametrize(
    "limits",
    [Limits(poll=5, batch=5, max_records=10), Limits(poll=5, batch=5, max_bytes=1000)],
    ids=["records", "bytes"],
)
def test_what_is_under_way_is_bounded(reading: Callable[..., Any], limits: Limits) -> None:
    """A reader whose batches nobody handles stops at its bound, and one poll past it at most."""
    reader, batches, _ = reading(limits)
    turn(reader, lambda: bool(batches) and reader.full())
    held = sum(len(batch.records) for batch in batches) + sum(len(book.pending) for book in reader.books)
    assert 10 <= held <= 15


def test_a_batch_that_is_not_settled_in_time_ends_the_worker(reading: Callable[..., Any]) -> None:
    """A stall has a name, and says what the batch waits for."""
    reader, batches, failure = reading(Limits(stall=0.0))
    turn(reader, lambda: bool(batches) and failure.error is not None)
    assert isinstance(failure.error, Stalled)
    assert "its agent has not handled it" in str(failure.error)


def test_a_batch_that_was_not_begun_is_void_when_its_partition_goes(reading: Callable[..., Any]) -> None:
    """The agent that comes to it later finds nothing to do, and nothing of it is committed: another reads it."""
    reader, batches, _ = reading(Limits())
    turn(reader, lambda: bool(batches))
    reader.freeze()
    with batches[0] as late:
        assert [] == late.records
    assert 0 == committable(reader)


def test_a_reader_that_is_held_takes_nothing(reading: Callable[..., Any]) -> None:
    """It hands on what it has, and is empty once that is settled; another screen sees what is taken then."""
    reader, batches, _ = reading(Limits(poll=10, batch=10, gather=0.0), lambda message: ("old", message))
    turn(reader, lambda: bool(batches))
    reader.held, reader.stopping = True, False
    taken = sum(len(partition.pending) for partition in reader.books) + sum(len(each.records) for each in batches)
    assert not reader.empty
    seen: list[str] = []

    def handle() -> bool:
        for batch in batches:
            with batch:
                seen.extend(found for _, (found, _), _ in batch.records)
        batches.clear()
        return reader.empty

    turn(reader, handle)
    assert (["old"] * taken, taken < RECORDS) == (seen, True)
    reader.screen, reader.held, reader.stopping = (lambda message: ("new", message)), False, False
    turn(reader, lambda: handle() and len(seen) == RECORDS)
    assert ["old"] * taken + ["new"] * (RECORDS - taken) == seen
    reader.close()


def test_bounds_are_of_the_worker_not_of_each_reader() -> None:
    """Two readers have half of them each."""
    assert (20, 500) == (
        Limits(max_records=40, max_bytes=1000).shared_by(2).max_records,
        Limits(max_records=40, max_bytes=1000).shared_by(2).max_bytes,
    )


def test_expensive_records_do_not_hold_the_event_loop(
    reading: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where screening a poll takes long, the rest of it waits for the next rounds: each record once, in its order."""
    monkeypatch.setattr(reader_module, "HOLD", -1.0)
    rounds: list[int] = []

    def screen(message: Message) -> None:
        rounds.append(message.offset() or 0)
        raise TooExpensive(700, 500)

    reader, batches, failure = reading(Limits(poll=RECORDS), screen)
    positions: list[int] = []
    monkeypatch.setattr(reader, "_on_read", lambda *_: positions.append(committable(reader)))
    turn(reader, lambda: len(rounds) == RECORDS and not reader._left)
    assert (None, list(range(RECORDS))) == (failure.error, rounds)
    taken = [passed for batch in batches for passed in batch.records]
    pending = [passed for book in reader.books for passed in book.pending]
    assert list(range(RECORDS)) == [message.offset() for message, _, _ in [*taken, *pending]]
    assert {0} == set(positions), "nothing was handled, so nothing may be committed"
    assert [RECORDS] == [book.position for book in reader.books if book.position]
