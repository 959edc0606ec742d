"""The consumer group as it stands: who is in it, whether what it has committed is still there, and how far it is."""

from collections.abc import Iterator, Sequence

from confluent_kafka.admin import AdminClient

from stream_app.kafka.finding import Finding, good, warning, wrong
from stream_app.kafka.group import NONE, Member, bounds_of, committed_of, members_of
from stream_app.kafka.topics import Names


def group(client: AdminClient, names: Names, client_id: str, partitions: dict[str, int]) -> Iterator[Finding]:
    """Look at the group; ``partitions`` are those of the topics that it reads."""
    members = members_of(client, names.app_id)
    yield from _members(names.app_id, members, client_id)
    for topic, count in partitions.items():
        yield _offsets(client, names.app_id, topic, count)


def _members(name: str, members: Sequence[Member], client_id: str) -> Iterator[Finding]:
    about = f"group {name}"
    if not members:
        yield good(about, "no worker is in it")
        return
    yield good(about, f"{len(members)} in it: {', '.join(sorted(map(str, members)))}")
    foreign = sorted(str(each) for each in members if each.client != client_id)
    if foreign:
        yield wrong(about, f"not workers of ours: {', '.join(foreign)}", "give this app a STREAM_APP_APP_ID of its own")
    fixed = [each.instance for each in members if each.instance]
    if fixed and len(fixed) < len(members):
        yield warning(
            about,
            f"{len(fixed)} of {len(members)} have a fixed name (STREAM_APP_INSTANCE_ID)",
            "give one to each, different for each, or to none",
        )


def _offsets(client: AdminClient, name: str, topic: str, count: int) -> Finding:
    bounds, committed = bounds_of(client, topic, range(count)), committed_of(client, name, topic, count)
    about = f"group {name} on {topic}"
    overtaken = [number for number, (low, _) in bounds.items() if NONE < committed[number] < low]
    beyond = [number for number, (_, end) in bounds.items() if committed[number] > end]
    if beyond:
        return wrong(
            about,
            f"partition {', '.join(map(str, beyond))}: what is committed lies past the end: the topic was made anew",
            "make the changelog anew too, or `stream-app state rebuild`",
        )
    if overtaken:
        return wrong(
            about,
            f"partition {', '.join(map(str, overtaken))}: retention removed records that were not read",
            "workers stop there; STREAM_APP_ON_GAP=continue goes on from what there is and counts the gap",
        )
    lag = sum(end - max(low, committed[number]) for number, (low, end) in bounds.items())
    begun = any(offset != NONE for offset in committed.values())
    return good(
        about, f"{lag:,} records to read" + ("" if begun else "; it has read none yet, and begins with the oldest")
    )
