"""Console processes for tests: `stream-app console` as a person starts it; incidents to show on it; and a browser."""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


class ConsoleProcess:
    """One console; ``settings`` are names of settings without their prefix. ``address`` is where its page is."""

    def __init__(self, log: Path, settings: Mapping[str, str]) -> None:
        self._log = log
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("STREAM_APP_")},
            "STREAM_APP_CONSOLE_PORT": "0",
            "STREAM_APP_RULES": str(ROOT / "rules"),
            **{f"STREAM_APP_{key.upper()}": value for key, value in settings.items()},
        }
        self.process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "stream_app", "console", "--all"],
                env=self._environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert process.stdout
        said = process.stdout.readline()
        assert said.startswith("watch it on http://"), self.said()
        self.address = said.split()[-1].rstrip("/")
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it again on its port, after an end."""
        self._environment["STREAM_APP_CONSOLE_PORT"] = self.address.rpartition(":")[2]
        self.process = self._start()

    def terminate(self) -> int:
        """SIGTERM; gives the exit status."""
        self.process.terminate()
        return self.process.wait(20)

    def said(self) -> str:
        """Give the log so far."""
        return self._log.read_text(errors="replace")


def incident(host: str, **fields: Any) -> dict[str, Any]:
    """Give an incident as it lies on its topic, of the rule that the project starts from."""
    now = int(time.time() * 1000)
    return {
        "schemaVersion": 1, "incidentId": str(uuid.uuid4()), "revision": 1, "activity": "create", "incidentStatus": 0,
        "incidentTitle": "Windows: Python Initiated Connection", "incidentFirstSeen": now, "incidentLastSeen": now,
        "count": 1, "incidentCount": 1, "eventType": "PH_Rule_SIGMA_1774", "eventSeverity": 5,
        "eventSeverityCat": "MEDIUM", "ruleId": "PH_Rule_SIGMA_1774",
        "ruleName": "Windows: Python Initiated Connection", "phIncidentCategory": "Security",
        "phSubIncidentCategory": "Discovery", "attackTactic": ["Discovery"], "attackTechnique": ["T1046"],
        "phCustId": 1, "incidentSrc": "srcIpAddr:10.20.4.17", "incidentTarget": f"hostName:{host}",
        "incidentDetail": "initiated:true", "triggeringEventList": ["sysmon/0@0"], "hostName": host,
        "procName": "C:\\Python311\\python.exe", "srcIpAddr": "10.20.4.17",
    } | fields  # fmt: skip


def cleared(one: Mapping[str, Any]) -> dict[str, Any]:
    """Give the next record of an incident: it is over."""
    over = {"activity": "clear", "incidentStatus": 1, "incidentClearedTime": int(time.time() * 1000)}
    return {**one, "revision": one["revision"] + 1, **over}


def encoded(one: Mapping[str, Any]) -> bytes:
    """Give the bytes of a record."""
    return json.dumps(one, ensure_ascii=False).encode()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give the browser that is installed here; skip where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium on this machine: apt-get install chromium, or .ci/tools")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()
