"""The broker's clock against ours: what it stamps a record with, on a topic where it does.

Decision: nothing is written unless that is asked for. Then it is two progress records that speak of no partition, which
change no clock (engine/stream_time.py). Without it only the newest stamp there is can be looked at: it shows a clock
of ours that is behind, and no other.
"""

from collections.abc import Iterator

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.stream_time import VERSION, Progress, encode_progress
from stream_app.kafka.connection import Connection
from stream_app.kafka.finding import Finding, good, warning, wrong
from stream_app.kafka.producing import producer_settings
from stream_app.kafka.progress import wall_clock

ABOUT = "clock"
TOLERATED, FAR = 2_000, 60_000
"""Milliseconds by which clocks may differ; and by which records would be named early or late."""
DO = "run NTP on this machine and on the brokers"
_TIMEOUT = 10.0


def clock(
    connection: Connection, client: AdminClient, topic: str, partitions: int, *, write: bool
) -> Iterator[Finding]:
    """Compare the clocks, on the matches topic."""
    if write:
        yield _written(connection, topic)
        return
    newest: OffsetSpec = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]  # confluent-kafka's
    asked = {TopicPartition(topic, number): newest for number in range(partitions)}
    stamps = [-1]
    for future in client.list_offsets(asked, request_timeout=_TIMEOUT).values():
        try:
            stamps.append(future.result().timestamp)
        except KafkaException:
            continue  # a broker from before 3.0 does not know the question
    ahead = max(stamps) - wall_clock()
    if ahead > TOLERATED:
        yield _judged(ahead)
    else:
        says = "no record was stamped later than now here; that our clock is not ahead was not looked at (--write does)"
        yield good(ABOUT, says)


def _written(connection: Connection, topic: str) -> Finding:
    told: list[tuple[KafkaError | None, tuple[int, int]]] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        told.append((error, message.timestamp()))

    producer = Producer({**producer_settings(connection), "linger.ms": 0, "message.timeout.ms": int(_TIMEOUT * 1000)})
    for _ in range(2):  # what it takes to get to the broker is not to be measured
        before = wall_clock()
        producer.produce(topic, encode_progress(Progress(VERSION, 0, ())), PROGRESS_KEY, 0, on_delivery=delivered)
        producer.flush(_TIMEOUT)
        after = wall_clock()
    error, (kind, stamp) = told[-1] if told else (None, (-1, -1))
    if error is not None or not told:
        why = "no acknowledgement came" if error is None else error.str()
        return wrong(ABOUT, f"a record could not be written to {topic}: {why}", "see the topic's findings")
    if kind != TIMESTAMP_LOG_APPEND_TIME:
        return warning(ABOUT, f"{topic} does not stamp records with the broker's time", "see the topic's findings")
    return _judged(stamp - (before + after) // 2, (after - before) // 2)


def _judged(ahead: int, error: int = 0) -> Finding:
    says = f"the broker's is {abs(ahead)} ms {'ahead of' if ahead >= 0 else 'behind'} ours, give or take {error} ms"
    if abs(ahead) <= TOLERATED + error:
        return good(ABOUT, says)
    if abs(ahead) <= FAR:
        return warning(ABOUT, says, DO)
    return wrong(ABOUT, f"{says}: records are late, or early, that are neither", DO)
