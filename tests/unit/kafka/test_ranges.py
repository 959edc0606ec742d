"""Parts of a topic, read once: the order of records, bounds, and what is not there."""

from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from stream_app.kafka import ranges
from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.ranges import Range, RangeReader, RangeUnreadable


@pytest.fixture
def connection() -> Iterator[Connection]:
    """Give a broker in this process with a topic of 4 partitions, the last of them empty."""
    with EmbeddedBroker() as broker:
        broker.make_topics(["t"])
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        for number in range(30):
            producer.produce("t", str(number), partition=number % 3, timestamp=1_000 + number)
        producer.produce("t", None, partition=0, key="k")
        producer.flush()
        yield Connection(bootstrap_servers=broker.bootstrap_servers)


def read(connection: Connection, **bounds: int) -> tuple[list[int | None], int, list[str]]:
    """Give the numbers in the records of a range, how many there may be, and what is missing."""
    with RangeReader(connection, Range(topic="t", **bounds)) as reader:
        values = [message.value() for message in reader.records()]
        return [None if value is None else int(value) for value in values], reader.total, reader.missing


def test_partitions_are_merged_by_time(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where one is read far ahead of the others; a record without a value is one."""
    assert ([*range(30), None], 31, []) == read(connection)
    monkeypatch.setattr(ranges, "AHEAD", 1)
    monkeypatch.setattr(ranges, "BATCH", 2)
    assert ([*range(30), None], 31, []) == read(connection)


def test_offsets_are_half_open_and_count_in_each_partition(connection: Connection) -> None:
    """What of them is not there is told."""
    missing = ["partition 3 is empty"]
    assert ([3, 4, 5, 6, 7, 8], 6, missing) == read(connection, from_offset=1, to_offset=3)
    assert ([4, 7], 2, []) == read(connection, partition=1, from_offset=1, to_offset=3)
    assert ([28], 1, ["partition 1 ends with offset 9"]) == read(connection, partition=1, from_offset=9, to_offset=99)
    assert ([], 0, []) == read(connection, partition=1, from_offset=50)
    assert ([], 0, []) == read(connection, partition=3)


def test_times_are_half_open(connection: Connection) -> None:
    """Records before the end of a range of times are read."""
    assert ([0, 1, 2, 3], 31, []) == read(connection, until=1_004)


def test_a_topic_or_partition_that_is_not_there_is_named(connection: Connection) -> None:
    """The error says which partitions there are."""
    with pytest.raises(RangeUnreadable, match="there is no topic gone"):
        RangeReader(connection, Range(topic="gone"))
    with pytest.raises(RangeUnreadable, match="topic t has no partition 7: they are 0 to 3"):
        read(connection, partition=7)


def test_a_topic_that_gives_nothing_is_given_up(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading never hangs."""
    monkeypatch.setattr(ranges, "STALLED", -1.0)
    monkeypatch.setattr(ranges, "BATCH", 0)
    with pytest.raises(RangeUnreadable, match="topic t has given nothing"):
        read(connection)
