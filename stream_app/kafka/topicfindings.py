"""The topics that there are against those that are declared: what each difference does, and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka.admin import AdminClient

from stream_app.kafka.admin import TopicState
from stream_app.kafka.finding import Finding, good, warning, wrong
from stream_app.kafka.topics import HOUR, Names, Topic

UNLIMITED = -1
"""A retention without an end, as Kafka writes it."""


def topics(
    client: AdminClient, declared: Sequence[Topic], states: Sequence[TopicState], names: Names, needed_ms: int
) -> Iterator[Finding]:
    """Judge each topic. ``needed_ms`` is how far back the source must reach: the longest window and lateness."""
    present = client.list_topics(timeout=10).topics
    keyed = {state.name: state.partitions for state in states}
    missing = [state.name for state in states if not state.partitions]
    if missing:
        says = f"there is no {', no '.join(missing)}, or this user may not see that there is"
        yield wrong("topics", says, "stream-app topics create")
    for topic, state in zip(declared, states, strict=True):
        if not state.partitions:
            continue
        found = [
            *_counts(topic, state, names, keyed),
            *_settings(topic, state, names, needed_ms),
            *_copies(topic.name, present[topic.name].partitions),
        ]
        yield from found or [
            good(topic.name, f"{_parts(state.partitions)}, {_copied(state.replication)}, settings as they must be")
        ]


def _parts(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def _copied(replication: int) -> str:
    return f"{replication} cop{'y' if replication == 1 else 'ies'}"


def _counts(topic: Topic, state: TopicState, names: Names, keyed: Mapping[str, int]) -> Iterator[Finding]:
    """``keyed`` are the partitions of matches and changelog, whose numbers belong together."""
    have, want = state.partitions, topic.partitions
    matches, changelog = keyed[names.matches], keyed[names.changelog]
    if 0 < matches < changelog and topic.name == names.changelog:
        yield wrong(
            topic.name,
            f"{_parts(changelog)}, {names.matches} has {matches}: a `topics grow` was broken off, and no worker starts",
            f"stream-app topics grow --partitions {changelog}",
        )
    elif 0 < changelog < matches and topic.name == names.changelog:
        yield wrong(
            topic.name,
            f"{_parts(changelog)}, {names.matches} has {matches}, which somebody gave it by hand: matches may lie "
            "where no row of theirs is",
            "stream-app state rebuild, which gives both as many",
        )
    elif have != want and topic.name in {names.matches, names.changelog} and not 0 < matches < changelog:
        yield wrong(
            topic.name,
            f"{_parts(have)}, STREAM_APP_PARTITIONS is {want}: a key's partition depends on it, so no worker starts",
            f"set STREAM_APP_PARTITIONS={have}"
            + (f", or `stream-app topics grow --partitions {want}`" if have < want else ""),
        )
    elif have != want and topic.name == names.processes:
        yield wrong(
            topic.name,
            f"{_parts(have)}, {names.sysmon} has {want}: a process is kept where its host's records lie",
            "delete it, and make it anew with `stream-app topics create`",
        )
    if state.replication < topic.replication:
        yield warning(
            topic.name,
            f"{_copied(state.replication)}, STREAM_APP_REPLICATION is {topic.replication}",
            "kafka-reassign-partitions gives a topic more copies",
        )


def _settings(topic: Topic, state: TopicState, names: Names, needed_ms: int) -> Iterator[Finding]:
    have, want = state.settings, topic.settings()
    if not have:
        do = "as a user with the right to DESCRIBE_CONFIGS, such as the tools', they are looked at too"
        yield warning(topic.name, "its settings may not be read", do)
        return
    yield from _cleanup(topic, have)
    yield from _insync(topic, state)
    yield from _retention(topic, have, names, needed_ms)
    largest, wanted = _number(have, "max.message.bytes"), _number(want, "max.message.bytes")
    if largest is not None and wanted is not None and largest < wanted:
        yield wrong(
            topic.name,
            f"max.message.bytes={largest}: a worker sends records of up to {wanted}, and stands still at such a one",
            _alter(topic.name, "max.message.bytes", wanted),
        )
    if want.get("message.timestamp.type") not in {None, have.get("message.timestamp.type")}:
        yield warning(
            topic.name,
            "message.timestamp.type is not LogAppendTime: retention removes the matches of old records at once",
            _alter(topic.name, "message.timestamp.type", "LogAppendTime"),
        )
    lag, wanted = _number(have, "min.compaction.lag.ms"), _number(want, "min.compaction.lag.ms")
    if lag is not None and wanted is not None and lag < wanted:
        yield warning(
            topic.name,
            f"min.compaction.lag.ms={lag}: what a frozen worker writes over a row may cost that row",
            _alter(topic.name, "min.compaction.lag.ms", wanted),
        )


def _cleanup(topic: Topic, have: Mapping[str, str | None]) -> Iterator[Finding]:
    policy, wanted = set((have.get("cleanup.policy") or "").split(",")), set(topic.cleanup_policy.split(","))
    if policy == wanted:
        return
    do = _alter(topic.name, "cleanup.policy", f"[{topic.cleanup_policy}]")
    said = f"cleanup.policy={have.get('cleanup.policy')}, {topic.cleanup_policy} is wanted"
    if "compact" in wanted and ("compact" not in policy or "delete" in policy - wanted):
        yield wrong(topic.name, f"{said}: rows that are needed are removed, or none ever is", do)
    elif "compact" in policy - wanted:
        yield wrong(topic.name, f"{said}: of records with equal keys only the last would stay", do)
    else:
        yield warning(topic.name, said, do)


def _insync(topic: Topic, state: TopicState) -> Iterator[Finding]:
    insync, wanted = _number(state.settings, "min.insync.replicas"), _number(topic.settings(), "min.insync.replicas")
    if insync is None or wanted is None:
        return
    do = _alter(topic.name, "min.insync.replicas", wanted)
    if insync > state.replication:
        said = f"min.insync.replicas={insync} with {_copied(state.replication)}: nothing can be written"
        yield wrong(topic.name, said, do)
    elif insync < wanted:
        said = f"min.insync.replicas={insync}: a record counts as sent that is written {insync} times only"
        yield warning(topic.name, said, do)


def _retention(topic: Topic, have: Mapping[str, str | None], names: Names, needed_ms: int) -> Iterator[Finding]:
    kept = _number(have, "retention.ms")
    if kept is None or kept == UNLIMITED or "delete" not in topic.cleanup_policy:
        return
    do = _alter(topic.name, "retention.ms", topic.retention_ms or UNLIMITED)
    if topic.name == names.sysmon and kept < needed_ms:
        yield warning(
            topic.name,
            f"records are kept {_hours(kept)}; the longest window and lateness together are {_hours(needed_ms)}, so "
            "state could not be made anew from them",
            do,
        )
    elif topic.name in {names.sysmon, names.matches} and kept < HOUR:
        yield wrong(topic.name, f"records are kept {_hours(kept)}: a short outage loses them", do)


def _copies(name: str, partitions: Mapping[int, object]) -> Iterator[Finding]:
    """Say which partitions have no leader, or copies that lag."""
    without = [number for number, each in sorted(partitions.items()) if getattr(each, "leader", 0) < 0]
    behind = [
        number for number, each in sorted(partitions.items()) if len(_of(each, "isrs")) < len(_of(each, "replicas"))
    ]
    if without:
        yield wrong(name, f"no broker leads partition {_listed(without)}", "start the brokers that hold it")
    elif behind:
        yield warning(name, f"copies of partition {_listed(behind)} are behind", "is a broker down?")


def _of(partition: object, which: str) -> Sequence[int]:
    found: Sequence[int] = getattr(partition, which)
    return found


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _number(have: Mapping[str, str | None], name: str) -> int | None:
    text = have.get(name)
    return None if text is None else int(text)


def _hours(milliseconds: int) -> str:
    return f"{milliseconds / HOUR:.1f} hours"


def _alter(topic: str, name: str, value: object) -> str:
    return f"kafka-configs --alter --entity-type topics --entity-name {topic} --add-config {name}={value}"
