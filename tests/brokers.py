"""Real Apache Kafka for tests, and what was read from it. In CI a machine that lacks it is a failure, not a skip."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from stream_app.kafka.admin import create_topics
from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker, LocalBrokerUnavailable, jars, java
from stream_app.kafka.topics import Names, declare

SET = AlterConfigOpType.SET


def require_real_kafka() -> None:
    """Skip, with the reason, where this machine cannot run a broker; in CI that is a failure."""
    try:
        java()
        jars()
    except LocalBrokerUnavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no real Apache Kafka on this machine: {reason}")


def real_kafka(folder: Path) -> Iterator[LocalBroker]:
    """Run one broker, for a fixture; skip with the reason where this machine cannot."""
    # Many tests write records of last year, which retention would take away when it looks, every five minutes.
    config = {"log.cleaner.backoff.ms": "500", "log.retention.check.interval.ms": "86400000"}
    broker = LocalBroker(folder, config=config)
    require_real_kafka()
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def fresh_topics(
    connection: Connection, name: str, partitions: int = 4, replication: int = 1, processes: int = 0
) -> Names:
    """Make the topics of an app of its own on a broker that others use too."""
    own = {each: f"{name}-{each}" for each in ("sysmon", "incidents", "rejected", "shadow")}
    names = Names(app_id=name, **own)
    insync = min(2, replication)
    topics = declare(names, partitions=partitions, replication=replication, min_insync=insync, processes=processes)
    create_topics(connection, topics)
    return names


def configure(connection: Connection, topic: str, **settings: str) -> None:
    """Change a topic's settings; underscores stand for Kafka's dots."""
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=SET) for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    client = AdminClient({**connection.librdkafka()})
    client.incremental_alter_configs([resource])[resource].result(10)


def settings_of(connection: Connection, names: Names, partitions: int = 4) -> dict[str, str]:
    """Give a worker's settings for that broker and those topics."""
    return {
        "bootstrap_servers": connection.bootstrap_servers,
        "app_id": names.app_id,
        "sysmon_topic": names.sysmon,
        "incidents_topic": names.incidents,
        "rejected_topic": names.rejected,
        "shadow_topic": names.shadow,
        **{f"{form}_topic": topic for form, topic in names.handed.items()},
        "partitions": str(partitions),
        "session_timeout_s": "6",
        "commit_interval_s": "0.5",
        "update_interval_s": "0",  # every change is said: who counts records counts all
    }


def everything(connection: Connection, topic: str, timeout: float = 30.0) -> list[Message]:
    """Read a topic from its beginning to the end that it has now; what comes meanwhile is left out."""
    consumer = Consumer({**connection.librdkafka(), "group.id": "tests", "enable.auto.commit": False, "log_level": 3})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number))[1] for number in partitions}
    assigned = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions]
    consumer.assign(assigned)
    found: list[Message] = []
    deadline = time.monotonic() + timeout
    while any(each.offset < ends[each.partition] for each in consumer.position(assigned) if ends[each.partition]):
        assert time.monotonic() < deadline, f"{topic} was not read to its end in {timeout} s"
        found += consumer.consume(1000, 0.2)
    consumer.close()
    return [each for each in found if (each.offset() or 0) < ends[each.partition() or 0]]
