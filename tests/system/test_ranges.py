"""Parts of a topic on a real Kafka: which records lie between two offsets, and between two times."""

import pytest
from confluent_kafka import Producer

from stream_app.kafka.connection import Connection
from stream_app.kafka.ranges import Range, RangeReader
from tests.brokers import fresh_topics


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"since": 1_000_500}, [5, 6, 8, 9, 11, 7, 10]),
        ({"since": 1_000_500, "until": 1_001_000}, [5, 6, 8, 9]),
        ({"until": 1_000_200}, [0, 1]),
        ({"since": 9_000_000}, []),
        ({"partition": 1, "since": 1_000_500, "until": 1_001_100}, [10]),
        ({"from_offset": 1, "to_offset": 3}, [3, 4, 5, 6, 8, 7]),
    ],
)
def test_a_range_is_what_lies_in_it(connection: Connection, bounds: dict[str, int], expected: list[int]) -> None:
    """By timestamps also where they do not rise; partitions are merged by them."""
    topic = fresh_topics(connection, f"range-{'-'.join(map(str, bounds.values()))}", partitions=3).sysmon
    producer = Producer({**connection.librdkafka()})
    for number in range(12):
        late = 5_000 if number == 7 else 0
        producer.produce(topic, str(number), partition=number % 3, timestamp=1_000_000 + number * 100 + late)
    producer.flush()
    with RangeReader(connection, Range(topic=topic, **bounds)) as reader:
        assert expected == [int(message.value() or b"") for message in reader.records()]
