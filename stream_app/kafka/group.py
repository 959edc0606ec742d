"""The consumer group seen from outside: its members, what it has committed, and what of a topic it has still to do.

Decision: what changes offsets asks for a group without members first. Kafka refuses it otherwise, but only for those
that are members at that very moment.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct

from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.recovery import PASSING

if TYPE_CHECKING:
    from concurrent.futures import Future

TIMEOUT = 10.0
PATIENCE, PAUSE = 30.0, 0.3
"""Seconds for which a coordinator that starts or moves is asked again, and between two questions."""
NONE = -1
"""The committed offset of a partition that never committed."""


_MOVING = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
"""What is answered while the group's coordinator starts or moves."""


class Member(Struct, frozen=True):
    """A member of the group; ``instance`` is its fixed name, empty for none."""

    client: str
    host: str
    instance: str

    def __str__(self) -> str:
        return f"{self.instance or self.client} on {self.host.lstrip('/')}"


class GroupBusy(Exception):
    """The group has members where it must have none; the message names them and says what to do."""


class NotDrained(Exception):
    """Matches that nobody has counted yet; the message says how many and what to do."""


def members_of(client: AdminClient, group: str) -> tuple[Member, ...]:
    """Give the group's members; none for a group that there is not. Raises KafkaUnavailable."""
    try:
        found = (
            settled(lambda: client.describe_consumer_groups([group], request_timeout=TIMEOUT)[group]).result().members
        )
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return ()
        raise KafkaUnavailable(f"group {group} cannot be described: {error.args[0].str()}") from error
    return tuple([Member(each.client_id, each.host or "", each.group_instance_id or "") for each in found])


def require_no_members(client: AdminClient, group: str, wait: float, say: Callable[[str], None]) -> None:
    """Wait up to ``wait`` seconds until the group has no members: one that has a fixed name leaves by its time-out.

    Raises GroupBusy.
    """
    deadline, said = time.monotonic() + wait, ""
    while members := members_of(client, group):
        who = ", ".join(sorted(map(str, members)))
        if time.monotonic() > deadline:
            raise GroupBusy(
                f"group {group} has members: {who}; stop all workers first (one with STREAM_APP_INSTANCE_ID is gone "
                "when its session has timed out)"
            )
        if who != said:
            say(f"waiting until these have left group {group}: {who}")
            said = who
        time.sleep(0.5)


def committed_of(client: AdminClient, group: str, topic: str, partitions: int) -> dict[int, int]:
    """Give the committed offset of each partition, ``NONE`` where there is none. Raises KafkaUnavailable."""
    asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, number) for number in range(partitions)])
    try:
        found = settled(lambda: client.list_consumer_group_offsets([asked], request_timeout=TIMEOUT)[group])
        found = found.result().topic_partitions
    except KafkaException as error:
        raise KafkaUnavailable(f"offsets of group {group}: {error.args[0].str()}") from error
    return {each.partition: max(NONE, each.offset) for each in found}


def commit_for(client: AdminClient, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Set committed offsets of a group without members. Raises KafkaUnavailable."""
    where = [TopicPartition(topic, number, offset) for number, offset in sorted(offsets.items())]
    asked = ConsumerGroupTopicPartitions(group, where)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            done = settled(lambda: client.alter_consumer_group_offsets([asked], request_timeout=TIMEOUT)[group])
            refused = [each for each in done.result().topic_partitions if each.error is not None]
        except KafkaException as error:
            raise KafkaUnavailable(f"offsets of group {group} could not be set: {error.args[0].str()}") from error
        if not refused:
            return
        first = refused[0]
        if first.error.code() not in _MOVING or time.monotonic() > deadline:
            raise KafkaUnavailable(f"offset of {topic}/{first.partition} could not be set: {first.error.str()}")
        time.sleep(PAUSE)


def bounds_of(client: AdminClient, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Give (oldest offset, end) of partitions. Raises KafkaUnavailable."""
    earliest: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # confluent-kafka's
    latest: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # as above
    lows = offsets_at(client, topic, dict.fromkeys(partitions, earliest))
    ends = offsets_at(client, topic, dict.fromkeys(partitions, latest))
    return {number: (lows[number], ends[number]) for number in partitions}


def offsets_at(
    client: AdminClient, topic: str, asked: Mapping[int, OffsetSpec], patience: float = 15.0
) -> dict[int, int]:
    """Give the offset that is asked for of each partition, -1 where there is none; again while leaders move.

    Raises KafkaUnavailable after ``patience`` seconds.
    """
    found: dict[int, int] = {}
    deadline = time.monotonic() + patience
    while left := {TopicPartition(topic, number): spec for number, spec in asked.items() if number not in found}:
        for where, future in client.list_offsets(left, request_timeout=TIMEOUT).items():
            try:
                found[where.partition] = max(-1, future.result().offset)
            except KafkaException as error:
                if error.args[0].code() in PASSING and time.monotonic() < deadline:
                    continue
                said = error.args[0].str()
                raise KafkaUnavailable(f"offsets of {topic}/{where.partition} cannot be had: {said}") from error
        if len(found) < len(asked):
            time.sleep(0.2)
    return found


def settled(ask: "Callable[[], Future[Any]]", patience: float = PATIENCE) -> "Future[Any]":
    """Ask about a group, and again while its coordinator only starts or moves; gives a future that is done.

    The first question ever that a cluster is asked about a group makes the topic of offsets.
    """
    deadline = time.monotonic() + patience
    while True:
        future = ask()
        error = future.exception()
        moving = isinstance(error, KafkaException) and error.args[0].code() in _MOVING
        if not moving or time.monotonic() > deadline:
            return future
        time.sleep(PAUSE)


def open_work(client: AdminClient, group: str, topic: str, partitions: int) -> int:
    """Give how many offsets of a topic the group has still to settle. Raises KafkaUnavailable."""
    bounds = bounds_of(client, topic, range(partitions))
    committed = committed_of(client, group, topic, partitions)
    return sum(end - max(low, committed.get(number, NONE)) for number, (low, end) in bounds.items())
