"""The topic of the watch lists → the lists of this worker, which its filters ask.

Decision: every worker reads the whole topic, from its beginning, before it reads any other: what was on a list when it
started is there for its first record. From then on a thread follows. How soon an entry that is made meanwhile is known
depends on the network and on nothing in the records; it is the one thing in a worker that does.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from stream_app.engine.watchlist import BadEntry, Entry, decode_entry, put
from stream_app.kafka.connection import LOGGER, Connection
from stream_app.kafka.recovery import PASSING
from stream_app.rulebook.watchlists import Listing, WatchLists

log = logging.getLogger(__name__)

BATCH = 2_000
PATIENCE = 60.0
"""Seconds for which the topic may say nothing before its end is reached."""

SWEEP = 60.0
"""Seconds between two looks for what is over."""

Times = Callable[[], Mapping[int, tuple[int | None, int | None]]]


class WatchListsUnread(Exception):
    """The watch lists could not be read to their end: without them rules would not see what they should."""


def entries_on(connection: Connection, topic: str) -> dict[Entry, Listing]:
    """Give what stands on the topic now. Raises WatchListsUnread."""
    reader = _Reader(connection, topic)
    try:
        found = dict(reader.to_the_end(PATIENCE))
    finally:
        reader.close()
    return {entry: listing for entry, listing in found.items() if listing is not None}


class Follower:
    """Keeps the lists as the topic has them. ``fail`` hears of what ends it; ``times`` is as ``IngestApp.times``.

    ``lateness`` is the longest, in ms, that a rule which reads a list allows.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        lists: WatchLists,
        *,
        times: Times,
        lateness: int,
        fail: Callable[[BaseException], None],
    ) -> None:
        self._reader = _Reader(connection, topic)
        self._lists = lists
        self._times = times
        self._lateness = lateness
        self._fail = fail
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch lists", daemon=True)

    def start(self, patience: float = PATIENCE) -> None:
        """Read to the end that the topic has now, then follow it. Raises WatchListsUnread."""
        try:
            for entry, listing in self._reader.to_the_end(patience):
                put(self._lists, entry, listing)
        except BaseException:
            self._reader.close()
            raise
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._follow()
        except Exception as error:  # noqa: BLE001 - lists that stand still must not go unnoticed
            self._fail(error)
        finally:
            self._reader.close()

    def _follow(self) -> None:
        looked, reached = time.monotonic(), None
        while not self._stopping.is_set():
            for entry, listing in self._reader.more():
                put(self._lists, entry, listing)
            if time.monotonic() - looked >= SWEEP:
                if reached is not None:
                    self._lists.forget(reached - self._lateness)
                looked, reached = time.monotonic(), self._reached()

    def _reached(self) -> int | None:
        """Give the stream's time, what is behind it by more than ``lateness`` being late; None while it is not known.

        It is used a look later: by then every worker has written the progress that it was made of.
        """
        known = [reached for reached, _ in self._times().values()]
        times = [reached for reached in known if reached is not None]
        return min(times) if times and len(times) == len(known) else None


class _Reader:
    """A consumer of every partition of the topic, of no group."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                **connection.reading(),
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
                "log_level": 3,
                "logger": LOGGER,
            }
        )
        self._ahead: set[int] = set()
        """Partitions whose end has not been reached yet."""

    def to_the_end(self, patience: float) -> Iterator[tuple[Entry, Listing | None]]:
        """Give what stands on the topic. Raises WatchListsUnread after ``patience`` seconds without a record."""
        try:
            found = self._consumer.list_topics(self._topic, timeout=patience).topics[self._topic]
            self._ahead = set(found.partitions)
            if not self._ahead:
                raise WatchListsUnread(f"there is no topic {self._topic}: make it with `stream-app topics create`")
            self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in self._ahead])
            heard = time.monotonic()
            while self._ahead:
                for each in self.more():
                    heard = time.monotonic()
                    yield each
                if time.monotonic() - heard > patience:
                    raise WatchListsUnread(f"{self._topic}: nothing came for {patience:g} s, its end was not reached")
        except KafkaException as error:
            raise WatchListsUnread(f"{self._topic}: {error.args[0].str()}") from error

    def more(self) -> Iterator[tuple[Entry, Listing | None]]:
        """Give what has come; waits for a moment. Raises KafkaException."""
        for message in self._consumer.consume(BATCH, 0.1):
            error = message.error()
            if error is None:
                yield from _read(message)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._ahead.discard(message.partition() or 0)
            elif error.code() not in PASSING:
                raise KafkaException(error)

    def close(self) -> None:
        """Leave the brokers."""
        self._consumer.close()


def _read(message: Message) -> Iterator[tuple[Entry, Listing | None]]:
    try:
        yield decode_entry(message.key() or b"", message.value())
    except BadEntry as error:
        place = f"{message.topic()}/{message.partition()}@{message.offset()}"
        log.error("%s is passed over: it is no entry of a watch list: %s", place, error)  # noqa: TRY400 - one line says it
