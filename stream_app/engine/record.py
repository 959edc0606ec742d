"""A record as it lies on a topic: what the engine is given, whatever brought it here."""

from msgspec import Struct


class Record(Struct, frozen=True, gc=False):
    """One Kafka record. ``timestamp`` is Kafka's, integer milliseconds since 1970; ``value`` None is a tombstone."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    topic_id: str = ""
    """Kafka's own id of the topic: a topic made anew has another, although its name and offsets are the same."""
