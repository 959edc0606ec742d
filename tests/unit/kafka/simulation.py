"""The two stages of a worker over a broker of lists: every order of acknowledgement, crash and waking that there is.

Real: batches, books, the detect and windows stages, rows, recovery, the engine. Imagined: the broker, and a producer
whose records arrive when the test says so, in order, as librdkafka's idempotent producer has them.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, cast

import msgspec
from faust.types import TP

from stream_app.engine.incident import AUTO_CLEARED
from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.row import row_position
from stream_app.engine.stream_time import VERSION, Progress, Reading, encode_progress
from stream_app.kafka.batch import Batch
from stream_app.kafka.counters import Counters
from stream_app.kafka.detecting import Detecting
from stream_app.kafka.failure import WorkerFailed
from stream_app.kafka.partition import partition_of
from stream_app.kafka.placing import Placing
from stream_app.kafka.progress import send_progress
from stream_app.kafka.reader import Book
from stream_app.kafka.recovery import Recovered, apply
from stream_app.kafka.rows import RowPartitions
from stream_app.kafka.screening import screen_of
from stream_app.kafka.streak import Streak
from stream_app.kafka.topics import Names
from stream_app.kafka.windows import Windows
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.rule import Rulebook
from stream_app.service.parts import outlets
from stream_app.sysmon.normalise import Unreadable
from tests.faults.load import record

PARTITIONS = 2
SAID = 0.2
"""How often progress is said, of all steps in which a worker does something."""
NAMES = Names()
SEED = "PH_Rule_SIGMA_1774"
BASE = 1_750_000_000_000
"""The timestamp of the first record of each partition, ms; the others follow a millisecond apart."""
PYTHON = r"C:\Python311\python.exe"


class Stored:
    """A record as confluent-kafka gives it: topic, partition, offset, key, value, headers."""

    def __init__(self, *fields: Any) -> None:
        self._fields = fields

    topic = property(lambda self: lambda: self._fields[0])
    partition = property(lambda self: lambda: self._fields[1])
    offset = property(lambda self: lambda: self._fields[2])
    key = property(lambda self: lambda: self._fields[3])
    value = property(lambda self: lambda: self._fields[4])
    headers = property(lambda self: lambda: self._fields[5])

    def error(self) -> None:
        """Give none."""

    def timestamp(self) -> tuple[int, int]:
        """Give a time that grows with the offset."""
        return 1, BASE + self._fields[2]

    def __len__(self) -> int:
        return len(self._fields[4] or b"")


class Broker:
    """Topics as lists, and the offsets that the group has committed."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, int], list[Stored]] = defaultdict(list)
        self.committed: dict[tuple[str, int], int] = defaultdict(int)
        self.topic_id = "first"
        self.truth: Counter[tuple[str, str]] = Counter()

    def append(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any = None) -> Stored:
        """Store one record."""
        log = self.logs[topic, partition]
        log.append(Stored(topic, partition, len(log), key, value, headers))
        return log[-1]

    def event(self, chance: random.Random) -> None:
        """Put a record onto the sysmon topic; each one is a match."""
        self.count(f"h{chance.randrange(3)}", f"203.0.113.{chance.randrange(2)}")

    def count(self, host: str, address: str) -> None:
        """Put one match of a group onto the sysmon topic."""
        self.truth[host, address] += 1
        number = partition_of(host.encode(), PARTITIONS)
        self.append(NAMES.sysmon, number, host.encode(), record(host, address, PYTHON, 1))

    def progress(self, time: int) -> None:
        """Let the source say onto every matches partition that it has come to a time (ms)."""
        readings = tuple(Reading(self.topic_id, number, 10**6, time) for number in range(PARTITIONS))
        for number in range(PARTITIONS):
            said = encode_progress(Progress(VERSION, PARTITIONS, readings))
            self.append(NAMES.matches, number, PROGRESS_KEY, said)

    def pass_time(self, step: int) -> None:
        """Let time come a little further at every tenth step."""
        if step % 10 == 9:
            self.progress(BASE + step)

    def remake_source(self) -> None:
        """Delete the sysmon topic and make it anew: another id, and offsets from 0."""
        for number in range(PARTITIONS):
            self.logs[NAMES.sysmon, number].clear()
            self.committed[NAMES.sysmon, number] = 0
        self.topic_id = "second"


class Producer:
    """What a worker sends: in order for each partition, acknowledged when :meth:`pump` is called."""

    def __init__(self, broker: Broker, chance: random.Random) -> None:
        self.queues: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
        self.error: BaseException | None = None
        self._broker = broker
        self._chance = chance

    def send(self, topic: str, value: bytes | None, key: bytes, delivered: Any, *, partition: int = -1) -> None:
        """Queue one record, as ``Sender.send`` does."""
        self.send_all(topic, [(value, key, None)], delivered, partition=partition)

    def send_all(self, topic: str, records: Any, delivered: Any, *, partition: int = -1) -> None:
        """Queue records, as ``Sender.send_all`` does."""
        self.check()
        for value, key, headers in records:
            number = partition_of(key, PARTITIONS) if partition < 0 else partition
            self.queues[topic, number].append((key, value, headers, delivered))

    def pump(self, count: int, *, heard: bool = True) -> None:
        """Let some records arrive; ``heard`` says whether the worker gets the acknowledgements."""
        for _ in range(count):
            waiting = [where for where, queue in self.queues.items() if queue]
            if not waiting:
                return
            where = self._chance.choice(waiting)
            key, value, headers, delivered = self.queues[where].pop(0)
            stored = self._broker.append(*where, key, value, headers)
            if heard and delivered is not None:
                delivered(None, stored)

    def serve(self) -> None:
        """Let nothing arrive: acknowledgements come when the test says so."""

    def check(self) -> None:
        """Raise once anything has failed."""
        if self.error is not None:
            raise WorkerFailed(str(self.error))

    def fail(self, error: BaseException) -> None:
        """End the worker."""
        self.error = error


class Worker:
    """One incarnation: it recovers, then reads from what is committed."""

    def __init__(self, broker: Broker, rulebook: Rulebook, chance: random.Random) -> None:
        self.broker = broker
        self.chance = chance
        self.producer = Producer(broker, chance)
        counters = Counters()
        self.held = RowPartitions(NAMES.changelog, self.producer.fail)
        self.books = {
            (topic, number): Book(TP(topic, number))
            for topic in (NAMES.sysmon, NAMES.matches)
            for number in range(PARTITIONS)
        }
        self.screen = screen_of(rulebook, broker.topic_id, 1_000_000, Streak(1_000, counters, None))
        editions = Editions(rulebook)
        placing = Placing(editions, PARTITIONS)
        self.detecting = Detecting(NAMES, broker.topic_id, counters, placing)
        self.windows = Windows(
            editions, NAMES, self.held, counters, placing=placing, outlets=outlets(NAMES), settled=self._settled
        )
        for where, book in self.books.items():
            book.position = broker.committed[where]
        for number in range(PARTITIONS):
            self._recover(number)

    def _settled(self, partition: int) -> int:
        return self.broker.committed[NAMES.matches, partition]

    def _recover(self, number: int) -> None:
        state = Recovered(rows=dict[bytes, bytes](), end=0)
        for stored in self.broker.logs[NAMES.changelog, number]:
            apply(state, cast("Any", stored), row_position)
        for key in sorted(state.stale):
            self.broker.append(NAMES.changelog, number, key, state.rows.get(key))
        state.end = len(self.broker.logs[NAMES.changelog, number])
        self.held.put(number, state)
        self.windows.prepare(number, state.rows)

    def read(self, topic: str, number: int, count: int) -> None:
        """Take up to ``count`` records of a partition, as one batch."""
        book = self.books[topic, number]
        start = book.position or 0
        taken = self.broker.logs[topic, number][start : start + count]
        if not taken:
            return
        book.position = start + len(taken)
        screened = [(cast("Any", each), self._screened(topic, each), 0) for each in taken]
        records = [each for each in screened if each[1] is not None]
        if not records:
            return
        batch = Batch(cast("Any", self.producer), book.tp, records, 0)
        book.inflight.append(batch)
        with batch:
            (self.detecting if topic == NAMES.sysmon else self.windows).handle(batch)

    def _screened(self, topic: str, stored: Stored) -> Any:
        """Do what the reader does: what a screen raises goes to the agent."""
        try:
            return self.screen(cast("Any", stored)) if topic == NAMES.sysmon else stored
        except Unreadable as error:
            return error

    def say(self, time: int | None = None) -> None:
        """Say how far the source has been read, as a worker does: to the newest record's time, or to ``time`` (ms)."""
        said = []
        for number in range(PARTITIONS):
            position = self.books[NAMES.sysmon, number].position or 0
            newest = self.broker.logs[NAMES.sysmon, number][position - 1].timestamp()[1] if position else 0
            said.append(Reading(self.broker.topic_id, number, position, newest if time is None else time))
        if all(each.time for each in said):
            progress = Progress(VERSION, PARTITIONS, tuple(said))
            send_progress(cast("Any", self.producer), NAMES.matches, PARTITIONS, progress, lambda *_: None)

    def commit(self) -> None:
        """Commit what is settled."""
        for where, book in self.books.items():
            offset = book.settle()
            if offset is not None:
                self.broker.committed[where] = max(self.broker.committed[where], offset)


class Run(msgspec.Struct):
    """What came of a simulated run: matches that no incident counts, too many, and things told in two ways."""

    missing: int
    extra: int
    wrong: int


def simulate(  # noqa: C901, PLR0913 - what a run varies, and all that it may do
    rulebook: Rulebook,
    seed: int,
    *,
    steps: int = 250,
    zombies: bool = True,
    remade: bool = False,
    counted_again: bool = True,
    days: int = 0,
    end: int | None = None,
    judge: Callable[[Broker], Run] | None = None,
) -> Run:
    """Do a run of random steps with crashes and wakings, the last one a crash; then let it come to its end, and judge.

    ``counted_again``: one more match of each group at the end, which shows whether the rows at rest are right. With
    ``days`` time moves too: a little at every tenth step, and by so many at the end, twice; an incident that is not
    over then is missing. ``end``: workers say progress, and time goes so far (ms) in the end. ``judge``: another one
    than for the seed rule.
    """
    chance = random.Random(seed)
    broker = Broker()
    worker, zombie = Worker(broker, rulebook, chance), Producer(broker, chance)
    for step in range(steps):
        if remade and step == steps // 2:
            _finish(worker)
            broker.remake_source()
            worker = Worker(broker, rulebook, chance)
        broker.pass_time(step if days else 0)
        what = chance.choices(["event", "work", "crash", "wake"], [4, 13, 1, 1])[0]
        if what == "event":
            broker.event(chance)
        elif what == "work":
            _work(worker, chance, says=end is not None)
        elif what == "crash":
            worker.producer.pump(chance.randint(0, 6), heard=False)
            zombie = worker.producer
            worker = Worker(broker, rulebook, chance)
        elif zombies:
            zombie.pump(chance.randint(1, 6), heard=False)
        if worker.producer.error is not None:
            worker = Worker(broker, rulebook, chance)
    worker.producer.pump(chance.randint(0, 12), heard=False)
    _finish(Worker(broker, rulebook, chance))
    for host, address in list(broker.truth) if counted_again else ():
        broker.count(host, address)
    _finish(Worker(broker, rulebook, chance))
    for day in range(1, days + 1):
        _pass(broker, rulebook, chance, day)
    if judge is not None:
        return judge(_ended(broker, rulebook, chance, end))
    judged = _judge(broker, chained=any(rule.chained for rule in rulebook.rules.values()))
    return msgspec.structs.replace(judged, missing=judged.missing + _standing(broker)) if days else judged


def _work(worker: Worker, chance: random.Random, *, says: bool = False) -> None:
    """Read a batch, let acknowledgements come, or commit; where it ``says`` progress, it may do so first."""
    if says and chance.random() < SAID:
        worker.say()
    what = chance.choices(["read", "pump", "commit"], [6, 4, 3])[0]
    if what == "read":
        worker.read(*chance.choice(list(worker.books)), chance.randint(1, 4))
    elif what == "pump":
        worker.producer.pump(chance.randint(1, 8))
    else:
        worker.commit()


def _finish(worker: Worker) -> None:
    """Read, acknowledge and commit until nothing is left; a worker that ends is followed by another."""
    for _ in range(6):  # what an incident sets off is read too
        for topic, number in worker.books:
            worker.read(topic, number, 1000)
        worker.producer.pump(10_000)
        if worker.producer.error is not None:
            again = Worker(worker.broker, worker.windows.editions.rulebook, worker.chance)
            _finish(again)
            return
    worker.commit()


def _pass(broker: Broker, rulebook: Rulebook, chance: random.Random, day: int) -> None:
    """Let time come to a day; the worker that hears of it crashes, and another one comes to the end."""
    broker.progress(BASE + day * 86_400_000)
    worker = Worker(broker, rulebook, chance)
    for topic, number in worker.books:
        worker.read(topic, number, 1000)
    worker.producer.pump(chance.randint(0, 12), heard=False)
    _finish(Worker(broker, rulebook, chance))


def _ended(broker: Broker, rulebook: Rulebook, chance: random.Random, end: int | None) -> Broker:
    """Let time come to its end, where there is one."""
    worker = Worker(broker, rulebook, chance)
    if end is not None:
        worker.say(end)
    _finish(worker)
    return broker


def _standing(broker: Broker) -> int:
    """Count the incidents that are not over, by their highest revision."""
    newest: dict[str, dict[str, Any]] = {}
    for (topic, _), log in broker.logs.items():
        for stored in log if topic == NAMES.incidents else []:
            incident = msgspec.json.decode(stored.value())
            if incident["revision"] >= newest.get(incident["incidentId"], incident)["revision"]:
                newest[incident["incidentId"]] = incident
    return sum(each["incidentStatus"] != AUTO_CLEARED for each in newest.values())


def _judge(broker: Broker, *, chained: bool) -> Run:
    """Say what is wrong; ``chained``: a second rule counts the incidents of each host."""
    counts: Counter[tuple[str, str]] = Counter()
    revisions: dict[tuple[str, int], bytes] = {}
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    read: Counter[str] = Counter()
    differing = 0
    for (topic, _), log in broker.logs.items():
        for stored in log if topic == NAMES.incidents else []:
            incident = msgspec.json.decode(stored.value())
            known = revisions.setdefault((incident["incidentId"], incident["revision"]), stored.value())
            differing += known != stored.value()
            if incident["ruleId"] != SEED:
                read[incident["hostName"]] = max(read[incident["hostName"]], incident["count"])
                continue
            group = incident["hostName"], incident["destIpAddr"]
            counts[group] = max(counts[group], incident["count"])
            ids[group].add(incident["incidentId"])
    off = [counts[group] - broker.truth[group] for group in counts.keys() | broker.truth.keys()]
    if chained:
        made = Counter(host for host, _ in ids)
        off += [read[host] - made[host] for host in made.keys() | read.keys()]
    return Run(
        missing=-sum(each for each in off if each < 0),
        extra=sum(each for each in off if each > 0),
        wrong=differing + sum(len(each) > 1 for each in ids.values()),
    )
