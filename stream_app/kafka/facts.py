"""What a worker must know of its topics before it starts. Its options go in, facts or what is missing come out.

Decision: asked once, and refused where it cannot be right, with what to do about it: a worker that started without a
topic would end at its first record for it. A SOAR's topic that is missing must not end the detection: the worker goes
on without it (outlets.py).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.kafka.admin import admin_client, message_limits, topic_ids

if TYPE_CHECKING:
    from stream_app.kafka.app import WorkerOptions


class TopicFacts(Struct, frozen=True):
    """What the broker says of the topics before the start."""

    sysmon_id: str
    sysmon_partitions: int
    changelog_id: str
    processes_id: str = ""
    status: bool = False
    """Whether there is a topic on which workers say what they run."""
    limits: Mapping[str, int] = {}
    """Bytes of a record that topics of incidents take, by name."""
    absent: tuple[str, ...] = ()
    """Topics of hand-off formats that do not exist."""


class TopicsMissing(Exception):
    """Topics that the worker needs do not exist, or have other partition counts than it was told."""


def ask_topics(options: "WorkerOptions", *, lists: bool) -> TopicFacts:
    """Look the topics up, that of the watch lists where it is used. Raises KafkaUnavailable, TopicsMissing."""
    client, names = admin_client(options.connection), options.names
    found = {}
    processes = () if options.joining is None else (names.processes,)
    told = (names.incidents, names.shadow, *names.handed.values())
    used = (names.sysmon, names.matches, names.changelog, *told, names.rejected, *processes)
    for name in (*used, names.watchlists) if lists else used:
        found[name] = len(client.list_topics(name, timeout=10).topics[name].partitions)
    absent = tuple(name for name in names.handed.values() if not found[name])
    missing = [name for name, partitions in found.items() if not partitions and name not in absent]
    if missing:
        raise TopicsMissing(
            f"topics that do not exist: {', '.join(missing)}; make them with `stream-app topics create`"
        )
    for name in (names.matches, names.changelog):
        if found[name] != options.partitions:
            raise TopicsMissing(
                f"topic {name} has {found[name]} partitions, STREAM_APP_PARTITIONS says {options.partitions}: "
                "matches and changelog must have as many as the setting says, since a key's partition depends on it"
            )
    for name in processes:
        if found[name] != found[names.sysmon]:
            raise TopicsMissing(
                f"topic {name} has {found[name]} partitions, {names.sysmon} has {found[names.sysmon]}: they must have "
                "as many, since a process is kept where its host's records lie; delete it, and make it anew with "
                "`stream-app topics create`"
            )
    status = bool(client.list_topics(names.status, timeout=10).topics[names.status].partitions)
    ids = topic_ids(options.connection, [names.sysmon, names.changelog, *processes])
    return TopicFacts(
        sysmon_id=ids.get(names.sysmon, ""),
        sysmon_partitions=found[names.sysmon],
        changelog_id=ids.get(names.changelog, ""),
        processes_id=ids.get(names.processes, ""),
        status=status,
        limits=message_limits(options.connection, [name for name in told if name not in absent]),
        absent=absent,
    )
