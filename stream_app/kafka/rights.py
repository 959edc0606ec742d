"""Rights on a broker: which of those that are wanted are missing, and how they are given.

Decision: asked before a worker starts, by two cheap questions, so that all that is missing is said at once. Without a
right a worker would join the group, take partitions from the others, and end at its first record.
"""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from stream_app.kafka.acls import GROUP, TOPIC, TRANSACTIONS, Right
from stream_app.kafka.admin import MOCK_CLUSTER, KafkaUnavailable, admin_client
from stream_app.kafka.certificates import CertificatesUnusable, run_out
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import settled

if TYPE_CHECKING:
    from concurrent.futures import Future

TIMEOUT = 10.0
MOMENT = 3.0
"""Seconds for which a worker that is ending may ask."""
_DENIED = re.compile("authori[sz]ation ?failed|fatal error", re.IGNORECASE)
"""A producer that was refused once answers everything after it with ``Fatal error``."""
_REFUSED = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED})
_UNTOLD = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.GROUP_ID_NOT_FOUND,
        KafkaError.UNSUPPORTED_VERSION,
        KafkaError._UNSUPPORTED_FEATURE,  # noqa: SLF001 - its public name
    }
)
"""There is nothing to have rights on, or the broker cannot say: then the worker finds out."""
_KINDS = {
    TOPIC: ResourceType.TOPIC,
    GROUP: ResourceType.GROUP,
    TRANSACTIONS: ResourceType.TRANSACTIONAL_ID,
}
"""Of the last a broker does not say what a client may do with it: who has not the right is told when it is used."""

Resource = tuple[str, str]
"""Kind and name."""


class RightsMissing(Exception):
    """The broker does not let this client do what it must; the message names every right and how it is given."""


def check_rights(connection: Connection, wanted: Sequence[Right]) -> None:
    """Raise :class:`RightsMissing` naming each right that this client has not, KafkaUnavailable if none can be had."""
    missing = missing_rights(connection, wanted)
    if missing:
        said = "\n".join(f"  {_said(right)}" for right in missing)
        raise RightsMissing(f"the broker denies rights that are needed:\n{said}\n{_how(connection, missing)}")


def behind(error: BaseException, connection: Connection, wanted: Sequence[Right]) -> str:
    """Say which right or certificate is behind a failure of a worker that runs; empty where none is.

    Errors of both clients look different and name no operation, so the broker is asked; for a moment only.
    """
    try:
        old = run_out(connection)
    except CertificatesUnusable as unusable:
        old = str(unusable)
    if old:
        return old
    if not _DENIED.search(f"{type(error).__name__} {error}"):
        return ""
    try:
        missing = missing_rights(connection, wanted, MOMENT)
    except (KafkaUnavailable, KafkaException, CertificatesUnusable):
        return ""
    said = ", ".join(map(_said, missing))
    return f"the broker denies {said}; {_how(connection, missing)}" if missing else ""


def _said(right: Right) -> str:
    return f"{right.operation} on {right.resource} {right.name} ({right.why})"


def _how(connection: Connection, missing: Sequence[Right]) -> str:
    who = f"User:{connection.sasl_username or connection.oauth_client_id or '…'}"
    return (
        "an administrator gives such rights with "
        f"`stream-app topics acls --role {missing[0].role} --principal '{who}' --apply`"
    )


def missing_rights(connection: Connection, wanted: Sequence[Right], timeout: float = TIMEOUT) -> list[Right]:
    """Give those of the rights that this client has not. A broker without an authoriser denies nothing.

    A topic that does not exist, and which the client may see, is left out: there is nothing to be denied. Raises
    KafkaUnavailable.
    """
    client = admin_client(connection, timeout)
    if (client.list_topics(timeout=timeout).cluster_id or "").startswith(MOCK_CLUSTER):
        return []  # it leaves these questions unanswered
    names = {kind: sorted({right.name for right in wanted if right.resource == kind}) for kind in _KINDS}
    allowed = _of_topics(client, names[TOPIC], timeout) | _of_groups(client, names[GROUP], timeout)
    return [right for right in wanted if not _has(allowed.get((right.resource, right.name)), right)]


def grant(connection: Connection, principal: str, given: Iterable[Right]) -> None:
    """Give a principal these rights, from every host. Raises KafkaUnavailable."""
    client = admin_client(connection, TIMEOUT)
    for done in client.create_acls([binding(principal, right) for right in given], request_timeout=TIMEOUT).values():
        try:
            done.result()
        except KafkaException as error:
            raise KafkaUnavailable(f"rights cannot be given: {error.args[0].str()}") from error


def binding(principal: str, right: Right) -> AclBinding:
    """Give a right as confluent-kafka has it."""
    return AclBinding(
        _KINDS[right.resource],
        right.name,
        ResourcePatternType.LITERAL,
        principal,
        "*",
        AclOperation[right.operation],
        AclPermissionType.ALLOW,
    )


Allowed = dict[Resource, "frozenset[str] | None"]
"""Operations by resource; None: the broker does not say, or there is nothing of that name."""


def _has(allowed: frozenset[str] | None, right: Right) -> bool:
    return allowed is None or right.operation in allowed


def _of_topics(client: AdminClient, names: Sequence[str], timeout: float) -> Allowed:
    if not names:
        return {}
    futures = client.describe_topics(
        TopicCollection(list(names)), include_authorized_operations=True, request_timeout=timeout
    )
    return {(TOPIC, name): _operations(future, f"topic {name}") for name, future in futures.items()}


def _of_groups(client: AdminClient, names: Sequence[str], timeout: float) -> Allowed:
    def ask(name: str) -> "Future[Any]":
        return client.describe_consumer_groups([name], include_authorized_operations=True, request_timeout=timeout)[
            name
        ]

    return {(GROUP, name): _operations(settled(partial(ask, name), timeout), f"group {name}") for name in names}


def _operations(future: "Future[Any]", what: str) -> frozenset[str] | None:
    try:
        found = future.result().authorized_operations
    except KafkaException as error:
        code = error.args[0].code()
        if code in _REFUSED:
            return frozenset()
        if code in _UNTOLD:
            return None
        said = f"the rights on {what} cannot be had: {error.args[0].name()} {error.args[0].str()}".rstrip(": ")
        raise KafkaUnavailable(said) from error
    return frozenset(each.name for each in found) if found else None  # whoever may describe has that right at least
