"""A worker's health, looked at every second from a thread of its own: a report, in a file, for probes, as metrics.

Goes in: the worker's app, once there is one; comes out: whether it is alive and ready, why not, and each partition's
offsets and lag. Decision: the file's age is a probe too: it is written every second, but bears the time at which the
worker was last alive.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec
from faust.types import TP
from msgspec import Struct

from stream_app.kafka.connection import Connection
from stream_app.kafka.counters import Counters
from stream_app.kafka.ingest import IngestApp
from stream_app.kafka.watching import Bounds, Watched, watch
from stream_app.service.exposition import Exposition
from stream_app.service.liveness import Liveness, Observation, Standing, starting
from stream_app.service.probes import Answer, Probes
from stream_app.service.readings import Seen
from stream_app.service.report import PartitionReport, Report, TimeReport
from stream_app.service.stacks import stacks

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks."""
BLIND = 10.0
"""Seconds after which a report that is not renewed counts as a worker that is neither alive nor ready."""


class HealthOptions(Struct, frozen=True, kw_only=True):
    """Where health is said. An empty ``file`` and the port 0 say it nowhere; it is judged and logged all the same."""

    connection: Connection
    stall_s: float = 60.0
    file: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    """What a caller must bear to be told more than a status; empty: nothing."""

    def __repr__(self) -> str:
        return f"HealthOptions({self.connection!r}, {self.host}:{self.port})"


class Health:
    """Judges for as long as the ``with`` block lasts; :meth:`watch` is given the app. Raises ProbesUnavailable."""

    def __init__(self, options: HealthOptions) -> None:
        self._options = options
        self._bounds = Bounds(options.connection, interval=max(1.0, options.stall_s / 10))
        self._app: IngestApp | None = None
        self._seen: Watched | None = None
        self._exposition = Exposition(self._shown)
        self._liveness = starting(options.stall_s, time.monotonic())
        self._alive_at = time.time()
        self._unwritable = ""
        self._stop = threading.Event()
        self._open = ExitStack()
        self._looked = time.monotonic()
        self.report = Report(
            alive=True, ready=False, since=_now(), at=_now(), why="it is starting", stall_s=options.stall_s
        )

    def __enter__(self) -> Self:
        options = self._options
        if options.port:
            answers = {"live": self._live, "ready": self._ready, "metrics": self._metrics}
            probes = Probes(options.host, options.port, answers, options.token)
            self._open.enter_context(probes)
        thread = threading.Thread(target=self._run, name="health", daemon=True)
        thread.start()
        self._open.callback(thread.join, 5.0)
        self._open.callback(self._stop.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def watch(self, app: IngestApp) -> None:
        """Look at this worker from now on."""
        self._app = app

    # ---- probes
    def _live(self) -> Answer:
        return self._answer(lambda report: report.alive)

    def _ready(self) -> Answer:
        return self._answer(lambda report: report.alive and report.ready)

    def _metrics(self) -> Answer:
        return True, self._exposition.text()

    def _answer(self, asked: Callable[[Report], bool]) -> Answer:
        report = self._trusted()
        return asked(report), msgspec.json.encode(report)

    def _trusted(self) -> Report:
        """Give the report, which is no sign of life once nobody renews it."""
        report, blind = self.report, time.monotonic() - self._looked
        if blind <= BLIND:
            return report
        why = f"nobody has looked at the worker for {blind:.0f} s"
        return msgspec.structs.replace(report, alive=False, ready=False, why=why)

    def _shown(self) -> Seen:
        app, seen = self._app, self._seen
        return Seen(
            now=time.time(),
            report=self._trusted(),
            counters=Counters() if app is None else app.ingest.counters,
            sizes={} if seen is None else seen.sizes,
            unsent=0 if seen is None else seen.unsent,
        )

    # ---- the thread
    def _run(self) -> None:
        while not self._stop.wait(LOOK):
            try:
                self._look()
            except Exception:
                log.exception("the worker's health could not be looked at")
            else:
                self._looked = time.monotonic()

    def _look(self) -> None:
        app = self._app
        if app is not None:
            self._seen = seen = watch(app)
            self._judge(app, seen)
        else:
            self.report = msgspec.structs.replace(self.report, at=_now())
        if self.report.alive:
            self._alive_at = time.time()
        if self._options.file:
            self._write(Path(self._options.file))

    def _judge(self, app: IngestApp, seen: Watched) -> None:
        now = time.monotonic()
        bounds = self._bounds.known(seen.committed)
        before = self._liveness
        standings = {name(tp): _standing(committed, bounds.get(tp)) for tp, committed in seen.committed.items()}
        self._liveness = verdict = before.after(
            Observation(at=now, partitions=standings, recovered=seen.recovered, silent=seen.silent, failed=seen.failed)
        )
        said = self._said(verdict, standings, seen.reading, app.ingest.counters.as_dict())
        times = {
            each: TimeReport(time=reached, held_back_by=slowest) for each, (reached, slowest) in seen.times.items()
        }
        self.report = msgspec.structs.replace(said, times=times, silent_s=round(seen.silent, 1), rules=seen.rules)
        if before.alive and not verdict.alive and not seen.failed:
            log.error("reported dead: %s; where every thread and task stands:\n%s", verdict.why, _stacks(app))
        elif verdict.alive and not before.alive:
            log.warning("reported alive again: offsets are being committed")

    def _said(
        self,
        verdict: Liveness,
        standings: dict[str, Standing],
        reading: bool,  # noqa: FBT001 - as it was seen
        counters: dict[str, int],
    ) -> Report:
        why = verdict.why
        if not why and not reading:
            why = "it has not begun to read its partitions" if standings else "it has no partitions"
        return Report(
            alive=verdict.alive,
            ready=reading,
            since=_now() - int((verdict.at - verdict.since) * 1000),
            at=_now(),
            why=why,
            stall_s=verdict.stall,
            partitions={
                each: PartitionReport(
                    committed=standing.committed,
                    end=standing.end,
                    lag=standing.lag,
                    stuck_s=round(verdict.tracks[each].stuck, 1),
                )
                for each, standing in standings.items()
            },
            counters=counters,
        )

    def _write(self, path: Path) -> None:
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(self.report))
            os.utime(beside, (self._alive_at, self._alive_at))
            beside.replace(path)
        except OSError as error:
            if self._unwritable != str(error):
                self._unwritable = str(error)
                log.error("the health file cannot be written: %s", error)  # noqa: TRY400 - a trace says no more


def name(tp: TP) -> str:
    """Give a partition as the report names it."""
    return f"{tp.topic}/{tp.partition}"


def _standing(committed: int, bounds: tuple[int, int] | None) -> Standing:
    low, end = bounds or (None, None)
    return Standing(committed=committed, low=low, end=end)


def _stacks(app: IngestApp) -> str:
    try:
        return stacks(app.loop)
    except RuntimeError as error:  # things moved while they were looked at
        return f"could not be seen: {error}"


def _now() -> int:
    return int(time.time() * 1000)
