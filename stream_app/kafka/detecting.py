"""What the screen found in the records of the sysmon topic → matches and rejections on their topics."""

from collections.abc import Sequence

from confluent_kafka import Message

from stream_app.engine.expense import TooExpensive
from stream_app.engine.match import SMALL, VALUES_LIMIT, decode_match, too_large
from stream_app.engine.record import Record
from stream_app.engine.rejection import TOO_EXPENSIVE, TOO_LARGE, VALUE_LIMIT, Rejection, encode_rejection
from stream_app.kafka.batch import Batch
from stream_app.kafka.counters import Counters
from stream_app.kafka.placing import Placing
from stream_app.kafka.sender import LOT, Headers, Outgoing
from stream_app.kafka.topics import Names
from stream_app.kafka.tracing import context_of
from stream_app.rulebook.editions import id_of
from stream_app.sysmon.parts import Unreadable

FAILED = "failed"
"""A record on which the screen itself failed: a defect of ours, with its exception as the detail."""

Found = Sequence[tuple[bytes, bytes]]
"""Matches of a record: (key, match), as bytes."""


def record_of(message: Message, topic_id: str) -> Record:
    """Give the record as the engine takes it."""
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        message.value(),
        topic_id,
    )


class Detecting:
    """Sends what the screen found. ``value_limit`` is how many bytes of a record travel with its rejection."""

    def __init__(
        self, names: Names, topic_id: str, counters: Counters, placing: Placing, value_limit: int = VALUE_LIMIT
    ) -> None:
        self._names = names
        self._placing = placing
        self._topic_id = topic_id
        self._counters = counters
        self._value_limit = value_limit

    def handle(self, batch: Batch) -> None:
        """Send a batch's matches and rejections."""
        matches: list[Outgoing] = []
        for message, found, _ in batch.records:
            left = self._refuse(batch, message, found) if isinstance(found, Exception) else found
            matches += self._fit(batch, message, left)
            if len(matches) >= LOT:
                self._send(batch, matches)
                matches = []
        self._send(batch, matches)

    def _refuse(self, batch: Batch, message: Message, error: Exception) -> Found:
        """Reject a record for what the screen raised; give what it had found before."""
        if isinstance(error, Unreadable):
            self._reject(batch, message, error.reason, error.detail)
        elif isinstance(error, TooExpensive):
            for rule in error.rules or (None,):
                self._reject(batch, message, TOO_EXPENSIVE, str(error), rule)
            return error.found
        else:
            self._reject(batch, message, FAILED, repr(error))
        return ()

    def _send(self, batch: Batch, matches: list[Outgoing]) -> None:
        for partition, lot in self._placing.lots(matches):
            batch.send_all(self._names.matches, lot, partition)
        self._counters.matches += len(matches)

    def _fit(self, batch: Batch, message: Message, found: Found) -> list[Outgoing]:
        """Give what is to be sent; a match that is too large to be counted is rejected."""
        fit: list[Outgoing] = []
        trace = context_of(message)
        for key, value in found:
            large = len(key) > SMALL or len(value) > VALUES_LIMIT
            if large and (unfit := too_large(key, match := decode_match(value))):
                self._reject(batch, message, TOO_LARGE, unfit, id_of(match.rule))
            else:
                fit.append((value, key, trace))
        return fit

    def _reject(self, batch: Batch, message: Message, reason: str, detail: str, rule: str | None = None) -> None:
        rejection = Rejection.of(record_of(message, self._topic_id), reason, detail, self._value_limit, rule)
        send_rejection(batch, self._names.rejected, rejection, context_of(message))
        self._counters.rejected[reason] += 1


def send_rejection(batch: Batch, topic: str, rejection: Rejection, trace: Headers | None = None) -> None:
    """Put a rejection where it can be found again, keyed by the place of its record, with its trace context."""
    place = f"{rejection.topic}/{rejection.partition}@{rejection.offset}"
    batch.send_all(topic, [(encode_rejection(rejection), place.encode(), trace)])
