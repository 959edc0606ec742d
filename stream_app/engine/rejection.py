"""What could not be counted, with the reason and the place where it can be found again. Goes in: a record or a match.

Decision: the record's bytes travel along, bounded, as base64: they may be anything, and a rejection must be readable
when the source topic no longer holds the record. A match carries no bytes; its place names the record.
"""

from typing import Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.match import INCIDENTS, NO_PARTITION, Match
from stream_app.engine.record import Record
from stream_app.engine.row import Mark, Source
from stream_app.rulebook.editions import id_of
from stream_app.rulebook.exceptions import RuleException

VERSION = 1

LATE = "late"
EMPTY = "empty"
"""A record without a value: Kafka's tombstone."""

TOO_LARGE = "match too large"
"""A record that was read, and whose match for one rule cannot be sent: its customer and group are too long."""
TOO_EXPENSIVE = "too expensive"
"""A record that took more CPU time than one may."""
FLOOD = "flood"
"""The first trigger of an incident that a cap of its rule holds back."""
FULL = "row full"
"""A match that cannot be counted: its row holds as many events as a record of Kafka's takes."""
SUPPRESSED = "suppressed"
"""A trigger that made nothing, since an exception of its rule holds."""

REPLAYED = "replayed"
"""A record that was rejected and has been put on the source again, on a later offset: said so that it is not twice."""

TOPIC_MISSING = "topic missing"
"""An incident for a SOAR's topic that was not there when the worker started; the others have it."""

INCIDENT_TOO_LARGE = "incident too large"
"""An incident that one of its topics does not take, however much of it is left out; the others have it."""

TOO_MANY = "too many combinations"
"""An event for which more combinations of groups would have to be looked at than may be."""

VALUE_LIMIT = 65_536
"""Bytes of a record that a rejection carries by default."""

DETAIL_LIMIT = 1_000
"""Characters of detail: a decoder's message may quote its input."""


class BadRejection(Exception):
    """Bytes that are not a rejection."""


class Rejection(Struct, frozen=True, kw_only=True):
    """A record that was not counted. ``reason`` is a few stable words; ``size`` is the whole value's, in bytes."""

    version: int = VERSION
    reason: str
    detail: str
    topic: str
    topic_id: str
    partition: int
    offset: int
    timestamp: int
    """Kafka's timestamp of the record; of a late match, the time it was judged by. Milliseconds since 1970."""
    size: int
    truncated: bool
    rule: str | None = None
    """The rule's id where one rule's match was refused, else None: the record could not be read at all."""
    value: bytes = b""

    @classmethod
    def of(cls, record: Record, reason: str, detail: str, limit: int = VALUE_LIMIT, rule: str | None = None) -> Self:
        """Reject a record, or what one rule made of it, with at most ``limit`` bytes of it."""
        value = b"" if record.value is None else record.value
        return cls(
            reason=reason,
            detail=detail[:DETAIL_LIMIT],
            topic=record.topic,
            topic_id=record.topic_id,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.timestamp,
            size=len(value),
            truncated=len(value) > limit,
            rule=rule,
            value=value[:limit],
        )

    @classmethod
    def late(cls, match: Match, lateness: int, stream_time: int | None) -> Self:
        """Reject a match that came more than ``lateness`` ms behind the stream's time (None where it is not known)."""
        if match.origin.partition == NO_PARTITION:
            return cls.of_match(
                match, LATE, "its row has forgotten incidents as old as this one: it may be one of them"
            )
        behind = "" if stream_time is None else f"{stream_time - match.time} ms behind the stream's time, "
        return cls.of_match(match, LATE, f"{behind}allowed are {lateness}")

    @classmethod
    def of_match(cls, match: Match, reason: str, detail: str) -> Self:
        """Reject a match, which carries no bytes of its record; its place names the record."""
        origin = match.origin
        source = Source(origin.topic_id, origin.topic, origin.partition, origin.offset)
        return cls._at(source, Mark(match.time, 0, origin.offset), reason, detail, id_of(match.rule))

    @classmethod
    def suppressed(cls, rule: str, source: Source, mark: Mark, exception: RuleException) -> Self:
        """Say that a trigger made nothing: the rule's id, the trigger with its source, and why."""
        return cls._at(source, mark, SUPPRESSED, f"{exception.place}: {exception.reason}"[:DETAIL_LIMIT], rule)

    @classmethod
    def held_back(cls, rule: str, source: Source, mark: Mark, incident: str) -> Self:
        """Say that an incident is not told: the rule's id, its first trigger with the source, its id."""
        return cls._at(source, mark, FLOOD, f"incident {incident} is held back by the rule's [flood]", rule)

    @classmethod
    def too_many(cls, rule: str, source: Source, mark: Mark, most: int) -> Self:
        """Say that an event decided nothing: the rule's id, the event with its source, what may be looked at."""
        return cls._at(source, mark, TOO_MANY, f"more than {most:,} combinations of groups would be looked at", rule)

    @classmethod
    def too_long(cls, rule: str, source: Source, mark: Mark, detail: str) -> Self:
        """Say that a trigger made nothing, since its incident could not be sent: the rule's id, the trigger, why."""
        return cls._at(source, mark, TOO_LARGE, detail, rule)

    def replayed(self) -> Self:
        """Say that the record was put on the source again, and what it had been rejected for."""
        detail = f"was {self.reason}: {self.detail}"[:DETAIL_LIMIT]
        return replace(self, reason=REPLAYED, detail=detail, value=b"", truncated=self.size > 0)

    @classmethod
    def of_incident(  # noqa: PLR0913, PLR0917 - what says which one it is
        cls, rule: str, incident: str, revision: int, time: int, reason: str, detail: str
    ) -> Self:
        """Say that a state of an incident is missing on one of its topics: the rule's id, the incident's, why.

        Its place is ``incidents``, its id in the place of a topic's and its revision in that of an offset.
        """
        source = Source(incident, INCIDENTS, NO_PARTITION, revision)
        return cls._at(source, Mark(time, 0, revision), reason, detail[:DETAIL_LIMIT], rule)

    @classmethod
    def _at(cls, source: Source, mark: Mark, reason: str, detail: str, rule: str) -> Self:
        return cls(
            reason=reason,
            detail=detail,
            topic=source.topic,
            topic_id=source.topic_id,
            partition=source.partition,
            offset=mark.offset,
            timestamp=mark.time,
            size=0,
            truncated=False,
            rule=rule,
        )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Rejection)


def encode_rejection(rejection: Rejection) -> bytes:
    """Give the JSON object that goes on the rejected topic; ``value`` is base64."""
    return _encoder.encode(rejection)


def decode_rejection(data: bytes) -> Rejection:
    """Read a rejection. Raises :class:`BadRejection`."""
    try:
        rejection = _decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadRejection(str(error)) from error
    if rejection.version != VERSION:
        raise BadRejection(f"rejection version {rejection.version}, this worker reads {VERSION}")
    return rejection
