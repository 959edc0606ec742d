"""The topic of the watch lists → the lists of this worker, which its filters ask.

Decision: every worker reads the whole topic, from its beginning, before it reads any other: what was on a list when it
started is there for its first record. From then on a thread follows. How soon an entry that is made meanwhile is known
depends on the network and on nothing in the records; it is the one thing in a worker that does.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from confluent_kafka import Message

from stream_app.engine.watchlist import BadEntry, Entry, decode_entry, put
from stream_app.kafka.compacted import PATIENCE, Compacted, TopicUnread, place_of
from stream_app.kafka.connection import Connection
from stream_app.rulebook.watchlists import Listing, WatchLists

log = logging.getLogger(__name__)

SWEEP = 60.0
"""Seconds between two looks for what is over."""

Times = Callable[[], Mapping[int, tuple[int | None, int | None]]]


class WatchListsUnread(Exception):
    """The watch lists could not be read to their end: without them rules would not see what they should."""


def entries_on(connection: Connection, topic: str) -> dict[Entry, Listing]:
    """Give what stands on the topic now. Raises WatchListsUnread."""
    reader = Compacted(connection, topic)
    try:
        found = {entry: listing for message in reader.to_the_end() for entry, listing in _read(message)}
    except TopicUnread as error:
        raise WatchListsUnread(str(error)) from error
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
        self._reader = Compacted(connection, topic)
        self._lists = lists
        self._times = times
        self._lateness = lateness
        self._fail = fail
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch lists", daemon=True)

    def start(self, patience: float = PATIENCE) -> None:
        """Read to the end that the topic has now, then follow it. Raises WatchListsUnread."""
        try:
            for message in self._reader.to_the_end(patience):
                self._take(message)
        except BaseException as error:
            self._reader.close()
            if isinstance(error, TopicUnread):
                raise WatchListsUnread(str(error)) from error
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
            for message in self._reader.more():
                self._take(message)
            if time.monotonic() - looked >= SWEEP:
                if reached is not None:
                    self._lists.forget(reached - self._lateness)
                looked, reached = time.monotonic(), self._reached()

    def _take(self, message: Message) -> None:
        for entry, listing in _read(message):
            put(self._lists, entry, listing)

    def _reached(self) -> int | None:
        """Give the stream's time, what is behind it by more than ``lateness`` being late; None while it is not known.

        It is used a look later: by then every worker has written the progress that it was made of.
        """
        known = [reached for reached, _ in self._times().values()]
        times = [reached for reached in known if reached is not None]
        return min(times) if times and len(times) == len(known) else None


def _read(message: Message) -> Iterator[tuple[Entry, Listing | None]]:
    try:
        yield decode_entry(message.key() or b"", message.value())
    except BadEntry as error:
        log.error("%s is passed over: it is no entry of a watch list: %s", place_of(message), error)  # noqa: TRY400 - one line says it
