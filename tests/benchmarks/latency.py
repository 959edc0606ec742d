"""From a record's timestamp to its incident, at shares of a worker's capacity; and its memory over a longer run.

Goes in: a rate and a time; comes out: percentiles of milliseconds. Decisions: the time of a record is the one that its
forwarder gave it, in the moment of sending; the time of an incident is its arrival at a consumer, not the timestamp in
its record, since what a SOAR waits for ends there. Flat records carry no time of reception of their own, so that
``incidentLastSeen`` of an incident *is* the timestamp of the record that raised it, and no bookkeeping is needed. All
of it runs on one machine, so one clock measures both ends. What was sent in the first seconds is left out.
"""

import math
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from confluent_kafka import OFFSET_END, Consumer, TopicPartition
from msgspec import Struct

from tests.benchmarks.bench import PARTITIONS, WARM_UP, Bench, MeasuredWorker
from tests.benchmarks.jobs import Job, Lots
from tests.benchmarks.pacing import Paced, save
from tests.benchmarks.records import Made
from tests.benchmarks.standing import RunFailed, Standing, Subject, put
from tests.benchmarks.usage import resident
from tests.brokers import configure, fresh_topics

SETTLE = 3000
"""Milliseconds at the beginning that do not count."""
PERCENTILES = (50.0, 99.0, 99.9)
KEPT_BYTES = 512 << 20
"""Of each source partition: a long run must not fill the disk. It is seconds of records, so a worker that falls behind
that far ends with an error."""
SHARES = (0.25, 0.5, 0.75)
EXPLAINED = (
    "Milliseconds from a record's timestamp, given when it was sent, to the arrival of its incident at a consumer. "
    "Capacity is what a worker does with records that lie ready; here the producer runs beside it and the broker."
)
FLAT = 0.02
"""Growth from the middle third of a run to the last, as a share, up to which memory is called flat."""


class Seen(Struct):
    """The fields of an incident that are looked at."""

    incidentLastSeen: int  # noqa: N815 - FortiSIEM's name


class Level(Struct, frozen=True, kw_only=True):
    """One run. ``arrival`` and ``written`` are ms by percentile: to the consumer, to the incident's own timestamp."""

    share: float
    wanted: float
    reached: float
    """Records a second."""
    records: int
    incidents: int
    arrival: dict[str, float]
    written: dict[str, float]
    most: float
    behind: float
    """Seconds from the last record sent until the last incident."""
    cpu: float
    """Seconds of the worker."""
    memory: Sequence[tuple[float, int]]
    """Seconds since the beginning, resident bytes."""


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Give the least value that at least ``percent`` of all are no greater than. Raises IndexError for none."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


class Watch:
    """Reads incidents as they come, and the worker's memory now and then."""

    def __init__(self, bench: Bench, topic: str, pid: int, interval: float) -> None:
        settings = {**bench.connection.librdkafka(), "group.id": "latency", "enable.auto.commit": False}
        self._consumer = Consumer({**settings, "log_level": 3})
        numbers = self._consumer.list_topics(topic, timeout=10).topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in numbers])
        self._consumer.consume(1, 1.0)  # so that it stands at the end before anything is sent
        self._decode = msgspec.json.Decoder(Seen).decode
        self._pid, self._interval, self._began = pid, interval, time.monotonic()
        self.seen: list[tuple[int, float, float]] = []
        self.memory: list[tuple[float, int]] = []

    def look(self) -> None:
        """Take what has come within a few milliseconds: (record's time, ms to arrival, ms to being written)."""
        messages = self._consumer.consume(1000, 0.005)
        now = time.time() * 1000
        for message in messages:
            at = self._decode(message.value() or b"").incidentLastSeen
            self.seen.append((at, now - at, message.timestamp()[1] - at))
        passed = time.monotonic() - self._began
        if not self.memory or passed - self.memory[-1][0] >= self._interval:
            self.memory.append((passed, resident(self._pid)))

    def close(self) -> None:
        """End."""
        self._consumer.close()


def level(  # noqa: PLR0913 - what a run is
    bench: Bench, name: str, made: list[Made], rules: Path, *, share: float, rate: float, seconds: float
) -> Level:
    """Run a worker at a rate. Raises RunFailed."""
    names = fresh_topics(bench.connection, name)
    configure(bench.connection, names.sysmon, retention_bytes=str(KEPT_BYTES), segment_bytes=str(KEPT_BYTES // 8))
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
        with closing(Watch(bench, names.incidents, worker.process.pid, max(1.0, seconds / 60))) as watch:
            before = subject.usage()[0].cpu
            paced = _paced(subject, watch, words)
            behind = _drained(subject, watch, paced, bench.patience / 10)
            used = subject.usage()[0].cpu - before
    counted = [each for each in watch.seen if each[0] >= paced.began + SETTLE]
    arrival, written = sorted(each[1] for each in counted), sorted(each[2] for each in counted)
    return Level(
        share=share,
        wanted=rate,
        reached=paced.sent / paced.seconds,
        records=paced.sent,
        incidents=len(counted),
        arrival={f"p{each:g}": percentile(arrival, each) for each in PERCENTILES},
        written={f"p{each:g}": percentile(written, each) for each in PERCENTILES},
        most=arrival[-1],
        behind=behind,
        cpu=used,
        memory=watch.memory,
    )


def _paced(subject: Subject, watch: Watch, words: Sequence[str]) -> Paced:
    """Send, and look meanwhile. Raises RunFailed."""
    command = [sys.executable, "-m", "tests.benchmarks.pacing", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            while process.poll() is None:
                watch.look()
                if subject.processes[0].poll() is not None:
                    raise RunFailed(f"it ended: {subject.logs[0].read_text(errors='replace')[-2000:]}")
        finally:
            process.kill()
        said = process.stdout.read() if process.stdout else b""
    if process.returncode:
        raise RunFailed("the records could not be sent")
    return msgspec.json.decode(said, type=Paced)


def _drained(subject: Subject, watch: Watch, paced: Paced, patience: float) -> float:
    """Wait for what is under way; gives for how many seconds incidents still came. Raises RunFailed."""
    began = time.monotonic()
    while len(watch.seen) < paced.matches and time.monotonic() - began < patience:
        watch.look()
    behind = time.monotonic() - began
    subject.finish(patience)
    if len(watch.seen) != paced.matches:
        raise RunFailed(f"{paced.matches} matches were sent, {len(watch.seen)} incidents came")
    return behind


HEAD = (
    "of capacity", "records/s wanted", "reached", "incidents", "p50 ms", "p99 ms", "p99.9 ms", "max ms",
    "CPU µs/record", "MB at the end",
)  # fmt: skip


def table(levels: Sequence[Level]) -> str:
    """Give the table in Markdown."""
    rows: list[Sequence[str]] = [HEAD, ["---"] * len(HEAD)]
    for each in levels:
        quick = [f"{each.arrival[f'p{percent:g}']:.0f}" for percent in PERCENTILES]
        cost = each.cpu / each.records * 1e6
        rows.append([
            f"{each.share:.0%}", f"{each.wanted:,.0f}", f"{each.reached:,.0f}", f"{each.incidents:,}", *quick,
            f"{each.most:.0f}", f"{cost:.2f}", f"{each.memory[-1][1] / (1 << 20):.0f}",
        ])  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def growth(memory: Sequence[tuple[float, int]]) -> float:
    """Give how much memory grew from the middle third of the looks to the last one, as a share of the former."""
    third = max(1, len(memory) // 3)
    sizes = [size for _, size in memory]
    middle, last = sizes[third : 2 * third] or sizes, sizes[-third:]
    return sorted(last)[len(last) // 2] / sorted(middle)[len(middle) // 2] - 1


def memory_report(memory: Sequence[tuple[float, int]], rows: int = 12) -> str:
    """Give some of the looks, the last one among them, and say whether memory was flat."""
    step = max(1, len(memory) // rows)
    shown = sorted({*range(0, len(memory), step), len(memory) - 1})
    lines = ["| minute | MB resident |", "| --- | --- |"]
    lines += [f"| {memory[at][0] / 60:.1f} | {memory[at][1] / (1 << 20):.1f} |" for at in shown]
    grown = growth(memory)
    verdict = "flat" if grown <= FLAT else "NOT flat"
    return "\n".join([*lines, "", f"From the middle third to the last: {grown:+.1%}, {verdict}."])


def levels(
    run: Callable[[str, float, float], Level], capacity: float, shares: Sequence[float], say: Callable[[str], None]
) -> list[Level]:
    """Run each share of the capacity. ``run`` is given a name, the share and the rate."""
    found = []
    for share in shares:
        found.append(run(f"latency-{share * 100:.0f}", share, capacity * share))
        say(f"{share:.0%} of capacity: p99 {found[-1].arrival['p99']:.0f} ms")
    return found


class Course(Struct, frozen=True, kw_only=True):
    """What is run: seconds of each share, ``capacity`` in records/s (None: measured), minutes of the long run."""

    seconds: float
    shares: Sequence[float] = SHARES
    capacity: float | None = None
    soak: float | None = None


class Measured(Struct, frozen=True, kw_only=True):
    """What was found; ``soak`` is the long run at the last share."""

    job: str
    capacity: float
    levels: Sequence[Level]
    soak: Level | None

    def report(self) -> str:
        """Give tables, and what their numbers are."""
        parts = [table(self.levels), f"{self.job}, capacity {self.capacity:,.0f} records/s. {EXPLAINED}"]
        if self.soak is not None:
            minutes = self.soak.memory[-1][0] / 60
            parts += [f"{minutes:.0f} minutes:", table([self.soak]), memory_report(self.soak.memory)]
        return "\n\n".join(parts)


def measure(bench: Bench, lots: Lots, job: Job, course: Course, say: Callable[[str], None]) -> Measured:
    """Measure capacity, the shares of it, and the long run, if there is to be one. Raises RunFailed."""
    made, rules, capacity = list(lots.of(job)), lots.rules(job), course.capacity
    if capacity is None:
        runs = [bench.worker(f"capacity-{number}", made, rules) for number in range(2)]
        capacity = max(each.records / each.seconds for each in runs)
        say(f"capacity: {capacity:,.0f} records/s")

    def at(name: str, share: float, rate: float, seconds: float = course.seconds) -> Level:
        return level(bench, name, made, rules, share=share, rate=rate, seconds=seconds)

    found = levels(at, capacity, course.shares, say)
    last = course.shares[-1]
    soak = None if course.soak is None else at("soak", last, capacity * last, course.soak * 60)
    return Measured(job=str(job), capacity=capacity, levels=found, soak=soak)
