"""librdkafka's mock broker in this process: nothing to install, up at once, for the demo and fast tests.

What it does not show (measured): durability, compaction, transactions, most of a group with two members; it makes
topics on first use with 4 partitions and keeps 5 MB of each partition. Nothing of that kind is claimed from it.
"""

import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import Producer

PARTITIONS = 4
"""Partitions of every topic of the mock."""

PARTITION_BYTES = 5 << 20
"""What the mock keeps of a partition; then its head is dropped without a word."""


class EmbeddedBroker:
    """A context manager; the broker lives as long as the ``with`` block."""

    def __init__(self, brokers: int = 1) -> None:
        self._brokers = brokers
        self._owner: Producer | None = None
        self.bootstrap_servers = ""

    def __enter__(self) -> Self:
        # the address list must be given and is ignored: the mock replaces it by its own
        self._owner = Producer(
            {"test.mock.num.brokers": self._brokers, "bootstrap.servers": "127.0.0.1:1", "log_level": 3}
        )
        brokers = self._owner.list_topics(timeout=10).brokers.values()
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
        return self

    def make_topics(self, names: Iterable[str], timeout: float = 10.0) -> None:
        """Make topics: the mock has no request for that, it makes what it is asked about, a moment later."""
        client = Producer({"bootstrap.servers": self.bootstrap_servers, "log_level": 3})
        deadline = time.monotonic() + timeout
        for name in names:
            while client.list_topics(name, timeout=timeout).topics[name].error is not None:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the embedded broker did not make topic {name}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._owner = None
