"""The whole flow over records, without Kafka."""

import json
from collections.abc import Callable, Iterable

import pytest
from msgspec.structs import replace

from stream_app.engine.expense import TooExpensive
from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.language.compile import EVERYTHING
from stream_app.rulebook.rule import Rule, Rulebook

MINUTE = 60_000
START = 1_700_000_000_000


def records(times: Iterable[int], host: str = "pc1", partition: int = 0) -> list[Record]:
    """Give one event for each receive time, ms from START, in FortiSIEM's own JSON."""
    return [
        Record(
            "sysmon",
            partition,
            offset,
            0,
            json.dumps({"eventType": "E", "hostName": host, "phRecvTime": START + t}).encode(),
        )
        for offset, t in enumerate(times)
    ]


def told(found: Iterable[Incident | Rejection]) -> list[tuple[str, int, int] | str]:
    """Give activity, count and last seen (from START) of incidents, and the reasons of rejections."""
    return [
        each.reason if isinstance(each, Rejection) else (each.activity, each.count, each.last_seen - START)
        for each in found
    ]


def test_flow(rule_of: Callable[..., Rule]) -> None:
    """Records come out as incidents and rejections in their order, and the tally accounts for each of them."""
    rulebook = Rulebook({"PH_Rule_Test": rule_of()})
    tally = Tally()
    good = records([10 * MINUTE, 11 * MINUTE])
    bad = [Record("sysmon", 0, 2, 99, b"{"), Record("sysmon", 0, 3, 99, None)]
    found = list(replay(rulebook, [good[0], *bad, good[1], good[0]], tally=tally))
    assert [
        ("create", 1, 10 * MINUTE),
        "not json",
        "empty",
        ("update", 2, 11 * MINUTE),
        ("update", 2, 11 * MINUTE),
    ] == told(found)
    assert Tally(5, 3, 1, 3, {"not json": 1, "empty": 1}) == tally
    assert tally.late == 0


def test_a_record_that_is_given_up(rule_of: Callable[..., Rule]) -> None:
    """What is raised in a rule's filter when a record takes too long becomes a rejection; the next record counts."""
    took = iter([TooExpensive(700, 500)])

    def predicate(_attributes: object) -> bool:
        for expense in took:
            raise expense
        return True

    rule = rule_of()
    rule = replace(rule, subpattern=replace(rule.subpattern, filter=replace(EVERYTHING, rest=predicate)))
    tally = Tally()
    found = list(replay(Rulebook({rule.id: rule}), records([0, MINUTE]), tally=tally))
    assert ["too expensive", ("create", 1, MINUTE)] == told(found)
    assert isinstance(found[0], Rejection)
    assert (rule.id, "given up after 700 ms, allowed are 500") == (
        found[0].rule,
        found[0].detail,
    )
    assert {"too expensive": 1} == tally.rejected


def test_as_they_come(rule_of: Callable[..., Rule]) -> None:
    """An incident is given as soon as its record was taken, not at the end."""
    source = iter(records([1, 2, 3]))
    flow = replay(Rulebook({"PH_Rule_Test": rule_of()}), source)
    assert ("create", 1, 1) == told([next(flow)])[0]
    assert 2 == len(list(source))


@pytest.mark.parametrize(("sources", "late"), [(1, 1), (2, 0), (None, 0)])
def test_late(rule_of: Callable[..., Rule], sources: int | None, late: int) -> None:
    """A record far behind is named late, unless a partition was not heard of yet or time was told to stand still."""
    tally = Tally()
    flow = replay(Rulebook({"PH_Rule_Test": rule_of()}), records([60 * MINUTE, 0]), sources=sources, tally=tally)
    assert late == len([each for each in flow if isinstance(each, Rejection)])
    assert (late, 2 - late) == (tally.late, tally.incidents)


def test_slow_partition(rule_of: Callable[..., Rule]) -> None:
    """A partition that is read an hour behind another loses nothing: time is that of the slower one."""
    fast = records(range(0, 120 * MINUTE, MINUTE), "fast", 0)
    slow = records(range(0, 60 * MINUTE, MINUTE), "slow", 1)
    tally = Tally()
    list(
        replay(
            Rulebook({"PH_Rule_Test": rule_of()}), [*fast[:60], slow[0], *fast[60:], *slow[1:]], sources=2, tally=tally
        )
    )
    assert (180, 180, {}) == (tally.matches, tally.incidents, tally.rejected)


def test_final(rule_of: Callable[..., Rule]) -> None:
    """What waits is decided when time has passed it, and at the end of the records at the latest."""
    rule = rule_of("= 1", final=True, window=MINUTE, lateness=MINUTE)
    times = [0, 10 * MINUTE, 10 * MINUTE + 1, 20 * MINUTE, 30 * MINUTE]
    tally = Tally()
    flow = replay(Rulebook({"PH_Rule_Test": rule}), records(times), tally=tally)
    assert [
        ("create", 1, 0),
        ("update", 2, 10 * MINUTE),
        ("update", 3, 20 * MINUTE),
        ("update", 4, 30 * MINUTE),
    ] == told(flow)
    still = replay(Rulebook({"PH_Rule_Test": rule}), records(times), sources=None)
    assert [1, 2, 3, 4] == [each.count for each in still if isinstance(each, Incident)]


def test_expired(rule_of: Callable[..., Rule]) -> None:
    """A key that comes again after its row has expired makes a new incident; the last one stands when records end."""
    rule = rule_of(clear_after=MINUTE, window=MINUTE, lateness=MINUTE)
    times = [0, MINUTE, 3 * MINUTE, 3 * MINUTE + 1, 60 * MINUTE, 60 * MINUTE + 1]
    flow = list(replay(Rulebook({"PH_Rule_Test": rule}), records(times)))
    assert [
        ("create", 1, 0),
        ("update", 2, MINUTE),
        ("create", 1, 3 * MINUTE),
        ("update", 2, 3 * MINUTE + 1),
        ("clear", 2, MINUTE),
        ("create", 1, 60 * MINUTE),
        ("clear", 2, 3 * MINUTE + 1),
        ("update", 2, 60 * MINUTE + 1),
    ] == told(flow)
    assert 3 == len({each.incident_id for each in flow if isinstance(each, Incident)})


def test_held_back(rule_of: Callable[..., Rule]) -> None:
    """Updates within the interval are one record when time has passed it, or at the end of the records."""
    rulebook = Rulebook({"PH_Rule_Test": rule_of(update_interval=MINUTE)})
    times = [0, 1, 2, 3 * MINUTE, 3 * MINUTE + 5, 3 * MINUTE + 6]
    flow = replay(rulebook, [*records(times[:3]), *records([2 * MINUTE], "pc2"), *records(times)[3:]])
    assert [
        ("create", 1, 0),
        ("create", 1, 2 * MINUTE),
        ("update", 3, 2),
        ("update", 4, 3 * MINUTE),
        ("update", 6, 3 * MINUTE + 6),
    ] == told(flow)
    still = replay(rulebook, records(times), sources=None)
    assert [("create", 1, 0), ("update", 4, 3 * MINUTE), ("update", 6, 3 * MINUTE + 6)] == told(still)


def test_deterministic(rule_of: Callable[..., Rule]) -> None:
    """The same records give the same incidents, ids and revisions too."""
    rulebook = Rulebook({"PH_Rule_Test": rule_of(">= 2")})
    times = [0, 5, 5, 3, 9 * MINUTE, 2]
    assert list(replay(rulebook, records(times))) == list(replay(rulebook, records(times)))
