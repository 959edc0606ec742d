"""Caps: who is told, what the summaries say, and what is at rest."""

import json
from collections.abc import Callable
from uuid import uuid5

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.agenda import Agenda
from stream_app.engine.correlate import correlate
from stream_app.engine.flood import (
    NEW,
    VERSION,
    Bucket,
    Flood,
    decode_flood,
    encode_flood,
    flood_key,
    judge,
    of_flood,
    pass_time,
    summaries,
    wake_at,
)
from stream_app.engine.floods import Floods, held_back
from stream_app.engine.incident import NAMESPACE, Incident, id_text
from stream_app.engine.key import Key, encode_key
from stream_app.engine.match import Match
from stream_app.engine.observe import current, observe
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.engine.row import MUTED, BadRow, Born, Episode, Line, Mark, Row, Source, row_position
from stream_app.engine.row import VERSION as ROW_VERSION
from stream_app.engine.window import Decision
from stream_app.handoff.native import to_bytes
from stream_app.language.compile import EVERYTHING
from stream_app.rulebook.caps import DAY, HOUR, Caps
from stream_app.rulebook.rule import Rule, Rulebook

MINUTE = 60_000
START = 1_749_999_600_000
"""An hour of June 2025 begins, the sixteenth of its day."""

SUMMARY = Episode(b"s" * 16, 2, 5, 7, 2, 2, 290, (), b"", said=7)
FLOOD = Flood(
    VERSION, 300, (Bucket(HOUR, 0, 2, 280, (b"a" * 16, b"b" * 16), SUMMARY), Bucket(DAY, 0, 2, 280, (b"b" * 16,), None))
)
GOLDEN = bytes.fromhex(
    "9301cd012c9296ce0036ee800002cd011892c41061616161616161616161616161616161c4106262626262626262"
    "62626262626262629ec410737373737373737373737373737373730205070202cd012290c400c0c00700c096ce05"
    "265c000002cd011891c41062626262626262626262626262626262c0"
)


def born(time: int, position: int = 0) -> Born:
    """Give what an incident was made as."""
    return Born(time, position, time, time, 1, 1, ())


def judged(rule: Rule, made: list[tuple[bytes, int]], flood: Flood = NEW) -> tuple[Flood, list[bool], list[Incident]]:
    """Judge incidents (id, time) one after another, each at a position of its own."""
    told, said = [], []
    for position, (one, time) in enumerate(made, flood.position + 1):
        flood, is_told, summary = judge(rule, "1", flood, one, born(time, position), position, None)
        told.append(is_told)
        said += [] if summary is None else [summary]
    return flood, told, said


def test_golden() -> None:
    """A flood row has these bytes, and they are that row; they begin as a row's do."""
    assert GOLDEN == encode_flood(FLOOD)
    assert FLOOD == decode_flood(GOLDEN)
    assert 300 == row_position(GOLDEN)


@pytest.mark.parametrize("data", [b"", b"\x93\x02\x00\x90", b"\x91\x01", b"{}"])
def test_what_is_no_flood_row(data: bytes) -> None:
    """It is refused by name."""
    with pytest.raises(BadRow):
        decode_flood(data)


def test_the_key_is_that_of_no_match() -> None:
    """It says rule and customer."""
    assert Key("R", "7", ()) == of_flood(flood_key("R", "7"))
    assert of_flood(encode_key("R", "7", ())) is None


def test_the_first_of_a_bucket_are_told(rule_of: Callable[..., Rule]) -> None:
    """By the hour and the day of their first trigger, whatever comes between; the hour's summary counts first."""
    rule = rule_of(caps=Caps(2, 3))
    times = [0, 1, 2, HOUR, HOUR + 1, 3, DAY, HOUR + 2]
    flood, told, said = judged(rule, [(bytes([number]), START + time) for number, time in enumerate(times)])
    assert [True, True, False, True, False, False, True, False] == told
    counts = {(bucket.span, bucket.start): bucket.summary.count for bucket in flood.buckets if bucket.summary}
    day = START // DAY * DAY
    assert {(HOUR, START): 2, (DAY, day): 2} == counts
    assert [1, 1, 2, 2] == [each.count for each in said]


def test_a_summary_is_an_incident(rule_of: Callable[..., Rule]) -> None:
    """Of the rule, with its title and no attributes; its type says what it is, and anybody can recompute its id."""
    rule = rule_of(caps=Caps(per_hour=1), group_by=("hostName", "procName"))
    _, _, said = judged(rule, [(b"a", START), (b"b", START + 5), (b"c", START + 3)])
    wire = msgspec.json.decode(to_bytes(said[-1]))
    name = f'["1","PH_Rule_Test",[["flood","hour"]],{START}]'
    assert str(uuid5(NAMESPACE, name)) == wire["incidentId"]
    expected = {
        "activity": "update",
        "incidentStatus": 0,
        "incidentTitle": "A test",
        "eventType": "PH_Rule_Test_FLOOD",
        "ruleId": "PH_Rule_Test",
        "count": 2,
        "incidentCount": 2,
        "incidentFirstSeen": START + 3,
        "incidentLastSeen": START + 5,
        "incidentDetail": "",
        "triggeringEventList": [],
        "phCustId": 1,
        "revision": 2,
    }
    assert expected == {field: wire[field] for field in expected}
    assert "hostName" not in wire
    day = judged(rule_of(caps=Caps(per_day=1)), [(b"a", START), (b"b", START)])[2]
    assert str(uuid5(NAMESPACE, f'["1","PH_Rule_Test",[["flood","day"]],{START // DAY * DAY}]')) == day[0].incident_id


def test_a_summary_is_paced_and_cleared(rule_of: Callable[..., Rule]) -> None:
    """At most one record in update_interval, the last number is never lost, and it is over when its bucket is."""
    rule = rule_of(caps=Caps(per_hour=1), update_interval=MINUTE, lateness=5 * MINUTE)
    flood, _, said = judged(rule, [(bytes([n]), START + n * MINUTE // 2) for n in range(5)])
    assert [(1, 1), (3, 3)] == [(each.revision, each.count) for each in said]
    assert START + 5 * MINUTE // 2 == wake_at(rule, flood)
    assert (flood, ()) == pass_time(rule, "1", flood, START + 5 * MINUTE // 2 - 1, 9, 0)
    paced, told = pass_time(rule, "1", flood, START + 5 * MINUTE // 2, 9, 0)
    assert paced is not None
    assert [(4, 4)] == [(each.revision, each.count) for each in told]
    over = START + HOUR + 5 * MINUTE + 1
    assert over == wake_at(rule, paced)
    assert (paced, ()) == pass_time(rule, "1", paced, over - 1, 9, 0)
    for before in (flood, paced):  # also where the last change was not said yet
        cleared, told = pass_time(rule, "1", before, over, 9, 0)
        assert [(5, 4, "clear", 1)] == [(each.revision, each.count, each.activity, each.status) for each in told]
        wire = msgspec.json.decode(to_bytes(told[0]))
        assert ("clear", 1) == (wire["activity"], wire["incidentStatus"])
        assert cleared is not None
        late, is_told, summary = judge(rule, "1", cleared, b"late", born(START + 1), 10, None)
        assert not is_told
        assert summary is not None
        assert (6, 5, "clear") == (summary.revision, summary.count, summary.activity)
        assert summaries(rule, "1", late) == (summary,)


def test_every_change_is_said_where_nothing_paces(rule_of: Callable[..., Rule]) -> None:
    """In whatever order their times come."""
    said = judged(rule_of(caps=Caps(per_hour=1)), [(b"a", START + 9), (b"b", START + 5), (b"c", START + 3)])[2]
    assert [1, 2] == [each.count for each in said]


def test_what_is_over_is_forgotten_when_it_is_settled(rule_of: Callable[..., Rule]) -> None:
    """A bucket goes when its incidents can; the row goes with the last one."""
    rule = rule_of(caps=Caps(per_hour=1), lateness=MINUTE, clear_after=MINUTE, window=MINUTE)
    flood, _, _ = judged(rule, [(b"a", START), (b"b", START), (b"c", START + HOUR)])
    gone = START + HOUR + 2 * MINUTE + 1
    for time, settled, left in ((gone - 1, 9, 2), (gone, 5, 2), (gone, 6, 1), (gone + HOUR, 9, 0)):
        after = pass_time(rule, "1", flood, time, 5, settled)[0]
        assert left == (0 if after is None else len(after.buckets))
    assert summaries(rule, "1", flood)[0].count == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 6)), max_size=40),
    st.integers(1, 3),
    st.integers(1, 5),
    st.data(),
)
def test_read_again_a_verdict_is_the_same(
    rule_of: Callable[..., Rule], made: list[tuple[int, int, int]], hour: int, day: int, data: st.DataObject
) -> None:
    """As a brute force has it: in order, with the hour's and the day's cap; several at one position; and after a crash.

    What was judged is judged alike by the row at rest, wherever reading begins again, in any choice of incidents; and
    what comes then is judged as if there had been no crash.
    """
    rule = rule_of(caps=Caps(hour, day))
    log, position = [], 0
    for number, (step, days, hours) in enumerate(made):
        position += step
        log.append((bytes([number]), START // DAY * DAY + days * DAY + hours * HOUR, position))
    crash = data.draw(st.integers(0, len(log)))
    while 0 < crash < len(log) and log[crash][2] == log[crash - 1][2]:
        crash += 1  # a row at rest has judged all of its position
    told: set[bytes] = set()
    counts: dict[tuple[int, int], int] = {}
    flood, at_rest = NEW, NEW
    for place, (one, time, where) in enumerate(log):
        keys = [(HOUR, time // HOUR), (DAY, time // DAY)]
        if all(counts.get(key, 0) < cap for key, cap in zip(keys, (hour, day), strict=True)):
            told.add(one)
            for key in keys:
                counts[key] = counts.get(key, 0) + 1
        flood, is_told, _ = judge(rule, "1", flood, one, born(time), where, None)
        assert (one in told) == is_told
        if place == crash - 1:
            at_rest = decode_flood(encode_flood(replace(flood, position=where)))
    held = sum(bucket.summary.count for bucket in flood.buckets if bucket.summary)
    assert len(log) == len(told) + held
    again = data.draw(st.lists(st.sampled_from(log[:crash]))) if crash else []
    for one, time, where in sorted(again, key=lambda each: each[2]):
        after, is_told, summary = judge(rule, "1", at_rest, one, born(time), where, None)
        assert (at_rest, one in told, None) == (after, is_told, summary)
    for one, time, where in log[crash:]:
        at_rest, is_told, _ = judge(rule, "1", at_rest, one, born(time), where, None)
        assert (one in told) == is_told
    assert flood.buckets == at_rest.buckets


def test_what_is_held_back_is_muted_and_found_again(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match]
) -> None:
    """Nothing of it is said, then, later or again; its first trigger is rejected, and again after a crash."""
    rule, rows = rule_of(caps=Caps(per_hour=1), evidence=1), dict[str, Row]()
    agenda = Agenda()
    floods = Floods(lambda _: None, agenda)
    said: list[tuple[str, int]] = []
    rejected: list[Rejection] = []
    for position, host in enumerate(("a", "b", "a", "b", "b")):
        match = match_of(START + position, position, group=(host,))
        observed = observe(rule, rows.get(host), match, position, None)
        observed = floods.admit(rule, "1", observed, position, None)
        rows[host] = observed.row
        said += [(each.rule.event_type, each.revision) for each in observed.incidents]
        rejected += observed.suppressed
    assert [("PH_Rule_Test", 1), ("PH_Rule_Test_FLOOD", 1), ("PH_Rule_Test", 2)] == said
    assert 3 == rows["b"].episodes[0].count
    assert (1, 0) == tuple(len(current(rule, Key(rule.id, "1", (host,)), rows[host])) for host in ("a", "b"))
    detail = f"incident {id_text(rows['b'].episodes[0].id)} is held back by the rule's [flood]"
    assert [("flood", "sysmon", 1, START + 1, rule.id, detail)] == [
        (each.reason, each.topic, each.offset, each.timestamp, each.rule, each.detail) for each in rejected
    ]
    assert rejected == list(held_back(rule, rows["b"], 1))
    assert [] == list(held_back(rule, rows["b"], 2))
    assert [] == list(held_back(rule, rows["a"], 0))
    assert flood_key(rule.id, "1") in agenda
    written = floods.written(4)
    assert 4 == row_position(written[flood_key(rule.id, "1")] or b"")
    repeated = observe(rule, rows["a"], match_of(START, 0, group=("a",)), 0, None)
    again = Floods(written.get, Agenda())
    assert repeated == again.admit(rule, "1", repeated, 0, None)
    for host, position in (("a", 0), ("b", 1)):  # the row of the group did not get out, that of the caps did
        match = match_of(START + position, position, group=(host,))
        observed = again.admit(rule, "1", observe(rule, None, match, position, None), position, None)
        assert (position == 0) == bool(observed.incidents)
    assert {} == again.written(9)


def test_lines_of_a_row_are_muted_too(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """Of rules whose incidents nest."""
    rule = rule_of(caps=Caps(per_hour=1))
    floods = Floods(lambda _: None, Agenda())
    for position in range(2):
        observed = observe(rule, None, match_of(START, position), position, None)
        other = Episode(b"other" + bytes(11), 1, 0, 0, 1, 1, 0, (Mark(0, 0, 0),), b"")
        nested = replace(observed.row, episodes=(), lines=(Line(("x",), (*observed.row.episodes, other)),))
        one = replace(observed.incidents[0], episode=replace(observed.incidents[0].episode, id=bytes([position]) * 16))
        nested = replace(nested, lines=(Line(("x",), (one.episode, other)),))
        admitted = floods.admit(rule, "1", replace(observed, row=nested, incidents=(one,)), position, None)
        assert [position * MUTED, 0] == [each.flags for each in admitted.row.lines[0].episodes]
        assert position == len(admitted.suppressed)


def test_time_passes_for_a_row(rule_of: Callable[..., Rule], match_of: Callable[..., Match]) -> None:
    """What is due is said once; a row of which nothing is left is removed."""
    rule = rule_of(caps=Caps(per_hour=1), lateness=MINUTE, clear_after=MINUTE, window=MINUTE)
    agenda = Agenda()
    floods = Floods(lambda _: None, agenda)
    for position, host in enumerate("ab"):
        observed = observe(rule, None, match_of(START, position, group=(host,)), position, None)
        floods.admit(rule, "1", observed, position, None)
    key, over = flood_key(rule.id, "1"), START + HOUR + MINUTE + 1
    assert [(over, key)] == list(agenda.take(over))
    assert ["clear"] == [each.activity for each in floods.look(rule, "1", over, 5, 9)]
    assert 0 == len(floods.look(rule, "1", over, 5, 9))
    assert [(over + MINUTE, key)] == list(agenda.take())
    assert 0 == len(floods.look(rule, "1", over + MINUTE, 5, 9))
    assert {key: None} == floods.written(5)
    observed = observe(rule, None, match_of(START, 7, group=("c",)), 7, None)
    assert observed == floods.admit(rule, "1", observed, 7, None)


@pytest.mark.parametrize(("flags", "stays"), [((0, MUTED), 0), ((MUTED, 0), 0), ((MUTED, MUTED), MUTED)])
def test_incidents_that_are_joined(rule_of: Callable[..., Rule], flags: tuple[int, int], stays: int) -> None:
    """What was told goes on being told; one that is told only now was no event, and stays none."""
    rule = rule_of(caps=Caps(per_hour=1), clear_after=10, window=10)
    mark = Mark(0, 0, 0)
    episodes = tuple(
        Episode(bytes([n]) * 16, 1, time, time, 1, 1, n, (mark,), b"", flags=flags[n], born=born(time, n))
        for n, time in enumerate((0, 20))
    )
    row = Row(ROW_VERSION, 5, 20, (Source("T", "s", 0, 9),), episodes, ())
    after, _ = correlate(rule, Key(rule.id, "1", ("pc1",)), row, (Decision(10, Mark(10, 0, 5), 1),))
    assert [stays, flags[1]] == [one.flags for one in after]
    assert (flags[0] == stays) == (after[0].born is not None)
    assert after[1].born is not None


def record(offset: int, minutes: int, host: str, customer: int = 1) -> Record:
    """Give a record in FortiSIEM's own JSON."""
    event = {"eventType": "E", "hostName": host, "phRecvTime": START + minutes * MINUTE, "phCustId": customer}
    return Record("sysmon", 0, offset, 0, json.dumps(event).encode())


def test_replay_holds_back_too(rule_of: Callable[..., Rule]) -> None:
    """By rule and customer, on arrival and as final; what is rejected can be found; the summary is cleared."""
    caps = Caps(per_hour=2)
    rule = rule_of(caps=caps)
    given = [record(n, n, f"h{n}") for n in range(5)] + [record(5, 5, "h0", 2), record(6, 600, "h9")]
    for each in (rule, replace(rule, final=True)):
        each = replace(each, subpattern=replace(rule.subpattern, filter=EVERYTHING))  # noqa: PLW2901 - the rule tried
        tally = Tally()
        found = list(replay(Rulebook({rule.id: each}), given, tally=tally))
        told = [one for one in found if isinstance(one, Incident)]
        hosts = sorted((one.key.customer, str(one.attributes["hostName"])) for one in told if not one.rule.summary)
        assert [("1", "h0"), ("1", "h1"), ("1", "h9"), ("2", "h0")] == hosts
        sums = [(one.activity, one.count) for one in told if one.rule.summary]
        assert [("create", 1), ("update", 2), ("update", 3), ("clear", 3)] == sums
        assert {"flood": 3} == tally.rejected
        assert [2, 3, 4] == [one.offset for one in found if isinstance(one, Rejection)]


@pytest.mark.parametrize("final", [False, True])
def test_the_end_of_a_replay_says_what_waits(rule_of: Callable[..., Rule], final: bool) -> None:  # noqa: FBT001 - a table's column
    """The last number comes, and nothing is cleared by the end of a file."""
    rule = rule_of(caps=Caps(per_hour=1, per_day=9), update_interval=MINUTE, final=final)
    rule = replace(rule, subpattern=replace(rule.subpattern, filter=EVERYTHING))
    given = [record(n, 0, f"h{n}") for n in range(4)]
    found = [each for each in replay(Rulebook({rule.id: rule}), given) if isinstance(each, Incident)]
    sums = [(one.activity, one.count) for one in found if one.rule.summary]
    assert [("create", 1), ("update", 3)] == sums
