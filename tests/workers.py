"""Worker processes for tests: `stream-app worker` as a deployment runs it, with its log in a file."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.corpus import seed_rules


class WorkerProcess:
    """One worker, with the rule that the project starts from.

    ``settings`` are names of settings without their prefix; what is not given has its default.

    ``module`` is what is run instead of the product, for one that is hindered on purpose.
    """

    def __init__(self, folder: Path, name: str, settings: Mapping[str, str], module: str = "stream_app") -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("STREAM_APP_")},
            "STREAM_APP_RULES": str(seed_rules(folder / "seed")),
            "STREAM_APP_DATA_DIR": str(folder / name),
            "STREAM_APP_LOG_LEVEL": "warning",
            **{f"STREAM_APP_{key.upper()}": value for key, value in settings.items()},
        }
        self._module = module
        self.process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", self._module, "worker"], env=self._environment, stdout=log, stderr=log
            )

    def restart(self) -> None:
        """Start again after an end."""
        self.process = self._start()

    def kill(self) -> None:
        """SIGKILL, whatever it does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, timeout: float = 40.0) -> int:
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.process.wait(timeout)

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def said(self) -> str:
        """Give the log so far."""
        return self.log.read_text(errors="replace")
