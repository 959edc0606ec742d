"""Real Apache Kafka for tests, and what was read from it. In CI a machine that lacks it is a failure, not a skip."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Message

from stream_app.kafka.admin import create_topics
from stream_app.kafka.connection import Connection
from stream_app.kafka.following import follow
from stream_app.kafka.local import LocalBroker, LocalBrokerUnavailable
from stream_app.kafka.topics import Names, declare


def real_kafka(folder: Path) -> Iterator[LocalBroker]:
    """Run one broker, for a fixture; skip with the reason where this machine cannot."""
    broker = LocalBroker(folder)
    try:
        broker.start()
    except LocalBrokerUnavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no real Apache Kafka on this machine: {reason}")
    try:
        yield broker
    finally:
        broker.stop()


def fresh_topics(connection: Connection, name: str, partitions: int = 4) -> Names:
    """Make the topics of an app of its own on a broker that others use too."""
    names = Names(app_id=name, sysmon=f"{name}-sysmon", incidents=f"{name}-incidents", rejected=f"{name}-rejected")
    create_topics(connection, declare(names, partitions=partitions))
    return names


def settings_of(connection: Connection, names: Names, partitions: int = 4) -> dict[str, str]:
    """Give a worker's settings for that broker and those topics."""
    return {
        "bootstrap_servers": connection.bootstrap_servers,
        "app_id": names.app_id,
        "sysmon_topic": names.sysmon,
        "incidents_topic": names.incidents,
        "rejected_topic": names.rejected,
        "partitions": str(partitions),
        "session_timeout_s": "6",
        "commit_interval_s": "0.5",
    }


def everything(connection: Connection, topic: str) -> list[Message]:
    """Read a topic from its beginning to its present end."""
    return list(follow(connection, topic, from_beginning=True, stop=lambda: True, wait=1.0))
