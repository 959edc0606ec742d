"""A worker as a child process: started with settings of its own, stopped in order, its end never unnoticed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from stream_app.cli.failure import Failure
from stream_app.service.settings import PREFIX, Settings, write_settings

LAST_LINES = 20


@contextmanager
def _held_back(*signals: signal.Signals) -> Iterator[None]:
    """Let signals wait until the block ends: a child that was begun must be known before anything is raised."""
    waiting: list[int] = []
    before = {each: signal.signal(each, lambda number, _frame: waiting.append(number)) for each in signals}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in waiting:
            signal.raise_signal(number)


class WorkerProcess:
    """A context manager: the worker is stopped when the block ends, however it ends."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._settings = settings
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        try:
            with self._log.open("wb") as log, _held_back(signal.SIGTERM, signal.SIGINT):
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "stream_app", "worker"],
                    env={**others, **write_settings(self._settings)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a Ctrl-C is ours to handle: the worker is then stopped in order
                )
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self, timeout: float = 10.0) -> None:
        """Stop in order; SIGKILL after ``timeout`` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def check(self) -> None:
        """Raise a failure with the end of the worker's log, if it has ended by itself."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            raise Failure(f"the worker ended by itself with status {status}; the end of its log:\n{self.last_lines()}")

    def last_lines(self) -> str:
        """Give the end of the worker's log."""
        lines = self._log.read_text(errors="backslashreplace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LAST_LINES:]) or "  (nothing)"
