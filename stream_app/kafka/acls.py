"""The least rights that each role needs, as one declared value, which broker, command and docs are held to.

Goes in: the declared topics; comes out: a right for each role, resource and operation, with what it is for. Decision:
made of what topics say of their readers and writers, so that a new topic brings its rights along. ``READ``, ``WRITE``
and ``ALTER`` let describe too, as Kafka has it; an idempotent producer needs no right of the cluster since Kafka 2.8.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from shlex import quote

from msgspec import Struct

from stream_app.kafka.topics import OPERATOR, ROLES, TOOLS, WORKER, Names, Topic

TOPIC, GROUP, TRANSACTIONS = "topic", "group", "transactional id"


class Right(Struct, frozen=True):
    """One operation on one resource, and what the role does with it. Names are exact, never prefixes."""

    role: str
    resource: str
    name: str
    operation: str
    why: str


def rights(topics: Sequence[Topic], app_id: str) -> tuple[Right, ...]:
    """Give every right, by role, then in the order of the topics, then those of the group and of transactions."""
    found = [right for topic in topics for right in _of_topic(topic)]
    found += [
        Right(WORKER, GROUP, app_id, "READ", "join, heartbeat, commit; with and without static membership"),
        Right(TOOLS, GROUP, app_id, "DESCRIBE", "`console`: offsets; what reads names it, and does not join"),
        Right(
            OPERATOR, GROUP, app_id, "READ", "`topics drain`: join, commit; `state rebuild`: commit; members, offsets"
        ),
        Right(OPERATOR, TRANSACTIONS, Names(app_id=app_id).replay, "WRITE", "`rejected replay`"),
    ]
    return tuple(sorted(found, key=lambda right: ROLES.index(right.role)))


def _of_topic(topic: Topic) -> Iterator[Right]:
    for role, why in topic.readers.items():
        yield Right(role, TOPIC, topic.name, "READ", why)
    for role, why in topic.writers.items():
        yield Right(role, TOPIC, topic.name, "WRITE", why)
    if topic.grown:
        yield Right(OPERATOR, TOPIC, topic.name, "ALTER", topic.grown)
    if topic.tells:
        yield Right(WORKER, TOPIC, topic.name, "DESCRIBE_CONFIGS", "how large an incident may be")
        yield Right(OPERATOR, TOPIC, topic.name, "DESCRIBE_CONFIGS", "how large an incident may be")
    yield Right(TOOLS, TOPIC, topic.name, "CREATE", "`topics create`")
    if TOOLS not in {*topic.readers, *topic.writers}:
        yield Right(TOOLS, TOPIC, topic.name, "DESCRIBE", "`topics show`, `console`")
    yield Right(TOOLS, TOPIC, topic.name, "DESCRIBE_CONFIGS", "`topics show`")


def of_role(found: Iterable[Right], role: str) -> tuple[Right, ...]:
    """Give the rights of one role."""
    return tuple(right for right in found if right.role == role)


def grouped(found: Iterable[Right]) -> Iterator[tuple[str, str, str, str, str]]:
    """Give a row for each role and resource: role, resource, name, operations, what for."""
    for (role, resource, name), each in groupby(found, lambda right: (right.role, right.resource, right.name)):
        group = list(each)
        reasons = dict.fromkeys(right.why for right in group)
        yield role, resource, name, ", ".join(right.operation for right in group), "; ".join(reasons)


def commands(found: Iterable[Right], principal: str, bootstrap_servers: str) -> Iterator[str]:
    """Give the calls of Kafka's own tool that grant the rights to a principal, one a resource."""
    for (resource, name), each in groupby(found, lambda right: (right.resource, right.name)):
        operations = " ".join(f"--operation {_spelt(right.operation)}" for right in each)
        yield (
            f"kafka-acls.sh --bootstrap-server {quote(bootstrap_servers)} --add --allow-principal {quote(principal)} "
            f"{operations} --{resource.replace(' ', '-')} {name}"
        )


def _spelt(operation: str) -> str:
    """Give an operation as the tool has it: ``DescribeConfigs``."""
    return operation.title().replace("_", "")
