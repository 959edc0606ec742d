"""Workers over a broker of lists, where nothing fails: every interleaving of partitions, speeds and batches there is.

Real: screens, the detect and windows stages, batches, rows, progress records, the engine. Imagined: the broker, which
acknowledges at once, and who reads what when, which chance decides.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, cast

import msgspec
from faust.types import TP
from msgspec import Struct

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.engine.stream_time import VERSION, Progress, Reading
from stream_app.handoff.native import to_bytes
from stream_app.kafka.batch import Batch
from stream_app.kafka.counters import Counters
from stream_app.kafka.detecting import Detecting
from stream_app.kafka.outlets import Outlets
from stream_app.kafka.partition import partition_of
from stream_app.kafka.placing import Placing
from stream_app.kafka.progress import send_progress
from stream_app.kafka.recovery import Recovered
from stream_app.kafka.rows import RowPartitions
from stream_app.kafka.screening import screen_of
from stream_app.kafka.streak import Streak
from stream_app.kafka.topics import Names
from stream_app.kafka.windows import Windows
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.rule import Rulebook
from stream_app.service.parts import outlets
from tests.unit.kafka.simulation import Stored

NAMES = Names()
MATCHES = 3
"""Partitions of the matches topic."""

_SAID = 0.1
"""How often progress is said, of all steps: seldom enough for what is said to be read."""


class Sent(Struct, frozen=True):
    """A record of the source: its partition, its timestamp (ms), its value."""

    partition: int
    timestamp: int
    value: bytes


class Timed(Stored):
    """A record with a timestamp of its own, the last of its fields."""

    def timestamp(self) -> tuple[int, int]:
        """Give it."""
        return 1, self._fields[6]


class Logs:
    """All topics, and a producer that is acknowledged at once."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Stored]] = defaultdict(list)

    def append(self, place: tuple[str, int], key: bytes, value: bytes | None, headers: Any, time: int = 0) -> Stored:
        """Store one record."""
        log = self.logs[place]
        log.append(Timed(*place, len(log), key, value, headers, time))
        return log[-1]

    def send(self, topic: str, value: bytes | None, key: bytes, delivered: Any, *, partition: int = -1) -> None:
        """Store one record, as ``Sender.send`` does."""
        self.send_all(topic, [(value, key, None)], delivered, partition=partition)

    def send_all(self, topic: str, records: Any, delivered: Any, *, partition: int = -1) -> None:
        """Store records, as ``Sender.send_all`` does."""
        for value, key, headers in records:
            number = partition_of(key, MATCHES) if partition < 0 else partition
            stored = self.append((topic, number), key, value, headers)
        if records and delivered is not None:
            delivered(None, stored)

    def serve(self) -> None:
        """Everything is acknowledged."""

    def check(self) -> None:
        """Nothing fails."""

    def fail(self, error: BaseException) -> None:
        """Nothing fails."""
        raise error


class Worker:
    """One worker: what it owns is given with each call."""

    def __init__(self, rulebook: Rulebook, logs: Logs, matches: Sequence[int], told: Outlets | None = None) -> None:
        counters = Counters()
        self.logs = logs
        self.counters = counters
        held = RowPartitions(NAMES.changelog, logs.fail)
        self.screen = screen_of(rulebook, "T", 1_000_000, Streak(1_000, counters, None))
        editions = Editions(rulebook)
        placing = Placing(editions, MATCHES)
        self.detecting = Detecting(NAMES, "T", counters, placing)
        self.windows = Windows(
            editions, NAMES, held, counters, placing=placing, outlets=told or outlets(NAMES), settled=lambda _: 1 << 60
        )
        for number in matches:
            held.put(number, Recovered(rows=dict[bytes, bytes](), end=0))
            self.windows.prepare(number, held.rows(number))

    def handle(self, topic: str, number: int, taken: Sequence[Stored]) -> None:
        """Take records of a partition, as one batch."""
        records = [(cast("Any", each), self._screened(topic, each), 0) for each in taken]
        records = [each for each in records if each[1] is not None]
        if not records:
            return
        with Batch(cast("Any", self.logs), TP(topic, number), records, 0) as batch:
            (self.detecting if topic == NAMES.sysmon else self.windows).handle(batch)

    def _screened(self, topic: str, stored: Stored) -> Any:
        if topic != NAMES.sysmon:
            return stored
        try:
            return self.screen(cast("Any", stored))
        except Exception as error:  # noqa: BLE001 - as the reader does
            return error


class Cluster:
    """So many workers, which share the partitions evenly."""

    def __init__(self, rulebook: Rulebook, records: Sequence[Sent], workers: int, sources: int) -> None:
        self.logs = Logs()
        self.sources = sources
        self.workers = [Worker(rulebook, self.logs, range(each, MATCHES, workers)) for each in range(workers)]
        self.read: Counter[tuple[str, int]] = Counter()
        for each in records:
            self.logs.append((NAMES.sysmon, each.partition), b"", each.value, None, each.timestamp)

    def run(self, chance: random.Random, end: int) -> None:
        """Read all there is in an order that chance decides; time then goes to ``end`` (ms)."""
        places = [(NAMES.sysmon, number) for number in range(self.sources)]
        places += [(NAMES.matches, number) for number in range(MATCHES)]
        speeds = {place: chance.choice([1, 3, 20]) for place in places}
        while any(self.read[place] < len(self.logs.logs[place]) for place in places):
            place = chance.choice(places)
            self.take(place, chance.randint(1, speeds[place]))
            if chance.random() < _SAID:
                self.say(chance.randrange(len(self.workers)))
        for worker in range(len(self.workers)):
            self.say(worker, end)
        for _ in range(4):  # what an incident sets off is read too
            for place in places:
                self.take(place, 1 << 30)

    def take(self, place: tuple[str, int], count: int) -> None:
        """Let the owner of a partition read up to so many records of it, as one batch."""
        topic, number = place
        start = self.read[place]
        taken = self.logs.logs[place][start : start + count]
        self.read[place] += len(taken)
        self.workers[number % len(self.workers)].handle(topic, number, taken)

    def say(self, worker: int, end: int | None = None) -> None:
        """Say how far the source partitions of a worker have come."""
        said = []
        for number in range(worker, self.sources, len(self.workers)):
            done = self.logs.logs[NAMES.sysmon, number][: self.read[NAMES.sysmon, number]]
            newest = max((each.timestamp()[1] for each in done), default=0) if end is None else end
            if newest:
                said.append(Reading("T", number, len(done), newest))
        if said:
            progress = Progress(VERSION, self.sources, tuple(said))
            send_progress(cast("Any", self.logs), NAMES.matches, MATCHES, progress, lambda *_: None)

    def incidents(self) -> Counter[str]:
        """Give what the newest revision of each incident says, but for what the order of arrival may decide."""
        sent = [each.value() for number in range(MATCHES) for each in self.logs.logs[NAMES.incidents, number]]
        return newest(sent)

    @property
    def rejected(self) -> Counter[str]:
        """Rejections by reason."""
        return sum((worker.counters.rejected for worker in self.workers), Counter[str]())


def newest(sent: Sequence[bytes]) -> Counter[str]:
    """Give incidents as they stand in the end. Ids, revisions and the choice of evidence follow who was first."""
    last: dict[str, dict[str, Any]] = {}
    for value in sent:
        incident = msgspec.json.decode(value)
        known = last.get(incident["incidentId"])
        if known is None or known["revision"] <= incident["revision"]:
            last[incident["incidentId"]] = incident
    for incident in last.values():
        for name in ("incidentId", "revision", "activity", "triggeringEventList"):
            del incident[name]
    stands = [each for each in last.values() if "mergedInto" not in each]
    return Counter(msgspec.json.encode(each, order="sorted").decode() for each in stands)


def replayed(rulebook: Rulebook, records: Sequence[Sent], sources: int) -> Counter[str]:
    """Give the incidents of a replay of the records in the order of their times, as far as partitions keep it."""
    offsets: Counter[int] = Counter()
    reached: Counter[int] = Counter()
    placed = []
    for each in records:
        place = each.partition
        reached[place] = max(reached[place], each.timestamp)
        placed.append((reached[place], Record("sysmon", place, offsets[place], each.timestamp, each.value, "T")))
        offsets[place] += 1
    placed.sort(key=lambda record: record[0])
    found = replay(rulebook, [record for _, record in placed], sources=sources)
    return newest([to_bytes(each) for each in found if isinstance(each, Incident)])
