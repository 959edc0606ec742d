"""Topics on a broker: make what is missing, say what differs. Decision: what exists is only changed where asked for."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient, ConfigResource, NewPartitions, NewTopic, ResourceType
from msgspec import Struct

from stream_app.kafka.certificates import check_files
from stream_app.kafka.connection import Connection
from stream_app.kafka.handshake import reason
from stream_app.kafka.topics import Topic

log = logging.getLogger(__name__)

MOCK_CLUSTER = "mockCluster"
"""How the ids of clusters begin that librdkafka's mock makes up."""

UNKNOWN_ID = ""
"""Id of a topic on a broker that gives none (librdkafka's mock)."""


class KafkaUnavailable(Exception):
    """No broker answered, or it would not do what was asked; the message says which and what to try."""


class TopicState(Struct, frozen=True):
    """One topic as the broker has it; ``partitions`` is 0 where it does not exist."""

    name: str
    partitions: int
    replication: int
    differs: tuple[str, ...]
    """Each difference from what is declared: ``setting: have X, want Y``."""
    settings: Mapping[str, str | None] = {}
    """What the broker has set, its defaults among them; empty where they may not be read."""


def admin_client(connection: Connection, timeout: float = 10.0) -> AdminClient:
    """Give a client of a broker that answers.

    Raises :class:`KafkaUnavailable` after ``timeout`` seconds, CertificatesUnusable at once.
    """
    check_files(connection)
    heard: list[KafkaError] = []
    settings: dict[str, Any] = {"log_level": 0, "socket.connection.setup.timeout.ms": 5000, "error_cb": heard.append}
    client = AdminClient({**connection.librdkafka(), **settings})
    try:
        client.list_topics(timeout=timeout)
    except KafkaException as error:
        client.poll(0)  # what it heard comes up here
        where = f"{connection.bootstrap_servers} ({connection.security_protocol})"
        raise KafkaUnavailable(f"no Kafka broker answers at {where}: {reason(connection, heard)}") from error
    return client


def wait_for_broker(connection: Connection, seconds: float, attempt: float = 2.0) -> Iterator[str]:
    """Ask until a broker answers, once in ``attempt`` seconds; yields why each attempt failed.

    Raises :class:`KafkaUnavailable` in the end, CertificatesUnusable at once.
    """
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        try:
            admin_client(connection, attempt)
        except KafkaUnavailable as error:
            if time.monotonic() > deadline:
                raise
            yield str(error)
            time.sleep(max(0.0, began + attempt - time.monotonic()))
        else:
            return


def create_topics(connection: Connection, topics: Sequence[Topic], timeout: float = 30.0) -> list[tuple[str, str]]:
    """Make the topics that do not exist: (name, ``created`` or ``exists``). Raises :class:`KafkaUnavailable`."""
    client = admin_client(connection)
    new = [NewTopic(topic.name, topic.partitions, topic.replication, config=topic.settings()) for topic in topics]
    done = []
    for name, future in client.create_topics(new, operation_timeout=timeout, request_timeout=timeout).items():
        try:
            future.result()
            done.append((name, "created"))
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise KafkaUnavailable(f"topic {name} could not be made: {error.args[0].str()}") from error
            done.append((name, "exists"))
    return done


def partitions_of(connection: Connection, name: str) -> int:
    """Say how many partitions a topic has; 0 where there is none. Raises :class:`KafkaUnavailable`."""
    return partitions_in(admin_client(connection), name)


def partitions_in(client: AdminClient, topic: str) -> int:
    """As :func:`partitions_of`, asked of a client."""
    found = client.list_topics(timeout=10).topics.get(topic)
    return 0 if found is None else len(found.partitions)


def partitions_there(client: AdminClient, topic: str) -> int:
    """As :func:`partitions_in`. Raises KafkaUnavailable where there is no such topic."""
    found = partitions_in(client, topic)
    if not found:
        raise KafkaUnavailable(f"there is no topic {topic}: make it with `stream-app topics create`")
    return found


def add_partitions(client: AdminClient, topic: str, partitions: int, timeout: float = 30.0) -> None:
    """Give a topic so many partitions, and wait until each has a leader. Raises KafkaUnavailable."""
    try:
        client.create_partitions([NewPartitions(topic, partitions)], request_timeout=timeout)[topic].result()
    except KafkaException as error:
        raise KafkaUnavailable(f"topic {topic} gets no more partitions: {error.args[0].str()}") from error
    deadline = time.monotonic() + timeout
    while True:
        found = client.list_topics(topic, timeout=10).topics[topic].partitions
        if len(found) == partitions and all(each.leader >= 0 for each in found.values()):
            return
        if time.monotonic() > deadline:
            raise KafkaUnavailable(f"not every partition of {topic} has a leader after {timeout:.0f} s")
        time.sleep(0.1)


def describe_topics(connection: Connection, topics: Sequence[Topic]) -> list[TopicState]:
    """Say how each topic on the broker differs from what is declared. Raises :class:`KafkaUnavailable`."""
    client = admin_client(connection)
    present = client.list_topics(timeout=10).topics
    return [_state(client, topic, present) for topic in topics]


def _state(client: AdminClient, topic: Topic, present: Mapping[str, object]) -> TopicState:
    found = present.get(topic.name)
    partitions = getattr(found, "partitions", None) or {}
    if not partitions:
        return TopicState(topic.name, 0, 0, ("does not exist",))
    replication = len(next(iter(partitions.values())).replicas)
    have = _settings(client, topic.name)
    wanted = topic.settings().items() if have else ()
    differs = [f"{key}: have {have.get(key)}, want {want}" for key, want in wanted if have.get(key) != want]
    if not have:
        differs.append("its settings may not be read")
    if len(partitions) != topic.partitions:
        differs.insert(0, f"partitions: have {len(partitions)}, want {topic.partitions}")
    if replication != topic.replication:
        differs.insert(0, f"replication: have {replication}, want {topic.replication}")
    return TopicState(topic.name, len(partitions), replication, tuple(differs), have)


def _settings(client: AdminClient, name: str) -> dict[str, str | None]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    try:
        entries = client.describe_configs([resource], request_timeout=10)[resource].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return {}
        raise KafkaUnavailable(f"settings of topic {name}: {error.args[0].str()}") from error
    return {key: entry.value for key, entry in entries.items()}


def topic_ids(connection: Connection, names: Sequence[str], timeout: float = 10.0) -> dict[str, str]:
    """Kafka's id of each topic; ``UNKNOWN_ID`` where there is no such topic, or the broker is librdkafka's mock.

    Raises :class:`KafkaUnavailable`: an id that is not known for a moment must not look like another topic's.
    """
    client = admin_client(connection, timeout)
    if (client.list_topics(timeout=timeout).cluster_id or "").startswith(MOCK_CLUSTER):
        return dict.fromkeys(names, UNKNOWN_ID)  # it leaves the question unanswered until the time is out
    ids = {}
    for name, future in client.describe_topics(TopicCollection(list(names)), request_timeout=timeout).items():
        try:
            ids[name] = str(future.result().topic_id)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaUnavailable(f"the id of topic {name} cannot be had: {error.args[0].str()}") from error
            ids[name] = UNKNOWN_ID
    return ids


def message_limits(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Give the bytes that each topic takes in a record; without those of which the broker does not say it.

    librdkafka's mock leaves the question unanswered. Decision: who may not ask does not ask, as a drain by somebody
    else than the workers' user: what is denied would stand in the broker's audit.
    """
    client = admin_client(connection)
    if (client.list_topics(timeout=10).cluster_id or "").startswith(MOCK_CLUSTER):
        return {}
    limits = {}
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in _open(client, names)]
    for resource, future in client.describe_configs(resources, request_timeout=10).items() if resources else ():
        try:
            limits[resource.name] = int(future.result()["max.message.bytes"].value)
        except KafkaException as error:
            log.info("the limit of topic %s is not known: %s", resource.name, error.args[0].str())
    return limits


def _open(client: AdminClient, names: Sequence[str]) -> list[str]:
    """Give the topics whose settings this client may ask for."""
    told = client.describe_topics(TopicCollection(list(names)), include_authorized_operations=True, request_timeout=10)
    found = []
    for name, future in told.items():
        try:
            operations = future.result().authorized_operations
        except KafkaException:
            continue
        if operations is None or AclOperation.DESCRIBE_CONFIGS in operations:
            found.append(name)
    return found
