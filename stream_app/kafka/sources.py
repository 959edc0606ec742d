"""Where the rules of a worker come from: a folder, or the rules topic. Looked at again and again; the newest set out.

Decision: a folder counts once it looks the same twice, and by its content, not by its times: what is being copied into
it is not whole yet, and what was only touched is no change.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from confluent_kafka import KafkaException, Message
from msgspec import Struct

from stream_app.kafka.compacted import PATIENCE, Compacted, TopicUnread, place_of
from stream_app.kafka.connection import Connection
from stream_app.kafka.rulesets import SET, Catalogue, SetRefused
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.ruleset import RuleSet, paths_of, read_set

LOOK = 1.0
"""Seconds between two looks at a folder."""
SPARING = 50
"""How much longer than a look's CPU time the time to the next one is: thousands of rules take a tenth of a second."""
AGAIN = 10.0
"""Seconds after which a topic that could not be read is tried again."""


class Look(Struct, frozen=True):
    """What a look found: the set that should run, where something changed; what cannot be used; places of rubbish."""

    newest: RuleSet | None = None
    refused: SetRefused | None = None
    rubbish: Sequence[str] = ()


NOTHING = Look()


class Source(Protocol):
    """For one thread."""

    @property
    def name(self) -> str:
        """What it is, for a person."""
        ...

    @property
    def keeps(self) -> bool:
        """Whether there are sets beside the newest."""
        ...

    def look(self) -> Look:
        """Say what has changed since the last look."""
        ...

    def others(self) -> Iterator[RuleSet]:
        """Give the sets that are kept beside the newest, the latest first; those that are not whole are left out."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Folder:
    """A folder of rules. It has no set but its newest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next = time.monotonic() + LOOK
        self._before = self._taken = _stamps(folder)

    @property
    def name(self) -> str:
        """What it is."""
        return f"folder {self._folder}"

    keeps = False

    def look(self) -> Look:
        """Read the folder, where it is not what it was and has stood still since the last look."""
        if time.monotonic() < self._next:
            return NOTHING
        began = time.thread_time()
        try:
            stamps = _stamps(self._folder)
            settled, self._before = stamps == self._before, stamps
            if not settled or stamps == self._taken:
                return NOTHING
            found = read_set(self._folder)
        except OSError as error:
            said = f"{error.filename or self._folder}: cannot be read: {error.strerror}"
            return Look(refused=SetRefused(self.name, [said], passing=True))
        finally:
            self._next = time.monotonic() + max(LOOK, (time.thread_time() - began) * SPARING)
        self._taken = stamps
        return Look(newest=found)

    def others(self) -> Iterator[RuleSet]:
        """Give none."""
        return iter(())

    def close(self) -> None:
        """Do nothing."""


def _stamps(folder: Path) -> tuple[tuple[str, int, int, int], ...]:
    """Give what tells that a folder is not what it was, without reading its files. Raises OSError."""
    found = [(path.as_posix(), path.stat()) for path in paths_of(folder)]
    return tuple((path, stat.st_mtime_ns, stat.st_size, stat.st_ino) for path, stat in found)


class Topic:
    """The rules topic. Made, it has been read to the end. Raises TopicUnread, also after ``patience`` s of silence."""

    def __init__(self, connection: Connection, topic: str, patience: float) -> None:
        self._connection = connection
        self._topic = topic
        self._patience = patience
        self.catalogue = Catalogue()
        self._reader = Compacted(connection, topic)
        self._broken_at: float | None = None
        self._rubbish: list[str] = []
        self._newest_rubbish: SetRefused | None = None
        """What was published last, where that is no set."""
        try:
            for message in self._reader.to_the_end(patience):
                self._take(message)
        except BaseException:
            self._reader.close()
            raise

    @property
    def name(self) -> str:
        """What it is."""
        return f"topic {self._topic}"

    keeps = True

    def look(self) -> Look:
        """Take what has come, and say which set was published last where that is another one, or is whole now."""
        try:
            came = 0
            for came, message in enumerate(self._messages(), 1):  # noqa: B007 - counted
                self._take(message)
        except (KafkaException, TopicUnread) as error:
            self._broken_at = time.monotonic()
            said = error.args[0].str() if isinstance(error, KafkaException) else str(error)
            return Look(refused=SetRefused(self.name, [f"{self._topic} cannot be read: {said}"], passing=True))
        return self.newest() if came else NOTHING

    def _messages(self) -> Iterator[Message]:
        """Give what has come; a topic that could not be read is read anew after a while."""
        if self._broken_at is None:
            return self._reader.more()
        if time.monotonic() - self._broken_at < AGAIN:
            return iter(())
        self._reader.close()
        self._reader, self._broken_at = Compacted(self._connection, self._topic), None
        return self._reader.to_the_end(self._patience)

    def _take(self, message: Message) -> None:
        wrong, place = self.catalogue.take(message), place_of(message)
        if wrong:
            self._rubbish.append(f"{place}: {wrong}")
        if (message.key() or b"").startswith(SET.encode()) and message.value() is not None:
            self._newest_rubbish = SetRefused(place, [f"{place}: {wrong}"]) if wrong else None

    def newest(self) -> Look:
        """Say which set was published last, of all that was read."""
        rubbish, self._rubbish = self._rubbish, []
        sets, refused = self.catalogue.sets, self._newest_rubbish
        if not sets:
            return Look(refused=refused, rubbish=rubbish)
        try:
            return Look(newest=self.catalogue.whole(sets[0]), refused=refused, rubbish=rubbish)
        except SetRefused as error:
            return Look(refused=error, rubbish=rubbish)

    def others(self) -> Iterator[RuleSet]:
        """Give the sets that are kept beside the newest, the latest first."""
        for each in self.catalogue.sets[1:]:
            try:
                yield self.catalogue.whole(each)
            except SetRefused:
                continue

    def close(self) -> None:
        """Leave the brokers."""
        self._reader.close()


class Rules(Struct, frozen=True):
    """What a worker begins with, and what it follows from then on."""

    source: Source
    newest: RuleSet
    rulebook: Rulebook
    load: Callable[[RuleSet], Rulebook]
    """Raises LanguageError."""
    refused: Sequence[SetRefused] = ()
    """What should run instead, and cannot."""

    @property
    def set(self) -> str:
        """The id of what a worker begins with."""
        return self.newest.id


class NoRules(Exception):
    """There is no set that can run; the message says what there is."""


def from_folder(folder: Path, load: Callable[[RuleSet], Rulebook]) -> Rules:
    """Begin with a folder. Raises OSError where it cannot be read, LanguageError."""
    source = Folder(folder)
    found = read_set(folder)
    return Rules(source, found, load(found), load)


def from_topic(
    connection: Connection, topic: str, load: Callable[[RuleSet], Rulebook], patience: float = PATIENCE
) -> Rules:
    """Begin with the set that was published last, of those that can run. Raises TopicUnread, NoRules."""
    source = Topic(connection, topic, patience)
    look = source.newest()
    refused = [] if look.refused is None else [look.refused]
    for found in (*((look.newest,) if look.newest is not None else ()), *source.others()):
        try:
            return Rules(source, found, load(found), load, refused[:1])
        except LanguageError as error:
            refused.append(SetRefused(found.id, [one_line(each) for each in error.diagnostics]))
    source.close()
    why = "\n".join(f"{each.set_id}: {problem}" for each in refused for problem in each.problems[:3])
    raise NoRules(
        f"{topic} has a set of rules, but none that can run:\n{why}"
        if refused
        else f"no rules were published on {topic}: do it with `stream-app rules publish`"
    )


def one_line(diagnostic: Diagnostic) -> str:
    """Give a mistake without the line that it is in."""
    return f"{diagnostic.path}:{diagnostic.line}:{diagnostic.column}: {diagnostic.message}"
