"""The rules that the page names: those of workers in, a line for each rule out; read again when they have changed.

They come from where workers have theirs: the folder, or the rules topic. Decision: what cannot be read later on leaves
the rules as they were, and the page says so; a topic that cannot be read at the start does too, since a console waits
for brokers.
"""

from pathlib import Path

from confluent_kafka import KafkaException
from msgspec import Struct

from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.sources import NoRules, Rules
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.ruleset import paths_of
from stream_app.service import parts
from stream_app.service.settings import Settings

PATIENCE = 5.0
"""Seconds for which the rules topic may say nothing."""


class Named(Struct, frozen=True):
    """A rule, as far as the page names it."""

    rule: str
    name: str
    severity: int
    enabled: bool


class RulesShown:
    """The rules. Raises LanguageError when it is made, where those of a folder cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._published: Rules | None = None
        self._set = ""
        self._state = _state(Path(settings.rules))
        self.trouble = ""
        """Why the rules could not be read, or not again."""
        self.named = _named(parts.rulebook(settings)) if settings.rules_from == "folder" else ()

    def changed(self) -> bool:
        """Read the rules again if something of them changed; tells whether it did. May wait for brokers."""
        return self._folder_changed() if self._settings.rules_from == "folder" else self._topic_changed()

    def close(self) -> None:
        """Let go of the topic."""
        if self._published is not None:
            self._published.source.close()

    def _topic_changed(self) -> bool:
        before = self._set
        try:
            if self._published is None:
                self._published = parts.rules(self._settings, PATIENCE)
                refused = [*self._published.refused]
                self._set, self.named = self._published.set, _named(self._published.rulebook)
                self.trouble = ""
            else:
                look = self._published.source.look()
                refused = [] if look.refused is None else [look.refused]
                if look.newest is not None:
                    self.trouble = ""
                    if look.newest.id != self._set:
                        self.named = _named(self._published.load(look.newest))
                        self._set = look.newest.id
        except KafkaException as error:
            self.trouble = error.args[0].str()
        except (LanguageError, NoRules, TopicUnread) as error:
            self.trouble = str(error)
        else:
            self.trouble = refused[0].problems[0] if refused else self.trouble
        return self._set != before

    def _folder_changed(self) -> bool:
        state = _state(Path(self._settings.rules))
        if state == self._state:
            return False
        self._state = state
        try:
            self.named, self.trouble = _named(parts.rulebook(self._settings)), ""
        except LanguageError as error:
            self.trouble = str(error)
        return True


def _named(rulebook: Rulebook) -> tuple[Named, ...]:
    return tuple(Named(each.id, each.name, each.severity, each.enabled) for each in rulebook.rules.values())


def _state(folder: Path) -> frozenset[tuple[str, int]]:
    """Give the files of the folder with their times."""
    try:
        return frozenset((str(path), path.stat().st_mtime_ns) for path in paths_of(folder))
    except OSError:  # it is gone, or something of it meanwhile: loading says which
        return frozenset()
