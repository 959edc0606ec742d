"""Processes of source partitions over a broker of lists: crashes and wakings change no connection's context."""

import json
import random
from collections import Counter
from typing import Any, cast

import msgspec
import pytest
from faust.types import TP

from stream_app.engine.process import process_position
from stream_app.engine.process_context import Joining
from stream_app.kafka.batch import Batch
from stream_app.kafka.contexts import Contexts, NotTogether
from stream_app.kafka.counters import Counters
from stream_app.kafka.recovery import Recovered, apply
from stream_app.kafka.rows import RowPartitions
from stream_app.kafka.screening import screen_of
from stream_app.kafka.streak import Streak
from stream_app.rulebook.rule import Rulebook
from tests.corpus import seed_rulebook
from tests.unit.kafka.simulation import NAMES, PARTITIONS, Broker, Producer, Stored, Worker, _finish, _work

SEEDS = range(150)
PYTHON = r"C:\Python311\python.exe"


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    """Give the seed rule, every change of whose incidents is said."""
    return seed_rulebook()


def event(event_id: int, host: str, guid: int, **fields: str) -> bytes:
    """Give a record of a process."""
    named = {"EventID": event_id, "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": host, "Image": PYTHON}
    named |= {"ProcessGuid": f"{{5E1C0B7A-9D2F-65BA-1A0C-{guid:012}}}", "Initiated": "true", "SourceIp": "10.1.1.1"}
    return json.dumps({**named, "DestinationIp": "203.0.113.1", **fields}).encode()


class Stage:
    """What an agent does with a batch of the source: matches first, then processes."""

    def __init__(self, detecting: Any, contexts: Contexts) -> None:
        self.detecting, self.contexts = detecting, contexts

    def handle(self, batch: Batch) -> None:
        """Do both."""
        self.detecting.handle(batch)
        self.contexts.handle(batch)


class Joiner(Worker):
    """A worker that joins."""

    def __init__(self, broker: Broker, rulebook: Rulebook, chance: random.Random) -> None:
        super().__init__(broker, rulebook, chance)
        self.counters = Counters()
        self.processes = RowPartitions(NAMES.processes, self.producer.fail)
        self.contexts = Contexts(
            Joining(),
            broker.topic_id,
            self.processes,
            self.counters,
            settled=lambda number: self.broker.committed[NAMES.sysmon, number],
            fail=self.producer.fail,
        )
        for number in range(PARTITIONS):
            state = Recovered(rows=dict[bytes, bytes](), end=0)
            for stored in broker.logs[NAMES.processes, number]:
                apply(state, cast("Any", stored), process_position)
            for key in sorted(state.stale):
                broker.append(NAMES.processes, number, key, state.rows.get(key))
            state.end = len(broker.logs[NAMES.processes, number])
            self.processes.put(number, state)
            self.contexts.prepare(number, state.rows)
        streak = Streak(1_000, self.counters, None)
        self.screen = screen_of(rulebook, broker.topic_id, 1_000_000, streak, self.contexts)
        self.detecting = cast("Any", Stage(self.detecting, self.contexts))


class Hosts:
    """Sends events of a few processes, and knows what each connection must be joined with."""

    def __init__(self, broker: Broker, chance: random.Random) -> None:
        self.broker, self.chance = broker, chance
        self.truth: Counter[tuple[str, str | None]] = Counter()
        self.known: dict[tuple[int, int], str] = {}

    def event(self) -> None:
        """Let something happen to some process: a connection may come before its start, and after its end."""
        number, guid = self.chance.randrange(PARTITIONS), self.chance.randrange(3)
        what = self.chance.choice([1, 3, 3, 5])
        host = f"h{number}"
        if what == 1:
            if (number, guid) in self.known:
                return
            self.known[number, guid] = f"{guid}.py"
        elif what == 3:
            self.truth[host, self.known.get((number, guid))] += 1
        fields = {"CommandLine": f"{guid}.py"} if what == 1 else {}
        self.broker.append(NAMES.sysmon, number, host.encode(), event(what, host, guid, **fields))


def simulated(rulebook: Rulebook, seed: int) -> tuple[Counter[tuple[str, str | None]], Counter[tuple[str, str | None]]]:
    """Do a run of random steps with crashes and wakings; gives what must be counted and what was."""
    chance = random.Random(seed)
    broker = Broker()
    hosts = Hosts(broker, chance)
    worker: Worker = Joiner(broker, rulebook, chance)
    zombie = Producer(broker, chance)
    for _ in range(250):
        what = chance.choices(["event", "work", "crash", "wake"], [4, 13, 1, 1])[0]
        if what == "event":
            hosts.event()
        elif what == "work":
            _work(worker, chance)
        elif what == "crash":
            worker.producer.pump(chance.randint(0, 6), heard=False)
            zombie = worker.producer
            worker = Joiner(broker, rulebook, chance)
        else:
            zombie.pump(chance.randint(1, 6), heard=False)
        if worker.producer.error is not None:
            worker = Joiner(broker, rulebook, chance)
    worker.producer.pump(chance.randint(0, 12), heard=False)
    _finish(Joiner(broker, rulebook, chance))
    return hosts.truth, counted(broker)


def counted(broker: Broker) -> Counter[tuple[str, str | None]]:
    """Give the count of each group that stands on the incidents topic."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for (topic, _), log in broker.logs.items():
        for stored in log if topic == NAMES.incidents else []:
            incident = msgspec.json.decode(stored.value())
            group = incident["hostName"], incident.get("command")
            counts[group] = max(counts[group], incident["count"])
    return counts


@pytest.mark.parametrize("seed", SEEDS[:100])
def test_crashes_change_no_context(rulebook: Rulebook, seed: int) -> None:
    """Crashes, repeats and frozen workers that wake: each connection is counted once, with the command it had first."""
    truth, actual = simulated(rulebook, seed)
    assert truth == actual


def test_rows_that_are_not_waited_for_are_missed(rulebook: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The runs show it where rows are not stored with their batch: some connection then goes without its context."""
    monkeypatch.setattr(Contexts, "handle", lambda *_: None)
    assert any(truth != actual for truth, actual in (simulated(rulebook, seed) for seed in SEEDS))


def screened(contexts: Contexts, rulebook: Rulebook, failures: Counters) -> Any:
    """Give a screen that joins."""
    return screen_of(rulebook, "T", 1_000_000, Streak(1_000, failures, None), contexts)


def test_a_partition_without_its_processes_ends_the_worker(rulebook: Rulebook) -> None:
    """Where workers of a group differ in the option, partitions may come without processes: nothing is judged then."""
    failures: list[BaseException] = []
    held, counters = RowPartitions(NAMES.processes, failures.append), Counters()
    contexts = Contexts(Joining(), "T", held, counters, settled=lambda _: 0, fail=failures.append)
    screen = screened(contexts, rulebook, counters)
    with pytest.raises(NotTogether, match="sysmon/0 was assigned without its processes: every worker"):
        screen(cast("Any", Stored("sysmon", 0, 0, b"h", event(3, "h", 1), None)))
    assert 1 == len(failures)


def test_what_the_counters_say(rulebook: Rulebook) -> None:
    """Connections joined and not, and how many processes are known; a batch that was voided changes nothing."""
    failures: list[BaseException] = []
    held, counters = RowPartitions(NAMES.processes, failures.append), Counters()
    contexts = Contexts(Joining(), "T", held, counters, settled=lambda _: 0, fail=failures.append)
    for number in (1, 0):
        state = Recovered(rows=dict[bytes, bytes](), end=0)
        held.put(number, state)
        assert -1 == contexts.prepare(number, state.rows)
    screen = screened(contexts, rulebook, counters)
    messages = [
        Stored("sysmon", 0, offset, b"h", event(what, "h", guid, CommandLine="a.py" if what == 1 else ""), None)
        for offset, (what, guid) in enumerate([(1, 1), (3, 1), (3, 2), (5, 1), (5, 2)])
    ]
    found = [screen(cast("Any", each)) for each in messages]
    assert [(), 1, 1, (), None] == [each if not each else len(each) for each in found]
    producer = Producer(Broker(), random.Random(1))
    for voided, size in ((True, 0), (False, 1)):
        batch = Batch(cast("Any", producer), TP("sysmon", 0), [(cast("Any", each), None, 0) for each in messages], 0)
        batch.voided = voided
        contexts.handle(batch)
        assert size == counters.processes == len(state.rows)
    said = counters.as_dict()
    names = ("joined", "unknown", "learned", "expired")
    assert [1, 1, 2, 0] == [said[f"context.{name}"] for name in names]
    assert (1, []) == (said["processes"], failures)
