"""What time does to a windows worker's rows: records that were held back, ends, removal; and what is suppressed."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from stream_app.engine.key import PROGRESS_KEY
from stream_app.engine.rejection import SUPPRESSED, decode_rejection
from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING
from stream_app.rulebook.exceptions import RuleException
from stream_app.rulebook.rule import Rulebook
from tests.corpus import seed_rulebook
from tests.unit.kafka.simulation import BASE, NAMES, Broker, Worker

MINUTE = 60_000
DAY = 86_400_000
EXCEPTION = RuleException("", EVERYTHING, None, "we know", str(Path("r.toml:1")))


def rulebook(**options: object) -> Rulebook:
    """Give the seed rule with these options."""
    (rule,) = seed_rulebook().rules.values()
    return Rulebook({rule.id: replace(rule, **options)})


def turn(worker: Worker) -> None:
    """Read all there is, let all of it arrive, and commit."""
    for topic, number in worker.books:
        worker.read(topic, number, 1000)
        worker.producer.pump(1000)
    worker.commit()


def told(broker: Broker) -> list[tuple[str, int, int]]:
    """Give activity, revision and count of every incident record."""
    found = []
    for (topic, _), log in sorted(broker.logs.items()):
        for stored in log if topic == NAMES.incidents else []:
            fields = msgspec.json.decode(stored.value())
            found.append((fields["activity"], fields["revision"], fields["count"]))
    return found


def removed(worker: Worker) -> bool:
    """Tell whether no row is left beside the clocks."""
    return all(set(worker.held.rows(number)) <= {PROGRESS_KEY} for number in worker.held.numbers)


def test_held_back_over_and_removed() -> None:
    """An update waits for time though its row is known to be looked at much later; the row goes when its end is out."""
    broker = Broker()
    worker = Worker(broker, rulebook(update_interval=MINUTE), random.Random(1))
    broker.count("h", "203.0.113.1")
    broker.progress(BASE)
    turn(worker)
    for _ in range(3):
        broker.count("h", "203.0.113.1")
        turn(worker)
    assert [("create", 1, 1)] == told(broker)
    broker.progress(BASE + MINUTE - 1)
    turn(worker)
    assert [("create", 1, 1)] == told(broker)
    broker.progress(BASE + MINUTE)
    turn(worker)
    assert [("create", 1, 1), ("update", 4, 4)] == told(broker)
    broker.progress(BASE + DAY + 10 * MINUTE + 4)
    for topic, number in worker.books:
        worker.read(topic, number, 1000)
    assert not removed(worker)
    broker.progress(BASE + DAY + 10 * MINUTE + 5)
    for topic, number in worker.books:  # the end is not acknowledged yet
        worker.read(topic, number, 1000)
    assert not removed(worker)
    turn(worker)
    assert [("create", 1, 1), ("update", 4, 4), ("clear", 5, 4)] == told(broker)
    broker.progress(BASE + DAY + 10 * MINUTE + 6)
    turn(worker)
    assert removed(worker)
    assert 1 == worker.windows.counters.expired


def test_an_end_that_was_not_acknowledged_is_said_again() -> None:
    """Its row is at rest, the record of it is not: the next worker says it, with the same bytes."""
    broker = Broker()
    rules = rulebook()
    worker = Worker(broker, rules, random.Random(1))
    broker.count("h", "203.0.113.1")
    turn(worker)
    turn(worker)
    broker.progress(BASE + 2 * DAY)
    for topic, number in worker.books:
        worker.read(topic, number, 1000)
    for where, queue in worker.producer.queues.items():
        if where[0] == NAMES.incidents:
            assert 1 == len(queue)
            queue.clear()
    worker.producer.pump(1000, heard=False)
    assert [("create", 1, 1)] == told(broker)
    turn(Worker(broker, rules, random.Random(2)))
    assert [("create", 1, 1), ("clear", 2, 1)] == told(broker)


@pytest.mark.parametrize(("least", "final", "expected"), [(1, False, 4), (2, False, 3), (2, True, 3)])
def test_suppressed(least: int, final: bool, expected: int) -> None:  # noqa: FBT001 - a case's value
    """Triggers under an exception are on the rejected topic with rule and place, counted, and make nothing."""
    broker = Broker()
    (rule,) = rulebook(exceptions=(EXCEPTION,), final=final).rules.values()
    rule = replace(rule, subpattern=replace(rule.subpattern, constraint=CountConstraint(">=", least)))
    rules = Rulebook({rule.id: rule})
    worker = Worker(broker, rules, random.Random(1))
    for _ in range(4):
        broker.count("h", "203.0.113.1")
    turn(worker)
    broker.progress(BASE + DAY // 2)
    turn(worker)
    assert [] == told(broker)
    assert {SUPPRESSED: expected} == worker.windows.counters.rejected
    found = [_rejection(stored) for (topic, _), log in broker.logs.items() if topic == NAMES.rejected for stored in log]
    assert expected == len({each.offset for each in found})
    assert {(rule.id, "r.toml:1: we know", NAMES.sysmon)} == {(each.rule, each.detail, each.topic) for each in found}


@pytest.mark.parametrize("least", [1, 2])
def test_suppressed_and_not_acknowledged(least: int) -> None:
    """What a crash came between is named by the next worker."""
    broker = Broker()
    (rule,) = rulebook(exceptions=(EXCEPTION,)).rules.values()
    rule = replace(rule, subpattern=replace(rule.subpattern, constraint=CountConstraint(">=", least)))
    rules = Rulebook({rule.id: rule})
    worker = Worker(broker, rules, random.Random(1))
    for _ in range(4):
        broker.count("h", "203.0.113.1")
    for topic, number in worker.books:
        worker.read(topic, number, 1000)
        if topic == NAMES.sysmon:
            worker.producer.pump(1000)
    for where, queue in worker.producer.queues.items():
        if where[0] == NAMES.rejected:
            queue.clear()
    worker.producer.pump(1000, heard=False)
    again = Worker(broker, rules, random.Random(2))
    turn(again)
    named = Counter(
        _rejection(stored).offset
        for (topic, _), log in broker.logs.items()
        if topic == NAMES.rejected
        for stored in log
    )
    assert set(range(least - 1, 4)) == set(named)


def _rejection(stored: Any) -> Any:
    return decode_rejection(stored.value())
