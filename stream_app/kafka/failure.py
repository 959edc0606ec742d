"""The end of a worker that must not go on. Decision: whatever fails ends the process within a bounded time.

Faust's orderly stop was seen to hang in a rebalance, and a half-dead worker keeps its partitions, since its heartbeats
come from a thread of their own. A hard exit is as safe as kill -9, which every stage is built for.
"""

import logging
import os
import threading
from collections.abc import Callable

EXIT_STATUS = 70
"""Status of a process that ended by a failure (sysexits: internal software error)."""

EXPLAINING = 8.0
"""Seconds that a failure may take to be explained; the process ends then, explained or not."""

log = logging.getLogger(__name__)


class WorkerFailed(Exception):
    """The worker is ending; nothing more may be sent or settled. The message is the first failure."""


class Failure:
    """The first failure of a worker. ``grace`` is how long, in seconds, an orderly stop may take after it."""

    def __init__(self, grace: float = 1.0, leave: Callable[[int], None] = os._exit) -> None:
        self.error: BaseException | None = None
        self.explain: Callable[[BaseException], str] | None = None
        """Gives what else there is to say of a failure; may ask a broker, and is not waited for beyond EXPLAINING."""
        self._grace = grace
        self._leave = leave

    def set(self, error: BaseException) -> None:
        """Note the failure, say it, and set the process's end."""
        if self.error is not None:
            return
        self.error = error
        more = self._explained(error)
        log.critical("the worker ends, what it was handling will be read again: %s%s", error or repr(error), more)
        self._leave_after(self._grace)

    def _explained(self, error: BaseException) -> str:
        if self.explain is None:
            return ""
        self._leave_after(EXPLAINING + self._grace)
        try:
            more = self.explain(error)
        except Exception:
            log.exception("what is behind the failure could not be found out")
            return ""
        return more and f"; {more}"

    def _leave_after(self, seconds: float) -> None:
        killer = threading.Timer(seconds, self._leave, (EXIT_STATUS,))
        killer.daemon = True
        killer.start()

    def check(self) -> None:
        """Raise :class:`WorkerFailed` once something has failed."""
        if self.error is not None:
            raise WorkerFailed(str(self.error) or repr(self.error)) from self.error
