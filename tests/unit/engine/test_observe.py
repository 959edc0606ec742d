"""One match meets one row: counting by place, lateness, the life of incidents."""

from collections.abc import Callable

import pytest

from stream_app.engine.correlate import REACH
from stream_app.engine.incident import CLEAR, CREATE, SYSTEM_CLEARED, UPDATE, Incident
from stream_app.engine.key import Key
from stream_app.engine.match import Match
from stream_app.engine.observe import advance, current, due_at, expires_at, observe, wake_at
from stream_app.engine.observed import Observed
from stream_app.engine.row import MOST, Row, encode_row
from stream_app.rulebook.rule import Rule

KEY = Key("PH_Rule_Test", "1", ("pc1",))
HOUR = 3_600_000


def told(incidents: tuple[Incident, ...]) -> list[tuple[str, int, int, int, int, int]]:
    """Give the numbers of incidents: activity, revision, count, incidentCount, first and last seen."""
    return [(i.activity, i.revision, i.count, i.incident_count, i.first_seen, i.last_seen) for i in incidents]


def feed(rule: Rule, *matches: Match, stream_time: int | None = None) -> tuple[Row, list[Observed]]:
    """Feed matches to an empty row, at positions 0, 1, ..."""
    row: Row | None = None
    seen = []
    for position, match in enumerate(matches):
        observed = observe(rule, row, match, position, stream_time)
        row = observed.row
        seen.append(observed)
    assert row is not None
    return row, seen


def test_create_and_update(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """The first trigger creates, each further one updates: one more, and last seen moves forward."""
    _, seen = feed(rule_of(), match_of(1000, 0), match_of(5000, 1))
    assert [(CREATE, 1, 1, 1, 1000, 1000), (UPDATE, 2, 2, 2, 1000, 5000)] == told(seen[0].incidents + seen[1].incidents)
    assert seen[0].incidents[0].incident_id == seen[1].incidents[0].incident_id


def test_first_seen_moves_back(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An earlier event that comes later moves first seen back; last seen and the id stay."""
    _, seen = feed(rule_of(), match_of(5000, 0), match_of(1000, 1))
    assert [(UPDATE, 2, 2, 2, 1000, 5000)] == told(seen[1].incidents)
    assert seen[0].incidents[0].incident_id == seen[1].incidents[0].incident_id


def test_repeated(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A match that comes again changes nothing but the position, and is answered with the incident as it stands."""
    rule = rule_of()
    row, seen = feed(rule, match_of(1000, 4), match_of(5000, 7))
    for offset in (4, 5, 7):
        again = observe(rule, row, match_of(9999, offset), 1, None)
        assert (seen[1].incidents, True, False) == (again.incidents, again.repeated, again.late)
        assert encode_row(row) == encode_row(again.row)
    moved = observe(rule, row, match_of(1000, 4), 50, None)
    assert (seen[1].incidents, 50) == (moved.incidents, moved.row.position)
    assert row.episodes == moved.row.episodes


def test_other_source(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Another partition, or a topic made anew, starts at its own offset 0 and is not counted already."""
    row, seen = feed(rule_of(), match_of(1000, 9), match_of(2000, 0, 1), match_of(3000, 0, 0, "remade"))
    assert [1, 2, 3] == [each.incidents[0].count for each in seen]
    assert [("T", 0, 9), ("T", 1, 0), ("remade", 0, 0)] == [(s.topic_id, s.partition, s.offset) for s in row.sources]


def test_late(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """To the millisecond: a match lateness behind the stream's time counts, one more and it counts nowhere."""
    rule = rule_of(lateness=500)
    row, seen = feed(rule, match_of(1500, 0), match_of(1499, 1), stream_time=2000)
    assert [(False, 1), (True, 0)] == [(each.late, len(each.incidents)) for each in seen]
    assert (1, 1) == (row.episodes[0].count, row.sources[0].offset)


def test_late_again(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A late match that is read again is late again; one sent again, and one that was counted in time, is not."""
    rule = rule_of(lateness=500)
    row, _ = feed(rule, match_of(1500, 0), match_of(1499, 1), stream_time=2000)
    reread = observe(rule, row, match_of(1499, 1), 1, 2000)
    assert (True, True) == (reread.late, reread.repeated)
    resent = observe(rule, row, match_of(1499, 1), 2, 9000)
    assert (False, True) == (resent.late, resent.repeated)
    in_time = observe(rule, row, match_of(1500, 0), 0, 2000)
    assert (False, True) == (in_time.late, in_time.repeated)


def test_late_first(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A key whose first match is late has a row that knows it, and no incident."""
    row, seen = feed(rule_of(), match_of(0, 3), stream_time=HOUR)
    assert (True, (), ()) == (seen[0].late, seen[0].incidents, row.episodes)
    assert 3 == row.sources[0].offset


@pytest.mark.parametrize(("gap", "same"), [(HOUR, True), (HOUR + 1, False)])
def test_clear_after(rule_of: Callable[..., Rule], match_of: Callable[..., Match], gap: int, *, same: bool) -> None:
    """A trigger up to clear_after past the last one updates the incident, one later makes a new one."""
    _, seen = feed(rule_of(clear_after=HOUR), match_of(1000, 0), match_of(1000 + gap, 1))
    first, second = seen[0].incidents[0], seen[1].incidents[0]
    assert same == (first.incident_id == second.incident_id)
    assert (UPDATE, 2) if same else (CREATE, 1) == (second.activity, second.count)


def test_not_over_within_window(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An incident is not over while its window holds its events, however short clear_after is."""
    _, seen = feed(rule_of(clear_after=0, window=1000), match_of(0, 0), match_of(1000, 1))
    assert [CREATE, UPDATE] == [each.incidents[0].activity for each in seen]


def test_joined(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Where an event comes that joins two incidents, the first made takes over the counts, the other is cleared."""
    rule = rule_of(clear_after=HOUR)
    row, seen = feed(rule, match_of(2 * HOUR, 0), match_of(0, 1), match_of(HOUR, 2))
    late_one, early_one = seen[0].incidents[0], seen[1].incidents[0]
    assert late_one.incident_id != early_one.incident_id
    stands, cleared = seen[2].incidents
    assert [(UPDATE, 2, 3, 3, 0, 2 * HOUR), (CLEAR, 2, 0, 0, 0, 0)] == told(seen[2].incidents)
    assert (late_one.incident_id, early_one.incident_id) == (stands.incident_id, cleared.incident_id)
    assert (SYSTEM_CLEARED, late_one.incident_id) == (cleared.status, cleared.merged_into)
    assert ("sysmon/0@1", "sysmon/0@2", "sysmon/0@0") == stands.evidence
    further = observe(rule, row, match_of(10, 3), 3, None)
    assert [(UPDATE, 3, 4, 4, 0, 2 * HOUR)] == told(further.incidents)


def test_joined_three(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Where a rule was changed to clear later, a trigger joins all the incidents that it now belongs to."""
    row, _ = feed(rule_of(clear_after=HOUR), *(match_of(2 * HOUR * i, i) for i in range(3)))
    observed = observe(rule_of(clear_after=3 * HOUR), row, match_of(2 * HOUR, 3), 3, None)
    assert [(UPDATE, 2, 4, 4, 0, 4 * HOUR), (CLEAR, 2, 0), (CLEAR, 2, 0)] == [
        each if each[0] == UPDATE else each[:3] for each in told(observed.incidents)
    ]
    assert 1 == len({each.merged_into for each in observed.incidents[1:]})


def test_joined_unheard(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An incident that is made and taken over in one step is never told of."""
    rule = rule_of(">= 3", window=100, clear_after=100)
    # Those at 260 stand. The event at 100 makes triggers of 110 (too far from 260) and of 190 (near to both).
    times = (190, 260, 260, 20, 110, 100)
    row, seen = feed(rule, *(match_of(time, offset) for offset, time in enumerate(times)))
    assert [1] == [len(each.incidents) for each in seen[-1:]]
    assert 1 == len(row.episodes)
    assert (4, 6) == (seen[-1].incidents[0].count, seen[-1].incidents[0].incident_count)


def test_joined_after_growing(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An incident that grows and is taken over in one step is told of once, cleared."""
    rule = rule_of(">= 3", window=100, clear_after=100)
    times = (190, 260, 260, 10, 10, 10, 20, 110, 100)
    _, seen = feed(rule, *(match_of(time, offset) for offset, time in enumerate(times)))
    assert [(UPDATE, 2, 4, 4, 10, 20)] == told(seen[6].incidents)
    assert [(UPDATE, 2, 9, 9, 10, 260), (CLEAR, 3, 0)] == [
        told(seen[8].incidents)[0],
        told(seen[8].incidents)[1][:3],
    ]


def test_final_ties(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Events of one millisecond are decided in the order of their places, whichever came first."""
    rule = rule_of("= 2", final=True, lateness=0)
    pair = match_of(5, 7, 0), match_of(5, 3, 1)
    told_of = []
    for matches in (pair, pair[::-1]):
        row, _ = feed(rule, *matches)
        told_of.append([each.evidence for each in advance(rule, KEY, row, 6, 2).incidents])
    assert [[("sysmon/0@7",), ("sysmon/0@7", "sysmon/1@3")]] * 2 == told_of


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [(0, ()), (1, (0,)), (2, (0, 5)), (3, (0, 4, 5)), (9, (0, 1, 2, 3, 4, 5))],
)
def test_evidence(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], evidence: int, expected: tuple[int, ...]
) -> None:
    """Evidence names the first trigger and the latest others, as many as the rule says, in every order of arrival."""
    names = tuple(f"sysmon/0@{offset}" for offset in expected)
    rule = rule_of(evidence=evidence)
    for order in ((0, 1, 2, 3, 4, 5), (3, 1, 5, 0, 2, 4)):
        row = None
        for position, time in enumerate(order):
            # One source partition for each event, so that any order of arrival is possible.
            observed = observe(rule, row, match_of(time, time, 0, f"T{time}"), position, None)
            row = observed.row
        assert names == observed.incidents[0].evidence


def test_threshold(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """COUNT(*) >= 3 triggers at the third event in a window, to the millisecond, and counts all three behind it."""
    rule = rule_of(">= 3", window=1000)
    row, seen = feed(rule, match_of(0, 0), match_of(500, 1), match_of(1000, 2), match_of(1001, 3))
    # (0, 1000] leaves out the event at 0, (1, 1001] holds three.
    assert [0, 0, 0, 1] == [len(each.incidents) for each in seen]
    assert [(CREATE, 1, 1, 3, 1001, 1001)] == told(seen[3].incidents)
    again = observe(rule, row, match_of(500, 4), 4, None)
    # Another at 500 makes three in (-500, 500] and in (0, 1000]: three more triggers, and the event at 0 is behind one.
    assert [(UPDATE, 2, 4, 5, 500, 1001)] == told(again.incidents)


def test_late_arrival_decides_again(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An event that comes out of order makes later events triggers, in one update."""
    rule = rule_of(">= 2", window=1000)
    _, seen = feed(rule, match_of(5000, 0), match_of(5500, 1), match_of(4900, 2))
    assert [[], [(CREATE, 1, 1, 2, 5500, 5500)], [(UPDATE, 2, 2, 3, 5000, 5500)]] == [
        told(each.incidents) for each in seen
    ]


def test_behind_only(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An event that triggers nothing but stands behind a trigger raises incidentCount alone."""
    rule = rule_of(">= 2", window=1000)
    _, seen = feed(rule, match_of(5000, 0), match_of(5000, 1), match_of(4001, 2), match_of(4000, 3))
    assert [(CREATE, 1, 2, 2, 5000, 5000)] == told(seen[1].incidents)
    assert [(UPDATE, 2, 2, 3, 5000, 5000)] == told(seen[2].incidents)
    # To the millisecond: 4000 is not in (4000, 5000], but makes two of (3001, 4001].
    assert [(UPDATE, 3, 3, 4, 4001, 5000)] == told(seen[3].incidents)


def test_just_not_behind(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An event a whole window before a trigger does not stand behind it."""
    _, seen = feed(rule_of(">= 2", window=1000), match_of(5000, 0), match_of(5000, 1), match_of(4000, 2))
    assert () == seen[2].incidents


def test_behind_a_single_trigger(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An incident is created once: one more event behind its only trigger is an update."""
    _, seen = feed(rule_of(">= 3", window=1000), *(match_of(t, i) for i, t in enumerate((4500, 4600, 5000, 4050))))
    assert [(CREATE, 1, 1, 3, 5000, 5000)] == told(seen[2].incidents)
    assert [(UPDATE, 2, 2, 4, 4600, 5000)] == told(seen[3].incidents)


def test_at_least_none(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """COUNT(*) >= 0, > 0 and >= 1 trigger at every event and hold no times."""
    for constraint in (">= 0", "> 0", ">= 1"):
        row, seen = feed(rule_of(constraint), match_of(1, 0), match_of(1, 1))
        assert ([1, 2], ()) == ([each.incidents[0].count for each in seen], row.held)


def test_rule_relaxed(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A row that held times for a stricter rule lets go of them when the rule asks for one event only."""
    row, _ = feed(rule_of(">= 3"), match_of(1, 0), match_of(2, 1))
    assert 2 == len(row.held)
    assert () == observe(rule_of(), row, match_of(3, 2), 2, None).row.held


def test_final(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """COUNT(*) = 2 as final: decided once the stream's time is more than lateness past the event, not on the way up."""
    rule = rule_of("= 2", final=True, window=1000, lateness=500)
    row, seen = feed(rule, match_of(0, 0), match_of(100, 1), match_of(2000, 2))
    assert [(), (), ()] == [each.incidents for each in seen]
    assert 501 == due_at(rule, row)
    assert row is advance(rule, KEY, row, 500, 9).row
    done = advance(rule, KEY, row, 601, 9)
    assert [(CREATE, 1, 1, 2, 100, 100)] == told(done.incidents)
    assert (9, 2501) == (done.row.position, due_at(rule, done.row))
    assert done.incidents == current(rule, KEY, done.row)
    last = advance(rule, KEY, done.row, 10_000, 10)
    assert ((), 100 + rule.quiet + 501) == (last.incidents, due_at(rule, last.row))
    over = advance(rule, KEY, last.row, 100 + rule.quiet + 501, 11)
    assert ([(CLEAR, 2, 1, 2, 100, 100)], None) == (told(over.incidents), due_at(rule, over.row))


def test_final_in_observe(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What is due is decided before a further match counts, also a late one; each trigger is told of by itself."""
    rule = rule_of(">= 1", final=True, lateness=500)
    row, _ = feed(rule, match_of(0, 0), match_of(0, 1), match_of(5, 2))
    for time, late in ((2000, False), (1000, True)):
        observed = observe(rule, row, match_of(time, 3), 3, 1600)
        assert late == observed.late
        assert [(CREATE, 1, 1, 2, 0, 0), (UPDATE, 2, 2, 2, 0, 0), (UPDATE, 3, 3, 3, 0, 5)] == told(observed.incidents)


def test_expires(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A row has expired when no match that is in time can reach its incident or its window."""
    rule = rule_of(lateness=500, clear_after=HOUR)
    row, _ = feed(rule, match_of(2000, 0), match_of(1000, 1))
    assert (2000 + HOUR + 500, 2000 + HOUR + 501) == (expires_at(rule, row), wake_at(rule, row))
    final = rule_of("= 1", final=True, lateness=500)
    row, _ = feed(final, match_of(2000, 0))
    assert 2501 == wake_at(final, row)


def test_over(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """An incident that is over stays in the row while it may have to be sent again, then goes."""
    rule = rule_of(lateness=0, clear_after=HOUR)
    row, _ = feed(rule, match_of(0, 0))
    new = observe(rule, row, match_of(3 * HOUR, 1), 5, 3 * HOUR)
    assert ([CLEAR, CREATE], 2) == ([each.activity for each in new.incidents], len(new.row.episodes))
    assert new.incidents == current(rule, KEY, new.row)
    further = observe(rule, new.row, match_of(3 * HOUR, 2), REACH + 4, 3 * HOUR)
    assert ([UPDATE], 2) == ([each.activity for each in further.incidents], len(further.row.episodes))
    further = observe(rule, further.row, match_of(3 * HOUR, 3), REACH + 5, 3 * HOUR)
    assert ([UPDATE], 1) == ([each.activity for each in further.incidents], len(further.row.episodes))


def test_most(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Records whose times are invented, centuries apart, do not grow a row without bound; what it lets go is over."""
    rule = rule_of(">= 2", clear_after=0, window=10)
    row = None
    said: list[Incident] = []
    for offset in range(4 * MOST):
        observed = observe(rule, row, match_of(offset // 2 * 1000, offset), offset, None)
        row = observed.row
        said += observed.incidents
    assert row is not None
    assert MOST == len(row.episodes)
    assert [CREATE] * MOST + [CREATE, CLEAR] * MOST == [each.activity for each in said]
    assert [each * 1000 + 10 for each in range(MOST)] == [each.cleared for each in said if each.activity == CLEAR]
    # The event stands behind a trigger of an incident that the row had to let go: nothing is made of it.
    assert () == observe(rule, row, match_of(-5, 4 * MOST), 4 * MOST, None).incidents
