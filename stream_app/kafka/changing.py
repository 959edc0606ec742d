"""Which rules run: a thread that follows their source, loads what is new, and offers it once it is whole and right.

Goes in: a source of sets; comes out: offers, editions that were asked for, and a report. Decision: all that takes long
is done here, off the event loop: reading, compiling, the screen of every event type, and the watch lists, read to their
end. A set with a mistake anywhere is refused as a whole, and said once: what runs goes on.
"""

import gc
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from confluent_kafka import KafkaException
from msgspec import Struct

from stream_app.engine.chain import Chain
from stream_app.kafka.reader import Screen
from stream_app.kafka.rulesets import SetRefused
from stream_app.kafka.sources import Look, Rules, Source, one_line
from stream_app.kafka.watchlists import WatchListsUnread
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.rule import MARK, Rule, Rulebook
from stream_app.rulebook.ruleset import RuleSet

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between two looks at the source."""
AGAIN = 30.0
"""Seconds after which a set is tried again that was refused for what may pass."""
PATIENCE = 10.0
"""Seconds that the thread is given to end: it may be loading."""
SAID = 20
"""Mistakes that are said of a set; ``rules check`` says all."""
MOST = 10_000
"""Editions that are remembered as not to be had."""


class Lists(Protocol):
    """What follows the watch lists of a rulebook."""

    def stop(self) -> None:
        """End it."""
        ...


class Offer(Struct, frozen=True):
    """A set that may run at once."""

    id: str
    rulebook: Rulebook
    screen: Screen
    chain: Chain
    lists: Lists | None


class Refusal(Struct, frozen=True, kw_only=True):
    """A set that does not run, and why."""

    set: str
    at: int
    """ms since 1970."""
    problems: tuple[str, ...]


class RulesReport(Struct, frozen=True, kw_only=True):
    """What runs on a worker."""

    source: str
    set: str
    since: int
    """ms since 1970."""
    rules: int
    """How many of the set are enabled."""
    refused: Refusal | None = None
    """What should run instead, and cannot."""


class Tells(Protocol):
    """What says elsewhere which rules run."""

    def say(self, report: RulesReport, rules: Mapping[str, tuple[str, str]]) -> None:
        """Say it."""
        ...

    def close(self) -> None:
        """Say that nothing runs."""
        ...


class Makes(Struct, frozen=True):
    """What makes a set ready; each takes long, and is called from the thread."""

    load: Callable[[RuleSet], Rulebook]
    """Raises LanguageError."""
    screen: Callable[[Rulebook], Screen]
    lists: Callable[[Rulebook], Lists | None]
    """Raises WatchListsUnread."""


class Changing:
    """One thread, from :meth:`start` to :meth:`stop`. What is public is for the event loop's thread."""

    def __init__(self, rules: Rules, makes: Makes, screen: Screen, teller: Tells | None = None) -> None:
        self.offer: Offer | None = None
        """What is to run next; :meth:`taken` takes it away."""
        self.found: deque[Rulebook] = deque()
        """Rulebooks that do not run, and have editions that were asked for."""
        self.screens: dict[str, Screen] = {}
        """Of sets that were sought, and of the one that ran last, by name."""
        self.vain: frozenset[str] = frozenset()
        """Editions that no set has of all that are kept: what has one is in ``found`` before this says anything."""
        self.refusals = 0
        self.rubbish = 0
        self._source = rules.source
        self._makes = makes
        self._first = rules
        self._teller = teller
        self._lists: Lists | None = None
        self._over: list[Lists] = []
        self._screen = screen
        self._wanted: frozenset[str] = frozenset()
        self._sought: frozenset[str] = frozenset()
        self._loaded = {rules.set}
        self._retry: tuple[float, RuleSet] | None = None
        self.report = _report(rules.source, rules.set, rules.rulebook)
        self.rules: Mapping[str, tuple[str, str]] = states(rules.rulebook)
        self._changed = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    # ---- for the event loop
    def start(self) -> None:
        """Begin to follow. Raises WatchListsUnread."""
        self._lists = self._makes.lists(self._first.rulebook)
        for each in self._first.refused:
            self._refuse(each)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and the watch lists."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        self._source.close()
        if self._teller is not None:
            self._teller.close()
        for each in (*self._over, *((self._lists,) if self._lists is not None else ())):
            each.stop()

    def want(self, editions: Iterable[str]) -> None:
        """Ask for editions that some set that is kept may have; what was looked for in vain is asked for in vain."""
        self._wanted |= frozenset(each for each in editions if MARK in each) - self.vain

    @property
    def keeps(self) -> bool:
        """Whether there are sets beside the newest."""
        return self._source.keeps

    def seek(self, names: Iterable[str]) -> None:
        """Ask for the screens of sets that are kept."""
        self._sought = frozenset(names)

    def taken(self, offer: Offer) -> None:
        """Take note that an offer runs."""
        self.screens = {self.report.set: self._screen}
        self._screen = offer.screen
        before, self._lists = self._lists, offer.lists
        if before is not None:
            self._over.append(before)
        self.rules, self._changed = states(offer.rulebook), True
        self.report = _report(self._source, offer.id, offer.rulebook)
        self.offer = None

    # ---- the thread
    def _run(self) -> None:
        while not self._stopping.wait(TICK):
            try:
                self.look()
                if self._teller is not None:
                    self._teller.say(self.report, self.rules)
            except Exception:
                log.exception("the rules could not be looked at; what runs goes on")

    def look(self) -> None:
        """Look once at the source; what is offered must be taken first."""
        while self._over:
            self._over.pop().stop()
        if self._changed:
            self._changed = False
            _let_go()
        if self.offer is not None:
            return
        self._take(self._source.look())
        if self._sought and self.offer is None:
            self._seek()
        if self._wanted and self.offer is None:
            self._search()

    def _take(self, look: Look) -> None:
        """Take what a look found, and what is to be tried again."""
        for each in look.rubbish:
            log.error("passed over: %s", each)
        self.rubbish += len(look.rubbish)
        if look.newest is not None or look.refused is not None:
            self.vain = frozenset()  # there may be other sets now
        if look.newest is not None:
            self._retry = None
            self._consider(look.newest)
        if look.refused is not None:
            self._refuse(look.refused)
        if self._retry is not None and time.monotonic() >= self._retry[0]:
            again, self._retry = self._retry[1], None
            self._consider(again)

    def _consider(self, found: RuleSet) -> None:
        """Offer a set, or refuse it."""
        if found.id == self.report.set:
            if self.report.refused is not None:
                log.info("rule set %s runs, and is the one that should", found.id)
                self.report = _with(self.report, None)
            return
        began = time.monotonic()
        try:
            self.offer = self._ready(found)
        except SetRefused as refused:
            self._refuse(refused)
            if refused.passing:
                self._retry = time.monotonic() + AGAIN, found
        else:
            self._loaded.add(found.id)
            log.info("rule set %s was loaded in %.1f s", found.id, time.monotonic() - began)

    def _ready(self, found: RuleSet) -> Offer:
        try:
            rulebook = self._makes.load(found)
            screen, chain = self._makes.screen(rulebook), Chain(rulebook)
            return Offer(found.id, rulebook, screen, chain, self._makes.lists(rulebook))
        except LanguageError as error:
            raise SetRefused(found.id, [one_line(each) for each in error.diagnostics]) from error
        except (WatchListsUnread, KafkaException) as error:
            said = f"its watch lists cannot be read: {error}; it is tried again every {AGAIN:.0f} s"
            raise SetRefused(found.id, [said], passing=True) from error
        except (
            Exception
        ) as error:  # a mistake of ours: not looked for again, so it must be seen that this set does not run
            log.exception("rule set %s: an error of the worker's own", found.id)
            said = f"it cannot be loaded, by an error of the worker's own: {type(error).__name__}: {error}"
            raise SetRefused(found.id, [said]) from error

    def _refuse(self, refused: SetRefused) -> None:
        """Say, once, that a set does not run."""
        before = self.report.refused
        problems = refused.problems[:SAID]
        if before is not None and (before.set, before.problems) == (refused.set_id, problems):
            return
        self.refusals += 1
        self.report = _with(self.report, Refusal(set=refused.set_id, at=_now(), problems=problems))
        log.error(
            "rules refused, set %s runs on: %s: %d mistakes\n%s",
            self.report.set,
            refused.set_id,
            len(refused.problems),
            "\n".join(problems),
        )

    def _seek(self) -> None:
        """Make one screen that is sought."""
        sought = self._sought - self.screens.keys()
        for each in self._source.others() if sought else ():
            if each.id in sought:
                try:
                    rulebook = self._makes.load(each)
                except LanguageError:
                    continue  # it never ran anywhere
                self.found.append(rulebook)
                self.screens[each.id] = self._makes.screen(rulebook)
                return

    def _search(self) -> None:
        """Load one more of the sets that are kept, for editions that were asked for.

        Decision: what none has is not looked for again before something new comes: each look reads and hashes all sets.
        """
        wanted = self._wanted
        for each in self._source.others():
            if each.id not in self._loaded:
                self._loaded.add(each.id)
                try:
                    rulebook = self._makes.load(each)
                except LanguageError:
                    continue  # it never ran anywhere
                self._wanted -= rulebook.editions.keys()
                self.found.append(rulebook)
                return
        self._wanted -= wanted
        self.vain = wanted if len(self.vain) > MOST else self.vain | wanted


def states(rulebook: Rulebook) -> dict[str, tuple[str, str]]:
    """Give each rule's edition and what it does, by id."""
    return {each.id: (each.edition, _does(each)) for each in rulebook.rules.values()}


def _does(rule: Rule) -> str:
    if not rule.enabled:
        return "disabled"
    return "shadow" if rule.shadow else "enabled"


def _let_go() -> None:
    """Free the rules that ran before: compiled, they are in cycles, and what was there at the start is not looked at.

    It takes a few tenths of a second for thousands of rules, in which nothing else runs: once for each change.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _report(source: Source, set_id: str, rulebook: Rulebook) -> RulesReport:
    return RulesReport(source=source.name, set=set_id, since=_now(), rules=len(rulebook.enabled))


def _with(report: RulesReport, refused: Refusal | None) -> RulesReport:
    return RulesReport(source=report.source, set=report.set, since=report.since, rules=report.rules, refused=refused)


def _now() -> int:
    return int(time.time() * 1000)
