"""``python -m tests.benchmarks page``: from a record's timestamp until its incident is on the page of `console`.

Goes in: a rate and a time; comes out: percentiles of milliseconds, to a reader of the console's stream and to the frame
in which a real Chromium has the row. As in latency.py, the time of a record is the one at which it was sent, and is
``incidentLastSeen`` of the incident that it raised. All of it (broker, worker, sender, console, browser) runs on one
machine. A row that was folded into a later revision before it was sent is not measured, since nobody saw it.
"""

import http.client
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import click
import msgspec
from msgspec import Struct
from playwright.sync_api import Page

from tests.benchmarks.bench import PARTITIONS, WARM_UP, Bench, MeasuredWorker
from tests.benchmarks.latency import PERCENTILES, SETTLE, percentile
from tests.benchmarks.pacing import Paced, save
from tests.benchmarks.records import Made
from tests.benchmarks.standing import RunFailed, Standing, Subject, put
from tests.brokers import fresh_topics
from tests.consoles import ConsoleProcess, chromium

OBSERVE = """() => {
  window.measured = [];
  new MutationObserver((changes) => {
    const added = changes.flatMap((each) => [...each.addedNodes]).map((each) => rows.get(each.dataset.id)?.row.last);
    requestAnimationFrame(() => { for (const at of added) if (at) measured.push([at, Date.now() - at]); });
  }).observe(document.getElementById("rows"), { childList: true });
}"""
"""Notes, in the frame in which a row is drawn, how long ago its record was sent."""


class Shown(Struct, frozen=True, kw_only=True):
    """One run: rates in records/s, ms by percentile."""

    wanted: float
    reached: float
    matches: int
    stream: dict[str, float]
    page: dict[str, float]
    rows: tuple[int, int]
    """How many rows the stream's reader and the page had."""


class Stream:
    """Reads the console's stream in a thread."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc)
        self._connection.request("GET", "/events")
        self._answer = self._connection.getresponse()
        self.seen: list[tuple[int, float]] = []
        self._known: set[tuple[str, int]] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _run(self) -> None:
        event = b""
        try:
            for line in self._answer:
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                elif line.startswith(b"data: ") and event == b"list":
                    self._take(msgspec.json.decode(line[6:]), time.time() * 1000)
        except (OSError, ValueError, AttributeError, http.client.HTTPException):  # it was closed while it was read
            return

    def _take(self, changes: dict[str, Any], now: float) -> None:
        for row in changes["rows"]:
            if (key := (row["id"], row["revision"])) not in self._known:
                self._known.add(key)
                self.seen.append((row["last"], now - row["last"]))


def measure(bench: Bench, made: list[Made], rules: Path, rate: float, seconds: float) -> Shown:
    """Run a worker and a console at a rate of records a second. Raises RunFailed."""
    name = "page"
    names = fresh_topics(bench.connection, name)
    settings = bench.settings(names, rules, PARTITIONS)
    with bench.removing(name), MeasuredWorker(bench.folder, name, settings, bench.product) as worker:
        subject = Subject(
            processes=[worker.process], logs=[worker.log], standing=Standing(bench.connection, names.app_id),
            source=names.sysmon, between=names.matches, out=names.incidents,
        )  # fmt: skip
        subject.join(60)
        put(bench.connection, names.sysmon, made[:WARM_UP])
        subject.finish(60)
        file = bench.folder / "paced"
        save(file, made[WARM_UP:])
        words = [bench.connection.bootstrap_servers, names.sysmon, str(file), str(rate), str(seconds)]
        with ConsoleProcess(bench.folder / "console.log", settings) as console, chromium() as browser:
            page = browser.new_page()
            page.goto(console.address)
            page.wait_for_selector("#link[data-state=live]")
            page.evaluate(OBSERVE)
            with Stream(console.address) as stream:
                paced = _paced(page, words)
                subject.finish(60)
                page.wait_for_timeout(1000)
            on_page: list[tuple[int, float]] = page.evaluate("measured")
    first = paced.began + SETTLE
    return Shown(
        wanted=rate,
        reached=paced.sent / paced.seconds,
        matches=paced.matches,
        stream=_percentiles(stream.seen, first),
        page=_percentiles(on_page, first),
        rows=(len(stream.seen), len(on_page)),
    )


def _paced(page: Page, words: list[str]) -> Paced:
    with subprocess.Popen([sys.executable, "-m", "tests.benchmarks.pacing", *words], stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            page.wait_for_timeout(100)
        said = process.stdout.read() if process.stdout else b""
    if process.returncode:
        raise RunFailed("the records could not be sent")
    return msgspec.json.decode(said, type=Paced)


def _percentiles(seen: list[tuple[int, float]], first: int) -> dict[str, float]:
    """Give them, of what was sent from ``first`` on; none where nothing of that was seen."""
    values = sorted(late for at, late in seen if at >= first)
    if not values:
        return {}
    return {f"p{each:g}": percentile(values, each) for each in PERCENTILES} | {"most": values[-1]}


def report(shown: Shown) -> str:
    """Give the table in Markdown; "-" where a browser that got no turn, or the stream, showed nothing of the run."""
    heads = [*(f"p{each:g}" for each in PERCENTILES), "most"]
    lines = [
        f"| to | rows | {' | '.join(f'{each} ms' for each in heads)} |",
        "|".join(["", *["---"] * (len(heads) + 2), ""]),
    ]
    for what, numbers, rows in (("the stream", shown.stream, shown.rows[0]), ("Chromium", shown.page, shown.rows[1])):
        lines.append(
            f"| {what} | {rows:,} | {' | '.join(f'{numbers[each]:.0f}' if numbers else '-' for each in heads)} |"
        )
    rates = f"{shown.wanted:,.0f} records/s wanted, {shown.reached:,.0f} reached, {shown.matches:,} matches."
    return "\n".join([*lines, "", rates])


def need_chromium() -> None:
    """Raise ClickException where there is no browser."""
    if shutil.which("chromium") is None:
        raise click.ClickException("no chromium on this machine: apt-get install chromium, or .ci/tools")
