"""The life of incidents: what is said of them and when, and when they are over."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.correlate import correlate
from stream_app.engine.incident import AUTO_CLEARED, CLEAR, CREATE, SYSTEM_CLEARED, UPDATE, Incident
from stream_app.engine.life import age, due, pace
from stream_app.engine.match import Match
from stream_app.engine.observe import advance, current, due_at, expires_at, finish, hurries, observe, wake_at
from stream_app.engine.row import MOST, MUTED, PENDING, VERSION, Episode, Mark, Row, Source
from stream_app.engine.window import Decision
from stream_app.rulebook.rule import Rule
from tests.unit.engine.test_brute_force import KEY, RULES, THOROUGH, run, scenes, standing

MINUTE = 60_000
HOUR = 60 * MINUTE
SOURCES = (Source("T", "sysmon", 0, 9),)


def told(incidents: tuple[Incident, ...]) -> list[tuple[str, int, int, int]]:
    """Give activity, revision, count and last seen."""
    return [(each.activity, each.revision, each.count, each.last_seen) for each in incidents]


def feed(
    rule: Rule, *matches: Match, time: int | None = None, row: Row | None = None
) -> tuple[Row, tuple[Incident, ...]]:
    """Observe matches one after the other, at a stream time; give the row then, and all that was sent."""
    sent: tuple[Incident, ...] = ()
    for match in matches:
        observed = observe(rule, row, match, match.origin.offset, time)
        row, sent = observed.row, sent + observed.incidents
    assert row is not None
    return row, sent


def episode(first: int, last: int, **facts: object) -> Episode:
    """Make an incident of three triggers."""
    return replace(Episode(bytes(16), 3, first, last, 3, 3, 1, (Mark(first, 0, 1),), b""), **facts)


def grown(rule: Rule, time: int, *episodes: Episode) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """Let a trigger come."""
    row = Row(VERSION, 7, 0, SOURCES, episodes, ())
    return correlate(rule, KEY, row, (Decision(time, Mark(time, 0, 9), 1),))


def test_paced(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """The first record is sent at once, the next one an interval later at the earliest, to the millisecond."""
    rule = rule_of(update_interval=MINUTE)
    times = (1000, 1001, 60_999, 61_000, 61_001, 121_000)
    row, sent = feed(rule, *(match_of(time, offset) for offset, time in enumerate(times)))
    assert [(CREATE, 1, 1, 1000), (UPDATE, 4, 4, 61_000), (UPDATE, 6, 6, 121_000)] == told(sent)
    assert (121_000, 0) == (row.episodes[0].said, row.episodes[0].flags)


def test_an_interval_of_zero(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Every change is said, in whatever order the triggers come."""
    _, sent = feed(rule_of(update_interval=0), match_of(9000, 0), match_of(2000, 1), match_of(9000, 2))
    assert [(CREATE, 1, 1, 9000), (UPDATE, 2, 2, 9000), (UPDATE, 3, 3, 9000)] == told(sent)


def test_pending(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What was held back is said when the stream's time has come an interval past the last record, without a match."""
    rule = rule_of(update_interval=MINUTE)
    row, sent = feed(rule, match_of(1000, 0), match_of(2000, 1), match_of(3000, 2))
    assert [(CREATE, 1, 1, 1000)] == told(sent)
    assert (61_000, 61_000) == (due_at(rule, row), wake_at(rule, row))
    assert row is advance(rule, KEY, row, 60_999, 3).row
    said = advance(rule, KEY, row, 61_000, 3)
    assert [(UPDATE, 3, 3, 3000)] == told(said.incidents)
    assert (61_000, 0, 3) == (said.row.episodes[0].said, said.row.episodes[0].flags, said.row.position)
    assert 3000 + rule.quiet + rule.lateness + 1 == due_at(rule, said.row)
    _, sent = feed(rule, match_of(70_000, 4), match_of(121_000, 5), row=said.row)
    assert [(UPDATE, 5, 5, 121_000)] == told(sent)


def test_what_hurries(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Only a row where something waits may be due earlier than it was; else each match puts that off."""
    paced, held = rule_of(update_interval=MINUTE), rule_of(">= 2")
    row, _ = feed(paced, match_of(1000, 0))
    before = wake_at(paced, row)
    assert not hurries(None, row)
    waits, _ = feed(paced, match_of(2000, 1), row=row)
    assert hurries(row, waits)
    assert wake_at(paced, waits) < before
    assert not hurries(waits, feed(paced, match_of(3000, 2), row=waits)[0])
    assert hurries(None, feed(held, match_of(1000, 0))[0])


@THOROUGH
@given(**RULES)
def test_what_does_not_hurry(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], data: st.DataObject, number: int, **options: int
) -> None:
    """Whatever a batch of matches does to a row that does not hurry, it need not be looked at before it was to be."""
    rule = rule_of(f">= {number}", **options)
    scene = data.draw(scenes(rule.lateness, tolerant=True))
    before: Row | None = None
    row: Row | None = None
    for event, time, position in zip(scene.events, scene.times, scene.positions, strict=True):
        match = match_of(event.time, event.offset, event.partition)
        row = observe(rule, row, match, position, time).row
        if before is not None and not hurries(before, row):
            assert wake_at(rule, before) <= wake_at(rule, row)
        before = data.draw(st.sampled_from((before, row)))  # batches end anywhere


def test_pending_in_observe(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What was held back is said before a further match counts, also a late one; that one is held back again."""
    rule = rule_of(update_interval=MINUTE, lateness=MINUTE)
    row, _ = feed(rule, match_of(1000, 0), match_of(2000, 1))
    for time, now in ((62_000, 61_000), (0, 61_000)):
        after, sent = feed(rule, match_of(time, 2), time=now, row=row)
        assert [(UPDATE, 2, 2, 2000)] == told(sent)
        assert (PENDING if time else 0) == after.episodes[0].flags


def test_said_by_the_stream(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A change of the past is said at once where the stream's time is an interval past the last record."""
    rule = rule_of(update_interval=MINUTE)
    row, _ = feed(rule, match_of(1000, 0))
    after, sent = feed(rule, match_of(2000, 1), time=61_000, row=row)
    assert [(UPDATE, 2, 2, 2000)] == told(sent)
    assert 61_000 == after.episodes[0].said


def test_held_back_is_resent(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A match that comes again is answered with the incident as it stands, said or not; the row does not change."""
    rule = rule_of(update_interval=MINUTE)
    row, _ = feed(rule, match_of(1000, 0), match_of(2000, 1))
    again = observe(rule, row, match_of(2000, 1), 1, None)
    assert ([(UPDATE, 2, 2, 2000)], row) == (told(again.incidents), again.row)


def test_final_is_paced(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Triggers that are decided by time are paced by the time of each, however late and seldom one looks."""
    rule = rule_of(">= 1", final=True, update_interval=MINUTE, lateness=0, clear_after=HOUR)
    times = (0, 1, 2, 61_000, 2 * HOUR, 2 * HOUR + 1)
    row, sent = feed(rule, *(match_of(time, offset) for offset, time in enumerate(times)))
    assert () == sent
    expected = [
        (CREATE, 1, 1, 0),
        (UPDATE, 3, 3, 2),
        (UPDATE, 4, 4, 61_000),
        (CLEAR, 5, 4, 61_000),
        (CREATE, 1, 1, 2 * HOUR),
    ]
    assert expected == told(advance(rule, KEY, row, 2 * HOUR + 2, 9).incidents)
    sent = ()
    for now in range(0, 2 * HOUR + 2000, 1000):
        observed = advance(rule, KEY, row, now, now)
        row, sent = observed.row, sent + observed.incidents
    assert expected == told(sent)


def test_over(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """More than quiet and lateness past the last trigger: one record that it is over, with the final numbers."""
    rule = rule_of(update_interval=MINUTE, clear_after=HOUR, lateness=500)
    row, _ = feed(rule, match_of(0, 0), match_of(1000, 1))
    last = 1000 + HOUR + 500
    assert last == expires_at(rule, row)
    at_last = advance(rule, KEY, row, last, 2)
    assert [(UPDATE, 2, 2, 1000)] == told(at_last.incidents)
    for before, said in ((row, [(UPDATE, 2, 2, 1000)]), (at_last.row, [])):
        over = advance(rule, KEY, before, last + 1, 3)
        assert [*said, (CLEAR, 3, 2, 1000)] == told(over.incidents)
        over = replace(over, incidents=over.incidents[-1:])
        assert (AUTO_CLEARED, 1000 + HOUR, "") == (
            over.incidents[0].status,
            over.incidents[0].cleared,
            over.incidents[0].merged_into,
        )
        assert over.incidents == current(rule, KEY, over.row)
        assert (None, last + 1) == (due_at(rule, over.row), wake_at(rule, over.row))


def test_after_the_end(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """A trigger behind the end makes a new incident, and one before it counts in the old one, which is over again."""
    rule = rule_of(clear_after=HOUR, lateness=0)
    row, _ = feed(rule, match_of(1000, 0))
    row = advance(rule, KEY, row, 2 * HOUR, 1).row
    after, sent = feed(rule, match_of(2 * HOUR, 2), time=2 * HOUR, row=row)
    assert [(CREATE, 1, 1, 2 * HOUR)] == told(sent)
    after, sent = feed(rule, match_of(1000 + HOUR, 3), row=after)  # of a topic made anew, say: time is not known
    assert [(CLEAR, 3, 2, 1000 + HOUR)] == told(sent)
    assert [1000 + HOUR, None] == [each.cleared for each in after.episodes]
    _, sent = feed(rule, match_of(1001 + HOUR, 4), row=after)
    assert [(UPDATE, 2, 2, 2 * HOUR)] == told(sent)


def test_an_end_parts(rule_of: Callable[..., Rule]) -> None:
    """No trigger joins incidents across the end of one, and each belongs to that on its own side."""
    rule = rule_of(clear_after=100, window=1)
    before, after = episode(0, 10, cleared=20), episode(30, 40, id=b"2" * 16)
    for time, index in ((-50, 0), (15, 0), (20, 0), (21, 1), (25, 1), (45, 1)):
        episodes, changed = grown(rule, time, before, after)
        assert (2, (episodes[index],), 4) == (len(episodes), changed, changed[0].count)
    assert (20, None) == tuple(each.cleared for each in grown(rule, 15, before, after)[0])


def test_joined_that_are_over(rule_of: Callable[..., Rule]) -> None:
    """What joins two incidents that are over is over at the earlier end, and was said when either of them was."""
    rule = rule_of(clear_after=100, window=1)
    one, other = episode(0, 10, cleared=70, said=3), episode(40, 50, cleared=60, said=44, flags=PENDING)
    (stays, goes), changed = grown(rule, 25, one, other)
    assert ((stays, goes), 60, 44, 7) == (changed, stays.cleared, stays.said, stays.count)
    assert (one.id, None, 0) == (goes.into, goes.cleared, goes.flags)
    assert ((stays, goes), (stays, goes)) == pace(rule, (stays, goes), changed, None)


def test_taken_over_is_never_over(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What became part of another stays so, at once and for good; the other is paced."""
    rule = rule_of(clear_after=HOUR, update_interval=MINUTE, lateness=0)
    row, _ = feed(rule, match_of(2 * HOUR, 0), match_of(0, 1))
    row, sent = feed(rule, match_of(HOUR, 2), row=row)
    assert [(CLEAR, 2, 0, 0)] == told(sent)
    assert [SYSTEM_CLEARED] == [each.status for each in sent]
    over = advance(rule, KEY, row, 9 * HOUR, 3)
    assert [(UPDATE, 2, 3, 2 * HOUR), (CLEAR, 3, 3, 2 * HOUR)] == told(over.incidents)
    assert () == advance(rule, KEY, over.row, 10 * HOUR, 4).incidents


def test_muted(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Of a muted incident nothing is said, by no way; all else goes on as it does."""
    rule = rule_of(update_interval=MINUTE, clear_after=HOUR, lateness=0)
    row, _ = feed(rule, match_of(0, 0))
    row = replace(row, episodes=(replace(row.episodes[0], flags=MUTED),))
    said, sent = feed(rule, match_of(1, 1), match_of(MINUTE, 2), match_of(2, 3), row=row)
    assert ((), MUTED | PENDING) == (sent, said.episodes[0].flags)
    assert () == current(rule, KEY, said)
    spoken = advance(rule, KEY, said, 2 * MINUTE, 4)
    over = advance(rule, KEY, spoken.row, 3 * HOUR, 5)
    assert ((), (), MUTED) == (spoken.incidents, over.incidents, over.row.episodes[0].flags)
    assert MINUTE + HOUR == over.row.episodes[0].cleared


def test_let_go(rule_of: Callable[..., Rule]) -> None:
    """Of more incidents than a row holds the oldest are over, said once, unless they are over already."""
    rule = rule_of(clear_after=100, window=1)
    line = tuple(episode(1000 * n, 1000 * n, cleared=1000 if n == 1 else None) for n in range(MOST + 3))
    after, said = pace(rule, line, line[-1:], None)
    assert [None, 100, 2100] == [each.cleared for each in (said[0], *said[1:])]
    assert (after[-1], after[0], after[2]) == said
    assert [100, 1000, 2100, *[None] * MOST] == [each.cleared for each in after]


def test_end_of_a_replay(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Where no more comes, what was held back is said, and nothing is over."""
    rule = rule_of(update_interval=MINUTE, clear_after=HOUR)
    row, _ = feed(rule, match_of(0, 0), match_of(1, 1), match_of(9 * HOUR, 2))
    done = finish(rule, KEY, row)
    assert [(UPDATE, 2, 2, 1)] == told(done.incidents)
    assert () == finish(rule, KEY, done.row).incidents


def test_lines_without_a_row(rule_of: Callable[..., Rule]) -> None:
    """The functions take any line of incidents: what is over or was taken over does not wait for anything."""
    rule = rule_of(update_interval=10, clear_after=100, window=1, lateness=5)
    line = (
        episode(0, 9, cleared=9),
        episode(0, 5, into=b"1" * 16),
        episode(0, 7, said=3, flags=PENDING),
        episode(0, 1),
    )
    assert (13, 113, None) == (due(rule, line), due(rule, (replace(line[2], flags=0),)), due(rule, line[:2]))
    after, said = age(rule, line, 13, 8)
    assert ((after[2],), 13, 8, 3) == (said, after[2].said, after[2].position, after[2].revision)
    after, said = age(rule, line, 107, 8)
    assert ([3, 4], [each.id for each in after[2:]]) == ([each.revision for each in said], [each.id for each in said])
    assert [9, None, None, 101] == [each.cleared for each in after]
    assert [4] == [each.revision for each in age(replace(rule, update_interval=110), line[2:3], 113, 8)[1]]
    assert ((line[2],), ()) == age(rule, line[2:3], 12, 8)
    assert [None, None] == [each.cleared for each in age(rule, line[2:], 10**6, 8, clears=False)[0]]


@THOROUGH
@given(sign=st.sampled_from((">", ">=", "=", "<")), **RULES)
def test_paced_in_every_order(
    rule_of: Callable[..., Rule],
    match_of: Callable[..., Match],
    data: st.DataObject,
    sign: str,
    number: int,
    **options: int,
) -> None:
    """Records of an incident are an interval apart by the time each counts as said at; the last one is of its end.

    What was said of one that was not over yet is never newer than the incident's last trigger, or the stream's time.
    """
    rule = rule_of(f"{sign} {number}", **options)
    scene = data.draw(scenes(rule.lateness))
    _, sent, _ = run(rule, scene, match_of, again=False)
    records: dict[str, list[Incident]] = {}
    for each in sent:
        records.setdefault(each.incident_id, []).append(each)
    for of in records.values():
        *active, end = of
        assert (CLEAR, {False}) == (end.activity, {each.activity == CLEAR for each in active} or {False})
        assert [CREATE, *[UPDATE] * (len(active) - 1)] == [each.activity for each in active]
        assert sorted({each.revision for each in of}) == [each.revision for each in of]
        times = [each.episode.said for each in active]
        assert all(after - before >= rule.update_interval for before, after in pairwise(times))


@THOROUGH
@given(**RULES)
def test_over_in_every_order(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], data: st.DataObject, number: int, **options: int
) -> None:
    """However the stream's time moves, and whenever one looks, the same incidents are over at the same times."""
    rule = rule_of(f">= {number}", **options)
    scene = data.draw(scenes(rule.lateness))
    standing_still = scene._replace(times=[None] * len(scene.events), resent=[], looked=frozenset())
    ends = []
    for each in (scene, standing_still):
        row, sent, _ = run(rule, each, match_of)
        assert row is None or due_at(rule, row) is None
        ends.append([(*facts, facts[1] + rule.quiet) for facts in standing(sent)])
    assert ends[0] == ends[1]
