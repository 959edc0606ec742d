"""A worker that is looked at from outside: its health file, its probes, its metrics."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from prometheus_client.parser import text_string_to_metric_families

from stream_app.kafka.local import free_ports
from stream_app.kafka.topics import Names
from tests.workers import WorkerProcess

STALL = 3
"""Seconds without a commit after which these workers are dead."""
PATIENCE = 60.0


class Watched(WorkerProcess):
    """A worker with a health file and probes; ``defect`` is a program that runs in it before it starts."""

    def __init__(self, folder: Path, names: Names, settings: dict[str, str], defect: str = "") -> None:
        self.file = folder / "health" / names.app_id
        self.port = free_ports(1)[0]
        self._defect = defect
        mine = {"stall_s": str(STALL), "health_file": str(self.file), "health_port": str(self.port)}
        super().__init__(folder, names.app_id, {"drained": "hold"} | settings | mine)

    def _start(self) -> "subprocess.Popen[bytes]":
        program = f"{self._defect}\nfrom stream_app.cli.main import main\nmain()"
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", program, "worker"], env=self._environment, stdout=log, stderr=log
            )

    def report(self) -> dict[str, Any]:
        """Give what the health file says; nothing before it is there."""
        return cast("dict[str, Any]", json.loads(self.file.read_bytes())) if self.file.exists() else {}

    def until(self, seen: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a report of which that holds, and give it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self.alive, self.said()
            report = self.report()
            if report and seen(report):
                return report
            threading.Event().wait(0.1)
        raise AssertionError(f"it was never so: {self.report()}\n{self.said()}")

    def probe(self, path: str) -> tuple[int, dict[str, Any]]:
        """Ask over HTTP: status and report."""
        status, body = self._ask(path)
        return status, json.loads(body)

    def metrics(self) -> dict[str, dict[tuple[str, ...], float]]:
        """Scrape: values by name and by label values, in the order of the labels' names."""
        status, body = self._ask("/metrics")
        assert status == 200, body
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(body.decode()):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
        return found

    def _ask(self, path: str) -> tuple[int, bytes]:
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read()

    def ended(self) -> int:
        """Wait for its end by itself; gives the exit status."""
        return self.process.wait(PATIENCE)


def has_read_all(report: dict[str, Any]) -> bool:
    """Whether a worker has committed everything that there is."""
    return bool(report["ready"]) and all(each["lag"] == 0 for each in report["partitions"].values())
