"""From one set of rules to the next, on the event loop: an offer goes in, and every record is seen by one set whole.

Decision: a barrier. No record of the source is taken while what was taken is not out and committed, and then all that
depends on the rules changes at once, with no await in between: the screen, the chain, the placing. So each record is
screened by one set, also where it is read again after a crash (handover.py). The side of the windows knows the rules of
both before that: a match is counted by the edition that it names.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from stream_app.kafka.batch import Batch
from stream_app.kafka.changing import MOST, Changing, Offer
from stream_app.kafka.windows import Windows

if TYPE_CHECKING:
    from stream_app.kafka.ingest import IngestApp
    from stream_app.kafka.reader import Screen
    from stream_app.kafka.transport import Consumer
    from stream_app.rulebook.rule import Rulebook

log = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two looks for what is offered."""
RECALL = 5.0
"""Seconds between two looks for rows whose edition is not known."""
PATIENCE = 30.0
"""Seconds for which matches wait for their editions: so far apart may workers be that watch folders."""
REST = 4
"""For how many times its patience a worker does not wait again, where what it waited for did not come."""
FIND = 12.0
"""Seconds for which a partition waits for the set that it was read with."""


class Swapping:
    """``topic`` is the source. ``patience`` is in seconds."""

    def __init__(
        self,
        app: "IngestApp",
        topic: str,
        windows: Windows,
        changing: Changing,
        *,
        warn: Callable[["Rulebook"], None],
        patience: float = PATIENCE,
    ) -> None:
        self._app = app
        self._topic = topic
        self._windows = windows
        self._changing = changing
        self._warn = warn
        self._patience = patience
        self._missed: set[str] = set()
        self._until = float("-inf")
        """To when the matches wait, or waited in vain, for editions that are not known, on the monotonic clock."""
        self._recalled = 0.0
        self._again = 0.0
        """When a set that could not be taken may be tried again, on the monotonic clock."""
        self._lock = asyncio.Lock()

    async def run(self) -> None:
        """Take what is offered, until the worker ends."""
        ingest = self._app.ingest
        self._warn(self._windows.editions.rulebook)
        while ingest.failure.error is None:
            await asyncio.sleep(TICK)
            try:
                await self.turn()
            except Exception as error:  # noqa: BLE001 - half a change must not go on
                ingest.failure.set(error)

    async def turn(self) -> None:
        """Take what has come."""
        counters, changing, windows = self._app.ingest.counters, self._changing, self._windows
        counters.rule_sets_refused, counters.rules_rubbish = changing.refusals, changing.rubbish
        self._know_found()
        async with self._lock:
            if changing.offer is not None and time.monotonic() >= self._again:
                await self._take(changing.offer)
            elif changing.offer is None:
                await self._end_handover()
        if time.monotonic() - self._recalled > RECALL:
            self._recalled = time.monotonic()
            changing.want(windows.strange() - self._missed)

    def _know_found(self) -> None:
        while self._changing.found:
            self._know(self._changing.found.popleft())

    def _know(self, rulebook: "Rulebook") -> None:
        self._windows.editions.keep(rulebook)
        self._windows.learned()

    async def _take(self, offer: Offer) -> None:
        """Let a set run, if all that was taken can be settled first."""
        app, windows = self._app, self._windows
        self._know(offer.rulebook)
        consumer, handover, began = cast("Consumer", app.consumer), app.ingest.handover, time.monotonic()
        if not await handover.hold(consumer, offer.id):
            now = time.monotonic()
            self._again = now + (now - began)  # what was held back in vain is read first, for as long
            return
        before = self._changing.report.set
        windows.editions.run(offer.rulebook)  # from here to the end no await: a record meets all of a set
        windows.chain = offer.chain
        windows.learned()
        handover.go_on(consumer, offer.screen)
        self._changing.taken(offer)
        self._missed.clear()
        self._until = float("-inf")
        app.ingest.counters.rule_sets_loaded += 1
        app.ingest.counters.run(offer.id, len(offer.rulebook.enabled))
        log.info("rule set %s runs, after %s: %d rules", offer.id, before, len(offer.rulebook.enabled))
        self._warn(offer.rulebook)

    async def _end_handover(self) -> None:
        """Read partitions that were taken over with the set that runs, once what may be read again has been."""
        consumer, ingest = cast("Consumer", self._app.consumer), self._app.ingest
        handover, screen = ingest.handover, ingest.screens.get(self._topic)
        if screen is not None and handover.overdue(consumer) and await handover.hold(consumer, handover.running):
            handover.go_on(consumer, screen)
            log.info("all partitions are read with rule set %s", handover.running)

    async def find(self, names: set[str]) -> "Mapping[str, Screen]":
        """Give the screens of sets by their names, without those that do not come; one that is new runs first."""
        changing, deadline = self._changing, time.monotonic() + (FIND if self._changing.keeps else 0.0)
        changing.seek(names)
        while True:
            self._know_found()
            if changing.offer is not None and changing.offer.id in names:
                async with self._lock:
                    if changing.offer is not None:
                        await self._take(changing.offer)
            left = names - changing.screens.keys() - {changing.report.set}
            if not left or time.monotonic() > deadline or self._app.ingest.failure.error is not None:
                changing.seek(())  # else the thread would look for what is not to be had again and again
                return {name: changing.screens[name] for name in names & changing.screens.keys()}
            await asyncio.sleep(TICK / 2)

    async def known(self, batch: Batch) -> None:
        """Wait until the editions of a batch's matches are known; not for ever, and once for each of them.

        Decision: patience is one for all, not each edition's own: a worker whose folder is many rules behind would else
        stand still for minutes. Where it was in vain, the editions that follow are not waited for until the rules have
        changed or some time has passed; only the sets that are kept are searched to their end for each.
        """
        missing = self._missing(batch)
        if not missing:
            return
        failure, began = self._app.ingest.failure, time.monotonic()
        if began > self._until + REST * self._patience:
            self._until = began + self._patience
        until = self._until
        log.info("%s waits for rules that were matched elsewhere: %s", batch.tp, ", ".join(sorted(missing)[:5]))
        while missing and not batch.voided and failure.error is None:
            now = time.monotonic()
            if now > began + self._patience or (now > until and self._searched(missing)):
                self._know_found()  # the thread says that it has searched after it has said what it found
                self._give_up(self._missing(batch))
                return
            self._changing.want(missing)
            await asyncio.sleep(TICK / 2)
            missing = self._missing(batch)
        if not (missing or batch.voided) and time.monotonic() <= until:
            self._until = float("-inf")  # it came: the next one is given all of the patience

    def _searched(self, missing: set[str]) -> bool:
        return not self._changing.keeps or missing <= self._changing.vain

    def _give_up(self, missing: set[str]) -> None:
        """Let the editions go that did not come."""
        if missing:
            log.warning(
                "matches of rules that are not known here: %s; for such, %.0f s were waited in vain; another edition "
                "stands in for them where there is one, else they are rejected",
                ", ".join(sorted(missing)[:5]),
                self._patience,
            )
            self._missed = missing if len(self._missed) > MOST else self._missed | missing

    def _missing(self, batch: Batch) -> set[str]:
        return self._windows.missing(batch) - self._missed
