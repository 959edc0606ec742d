"""Where partitions begin and end, asked without waiting: on the broker inside the process, and on one that is mute."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from faust.types import TP

from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.producing import produce
from stream_app.kafka.progress import SourceEnds
from stream_app.kafka.watching import Bounds


@pytest.fixture
def mute() -> Iterator[Connection]:
    """Give an address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Connection(bootstrap_servers=f"127.0.0.1:{server.getsockname()[1]}")


def settled(bounds: Bounds, tps: set[TP]) -> dict[TP, tuple[int, int]]:
    """Give what is known once no question is open any more."""
    bounds.known(tps)
    deadline = time.monotonic() + 30
    while bounds._waiting and time.monotonic() < deadline:
        threading.Event().wait(0.05)
        bounds.known(tps)
    return bounds.known(tps)


def test_the_broker_says_where_partitions_begin_and_end() -> None:
    """What was produced lies between the bounds of its partitions; what was not asked for is not known."""
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        broker.make_topics(["sysmon"])
        produce(connection, "sysmon", [(b"host", b"record", None)] * 5)
        every = {TP("sysmon", number) for number in range(4)}
        known = settled(Bounds(connection, interval=60), every)
        assert every == known.keys()
        assert [0, 0, 0, 5] == sorted(end - low for low, end in known.values())


def test_it_asks_at_most_once_in_an_interval_but_for_new_partitions_at_once(mute: Connection) -> None:
    """A second look asks nothing; a partition that is new is asked for a second after the last question."""
    bounds = Bounds(mute, interval=10, patience=0.1)
    one, two = {TP("sysmon", 0)}, {TP("sysmon", 0), TP("sysmon", 1)}
    bounds.known(one, now=100.0)
    for now, tps, asked_at in ((100.5, one, 100.0), (100.9, two, 100.0), (101.1, two, 101.1), (111.2, one, 111.2)):
        deadline = time.monotonic() + 30
        while any(not each.done() for futures in bounds._waiting for each in futures.values()):
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)
        bounds.known(tps, now=now)
        assert asked_at == bounds._asked_at


def test_a_broker_that_says_nothing_leaves_the_bounds_unknown(mute: Connection) -> None:
    """Silence is not an offset: neither to the one who judges lag, nor to the one who asks whether all was read."""
    assert {} == settled(Bounds(mute, interval=60, patience=0.5), {TP("sysmon", 0)})
    assert {} == asyncio.run(SourceEnds(mute, "sysmon").ends([0, 1], patience=0.5))


class TimesOut:
    """A client as confluent-kafka's is when a broker that it knows stops answering: no error, and an offset of none."""

    def list_offsets(self, asked: dict[TopicPartition, OffsetSpec], **_: object) -> dict[TopicPartition, Future[Any]]:
        """Give what the client gives then."""
        futures: dict[TopicPartition, Future[Any]] = {where: Future() for where in asked}
        for future in futures.values():
            future.set_result(SimpleNamespace(offset=OFFSET_INVALID))
        return futures


class Fenced:
    """A client as confluent-kafka's is once a partition has had another leader: it asks with what it knew before."""

    def list_offsets(self, asked: dict[TopicPartition, OffsetSpec], **_: object) -> dict[TopicPartition, Future[Any]]:
        """Give what the client gives then, for ever."""
        futures: dict[TopicPartition, Future[Any]] = {where: Future() for where in asked}
        for future in futures.values():
            future.set_exception(KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH)))
        return futures


def test_a_client_that_knows_an_old_leader_is_made_anew() -> None:
    """The next question goes out from one that knows nothing: else a broker's return would stop time for good."""
    with EmbeddedBroker() as broker:
        broker.make_topics(["sysmon"])
        ends = SourceEnds(Connection(bootstrap_servers=broker.bootstrap_servers), "sysmon")
        ends._offsets._client = cast("AdminClient", Fenced())
        assert [{}, {0: 0}] == [asyncio.run(ends.ends([0])) for _ in range(2)]


def test_an_offset_that_is_none_is_not_known() -> None:
    """A timed-out question must not look like the end of an empty partition: its worker would count as drained."""
    bounds, ends = Bounds(Connection(), interval=60), SourceEnds(Connection(), "sysmon")
    bounds._offsets._client = ends._offsets._client = cast("AdminClient", TimesOut())
    assert {} == settled(bounds, {TP("sysmon", 0)})
    assert {} == asyncio.run(ends.ends([0, 1]))
