"""The rules that the page names and asks: where workers have theirs from in, the newest set that can run out.

Decision: a thread of its own follows the folder or the rules topic, as brokers that do not answer take their time. What
cannot be read, or cannot run, leaves the rules as they were, and the page says so.
"""

import logging
import threading

from confluent_kafka import KafkaException
from msgspec import Struct

from stream_app.kafka.certificates import CertificatesUnusable
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.sources import AGAIN, Look, NoRules, Rules
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.ruleset import RuleSet
from stream_app.service import parts
from stream_app.service.settings import Settings

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two looks."""
GRACE = 2.0
"""Seconds that an end waits for the thread."""


class Named(Struct, frozen=True):
    """A rule, as far as the page names it."""

    rule: str
    name: str
    severity: int
    enabled: bool


class Shown(Struct, frozen=True):
    """A set of rules, and how the page names them."""

    rules: RuleSet
    named: tuple[Named, ...]


class RulesShown:
    """The newest set of rules. Raises LanguageError when it is made, where a folder cannot be read."""

    def __init__(self, settings: Settings, every: float = EVERY) -> None:
        self._settings, self._every = settings, every
        self.shown: Shown | None = None
        """None before there is any: brokers that do not answer must not keep the page away."""
        self.trouble = ""
        """Why there is none, or why it is not the newest."""
        self.begun = threading.Event()
        """Set when the first look is over, whatever it found."""
        self._source: Rules | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="console-rules", daemon=True)
        if settings.rules_from == "folder":
            self._begin()

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End; a thread that waits for brokers which do not answer is not waited for long."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(GRACE)

    def _run(self) -> None:
        while not self._over.is_set():
            pause = self._every
            try:
                if self._source is None:
                    self._begin()
                else:
                    self._follow(self._source)
            except (TopicUnread, NoRules, KafkaException, CertificatesUnusable) as error:
                self._say(str(error))
                pause = AGAIN
            self.begun.set()
            self._over.wait(pause)
        if self._source is not None:
            self._source.source.close()

    def _begin(self) -> None:
        found = parts.rules(self._settings)
        self._source = found
        self._show(found.newest, found.rulebook)
        self._say("\n".join(str(each) for each in found.refused))

    def _follow(self, ours: Rules) -> None:
        look: Look = ours.source.look()
        if look.newest is not None:
            try:
                if self.shown is None or look.newest.id != self.shown.rules.id:
                    self._show(look.newest, ours.load(look.newest))
                self._say("")
            except LanguageError as error:
                self._say(str(error))
        if look.refused is not None:
            self._say(str(look.refused))

    def _show(self, rules: RuleSet, rulebook: Rulebook) -> None:
        named = [Named(each.id, each.name, each.severity, each.enabled) for each in rulebook.rules.values()]
        self.shown = Shown(rules, tuple(named))

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            log.warning("rules: %s", trouble)
        self.trouble = trouble
