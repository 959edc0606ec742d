"""A partition is handed over with the set of rules that it is read with: marks, barriers, and who stands in the way."""

import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from stream_app.kafka import handover as handover_module
from stream_app.kafka.connection import Connection
from stream_app.kafka.handover import Handover

TOPIC = "sysmon"
ONE, TWO = TP(TOPIC, 0), TP(TOPIC, 1)


class Reader:
    """Stands for the source's reader: partition to the offset behind what was taken."""

    def __init__(self, positions: dict[int, int | None]) -> None:
        self.positions = positions
        self.tps = [TP(TOPIC, number) for number in positions]
        self.empty = True
        self.unsettled = False
        self.held = False
        self.screen = "old"
        self.older: Mapping[int, Any] = {}

    def settle(self, tp: TP) -> int | None:
        """Give what may be committed."""
        return self.positions[tp.partition]

    def position(self, tp: TP) -> int:
        """Give what is read next."""
        return self.positions[tp.partition] or 0


class Consumer:
    """Stands for the transport's: ``written`` is what the group has: offset and mark."""

    def __init__(self, handover: Handover, reader: Reader | None) -> None:
        self.readers = {} if reader is None else {TOPIC: reader}
        self.epoch = 1
        self.written: dict[TP, tuple[int, str]] = {}
        self.commits = True
        self.at_commit: Callable[[], None] = lambda: None
        self.ingest = SimpleNamespace(failure=SimpleNamespace(error=None), screens={TOPIC: "before"})
        self._handover = handover

    def committed(self, tp: TP) -> int:
        """Give the offset."""
        return self.written.get(tp, (0, ""))[0]

    async def commit(self, _topics: set[str]) -> None:
        """Commit what is settled."""
        reader = self.readers[TOPIC]
        await self._commit({tp: offset for tp in reader.tps if (offset := reader.settle(tp)) is not None})

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        self.at_commit()
        if self.commits:
            self.written |= {tp: (offset, self._handover.mark(tp)) for tp, offset in offsets.items()}
        return self.commits


@pytest.fixture
def handover(monkeypatch: pytest.MonkeyPatch) -> Handover:
    """Give one whose set is called new; partitions end at offset 100 and begin at 5."""

    class Ends:
        def __init__(self, *_: object) -> None: ...

        async def ends(self, numbers: list[int]) -> dict[int, int]:
            """Give them."""
            return dict.fromkeys(numbers, 100)

        async def begins(self, numbers: list[int]) -> dict[int, int]:
            """Give them."""
            return dict.fromkeys(numbers, 5)

    monkeypatch.setattr(handover_module, "SourceEnds", Ends)
    made = Handover(Connection(), TOPIC, "new")

    async def find(names: set[str]) -> Mapping[str, Any]:
        return {name: f"screen of {name}" for name in names if name == "old"}

    made.find = find
    return made


def begun(handover: Handover, marks: dict[TP, str], new: list[int], reader: Reader | None = None) -> Consumer:
    """Take partitions over that are committed at 10."""
    consumer = Consumer(handover, reader)
    consumer.written = {tp: (10, mark) for tp, mark in marks.items()}
    asyncio.run(handover.begin(cast("Any", consumer), marks, new))
    return consumer


def hold(handover: Handover, consumer: Consumer, name: str) -> bool:
    """Ask for the barrier."""
    return asyncio.run(handover.hold(cast("Any", consumer), name))


def test_a_partition_goes_on_with_the_set_that_it_was_read_with(handover: Handover) -> None:
    """Its commits keep that name; others, those without a name and new ones bear the name of the set that runs."""
    consumer = begun(handover, {ONE: "rules=old", TWO: ""}, [2])
    assert {0: "screen of old"} == handover.older
    expected = {ONE: (10, "rules=old"), TWO: (10, "rules=new"), TP(TOPIC, 2): (5, "rules=new")}
    assert expected == consumer.written
    assert ("rules=old", "") == (handover.mark(ONE), handover.mark(TP("matches", 0)))


def test_a_set_that_is_not_to_be_had_is_named(handover: Handover, caplog: pytest.LogCaptureFixture) -> None:
    """The set that runs must do."""
    consumer = begun(handover, {ONE: "rules=gone"}, [])
    assert ({}, {ONE: (10, "rules=new")}) == (handover.older, consumer.written)
    assert f"{TOPIC}/0 was read with rule set gone, which is not to be had" in caplog.text


def test_a_rebalance_overtakes_a_handover(handover: Handover) -> None:
    """What it has found is of no assignment any more."""
    consumer = Consumer(handover, None)

    async def find(_names: set[str]) -> Mapping[str, Any]:
        consumer.epoch += 1
        return {"old": "screen"}  # type: ignore[dict-item]  # any screen

    handover.find = find
    asyncio.run(handover.begin(cast("Any", consumer), {ONE: "rules=old"}, []))
    assert ({}, {}) == (handover.older, consumer.written)


def test_the_older_set_is_over_where_the_partition_ended(handover: Handover, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or after a while, whichever comes first; behind a barrier it is read with the set that runs."""
    reader = Reader({0: 99, 1: 7})
    consumer = begun(handover, {ONE: "rules=old"}, [], reader)
    seen: Any = consumer
    assert not handover.overdue(seen)
    reader.positions[0] = 100
    assert handover.overdue(seen)
    reader.positions[0] = 50
    monkeypatch.setattr(handover_module, "OLDER", -1.0)
    assert handover.overdue(seen)
    assert hold(handover, consumer, handover.running)
    handover.go_on(seen, cast("Any", "new"))
    assert ({}, "new", {}, False) == (handover.older, reader.screen, reader.older, reader.held)
    assert {ONE: (50, "rules=new"), TWO: (7, "rules=new")} == consumer.written
    assert not handover.overdue(seen)


def test_the_barrier_waits_for_what_was_taken(handover: Handover) -> None:
    """Nothing is committed under the new name before all of it is out, and nothing is taken meanwhile."""
    reader = Reader({0: 20, 1: None})
    consumer = begun(handover, {ONE: "rules=new"}, [], reader)
    reader.empty = False
    names: list[str] = []
    consumer.at_commit = lambda: names.append(handover.mark(ONE))

    async def both() -> bool:
        held = asyncio.ensure_future(handover.hold(cast("Any", consumer), "newer"))
        while not reader.held:  # noqa: ASYNC110 - a condition of another task
            await asyncio.sleep(0)
        assert (False, []) == (held.done(), names)
        reader.empty = True
        return await held

    assert asyncio.run(both())
    assert ["rules=new", "rules=newer"] == names
    assert ({ONE: (20, "rules=newer")}, True) == (consumer.written, reader.held)


def test_a_partition_of_which_nothing_was_heard_is_named_too(handover: Handover) -> None:
    """What is read of it next is read with the set that runs then; its old name would have it read with the other."""
    reader = Reader({0: 20, 1: None})
    consumer = begun(handover, {ONE: "rules=new", TWO: "rules=new"}, [], reader)
    consumer.written[ONE] = (20, "rules=new")
    assert hold(handover, consumer, "newer")
    assert {ONE: (20, "rules=newer"), TWO: (10, "rules=newer")} == consumer.written


def test_the_barrier_gives_way(handover: Handover, monkeypatch: pytest.MonkeyPatch) -> None:
    """To a rebalance, to a commit that does not come true, and to time: reading goes on with the set that ran."""
    reader = Reader({0: 20})
    consumer = begun(handover, {ONE: "rules=new"}, [], reader)

    def rebalance() -> None:
        consumer.epoch += 1

    consumer.at_commit = rebalance
    assert not hold(handover, consumer, "newer")
    consumer.at_commit, consumer.commits = lambda: None, False
    consumer.written[ONE] = 20, "rules=new"
    assert not hold(handover, consumer, "newer")
    monkeypatch.setattr(handover_module, "HOLD", 0.0)
    assert not hold(handover, consumer, "newer")
    assert ("new", False, (20, "rules=new")) == (handover.running, reader.held, consumer.written[ONE])


def test_without_a_reader_there_is_nothing_to_wait_for(handover: Handover) -> None:
    """A worker without partitions changes its rules at once."""
    consumer = begun(handover, {}, [])
    assert hold(handover, consumer, "newer")
    handover.go_on(cast("Any", consumer), cast("Any", "screen"))
    assert ("newer", {TOPIC: "screen"}) == (handover.running, consumer.ingest.screens)
    asyncio.run(handover.leave(cast("Any", consumer)))
    assert not handover.overdue(cast("Any", consumer))


def test_a_set_waits_until_partitions_are_read(handover: Handover) -> None:
    """They bear the name of the set that they will be read with; it is another one only before they bear it."""
    consumer = begun(handover, {ONE: "rules=new"}, [])
    assert (False, "new") == (hold(handover, consumer, "newer"), handover.running)
    consumer.readers[TOPIC] = Reader({0: 10})
    assert (True, (10, "rules=newer")) == (hold(handover, consumer, "newer"), consumer.written[ONE])
    consumer.readers.clear()
    consumer.ingest.screens = {}  # a worker that only drains reads none of them, ever
    assert hold(handover, consumer, "draining")
    consumer.ingest.screens, consumer.epoch = {TOPIC: "screen"}, 2
    assert hold(handover, consumer, "newest"), "the next assignment begins anew"


def test_a_set_that_is_looked_for_runs_before_partitions_are_named(handover: Handover) -> None:
    """What a partition was read with last is what workers go over to: nobody waits for the other."""
    consumer = Consumer(handover, None)

    async def find(names: set[str]) -> Mapping[str, Any]:
        assert await handover.hold(cast("Any", consumer), "newer")
        return dict.fromkeys(names - {"newer"}, "screen")

    handover.find = find
    for _ in range(2):
        handover.running = "new"
        asyncio.run(handover.begin(cast("Any", consumer), {ONE: "rules=newer", TWO: ""}, []))
        assert ({}, {TWO: "rules=newer"}) == (handover.older, {tp: mark for tp, (_, mark) in consumer.written.items()})


def test_who_leaves_nothing_undone_takes_the_name_off(handover: Handover) -> None:
    """So that whoever comes next reads with the newest set; the name stays on what may be read again."""
    reader = Reader({0: 20, 1: None})
    consumer = begun(handover, {ONE: "rules=new"}, [], reader)
    asyncio.run(handover.leave(cast("Any", consumer)))
    assert (10, "rules=new") == consumer.written[ONE]
    consumer.written[ONE], reader.unsettled = (20, "rules=new"), True
    asyncio.run(handover.leave(cast("Any", consumer)))
    assert (20, "rules=new") == consumer.written[ONE]
    reader.unsettled, reader.empty = False, False  # what is left was only screened
    asyncio.run(handover.leave(cast("Any", consumer)))
    assert (20, "") == consumer.written[ONE]
    asyncio.run(handover.begin(cast("Any", consumer), {ONE: ""}, []))
    assert (20, "rules=new") == consumer.written[ONE]
