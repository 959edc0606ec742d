"""Work that is to be finished: until what lay on the topics has been read, or until the matches topic is counted.

Decision: workers that stop leave matches behind, if only progress, since they stop reading and writing at once. So what
must find all of it counted (more partitions) has a worker of its own that reads no source, :class:`DrainWatch`.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self

from confluent_kafka import KafkaException
from faust.types import TP
from msgspec import Struct

from stream_app.kafka.admin import KafkaUnavailable, admin_client, partitions_there
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import NONE, bounds_of, committed_of, open_work
from stream_app.kafka.ingest import IngestApp
from stream_app.kafka.topics import Names
from stream_app.kafka.watching import Bounds, watch

log = logging.getLogger(__name__)

LOOKS = 0.2
"""Seconds between two looks."""


class Left(Struct, frozen=True):
    """How many records of a topic are still to be settled."""

    topic: str
    records: int


def until_done(connection: Connection, names: Names) -> Iterator[Left]:
    """Give again and again what is left of what lay there: of the source as it was when this began, then of matches.

    Ends when nothing is. The matches are those that lay there when the source was read so far, so all that became of
    its records is counted, however much has come since. Raises KafkaUnavailable.
    """
    client = admin_client(connection)
    for topic in (names.sysmon, names.matches):
        partitions = partitions_there(client, topic)
        wanted = bounds_of(client, topic, range(partitions))
        while True:
            committed = committed_of(client, names.app_id, topic, partitions)
            left = sum(max(0, end - max(low, committed.get(number, NONE))) for number, (low, end) in wanted.items())
            yield Left(topic, left)
            if not left:
                break


class DrainWatch:
    """Ends a worker that reads no source as soon as all matches are counted. A context manager.

    ``done`` says whether they are; ``say`` is told what is left, whenever it has changed. After ``timeout`` seconds it
    ends the worker as it is.
    """

    def __init__(self, connection: Connection, names: Names, timeout: float, say: Callable[[int], None]) -> None:
        self.done = False
        self._connection, self._names = connection, names
        self._timeout, self._say = timeout, say
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join(10)

    def watch(self, app: IngestApp) -> None:
        """Begin, with an app that is about to start."""
        self._thread = threading.Thread(target=self._run, args=(app,), daemon=True)
        self._thread.start()

    def _run(self, app: IngestApp) -> None:
        try:
            self.done = self._drained(app)
        except (KafkaUnavailable, KafkaException) as error:
            log.warning("what is left cannot be asked for: %s", error)
        finally:  # whatever happened here: nothing else would end the worker
            if not self._over.is_set():
                os.kill(os.getpid(), signal.SIGTERM)  # as an operator stops a worker: in order, with a last commit

    def _drained(self, app: IngestApp) -> bool:
        """Wait until the matches are counted; says whether that came true in time."""
        client = admin_client(self._connection)
        count = partitions_there(client, self._names.matches)
        tps = [TP(self._names.matches, number) for number in range(count)]
        bounds = Bounds(self._connection, LOOKS)
        deadline, before = time.monotonic() + self._timeout, -1
        while not self._over.wait(LOOKS) and time.monotonic() < deadline:
            seen, known = watch(app), bounds.known(tps)
            if not seen.reading or seen.committed.keys() != set(tps) or known.keys() != set(tps):
                continue
            left = sum(max(0, end - max(low, seen.committed[tp])) for tp, (low, end) in known.items())
            if left != before:
                self._say(left)
                before = left
            # the broker's word counts: what is known here of ends may be a moment old
            if not left and not open_work(client, self._names.app_id, self._names.matches, count):
                return True
        return False
