"""Too many records in a row that cannot be read → an error that is seen, and by choice the worker's end.

Decision: a streak is of one worker, over all of its source partitions, in the order in which they are read: one bad
forwarder among good ones is broken off by any record that can be read, a wrong topic or a wrong format is not.
"""

import logging
from collections.abc import Callable

from confluent_kafka import Message

from stream_app.kafka.counters import Counters

log = logging.getLogger(__name__)


class RejectStreak(Exception):
    """So many records in a row could not be read that the topic is not what this worker is for."""


class Streak:
    """Counts. ``stop`` is given the error once ``limit`` records in a row were rejected; None goes on."""

    def __init__(self, limit: int, counters: Counters, stop: Callable[[BaseException], None] | None) -> None:
        self._limit = limit
        self._counters = counters
        self._stop = stop
        self.length = 0

    def rejected(self, message: Message, error: Exception) -> None:
        """Count one; the one that makes it a streak is said, once for each streak."""
        self.length += 1
        self._counters.reject_streak = self.length
        if self.length != self._limit:
            return
        self._counters.reject_streaks += 1
        said = (
            f"{self.length} records in a row could not be read, the last of them "
            f"{message.topic()}/{message.partition()}@{message.offset()}: {error}"
        )
        if self._stop is None:
            where = {"topic": message.topic(), "partition": message.partition()}
            log.error("%s; they are on the rejected topic, and so will be what follows", said, extra=where)
        else:
            self._stop(RejectStreak(f"{said}. STREAM_APP_ON_REJECT_STREAK=continue would reject them and go on"))

    def end(self) -> None:
        """Note that a record could be read."""
        self.length = self._counters.reject_streak = 0
