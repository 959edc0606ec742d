"""No record takes for ever: functions that take one record a call go in; what takes too long in them is broken off.

Decision: nothing is spent on a record. A timer of the process's CPU time ticks four times in a budget, and its handler
looks for the function's frame on the stack: the same frame as at an earlier tick is the same record. The time between
them is this thread's own CPU time, so a machine that is busy or asleep rejects nothing. What takes less than the budget
is never broken off, what takes one and a half always is, within a single search too: ``re`` looks for signals while it
searches. The exception is raised only inside of those functions, which are pure: no book-keeping is ever cut in two.
"""

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType, FunctionType, TracebackType
from typing import Any, Self, cast

from stream_app.engine.expense import TooExpensive

log = logging.getLogger(__name__)

TICKS = 4
"""Looks in a budget."""


class Guard:
    """A context manager for the main thread; ``budget`` is in milliseconds of CPU time, 0 guards nothing.

    ``stages`` are plain functions whose every call is one record, or a part of one record that has a budget of its own.
    """

    def __init__(self, budget: int, *stages: Callable[..., Any]) -> None:
        self._budget = budget
        self._codes = {cast("FunctionType", stage).__code__ for stage in stages}
        self._seen: FrameType | None = None
        self._since = 0.0
        self._on = False

    def __enter__(self) -> Self:
        if self._budget:
            self._on = self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._on:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, signal.SIG_IGN)  # a tick on its way would end a process without a handler
            self._seen = None
            self._on = False

    def _start(self) -> bool:
        """Start the timer, and say whether that could be done; a worker without it works, but a record can stall it."""
        if not hasattr(signal, "setitimer"):
            return _unguarded("this platform has no timer of CPU time")
        if signal.getsignal(signal.SIGVTALRM) not in {signal.SIG_DFL, signal.SIG_IGN}:
            return _unguarded("something else uses the timer of CPU time")
        try:
            signal.signal(signal.SIGVTALRM, self._look)
        except ValueError:
            return _unguarded("only the main thread can be told the time")
        signal.siginterrupt(signal.SIGVTALRM, False)  # noqa: FBT003 - takes no keyword: calls of libraries go on
        tick = self._budget / 1000 / TICKS
        signal.setitimer(signal.ITIMER_VIRTUAL, tick, tick)
        return True

    def _look(self, _signal: int, frame: FrameType | None) -> None:
        """Break off the record that the stack is busy with, if it has been so for longer than the budget."""
        while frame is not None and frame.f_code not in self._codes:
            frame = frame.f_back
        now = time.thread_time()
        if frame is None or frame is not self._seen:
            self._seen, self._since = frame, now
            return
        spent = round((now - self._since) * 1000)
        if spent >= self._budget:
            self._seen = None  # once: should something swallow it, the record has the same time again
            raise TooExpensive(spent, self._budget)


def _unguarded(reason: str) -> bool:
    log.warning("a record that takes long is not broken off: %s", reason)
    return False
