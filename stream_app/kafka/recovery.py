"""A changelog partition → rows: the newest row of a key wins, and what an older owner left behind is named.

Goes in: a partition and the offset from which it is not known yet; comes out: its rows and where its log ends.
Decision: of two records of a key the one with the higher position wins, whatever their order in the log. A worker that
was frozen past its session may write, on waking, rows from which its partition's new owner has long counted on; the
last record of the log would then undercount for ever. The key of such a record is *stale*: its right row must be
written again, before the cleaner (which keeps the last record, not the best) can drop it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from msgspec import Struct

POSITION = "position"
"""Header of a tombstone: the position at which the row was removed, in decimal digits."""


class Rows(Protocol):
    """Rows of one partition by key: a dict, or what stands on disk for one."""

    def get(self, key: bytes, /) -> bytes | None:
        """Give the row of a key, or None."""
        ...

    def pop(self, key: bytes, default: None, /) -> bytes | None:
        """Remove a row."""
        ...

    def items(self) -> Iterable[tuple[bytes, bytes]]:
        """Give every row."""
        ...

    def __setitem__(self, key: bytes, row: bytes, /) -> None: ...

    def __len__(self) -> int: ...


PositionOf = Callable[[bytes], int]

BATCH = 2_000
PATIENCE = 0.02
"""Seconds that a read waits to be full: what a small partition, of which there are many, costs at least."""

TIMEOUT = 60.0
"""Seconds for which a broker may be without an answer, or a partition without a leader."""

PASSING = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001 - confluent-kafka's public names
        KafkaError._TRANSPORT,  # noqa: SLF001 - as above
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - as above
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.OFFSET_NOT_AVAILABLE,
    }
)
"""What a broker that starts, or a leader that moves, answers for a moment."""


class SourceRemade(Exception):
    """The source topic ends before what the rows already reflect: it was made anew, or lost its end."""


class RecoveryFailed(Exception):
    """A changelog partition could not be read to its end."""


class Recovered(Struct):
    """One changelog partition as it is known: ``end`` is the offset that the next record will have."""

    rows: Rows
    end: int
    removed: dict[bytes, int] = {}
    """Keys removed by a tombstone, with its position; only while recovering."""
    stale: dict[bytes, int] = {}
    """Keys whose last record is not their newest, with the position of the newest."""
    read: int = 0
    """Records read so far."""
    high: int = 0
    """Where the partition ended when reading began."""
    bytes: int = 0
    """Keys and rows in memory; 0 for rows on disk."""

    def measure(self) -> None:
        """Learn how many bytes the rows in memory have; whoever changes them keeps the number right."""
        if isinstance(self.rows, dict):
            self.bytes = sum(map(len, self.rows)) + sum(map(len, self.rows.values()))


def tombstone_headers(position: int) -> list[tuple[str, str | bytes | None]]:
    """Headers that tell recovery when a row was removed."""
    return [(POSITION, str(position).encode())]


def recover(
    settings: Mapping[str, Any],
    topic: str,
    partition: int,
    state: Recovered,
    position_of: PositionOf,
    cancelled: Callable[[], bool],
    timeout: float = TIMEOUT,
) -> None:
    """Read one partition from where ``state`` ends, to the end it has now. Blocks: run it in a thread.

    Stops early once ``cancelled`` says so; ``state`` ends where it came to. Raises RecoveryFailed after ``timeout``
    seconds without a record.
    """
    consumer = Consumer(
        {
            **settings,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 65_536,
            "max.partition.fetch.bytes": 16 << 20,  # one partition is read at a time, as fast as can be
        }
    )
    try:
        low, state.high = _bounds(consumer, TopicPartition(topic, partition), timeout, cancelled)
        # rows on disk may be ahead of a log that lost its end; they are right, and will be logged again
        state.end = min(max(low, state.end), state.high)
        consumer.assign([TopicPartition(topic, partition, state.end)])
        heard = time.monotonic()
        while state.end < state.high and not cancelled():
            messages = consumer.consume(BATCH, PATIENCE)
            for message in messages:
                apply(state, message, position_of)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > timeout:
                raise RecoveryFailed(f"{topic}/{partition}: nothing came for {timeout} s at offset {state.end}")
    except KafkaException as error:
        if not cancelled():
            raise RecoveryFailed(f"{topic}/{partition}: {error.args[0].str()}") from error
    finally:
        consumer.close()
    if state.end >= state.high and not cancelled():
        state.removed.clear()


def refuse_other_source(settings: Mapping[str, Any], topic: str, partition: int, highest: int) -> None:
    """Raise SourceRemade where rows with that highest position are of another topic than the one that is there now.

    Positions are offsets of the source: on a new one they begin below those of the old rows, which would then win.
    """
    consumer = Consumer(dict(settings))
    try:
        _, end = _bounds(consumer, TopicPartition(topic, partition), TIMEOUT, lambda: False)
    except KafkaException as error:
        raise RecoveryFailed(f"{topic}/{partition}: {error.args[0].str()}") from error
    finally:
        consumer.close()
    if highest >= end:
        raise SourceRemade(
            f"{topic}/{partition} ends at offset {end}, but the changelog knows of offset {highest}: the topic "
            "was made anew or lost its end. Make the changelog topic anew too: state then starts from nothing"
        )


def _bounds(
    consumer: Consumer, where: TopicPartition, timeout: float, cancelled: Callable[[], bool]
) -> tuple[int, int]:
    """Give a partition's oldest offset and its end; asks again while the answer may still come."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            found = consumer.get_watermark_offsets(where, timeout=5)
        except KafkaException as error:
            if error.args[0].code() not in PASSING or time.monotonic() > deadline or cancelled():
                raise
        else:
            if found is not None:
                return found
            if cancelled():
                return 0, 0
            if time.monotonic() > deadline:
                raise RecoveryFailed(f"{where.topic}/{where.partition}: no broker says where it ends")
        consumer.consume(1, 0.2)  # nothing is assigned yet: a pause that serves the client


def apply(state: Recovered, message: Message, position_of: PositionOf) -> None:
    """Take one record of the changelog, in the order of the log."""
    error = message.error()
    if error is not None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            state.end = max(state.end, state.high)
            return
        raise KafkaException(error)
    key, value = message.key() or b"", message.value()
    state.read += 1
    state.end = cast("int", message.offset()) + 1
    position = _tombstone_position(message) if value is None else position_of(value)
    held = state.rows.get(key)
    newest = state.removed.get(key, -1) if held is None else position_of(held)
    if position < newest:
        state.stale[key] = newest
        return
    state.stale.pop(key, None)
    if value is None:
        state.rows.pop(key, None)
        state.removed[key] = position
    else:
        state.rows[key] = value
        state.removed.pop(key, None)


def _tombstone_position(message: Message) -> int:
    headers = message.headers()
    position = dict(headers).get(POSITION) if headers else None
    return 0 if position is None else int(position)
