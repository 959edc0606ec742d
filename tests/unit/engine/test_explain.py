"""Why a rule fired or not: what is said of each event of a replay, its match, its window and its incidents."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from stream_app.engine.expense import TooExpensive
from stream_app.engine.explain import Given, explain
from stream_app.engine.explained import Explained, Standing, Told
from stream_app.engine.incident import Incident
from stream_app.engine.process_context import Joining
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.engine.screen import Screen
from stream_app.language.explain import Explainer
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.rulefile import Defaults

START = 1_700_000_000_000

HEAD = """\
name = "n"
severity = 1
category = "Security"
window = 60
"""

ONE = """\
[pattern.Filter]
query = '''eventType = "E" AND procName != "good"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 2"
[incident]
hostName = "Filter.hostName"
"""

SUMS = """\
decide = "final"
[pattern.Filter]
query = '''eventType = "E"'''
group_by = ["hostName"]
aggregate = "SUM(sentBytes64) > 100 AND COUNT(*) < 5"
[incident]
hostName = "Filter.hostName"
totBytes64 = "Filter.SUM(sentBytes64)"
"""

JOINT = """\
trigger = "(A FOLLOWED_BY B) NOT_FOLLOWED_BY C"
global = "A.hostName = B.hostName AND B.hostName = C.hostName"
[pattern.A]
query = '''eventType = "A"'''
group_by = ["hostName", "user"]
aggregate = "COUNT(*) >= 1"
[pattern.B]
query = '''eventType = "B"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 2"
[pattern.C]
query = '''eventType = "C"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[clear]
query = '''eventType = "D"'''
group_by = ["hostName"]
match = { hostName = "hostName" }
[incident]
hostName = "A.hostName"
user = "A.user"
[[exception]]
when = 'user = "tester"'
reason = "a test"
"""


EVERY_CHANGE = Defaults(update_interval=0)


def rules(folder: Path, defaults: Defaults = EVERY_CHANGE, **texts: str) -> Rulebook:
    """Write rules, by id, and load them."""
    for name, text in texts.items():
        (folder / name).mkdir()
        (folder / name / f"{name}.toml").write_text(f'id = "{name}"\n{HEAD}{text}')
    return load_rulebook(folder, defaults)


def given(*events: dict[str, object]) -> Iterator[Given]:
    """Give events of host pc1, each ``at`` so many seconds, named e0, e1 and so on."""
    for offset, event in enumerate(events):
        facts = {"eventType": "E", "hostName": "pc1", **event}
        time = START + int(str(facts.pop("at", offset))) * 1000
        value = json.dumps({**facts, "phRecvTime": time}).encode()
        yield Given(f"e{offset}", Record("sysmon", 0, offset, 0, value))


def explained(rulebook: Rulebook, *events: dict[str, object], rule: str = "R", **options: object) -> list[Explained]:
    """Explain a rule of events; what is said can be written as JSON."""
    said = list(explain(rulebook, rule, given(*events), **options))
    assert all(json.loads(msgspec.json.encode(each))["place"] == each.place for each in said)
    return said


def standing(one: Explained) -> Standing:
    """Give the only key of an event's match."""
    (only,) = one.standings
    return only


def kinds(told: Iterable[Told]) -> list[tuple[str, int, bool]]:
    """Give activity, count and whether it was said."""
    return [(each.activity, each.count, each.said) for each in told]


def test_an_event_that_does_not_match_has_its_filter_explained_and_no_key(tmp_path: Path) -> None:
    """The comparison that decided is there with the value that it saw, and what would be grouped by."""
    (one,) = explained(rules(tmp_path, R=ONE), {"procName": "GOOD"})
    (pattern,) = one.patterns
    assert (False, (), "e0", START, "E") == (one.matches, one.standings, one.place, one.time, one.event_type)
    assert ("Filter", False, {"hostName": "pc1"}) == (pattern.name, pattern.holds, pattern.group)
    assert [('eventType = "E"', True), ('procName != "good"', False)] == [
        (part.text, part.holds) for part in pattern.filter.parts
    ]
    assert "GOOD" == pattern.filter.parts[1].seen[0].value


def test_the_window_of_a_match_is_counted_and_listed(tmp_path: Path) -> None:
    """What triggers, what only counts, what the window has left behind, and the incident that came."""
    first, second, third = explained(rules(tmp_path, R=ONE), {"at": 0}, {"at": 59}, {"at": 60, "procName": "x"})
    assert ("counted", 1, ()) == (standing(first).verdict, standing(first).count, standing(first).incidents)
    assert ("triggers", 2) == (standing(second).verdict, standing(second).count)
    assert [("e0", False), ("e1", True)] == [(each.place, each.triggers) for each in standing(second).events]
    assert [("create", 1, True)] == kinds(standing(second).incidents)
    last = standing(third)
    assert (START, START + 60_000, {"hostName": "pc1"}, "1") == (last.begin, last.end, last.key, last.customer)
    assert ["e1", "e2"] == [each.place for each in last.events]
    assert last.group
    assert ("COUNT(*) >= 2", True, {"COUNT(*)": 2}) == (last.group.constraint, last.group.holds, last.group.measures)
    assert [("update", 2, True)] == kinds(last.incidents)


def test_a_crowd_is_counted_whole_and_listed_in_part(tmp_path: Path) -> None:
    """A row lets go of events that decide nothing; what is said of the window counts all of them."""
    last = standing(explained(rules(tmp_path, R=ONE), *[{"at": 0}] * 40, {"at": 5})[-1])
    assert (41, 20, "e40") == (last.count, len(last.events), last.events[-1].place)
    late = explained(rules(tmp_path, S=ONE), *[{"at": at} for at in range(30)], {"at": 10}, rule="S")[-1]
    assert ("triggers", 12) == (standing(late).verdict, standing(late).count)


def test_a_rule_that_every_event_triggers_holds_nothing_and_has_a_window_all_the_same(tmp_path: Path) -> None:
    """Each event is listed as a trigger."""
    one = ONE.replace(">= 2", ">= 1")
    last = standing(explained(rules(tmp_path, R=one), {"at": 0}, {"at": 1})[-1])
    assert ("triggers", [True, True]) == (last.verdict, [each.triggers for each in last.events])


def test_what_waits_to_be_decided_says_until_when(tmp_path: Path) -> None:
    """The constraint's measures have their values; what is decided as time passes is told where that was."""
    rulebook = rules(tmp_path, Defaults(update_interval=0, lateness=1000), R=SUMS)
    first, second, third = explained(
        rulebook, {"at": 0, "sentBytes64": 90}, {"at": 1, "sentBytes64": 20}, {"at": 3, "hostName": "pc2"}, sources=1
    )
    assert ("waits", START + 1001) == (standing(first).verdict, standing(first).decided_at)
    (group,) = [standing(second).group]
    assert group
    assert (True, {"SUM(sentBytes64)": 110, "COUNT(*)": 2}) == (group.holds, group.measures)
    assert [True, True] == [each.waits for each in standing(second).events]
    assert {"sentBytes64": 20} == second.patterns[0].brings
    assert [("create", 1, True)] == kinds(third.by_time)
    assert {"hostName": "pc1", "totBytes64": 110} == third.by_time[0].attributes


def test_what_comes_only_because_the_records_end_is_told_last(tmp_path: Path) -> None:
    """Without time that moves, what is decided as final is decided at the end; nothing is said where nothing comes."""
    rulebook = rules(tmp_path, R=SUMS)
    *_, end = explained(rulebook, {"at": 0, "sentBytes64": 190})
    assert ("end", None, [("create", 1, True)]) == (end.place, end.time, kinds(end.by_time))
    assert ["e0"] == [each.place for each in explained(rulebook, {"at": 0, "sentBytes64": 1})]


def test_an_update_that_is_paced_says_until_when(tmp_path: Path) -> None:
    """It changes the incident and is not said; at the end it is."""
    rulebook = rules(tmp_path, Defaults(update_interval=60_000), R=ONE)
    *_, third, end = explained(rulebook, {"at": 0}, {"at": 1}, {"at": 2})
    (told,) = standing(third).incidents
    assert ("update", False, START + 61_000) == (told.activity, told.said, told.until)
    assert "update_interval" in told.why_not
    assert [("update", 2, True)] == kinds(end.by_time)


def test_a_late_match_says_by_how_much(tmp_path: Path) -> None:
    """It is not counted, and lies on the rejected topic."""
    rulebook = rules(tmp_path, Defaults(lateness=1000), R=ONE)
    *_, late = explained(rulebook, {"at": 10}, {"at": 5}, sources=1)
    one = standing(late)
    assert ("late", 5000, 1000, 0) == (one.verdict, one.late_by, one.lateness, one.count)
    assert ["late"] == [each.reason for each in late.rejected]


def test_an_exception_is_explained_for_the_events_group(tmp_path: Path) -> None:
    """Whether its condition and its period hold, of what, and that the trigger made nothing."""
    exceptions = """
[[exception]]
when = 'hostName = "PC1"'
reason = "a scanner"
[[exception]]
when = 'hostName = "pc2"'
reason = "another"
until = 2020-01-01T00:00:00Z
"""
    _, second = explained(rules(tmp_path, R=ONE + exceptions), {"at": 0}, {"at": 1})
    first, other = second.exceptions
    assert (True, True, True, "a scanner") == (first.holds, first.in_period, first.when.holds, first.reason)
    assert (False, False, False) == (other.holds, other.in_period, other.when.holds)
    assert {"hostName": "pc1"} == first.of
    assert ["suppressed"] == [each.reason for each in second.rejected]
    assert ("triggers", ()) == (standing(second).verdict, standing(second).incidents)


@pytest.mark.parametrize(
    ("table", "cap"), [("per_hour = 1", "per_hour = 1"), ("per_hour = 5\nper_day = 1", "per_day = 1")]
)
def test_an_incident_that_a_cap_holds_back_names_the_cap(tmp_path: Path, table: str, cap: str) -> None:
    """The rejection says which one; the incident was made and is not said; the summary is."""
    rulebook = rules(tmp_path, R=ONE.replace(">= 2", ">= 1") + f"[flood]\n{table}\n")
    first, second, third = explained(rulebook, {"at": 0}, {"at": 1, "hostName": "pc2"}, {"at": 2, "hostName": "pc2"})
    assert [("create", 1, True)] == kinds(standing(first).incidents)
    (rejected,) = second.rejected
    assert ("flood", True) == (rejected.reason, rejected.detail.endswith(f": {cap}"))
    assert [("create", 1, True), ("create", 1, False)] == kinds(standing(second).incidents)
    assert [True, False] == [each.summary for each in standing(second).incidents]
    assert [("update", 2, False)] == kinds(standing(third).incidents)
    assert "cap" in standing(third).incidents[0].why_not


def test_a_cap_that_holds_back_what_time_decides_is_told_without_its_name(tmp_path: Path) -> None:
    """What is decided at the end has no match at hand to name a customer."""
    rulebook = rules(tmp_path, R=SUMS + "[flood]\nper_day = 1\n")
    *_, end = explained(rulebook, {"sentBytes64": 200}, {"sentBytes64": 200, "hostName": "pc2"})
    assert ["flood"] == [each.reason for each in end.rejected]


def test_a_record_that_comes_again_is_counted_once(tmp_path: Path) -> None:
    """Its match is told as repeated."""
    records = [*given({"at": 0}), *given({"at": 0})]
    first, again = explain(rules(tmp_path, R=ONE), "R", records)
    assert ["counted", "repeated"] == [standing(first).verdict, standing(again).verdict]
    assert 1 == standing(again).count


def test_a_row_that_is_full_counts_no_more(tmp_path: Path) -> None:
    """The match is not in the window."""
    rulebook = rules(
        tmp_path, R="row_limit = 100000\n" + SUMS.replace("SUM(sentBytes64) > 100", "COUNT(DISTINCT user) > 1")
    )
    *_, last = explained(rulebook, *[{"at": 0, "user": "u" * 30_000 + str(at)} for at in range(4)])[:4]
    assert ("row full", 3) == (standing(last).verdict, standing(last).count)
    assert ["row full"] == [each.reason for each in last.rejected]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A broken record, one without a value, and one that is known not to be readable, which is not played."""
    records = [
        Given("a", Record("sysmon", 0, 0, 0, b"{")),
        Given("b", Record("sysmon", 0, 1, 0, None), note="said"),
        Given("c", Record("sysmon", 0, 2, 0, b""), unread="gone"),
    ]
    said = list(explain(rules(tmp_path, R=ONE), "R", records))
    assert ["not json", "empty", "gone"] == [each.unread.split(":")[0] for each in said]
    assert ["", "said", ""] == [each.note for each in said]
    assert [False] * 3 == [each.matches for each in said]


def test_a_rule_that_is_not_enabled_is_explained_as_if_it_were(tmp_path: Path) -> None:
    """Its matches are counted."""
    *_, last = explained(rules(tmp_path, R="enabled = false\n" + ONE, S=ONE), {}, {})
    assert "triggers" == standing(last).verdict


def test_the_time_is_that_of_the_rules_clock(tmp_path: Path) -> None:
    """A rule of the event's clock takes the time at which the event happened, where it says one."""
    rulebook = rules(tmp_path, R='clock = "event"\n' + ONE)
    xml = (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider "
        "Name='Microsoft-Windows-Sysmon'/><EventID>5</EventID><TimeCreated SystemTime='2023-11-14T22:13:20.000Z'/>"
        "<Channel>c</Channel><Computer>pc1</Computer></System><EventData/></Event>"
    )
    (one,) = explain(rulebook, "R", [Given("x", Record("sysmon", 0, 0, 5, xml.encode()))])
    assert START == one.time
    assert START == explained(rulebook, {})[0].time


def test_several_patterns_each_say_what_they_are_and_what_the_window_holds_of_them(tmp_path: Path) -> None:
    """Which occur, which are missing, what the trigger line makes of it, and the combinations that end here."""
    rulebook = rules(tmp_path, R=JOINT)
    _, third, fourth = explained(rulebook, {"eventType": "A", "user": "u"}, {"eventType": "B"}, {"eventType": "B"})[:3]
    one, two = standing(third), standing(fourth)
    assert {"A.hostName = B.hostName = C.hostName = Clear.hostName": "pc1"} == one.key
    assert [
        ("A", "must occur", True),
        ("B", "must occur", False),
        ("C", "must not come", False),
        ("Clear", "clears", False),
    ] == [(each.name, each.role, each.occurs) for each in one.patterns]
    (group,) = one.patterns[1].groups
    assert ({"hostName": "pc1"}, 1, False, "COUNT(*) >= 2") == (group.group, group.count, group.holds, group.constraint)
    assert [(("A", "B"), False, ("B",))] == [(way.patterns, way.satisfied, way.missing) for way in one.ways]
    assert [(True, ())] == [(way.satisfied, way.missing) for way in two.ways]
    assert ({"hostName": "pc1", "user": "u"},) == two.combinations
    assert [("A",), ("B",), ("B",)] == [each.patterns for each in two.events]
    assert [False, True, False, False] == [pattern.holds for pattern in fourth.patterns]
    assert ("waits", None) == (two.verdict, two.group)


def test_exceptions_of_several_patterns_are_asked_of_combinations(tmp_path: Path) -> None:
    """The incident's attributes are known where a combination ends."""
    rulebook = rules(tmp_path, R=JOINT)
    events = [{"eventType": "A", "user": "tester"}, {"eventType": "B"}, {"eventType": "B"}]
    *_, last, end = explained(rulebook, *events)
    (exception,) = standing(last).exceptions
    assert (True, {"hostName": "pc1", "user": "tester"}) == (exception.holds, exception.of)
    assert ((), ["suppressed"]) == (last.exceptions, [each.reason for each in end.rejected])


def test_triggers_of_several_patterns_are_marked(tmp_path: Path) -> None:
    """On arrival, an event that completes a combination triggers; one that comes late is not held."""
    plain = JOINT.replace(" NOT_FOLLOWED_BY C", "").replace(" AND B.hostName = C.hostName", "")
    start, end = plain.index("[pattern.C]"), plain.index("[clear]")
    rulebook = rules(tmp_path, Defaults(update_interval=0, lateness=1000), R=plain[:start] + plain[end:])
    events = [{"eventType": "A", "user": "u"}, {"eventType": "B"}, {"eventType": "B"}, {"at": 100, "eventType": "A"}]
    *_, third, _, late = explained(rulebook, *events, {"at": 4, "eventType": "B"}, sources=1)
    assert ("triggers", [("create", 1, True)]) == (standing(third).verdict, kinds(standing(third).incidents))
    assert ("late", (), True) == (standing(late).verdict, standing(late).patterns, "not held" in standing(late).note)


CHAINED = """\
[pattern.Filter]
query = '''eventType = "R" AND hostName = "pc1"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 2"
[incident]
hostName = "Filter.hostName"
"""


def test_incidents_that_a_rule_reads_are_events_too(tmp_path: Path) -> None:
    """Each stands behind the record that made it, named for the incident, and counts in windows."""
    rulebook = rules(
        tmp_path,
        R=ONE.replace(">= 2", ">= 1").replace('"hostName"]', '"hostName", "user"]') + 'user = "Filter.user"\n',
        S=CHAINED,
    )
    said = explained(rulebook, {"user": "a"}, {"user": "a"}, {"user": "b"}, rule="S")
    assert [False, True, False, False, True] == [each.matches for each in said]
    made = [each.place for each in said if each.matches]
    assert ["R", "R"] == [each.event_type for each in said if each.matches]
    assert made == [each.place for each in standing(said[-1]).events]
    assert all(place.startswith("incidents/") for place in made)
    assert [("create", 1, True)] == kinds(standing(said[-1]).incidents)


def test_a_watch_list_is_as_it_was_when_the_event_came(tmp_path: Path) -> None:
    """The event that puts a value on a list is explained of the list before that."""
    fills = ONE.replace(">= 2", ">= 1") + '[[watch_list]]\nname = "hosts"\nattribute = "hostName"\n'
    reads = ONE.replace('procName != "good"', "hostName IN (WatchList@hosts)")
    rulebook = rules(tmp_path, R=reads, S=fills)
    assert [False, True, True] == [each.matches for each in explained(rulebook, {}, {}, {})]


def connection(image: str, at: int, **fields: str) -> Given:
    """Give an event of a process, 1 or 3."""
    facts = {"Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "pc1", "Image": image, **fields}
    value = json.dumps({"EventID": 3, "ProcessGuid": "{5a2f7b10-4c1d-67c4-1018-000000001a00}", **facts}).encode()
    return Given(f"c{at}", Record("sysmon", 0, at, START + at, value))


def test_connections_are_completed_where_they_are_joined_with_their_process(tmp_path: Path) -> None:
    """What the process adds is seen by filters and groups; other events, and those nobody wants, are as they are."""
    text = ONE.replace('"E" AND procName != "good"', '"Win-Sysmon-3-Network-Connect" AND command = "c"')
    rulebook = rules(tmp_path, R=text.replace('"hostName"]', '"hostName", "command"]') + 'command = "Filter.command"\n')
    records = [
        connection("a", 1, EventID="1", CommandLine="c"),
        connection("a", 2),
        connection("a", 3, EventID="7"),
    ]
    assert [False, True, False] == [each.matches for each in explain(rulebook, "R", records, joining=Joining(wait=5))]
    assert [False] * 3 == [each.matches for each in explain(rulebook, "R", records)]


def test_what_would_take_too_many_combinations_is_said(tmp_path: Path) -> None:
    """The event is refused, and the window is not looked at any further."""
    text = """\
trigger = "A AND B AND C"
global = "A.user != B.user AND B.user != C.user"
[pattern.A]
query = '''eventType = "E" AND procName = "a"'''
group_by = ["user"]
aggregate = "COUNT(*) >= 1"
[pattern.B]
query = '''eventType = "E" AND procName = "b"'''
group_by = ["user"]
aggregate = "COUNT(*) >= 1"
[pattern.C]
query = '''eventType = "E" AND procName = "c"'''
group_by = ["user"]
aggregate = "COUNT(*) >= 1"
[incident]
user = "A.user"
"""
    events = [{"at": 0, "procName": name, "user": f"u{n}"} for name in "ab" for n in range(105)]
    refused = standing(explained(rules(tmp_path, R=text), *events, {"at": 1, "procName": "c", "user": "u"})[-1])
    assert ("refused", {}, 210) == (refused.verdict, refused.key, refused.count)
    late = standing(
        explained(
            rules(tmp_path, S='decide = "final"\n' + text), *events, {"at": 1, "procName": "c", "user": "u"}, rule="S"
        )[210]
    )
    assert ("waits", True) == (late.verdict, "combinations" in late.note)
    assert (20, 85) == (len(late.patterns[0].groups), late.patterns[0].more_groups)


def test_what_is_played_is_what_a_replay_plays(tmp_path: Path) -> None:
    """The incidents that were said are those of a replay, in their order."""
    rulebook = rules(tmp_path, Defaults(update_interval=10_000), R=ONE)
    events = [{"at": at, "hostName": f"pc{at % 3}"} for at in range(0, 100, 3)]
    said = [
        (told.id, told.revision)
        for each in explained(rulebook, *events, sources=1)
        for told in (*(one for standing in each.standings for one in standing.incidents if one.said), *each.by_time)
    ]
    replayed = [
        each for each in replay(rulebook, [each.record for each in given(*events)]) if isinstance(each, Incident)
    ]
    assert sorted((each.incident_id, each.revision) for each in replayed) == sorted(said)
    assert len(said) > 5


def test_a_record_that_takes_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether explaining it does, or playing it."""
    rulebook = rules(tmp_path, R=ONE)
    expense = TooExpensive(700, 500)

    def broken_off(*_: object) -> None:
        raise expense

    with monkeypatch.context() as patched:
        patched.setattr(Screen, "wanting", broken_off)
        (played,) = explained(rulebook, {})
    monkeypatch.setattr(Explainer, "explain", broken_off)
    (asked,) = explained(rulebook, {})
    assert (True, ["too expensive"]) == (played.matches, [each.reason for each in played.rejected])
    assert (False, f"too expensive: {expense}") == (asked.matches, asked.unread)
