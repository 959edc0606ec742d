"""Rejected records, put on the source again: which ones goes in, what became of each comes out.

Decision: a record and the word on the rejected topic that it was replayed are one transaction. So a run that is broken
off, and run again, puts no record on the source twice; nor do two runs at once, of which Kafka ends the older one.
Decision: a record goes to the partition that it came from, at a new offset, and is a record like any other: received
now, counted by every rule. So without being asked for, only records are taken that no rule has counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from msgspec import Struct

from stream_app.engine.rejection import REPLAYED, BadRejection, Rejection, decode_rejection, encode_rejection
from stream_app.kafka.admin import KafkaUnavailable, admin_client, partitions_there, topic_ids
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import bounds_of
from stream_app.kafka.producing import producer_settings
from stream_app.kafka.ranges import Range, RangeReader
from stream_app.kafka.topics import Names

FROM = "replayed-from"
"""Header of a record that was replayed: ``topic/partition@offset``, where it lay."""
LOT = 100
"""Records of a transaction."""
TIMEOUT = 30.0

SENT, WOULD = "replayed", "would be replayed"
BEFORE, COUNTED, OTHER, GONE = (
    "replayed before",
    "counted by other rules (--even-counted takes them)",
    "no records of the source",
    "neither on the source nor kept whole",
)

Headers = tuple[tuple[str, str | bytes | None], ...]
Place = tuple[str, int, int]
"""Topic id, partition, offset."""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rejections: None is any. ``since`` is when they were made, ms since 1970."""

    reason: str | None = None
    rule: str | None = None
    since: int | None = None
    even_counted: bool = False
    """Also records that were refused for one rule only, so that others have counted them."""
    keep_time: bool = False
    """Whether a record keeps its timestamp; else it is received now."""


class Record(Struct, frozen=True):
    """A record to send, and the rejection that it is of."""

    rejection: Rejection
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Headers


class Replay:
    """Replays what is wanted. ``beat`` is called for every rejection. Raises KafkaUnavailable, KafkaException."""

    def __init__(self, connection: Connection, names: Names, wanted: Wanted, beat: Callable[[], None]) -> None:
        self._connection, self._names, self._wanted, self._beat = connection, names, wanted, beat
        client = admin_client(connection)
        self._partitions = partitions_there(client, names.sysmon)
        self._bounds = bounds_of(client, names.sysmon, range(self._partitions))
        self._id = topic_ids(connection, [names.sysmon])[names.sysmon]
        self._origin = Origin(connection, names.sysmon)

    def run(self, *, dry: bool) -> Counter[str]:
        """Do it, or only say what would be done; gives how many rejections had which fate."""
        done: set[Place] = {_place(each) for each in self._rejections() if each.reason == REPLAYED}
        fates: Counter[str] = Counter()
        sender = None if dry else _Sender(self._connection, self._names, keep_time=self._wanted.keep_time)
        lot: list[Record] = []
        for each in self._rejections():
            self._beat()
            if not self._is_wanted(each):
                continue
            fate, record = self._judge(each, done)
            fates[WOULD if dry and fate == SENT else fate] += 1
            if record is None:
                continue
            done.add(_place(each))
            lot.append(record)
            if len(lot) >= LOT:
                _send(sender, lot, self._partitions)
                lot = []
        _send(sender, lot, self._partitions)
        self._origin.close()
        return fates

    def _is_wanted(self, each: Rejection) -> bool:
        wanted = self._wanted
        asked = wanted.reason in {None, each.reason} and wanted.rule in {None, each.rule}
        return asked and each.reason != REPLAYED

    def _judge(self, each: Rejection, done: set[Place]) -> tuple[str, Record | None]:
        if each.topic != self._names.sysmon or each.partition < 0:
            return OTHER, None
        if _place(each) in done:
            return BEFORE, None
        if each.rule is not None and not self._wanted.even_counted:
            return COUNTED, None
        record = self._find(each)
        return (GONE, None) if record is None else (SENT, record)

    def _find(self, each: Rejection) -> Record | None:
        """Take the record from its place; where that is gone, what was kept of it, if that is all of it."""
        low, end = self._bounds.get(each.partition, (0, 0))
        if each.topic_id == self._id and low <= each.offset < end:
            found = self._origin.read(each.partition, each.offset)
            if found is not None:
                headers = tuple(cast("Headers", found.headers() or ()))
                return Record(each, found.key(), found.value(), found.timestamp()[1], headers)
        if each.value and not each.truncated:
            return Record(each, None, each.value, each.timestamp, ())
        return None

    def _rejections(self) -> Iterator[Rejection]:
        with RangeReader(self._connection, Range(topic=self._names.rejected, since=self._wanted.since)) as reader:
            for message in reader.records():
                try:
                    yield decode_rejection(message.value() or b"")
                except BadRejection:
                    continue  # `rejected` names those


class Origin:
    """Reads single records of a topic."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        settings = {"enable.partition.eof": True, "auto.offset.reset": "error", "log_level": 3}
        self._consumer = Consumer({**connection.reading(), **settings})

    def read(self, partition: int, offset: int) -> Message | None:
        """Give the record at an offset; None where there is none (any more)."""
        self._consumer.assign([TopicPartition(self._topic, partition, offset)])
        message = self._consumer.poll(TIMEOUT)
        if message is None:
            raise KafkaUnavailable(f"{self._topic}/{partition}@{offset} did not come in {TIMEOUT:.0f} s")
        if message.error() is not None or message.offset() != offset:
            return None
        return message

    def close(self) -> None:
        """End reading."""
        self._consumer.close()


class _Sender:
    """Sends records with the word that they were, in transactions."""

    def __init__(self, connection: Connection, names: Names, *, keep_time: bool) -> None:
        self._names, self._keep_time = names, keep_time
        name = names.replay
        settings = {"transactional.id": name, "transaction.timeout.ms": int(TIMEOUT * 1000)}
        self._producer = Producer({**producer_settings(connection), **settings})
        try:
            self._producer.init_transactions(TIMEOUT)
        except KafkaException as error:
            refused = error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
            needs = f": it needs the right to WRITE transactional id {name}" if refused else ""
            raise KafkaUnavailable(f"no transaction can be had: {error.args[0].str()}{needs}") from error

    def send(self, records: Sequence[Record], partitions: int) -> None:
        """Send all of them, or none."""
        self._producer.begin_transaction()
        for each in records:
            origin = each.rejection
            place = f"{origin.topic}/{origin.partition}@{origin.offset}"
            self._producer.produce(
                self._names.sysmon,
                each.value,
                each.key,
                origin.partition if origin.partition < partitions else -1,
                headers=[*each.headers, (FROM, place.encode())],
                timestamp=each.timestamp if self._keep_time else 0,
            )
            self._producer.produce(self._names.rejected, encode_rejection(origin.replayed()), place.encode())
        self._producer.commit_transaction(TIMEOUT)


def _send(sender: _Sender | None, lot: Sequence[Record], partitions: int) -> None:
    if sender is not None and lot:
        sender.send(lot, partitions)


def _place(rejection: Rejection) -> Place:
    return rejection.topic_id, rejection.partition, rejection.offset
