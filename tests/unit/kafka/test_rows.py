"""Rows: what is written is booked by where its last record lies, and whatever is not as it should be is noticed."""

from typing import Any, cast

import pytest
from confluent_kafka import KafkaError
from faust.types import TP

from stream_app.kafka.batch import Batch
from stream_app.kafka.recovery import Recovered
from stream_app.kafka.rows import RowPartitions
from tests.unit.kafka.simulation import Stored

TOPIC = "changelog"


class Sent:
    """A sender that keeps what it was given, and whom to tell."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []
        self.errors: list[BaseException] = []

    def check(self) -> None:
        """Find nothing."""

    def send_all(self, topic: str, records: Any, delivered: Any, *, partition: int) -> None:
        """Keep records."""
        self.records += [(topic, partition, *record, delivered) for record in records]

    def fail(self, error: BaseException) -> None:
        """Keep a failure."""
        self.errors.append(error)


def written(*rows: dict[bytes, bytes | None]) -> tuple[Sent, list[Batch], Recovered]:
    """Write these batches of rows into partition 3, whose changelog ends at offset 10."""
    sent = Sent()
    held, state = RowPartitions(TOPIC, sent.fail), Recovered(rows={b"old": b"x"}, end=10)
    held.put(3, state)
    batches = []
    for each in rows:
        record = (cast("Any", Stored("matches", 3, 0, None, b"", None)), None, 0)
        batches.append(Batch(cast("Any", sent), TP("matches", 3), [record], 0))
        with batches[-1]:
            held.write(batches[-1], each, 77)
    return sent, batches, state


def lands(sent: Sent, at: int, offset: int, error: KafkaError | None = None) -> None:
    """Acknowledge the record at a place of what was sent."""
    _, partition, value, key, headers, delivered = sent.records[at]
    delivered(error, Stored(TOPIC, partition, offset, key, value, headers))


def test_rows_are_stored_and_logged_in_their_order() -> None:
    """A removed row leaves a tombstone that says at which position, and only the last record is heard of."""
    sent, _, state = written({b"a": b"1", b"old": None, b"clock": b"2"})
    assert {b"a": b"1", b"clock": b"2"} == state.rows
    assert [
        (TOPIC, 3, b"1", b"a", None, False),
        (TOPIC, 3, None, b"old", [("position", b"77")], False),
        (TOPIC, 3, b"2", b"clock", None, True),
    ] == [(*record[:-1], record[-1] is not None) for record in sent.records]


def test_a_batch_without_rows_is_settled_at_once() -> None:
    """Nothing is sent, nothing is waited for."""
    sent, (batch,), _ = written({})
    assert ([], True) == (sent.records, batch.settled)


def test_the_last_row_settles_its_batch_and_moves_the_end() -> None:
    """Each batch by itself, in their order."""
    sent, (first, second), state = written({b"a": b"1", b"b": b"1"}, {b"a": b"2"})
    lands(sent, 1, 11)
    assert (12, True, False) == (state.end, first.settled, second.settled)
    lands(sent, 2, 12)
    assert (13, True, []) == (state.end, second.settled, sent.errors)


@pytest.mark.parametrize("offset", [10, 12], ids=["one of ours is missing", "one is somebody else's"])
def test_a_last_row_that_lies_elsewhere_ends_the_worker(offset: int) -> None:
    """Between the end as it was and the last row there must be as many as were sent, else nothing is settled."""
    sent, (batch,), _ = written({b"a": b"1", b"b": b"1"})
    lands(sent, 1, offset)
    assert not batch.settled
    assert ["ForeignWriter"] == [type(each).__name__ for each in sent.errors]


def test_a_row_that_could_not_be_sent_ends_the_worker() -> None:
    """Whichever it was: what is behind a record that failed fails too, and the last one is heard of."""
    sent, (batch,), state = written({b"a": b"1", b"b": b"1"})
    lands(sent, 1, -1, KafkaError(KafkaError._PURGE_QUEUE))
    assert (10, False) == (state.end, batch.settled)
    assert ["DeliveryFailed"] == [type(each).__name__ for each in sent.errors]


def test_the_bytes_of_rows_are_known_without_counting_them_again() -> None:
    """What is written, written over and removed leaves the number that a new count gives, keys with rows."""
    held, state = RowPartitions(TOPIC, lambda _: None), Recovered(rows={b"old": b"x", b"kept": b"yy"}, end=0)
    state.measure()
    assert 4 + 6 == state.bytes
    held.put(3, state)
    sent = Sent()
    for rows in ({b"a": b"111", b"old": b"xxxxx"}, {b"a": b"1", b"gone": None}, {b"old": None, b"b": b""}):
        record = (cast("Any", Stored("matches", 3, 0, None, b"", None)), None, 0)
        held.write(Batch(cast("Any", sent), TP("matches", 3), [record], 0), cast("Any", rows), 77)
    assert {3: (3, 1 + 1 + 4 + 2 + 1)} == held.sizes()
    booked = state.bytes
    state.measure()
    assert booked == state.bytes
