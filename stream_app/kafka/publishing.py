"""A set of rules → the rules topic, in the order in which no reader can see half of it; and old sets off it.

Decision: no transaction is needed for that, only order: files, then the manifest, then what is pruned. Two who publish
at once may prune each other's files; so who has published reads again, and puts back what is missing.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from stream_app.kafka.compacted import Compacted
from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import produce
from stream_app.kafka.rulesets import FILE, SET, Catalogue, Manifest, Published, contents, encode_manifest
from stream_app.rulebook.ruleset import RuleSet

KEPT = 10
"""Sets that stay on the topic: to go back to, and for workers that still have rows of their rules."""

ATTEMPTS = 3

LARGEST = 900_000
"""Bytes of the largest file, and of the list of all: with its key it fits a record of Kafka's."""


class NotPublished(Exception):
    """A set that cannot stand on the topic; the message says why."""


class Done(Struct, frozen=True):
    """What publishing did."""

    files: int
    """Written; what stood there already is not written again."""
    pruned_sets: int
    newest: str
    """The set that was published last now: another one, where others publish at the same time."""


def catalogue_on(connection: Connection, topic: str) -> Catalogue:
    """Give what stands on the topic now. Raises TopicUnread."""
    found, reader = Catalogue(), Compacted(connection, topic)
    try:
        for message in reader.to_the_end():
            found.take(message)
    finally:
        reader.close()
    return found


def publish(connection: Connection, topic: str, rules: RuleSet, manifest: Manifest) -> Done:
    """Write a set, and prune those that are too many. Raises NotPublished, TopicUnread, KafkaException."""
    files = contents(rules)
    head = encode_manifest(manifest)
    _check(rules, head)
    written: set[str] = set()
    for _ in range(ATTEMPTS):
        there = catalogue_on(connection, topic)
        known = {FILE + each for each in there.files}
        missing = {key: data for key, data in files.items() if key not in known}
        if written and not missing and there.sets:
            return Done(len(written) - 1, _prune(connection, topic, there), there.sets[0].id)
        _send(connection, topic, missing)
        _send(connection, topic, {SET + rules.id: head})
        written |= {*missing, SET}
    raise NotPublished(f"{topic}: others publish at the same time, and take away the files of this set; try again")


def _send(connection: Connection, topic: str, records: Mapping[str, bytes | None]) -> None:
    produce(connection, topic, [(key.encode(), value, None) for key, value in records.items()])


def _prune(connection: Connection, topic: str, there: Catalogue) -> int:
    """Remove the oldest sets, then the files that no other set names; gives the number of sets."""
    needed = set(_named(there.sets[:KEPT]))
    _send(connection, topic, dict.fromkeys([SET + each.id for each in there.sets[KEPT:]]))
    _send(connection, topic, dict.fromkeys([FILE + each for each in there.files if each not in needed]))
    return len(there.sets[KEPT:])


def _named(sets: Iterable[Published]) -> Iterable[str]:
    return (each for one in sets for each in one.manifest.files.values() if each is not None)


def _check(rules: RuleSet, head: bytes) -> None:
    """Refuse what the topic does not take."""
    for path, data in rules.files.items():
        if data is not None and len(data) > LARGEST:
            raise NotPublished(f"{path} has {len(data)} bytes: a file of a published set may have {LARGEST}; split it")
    if len(head) > LARGEST:
        raise NotPublished(f"the list of {len(rules.files)} files takes {len(head)} bytes, {LARGEST} may be: too many")
