"""Rules that change under matches and rows: what is retired is decided to its end, what is to come is waited for."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from stream_app.engine.key import encode_key
from stream_app.kafka import swapping as swapping_module
from stream_app.kafka.counters import Counters
from stream_app.kafka.recovery import Recovered
from stream_app.kafka.swapping import Swapping
from stream_app.kafka.topics import Names
from stream_app.kafka.windows import UNKNOWN_RULE
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from tests.corpus import EVERY_CHANGE
from tests.faults.load import record
from tests.unit.kafka.cluster import MATCHES, Cluster, Sent

NAMES = Names()
START = 1_750_000_000_000
DAYS = 3 * 86_400_000
RULE = """
id = "{id}"
name = "{name}"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = '''eventType CONTAIN "Win-Sysmon-3-" AND {condition}'''
group_by = [{group_by}]
aggregate = "COUNT(*) >= {count}"
[incident]
{mapped}
"""

Books = Callable[..., Rulebook]


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Give what makes a rulebook of one rule."""
    made = 0

    def make(
        rule: str = "R", condition: str = 'initiated = "true"', count: int = 1, by: tuple[str, ...] = ("hostName",)
    ) -> Rulebook:
        nonlocal made
        made += 1
        folder = tmp_path / str(made) / rule
        folder.mkdir(parents=True)
        mapped = "\n".join(f'{name} = "Filter.{name}"' for name in by)
        text = RULE.format(
            id=rule,
            name=f"edition {made}",
            condition=condition,
            count=count,
            group_by=", ".join(f'"{name}"' for name in by),
            mapped=mapped,
        )
        (folder / f"{rule}.toml").write_text(text)
        return load_rulebook(tmp_path / str(made), EVERY_CHANGE)

    return make


def events(count: int) -> list[Sent]:
    """Give so many connections of one host, a second apart."""
    return [Sent(0, START + at * 1000, record("pc", "192.0.2.1", "x.exe", at)) for at in range(count)]


def read(cluster: Cluster, topic: str) -> None:
    """Let the worker read all of a topic."""
    for number in range(MATCHES):
        cluster.take((topic, number), 1 << 30)


def incidents(cluster: Cluster) -> list[tuple[str, str, str, int]]:
    """Give what was told: id, title, activity, count."""
    told = [
        msgspec.json.decode(each.value() or b"")
        for number in range(MATCHES)
        for each in cluster.logs.logs[NAMES.incidents, number]
    ]
    return [(each["incidentId"], each["ruleName"], each["activity"], each["count"]) for each in told]


def recovered(rulebook: Rulebook, before: Cluster) -> Cluster:
    """Give the worker that comes after another one, over the same topics."""
    cluster = Cluster(rulebook, [], 1, 1)
    cluster.logs, cluster.read = before.logs, before.read
    (worker,) = cluster.workers
    worker.logs = before.logs
    for number in range(MATCHES):
        rows: dict[bytes, bytes] = {}
        for stored in before.logs.logs[NAMES.changelog, number]:
            rows[stored.key()] = stored.value()
        worker.windows.held.put(number, Recovered(rows=rows, end=len(before.logs.logs[NAMES.changelog, number])))
        worker.windows.prepare(number, rows)
    return cluster


def told(rulebook: Rulebook) -> Cluster:
    """Let a rulebook make an incident of one event."""
    cluster = Cluster(rulebook, events(1), 1, 1)
    read(cluster, NAMES.sysmon)
    read(cluster, NAMES.matches)
    assert [("create", 1)] == [each[2:] for each in incidents(cluster)]
    return cluster


def end(cluster: Cluster) -> None:
    """Let time go on until every incident is over."""
    cluster.say(0, START + DAYS)
    read(cluster, NAMES.matches)


@pytest.mark.parametrize("successor", [{"rule": "OTHER"}, {"count": 2}], ids=["removed", "changed"])
def test_the_incident_of_a_retired_rule_is_cleared(books: Books, successor: dict[str, Any]) -> None:
    """By the rule that made it, with its id and its title, though it does not run any more."""
    old = books()
    cluster = told(old)
    windows = cluster.workers[0].windows
    windows.editions.run(books(**successor))
    windows.learned()
    end(cluster)
    (made, title, _, _), cleared = incidents(cluster)
    assert (made, title, "clear", 1) == cleared


def test_a_retired_rule_is_known_again_after_a_restart(books: Books) -> None:
    """Its rows are named as missing it; once its set is found, its incident is cleared."""
    old = books()
    (edition,) = old.editions
    cluster = recovered(books(rule="OTHER"), told(old))
    windows = cluster.workers[0].windows
    assert {edition} == windows.strange()
    end(cluster)
    assert ["create"] == [each[2] for each in incidents(cluster)]
    windows.editions.keep(old)
    windows.learned()
    end(cluster)
    assert ["create", "clear"] == [each[2] for each in incidents(cluster)]
    assert set() == windows.strange()


def test_a_successor_stands_in_for_a_rule_that_is_not_to_be_had(books: Books) -> None:
    """Where no set has it any more, the rule of its id clears its incidents, and counts matches of its form."""
    old, new = books(), books(condition='initiated = "false"')
    before = told(old)
    (once,) = (each for number in range(MATCHES) for each in before.logs.logs[NAMES.matches, number])
    cluster = recovered(new, before)
    later = msgspec.msgpack.decode(once.value())
    later[5][3] += 1  # the offset of its origin: another record
    cluster.logs.append((NAMES.matches, once.partition()), once.key(), msgspec.msgpack.encode(later), None, START)
    read(cluster, NAMES.matches)
    end(cluster)
    (made, *_), *others = incidents(cluster)
    assert [(made, "edition 2", "update", 2), (made, "edition 2", "clear", 2)] == others


def test_a_match_of_another_form_is_rejected(books: Books) -> None:
    """Where nothing can stand in, the match is on the rejected topic as before."""
    old = books(by=("hostName", "destIpAddr"))
    cluster = Cluster(old, events(1), 1, 1)
    read(cluster, NAMES.sysmon)
    after = recovered(books(), cluster)
    read(after, NAMES.matches)
    assert {UNKNOWN_RULE: 1} == after.rejected


def test_what_did_not_change_counts_on(books: Books) -> None:
    """Half of a count before the change and half behind it make the incident; what changed begins anew beside it."""
    same, again = books(count=2), books(count=2)
    cluster = Cluster(same, events(2), 1, 1)
    cluster.take((NAMES.sysmon, 0), 1)
    read(cluster, NAMES.matches)
    cluster.workers[0].windows.editions.run(again)
    read(cluster, NAMES.sysmon)
    read(cluster, NAMES.matches)
    assert [("edition 2", "create")] == [each[1:3] for each in incidents(cluster)]


class Follows:
    """Stands for what follows the rules: has ``rulebook`` once it was asked so often."""

    def __init__(self, rulebook: Rulebook | None, asked: int = 3) -> None:
        self.found: deque[Rulebook] = deque()
        self.offer = None
        self.refusals = self.rubbish = 0
        self.keeps = False
        self.vain: frozenset[str] = frozenset()
        self._rulebook = rulebook
        self._asked = asked

    def want(self, editions: Iterable[str]) -> None:
        """Count."""
        self._asked -= any(editions)
        if not self._asked and self._rulebook is not None:
            self.found.append(self._rulebook)


def waiting(cluster: Cluster, follows: Follows, patience: float) -> None:
    """Let the worker take its matches as its agent does."""
    (worker,) = cluster.workers
    failure = SimpleNamespace(error=None, set=pytest.fail)
    handover = SimpleNamespace(overdue=lambda _: False)
    ingest = SimpleNamespace(failure=failure, counters=Counters(), handover=handover, screens={NAMES.sysmon: None})
    app = SimpleNamespace(ingest=ingest, consumer=None)
    swapping = Swapping(
        cast("Any", app),
        NAMES.sysmon,
        worker.windows,
        cast("Any", follows),
        warn=lambda _: None,
        patience=patience,
    )
    batch = SimpleNamespace(
        records=[(each, None, 0) for number in range(MATCHES) for each in cluster.logs.logs[NAMES.matches, number]],
        tp="matches",
        voided=False,
    )

    async def both() -> None:
        running = asyncio.ensure_future(swapping.run())
        await swapping.known(cast("Any", batch))
        await swapping.known(cast("Any", batch))  # at once: it has waited for them
        failure.error = "over"
        await running

    asyncio.run(both())
    read(cluster, NAMES.matches)


def test_a_match_waits_for_a_rule_that_is_not_known_yet(books: Books) -> None:
    """It is counted by its own edition as soon as that has come, and is not rejected."""
    old, new = books(), books(rule="NEW")
    before = Cluster(new, events(1), 1, 1)
    read(before, NAMES.sysmon)
    cluster = recovered(old, before)
    waiting(cluster, Follows(new), patience=60)
    assert ({}, ["create"]) == (cluster.rejected, [each[2] for each in incidents(cluster)])


def test_a_match_does_not_wait_for_ever(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    """A rule that does not come is named, and its match is rejected as one of an unknown rule."""
    old, new = books(), books(rule="NEW")
    before = Cluster(new, events(1), 1, 1)
    read(before, NAMES.sysmon)
    cluster = recovered(old, before)
    waiting(cluster, Follows(None), patience=0.05)
    assert {UNKNOWN_RULE: 1} == cluster.rejected
    assert next(iter(new.editions)) in caplog.text


class Clock:
    """Stands for ``time``, and for the sleeps of a wait; ``meanwhile`` is called in each of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.meanwhile: Callable[[], None] = lambda: None
        monkeypatch.setattr(swapping_module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(swapping_module, "asyncio", SimpleNamespace(sleep=self._sleep, Lock=asyncio.Lock))

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()

    def waited(self, swapping: Swapping, edition: str) -> float:
        """Give for how long a batch of one match waits, in s."""
        message = SimpleNamespace(key=lambda: encode_key(edition, "", ["pc"]))
        began = self.now
        batch = SimpleNamespace(records=[(message, None, 0)], tp="matches", voided=False)
        asyncio.run(swapping.known(cast("Any", batch)))
        return self.now - began


def of_source(books: Books, follows: Follows) -> Swapping:
    """Give what waits, of a worker with one rule, for 30 s."""
    app = SimpleNamespace(ingest=SimpleNamespace(failure=SimpleNamespace(error=None)))
    windows = Cluster(books(), [], 1, 1).workers[0].windows
    return Swapping(cast("Any", app), NAMES.sysmon, windows, cast("Any", follows), warn=lambda _: None, patience=30)


def test_many_unknown_rules_cost_one_wait(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker whose folder is many rules behind waits once for all, and again only when much time has passed."""
    clock, swapping = Clock(monkeypatch), of_source(books, Follows(None))
    assert [30, 0, 0] == [pytest.approx(clock.waited(swapping, f"N#{at}"), abs=0.2) for at in range(3)]
    clock.now += 119
    assert clock.waited(swapping, "N#3") == 0
    clock.now += 2
    assert clock.waited(swapping, "N#4") == pytest.approx(30, abs=0.2)


def test_a_rule_that_came_leaves_the_next_one_all_patience(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was waited for and came takes nothing from what follows."""
    clock, follows, new = Clock(monkeypatch), Follows(None), books(rule="NEW")
    swapping = of_source(books, follows)

    def come() -> None:
        if clock.now > 1020:
            swapping._windows.editions.keep(new)

    clock.meanwhile = come
    (edition,) = new.editions
    assert clock.waited(swapping, edition) == pytest.approx(20, abs=0.2)
    assert clock.waited(swapping, "N#1") == pytest.approx(30, abs=0.2)


def test_rules_that_changed_are_waited_for_anew(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that was taken ends what was in vain before it, for rules that were given up too."""
    clock, follows = Clock(monkeypatch), cast("Any", Follows(None))
    swapping = of_source(books, follows)
    follows.report, follows.taken = SimpleNamespace(set="old"), lambda _: None

    async def hold(_consumer: object, _running: str) -> bool:
        return True

    app = cast("Any", swapping._app)
    app.consumer = None
    app.ingest.counters, app.ingest.handover = Counters(), SimpleNamespace(hold=hold, go_on=lambda *_: None)
    offer = SimpleNamespace(id="new", rulebook=books(rule="NEW"), chain=None, screen=None)
    waits = [clock.waited(swapping, "N#1")]
    asyncio.run(swapping._take(cast("Any", offer)))
    waits += [clock.waited(swapping, "N#1"), clock.waited(swapping, "N#2")]
    assert [30, 30, 0] == [pytest.approx(each, abs=0.2) for each in waits]


def test_sets_that_are_kept_are_searched_to_their_end(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when no patience is left: a rule that one of them has is waited for, one that none has is not."""
    clock, follows, old = Clock(monkeypatch), Follows(None), books(rule="OLD")
    swapping = of_source(books, follows)
    (edition,) = old.editions
    follows.keeps, follows.vain = True, frozenset({"N#1", "N#2"})
    assert [30, 0] == [pytest.approx(clock.waited(swapping, f"N#{at}"), abs=0.2) for at in (1, 2)]
    began = clock.now

    def search() -> None:
        if clock.now > began + 5 and edition not in follows.vain:
            follows.found.append(old)
            follows.vain |= {edition}  # as where it was asked for once more before it was known

    clock.meanwhile = search
    assert clock.waited(swapping, edition) == pytest.approx(5, abs=0.2)
    assert edition in swapping._windows.editions
    assert set() == swapping._missed & {edition}


def test_a_set_that_is_not_to_be_had_is_not_sought_for_ever(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up says so: each look for it reads every set that is kept."""
    monkeypatch.setattr(swapping_module, "FIND", 0.0)
    sought: list[set[str]] = []
    follows = SimpleNamespace(
        keeps=True,
        found=deque(),
        offer=None,
        screens={},
        report=SimpleNamespace(set="runs"),
        seek=lambda names: sought.append(set(names)),
    )
    app = SimpleNamespace(ingest=SimpleNamespace(failure=SimpleNamespace(error=None)))
    windows = Cluster(books(), [], 1, 1).workers[0].windows
    made = Swapping(cast("Any", app), NAMES.sysmon, windows, cast("Any", follows), warn=lambda _: None)
    assert {} == asyncio.run(made.find({"pruned"}))
    assert [{"pruned"}, set()] == sought


def test_a_set_that_cannot_be_taken_does_not_keep_records_back_for_ever(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be committed, records are read for as long as they were held back, before it is tried again."""
    windows = Cluster(books(), [], 1, 1).workers[0].windows
    offer = SimpleNamespace(id="new", rulebook=books())
    now, tried = 1000.0, list[float]()
    monkeypatch.setattr(swapping_module, "time", SimpleNamespace(monotonic=lambda: now))

    async def hold(_consumer: object, _running: str) -> bool:
        nonlocal now
        tried.append(now)
        now += 30
        return False

    ingest = SimpleNamespace(counters=Counters(), handover=SimpleNamespace(hold=hold))
    app = SimpleNamespace(ingest=ingest, consumer=None)
    follows = SimpleNamespace(offer=offer, found=deque(), refusals=0, rubbish=0, want=lambda _: None)
    made = Swapping(cast("Any", app), NAMES.sysmon, windows, cast("Any", follows), warn=lambda _: None)
    for _ in range(4):
        asyncio.run(made.turn())
        now += 10
    assert [1000.0, 1060.0] == tried
