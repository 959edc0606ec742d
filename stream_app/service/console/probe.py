"""A group's committed offsets against the ends of topics, every few seconds, in a thread that outlives broken brokers.

Goes in: connection, group, topics; comes out: the lag of each partition, or why nobody answered.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct

from stream_app.kafka.connection import Connection
from stream_app.kafka.offsets import Offsets

if TYPE_CHECKING:
    from concurrent.futures import Future

PATIENCE = 3.0
"""Seconds for an answer."""
GRACE = 1.0
INTERVAL = 3.0
"""Seconds between two looks."""

Lags = dict[str, dict[int, int | None]]
"""Topic -> partition -> records that are not committed yet; None where that is not known."""


class Look(Struct, frozen=True):
    """What a look found. ``trouble`` says why the brokers did not answer, empty where they did."""

    lags: Lags
    trouble: str = ""


class Probe:
    """A thread between ``start`` and ``stop``; ``deliver`` is called in it.

    ``wanted`` is a topic that must be there.
    """

    def __init__(
        self,
        connection: Connection,
        group: str,
        topics: tuple[str, ...],
        deliver: Callable[[Look], None],
        wanted: str = "",
    ) -> None:
        self._group, self._topics, self._deliver = group, topics, deliver
        self._client = AdminClient({**connection.librdkafka(), "log_level": 0, "reconnect.backoff.max.ms": 2_000})
        self._offsets = Offsets(connection)
        self._wanted = wanted
        self._servers = connection.bootstrap_servers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console-probe", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """End; a thread that waits for brokers which do not answer is not waited for long."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(GRACE)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._deliver(self.look())
            self._stop.wait(INTERVAL)

    def look(self) -> Look:
        """Ask once."""
        try:
            present = self._client.list_topics(timeout=PATIENCE).topics
            places = [
                TopicPartition(topic, partition)
                for topic in self._topics
                if topic in present
                for partition in present[topic].partitions
            ]
            committed, ends = self._committed(places), self._ends(places)
        except (KafkaException, TimeoutError) as error:
            said = error.args[0].str() if isinstance(error, KafkaException) else "no answer"
            return Look({topic: {} for topic in self._topics}, f"Kafka does not answer ({self._servers}: {said})")
        lags: Lags = {topic: {} for topic in self._topics}
        for each in places:
            end, done = ends.get((each.topic, each.partition)), committed.get((each.topic, each.partition), 0)
            lags[each.topic][each.partition] = None if end is None else max(0, end - done)
        missing = f"there is no topic {self._wanted} yet: make it with stream-app topics create"
        return Look(lags, missing if self._wanted and self._wanted not in present else "")

    def _committed(self, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
        """Give committed offsets; a partition of which none is known has none."""
        if not places:
            return {}
        asked = ConsumerGroupTopicPartitions(self._group, places)
        (future,) = self._client.list_consumer_group_offsets([asked], request_timeout=PATIENCE).values()
        answer: ConsumerGroupTopicPartitions = _result(future)
        return {(each.topic, each.partition): each.offset for each in answer.topic_partitions or () if each.offset >= 0}

    def _ends(self, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
        answers = self._offsets.ask(
            {each: OffsetSpec.latest() for each in places},  # type: ignore[no-untyped-call]  # it has no types
            PATIENCE,
        )
        found = {(each.topic, each.partition): _result(future).offset for each, future in answers.items()}
        return {place: offset for place, offset in found.items() if offset >= 0}


def _result(future: "Future[Any]") -> Any:  # noqa: ANN401 - what a question was about
    return future.result(2 * PATIENCE)
