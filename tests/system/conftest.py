"""One real Apache Kafka for all tests of this folder."""

from collections.abc import Iterator

import pytest

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker
from tests.brokers import real_kafka


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """Give a running broker."""
    yield from real_kafka(tmp_path_factory.mktemp("kafka"))


@pytest.fixture
def connection(kafka: LocalBroker) -> Connection:
    """Give how to reach it."""
    return Connection(bootstrap_servers=kafka.bootstrap_servers)
