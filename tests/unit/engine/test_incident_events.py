"""Incidents as events that other rules match."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from stream_app.engine.chain import Chain, _of_incidents, event_of
from stream_app.engine.expense import TooExpensive
from stream_app.engine.incident import Incident, incident
from stream_app.engine.key import Key, encode_key
from stream_app.engine.match import GROUP_LIMIT, Match, Origin
from stream_app.engine.observe import advance, observe
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.engine.row import Born, Row
from stream_app.language.compile import NOTHING
from stream_app.language.values import AttributeType
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.attributes import VOCABULARY

RULE = """\
id = "{id}"
name = "Rule {id}"
severity = 7
category = "Security"
window = 60
lateness = 60
clear_after = 600
update_interval = 0
{more}
[pattern.Filter]
query = '{query}'
group_by = [{group_by}]
aggregate = "{aggregate}"
[incident]
{mapping}
"""
START = 1_700_000_000_000
SECOND = 1000


def rulebook_of(folder: Path, *rules: tuple[str, str, str, str, str]) -> Rulebook:
    """Load rules: id, query, group-by attributes, aggregate, and more lines of the file.

    An attribute stands as ``shown=attribute`` where an incident must show it under another name.
    """
    for rule_id, query, group_by, aggregate, more in rules:
        path = folder / rule_id / f"{rule_id}.toml"
        path.parent.mkdir()
        pairs = [name.partition("=") for name in group_by.split()]
        path.write_text(
            RULE.format(
                id=rule_id,
                query=query,
                group_by=", ".join(f'"{source or name}"' for name, _, source in pairs),
                aggregate=aggregate,
                mapping="\n".join(f'{name} = "Filter.{source or name}"' for name, _, source in pairs),
                more=more,
            )
        )
    return load_rulebook(folder)


def first(rulebook: Rulebook, rule_id: str, group: tuple[str, ...], time: int = START) -> tuple[Row, Incident]:
    """Give the row and the new incident of a match of a rule."""
    observed = observe(
        rulebook.rules[rule_id], None, Match(1, rule_id, "7", group, time, Origin("s", "T", 0, 3)), 9, None
    )
    return observed.row, observed.incidents[0]


@pytest.fixture(name="two")
def _two(tmp_path: Path) -> Rulebook:
    """Give a rule and another one that reads its incidents."""
    return rulebook_of(
        tmp_path,
        ("PH_Rule_A", 'eventType = "E"', "hostName destIpAddr", "COUNT(*) >= 1", ""),
        (
            "PH_Rule_B",
            'eventType = "PH_RULE_A" AND eventSeverity > 5',
            "hostName eventName=ruleName",
            "COUNT(*) >= 2",
            "",
        ),
        ("PH_Rule_C", 'eventType != "F"', "hostName", "COUNT(*) >= 1", ""),
    )


def test_the_event_that_an_incident_is(two: Rulebook) -> None:
    """It has FortiSIEM's attributes of an incident as it was made, the mapped ones, and each of its own type."""
    row, made = first(two, "PH_Rule_A", ("pc1", "10.0.0.1"))
    event = event_of(made)
    assert event is not None
    assert (START, None, None) == (event.received, event.created, event.get("command"))
    assert {
        "eventType": "PH_Rule_A",
        "phEventCategory": 1,
        "eventSeverity": 7,
        "ruleId": "PH_Rule_A",
        "ruleName": "Rule PH_Rule_A",
        "incidentId": made.incident_id,
        "incidentTitle": "Rule PH_Rule_A",
        "phCustId": 7,
        "incidentFirstSeen": START,
        "incidentLastSeen": START,
        "count": 1,
        "incidentCount": 1,
        "hostName": "pc1",
        "destIpAddr": "10.0.0.1",
    } == event.attributes
    for name, value in event.attributes.items():
        assert isinstance(value, int) == (VOCABULARY[name] is AttributeType.NUMBER), name
    later = observe(
        two.rules["PH_Rule_A"],
        row,
        Match(1, "PH_Rule_A", "7", ("pc1", "10.0.0.1"), START - SECOND, Origin("s", "T", 0, 4)),
        12,
        None,
    ).incidents[0]
    assert (2, START - SECOND) == (later.revision, later.first_seen)
    assert event == event_of(later)


def test_what_an_incident_is_asked(two: Rulebook) -> None:
    """The rules that read it match, by the incident as their origin; those that leave something out are not asked."""
    _, made = first(two, "PH_Rule_A", ("pc1", "10.0.0.1"))
    group = ("pc1", "Rule PH_Rule_A")
    origin = Origin("incidents", made.incident_id, -1, START)
    asked, edition = Chain(two).ask(made), two.rules["PH_Rule_B"].edition
    assert [(encode_key(edition, "7", group), Match(1, edition, "7", group, START, origin))] == asked.matches
    assert [] == asked.rejections


def test_what_is_not_asked(two: Rulebook) -> None:
    """An incident of a rule that nobody reads is no event, nor is one of which it was not kept what it was made as."""
    _, unread = first(two, "PH_Rule_C", ("pc1",))
    assert event_of(unread) is None
    assert () == Chain(two).ask(unread).matches
    _, made = first(two, "PH_Rule_A", ("pc1", "10.0.0.1"))
    assert () == Chain(Rulebook({"PH_Rule_A": two.rules["PH_Rule_A"]})).ask(made).matches


def test_the_time_of_an_incident_that_was_decided_as_final(tmp_path: Path) -> None:
    """It is the stream's time at which it became due, and what it shows is what it showed then."""
    rulebook = rulebook_of(
        tmp_path,
        ("A", 'eventType = "E"', "hostName", "COUNT(*) < 9", ""),
        ("B", 'eventType = "A"', "hostName", "COUNT(*) >= 1", ""),
    )
    rule = rulebook.rules["A"]
    match = Match(1, "A", "1", ("pc1",), START, Origin("s", "T", 0, 3))
    row = observe(rule, None, match, 9, None).row
    assert () == row.episodes
    due = START + 60 * SECOND + 1
    decided = advance(rule, Key("A", "1", ("pc1",)), row, due, 15)
    assert Born(due, 15, START, START, 1, 1, ()) == decided.row.episodes[0].born
    assert [due] == [match.time for _, match in Chain(rulebook).ask(decided.incidents[0]).matches]


def test_aggregates_that_are_shown_are_those_of_its_making(tmp_path: Path) -> None:
    """Whatever they are by the time that the incident is asked again."""
    rulebook = rulebook_of(
        tmp_path,
        ("A", 'eventType = "E"', "hostName", "COUNT(*) >= 1", ""),
        ("B", 'eventType = "A"', "hostName", "COUNT(*) >= 1", ""),
    )
    path = tmp_path / "A" / "A.toml"
    path.write_text(path.read_text() + 'totFlows = "COUNT(*)"\n')
    rulebook = load_rulebook(tmp_path)
    row: Row | None = None
    seen = []
    for offset in range(3):
        match = Match(1, "A", "1", ("pc1",), START + offset, Origin("s", "T", 0, offset))
        observed = observe(rulebook.rules["A"], row, match, offset, None)
        row = observed.row
        event = event_of(observed.incidents[0])
        assert event is not None
        seen.append((observed.incidents[0].attributes["totFlows"], event.get("totFlows")))
    assert [(1, 1), (2, 1), (3, 1)] == seen


def test_an_incident_that_was_joined_to_another_stays_the_event_that_it_was(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match]
) -> None:
    """Two that one in between joins were two events; one that a trigger joins in the step that makes it is one."""
    rule = rule_of(clear_after=10, window=10, chained=True)
    row: Row | None = None
    for offset, time in enumerate((0, 20, 10)):
        row = observe(rule, row, match_of(time, offset), offset, None).row
    assert row is not None
    assert [(0, 0), (20, 1)] == [(one.born.time, one.born.position) for one in row.episodes if one.born]
    assert [False, True] == [bool(one.into) for one in row.episodes]


def test_what_takes_too_long_and_what_is_too_large_is_rejected(two: Rulebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rejection names the rule and, in the place of a topic's id, the incident."""
    _, made = first(two, "PH_Rule_A", ("x" * GROUP_LIMIT, "10.0.0.1"))
    rejected = Chain(two).ask(made).rejections[0]
    assert ("match too large", "PH_Rule_B", "incidents", made.incident_id) == (
        rejected.reason,
        rejected.rule,
        rejected.topic,
        rejected.topic_id,
    )
    _, made = first(two, "PH_Rule_A", ("pc1", "10.0.0.1"))
    given = Chain(two).ask(made).matches

    def too_slow(*_: object) -> None:
        expense = TooExpensive(700, 500)
        expense.rules = ("PH_Rule_Slow",)
        expense.found = [(key, b"\x96" + b"\x01" + key[1:]) for key, _ in given]
        raise expense

    chain = Chain(two)
    monkeypatch.setattr(chain._detector, "detect", too_slow)
    monkeypatch.setattr("stream_app.engine.chain.decode_match", lambda _: given[0][1])
    asked = chain.ask(made)
    assert [("too expensive", "PH_Rule_Slow")] == [(each.reason, each.rule) for each in asked.rejections]
    assert list(given) == list(asked.matches)


def test_a_subpattern_that_reads_no_incidents_wants_none(two: Rulebook) -> None:
    """An incident is no record to the others of its rule."""
    both = replace(two.rules["PH_Rule_C"], others=(two.rules["PH_Rule_B"].subpattern,))
    filters = [each.filter for each in _of_incidents(both, ("PH_Rule_A",)).subpatterns]
    assert [NOTHING, two.rules["PH_Rule_B"].subpattern.filter] == filters
    assert not NOTHING({"hostName": "pc1"})
    assert not NOTHING.rest({})


def test_evidence_names_the_incident(two: Rulebook) -> None:
    """Beside records, which are named by their place."""
    rule = two.rules["PH_Rule_B"]
    row: Row | None = None
    origins = (Origin("incidents", "id-1", -1, START), Origin("s", "T", 2, 5), Origin("incidents", "id-2", -1, START))
    for position, origin in enumerate(origins):
        match = Match(1, "PH_Rule_B", "7", ("pc1", "n"), START + position, origin)
        row = observe(rule, row, match, position, None).row
    assert row is not None
    told = incident(rule, Key("PH_Rule_B", "7", ("pc1", "n")), row.episodes[0], row.sources)
    assert ("s/2@5", "incidents/id-2") == told.evidence
    alone = replace(row.episodes[0], evidence=(replace(row.episodes[0].evidence[0], source=0),))
    assert ("incidents/id-1",) == incident(rule, Key("PH_Rule_B", "7", ("pc1", "n")), alone, row.sources[:1]).evidence


def record(offset: int, seconds: int, host: str, address: str) -> Record:
    """Give a record in FortiSIEM's own JSON."""
    event = {"eventType": "E", "hostName": host, "destIpAddr": address, "phRecvTime": START + seconds * SECOND}
    return Record("sysmon", 0, offset, 0, json.dumps(event).encode())


def test_replay_asks_at_once(tmp_path: Path) -> None:
    """Depth first: what comes of a new incident stands behind it, before anything else; updates are no events."""
    rulebook = rulebook_of(
        tmp_path,
        ("A", 'eventType = "E"', "hostName destIpAddr", "COUNT(*) >= 1", ""),
        ("B", 'eventType = "A"', "hostName", "COUNT(*) >= 2", ""),
        ("C", 'eventType = "B" AND phEventCategory = 1', "", "COUNT(*) >= 1", ""),
        ("Z", 'eventType = "E" AND destIpAddr = 10.0.0.2', "hostName", "COUNT(*) >= 1", ""),
    )
    given = [record(0, 0, "pc1", "10.0.0.1"), record(1, 1, "pc1", "10.0.0.1"), record(2, 2, "pc1", "10.0.0.2")]
    given += [record(3, 3, "pc2", "10.0.0.2"), record(3, 3, "pc2", "10.0.0.2")]
    tally = Tally()
    found = list(replay(rulebook, given, tally=tally))
    assert [
        ("A", "create", 1),
        ("A", "update", 2),
        ("A", "create", 1),
        ("B", "create", 1),
        ("C", "create", 1),
        ("Z", "create", 1),
        ("A", "create", 1),
        ("Z", "create", 1),
        ("A", "create", 1),
        ("Z", "create", 1),
    ] == [(each.rule.id, each.activity, each.count) for each in found if isinstance(each, Incident)]
    assert Tally(5, 12, 2, 10, {}) == tally


def test_replay_of_what_time_decides(tmp_path: Path) -> None:
    """An incident that became due is asked too, while time goes on and at the end; what cannot be counted is named."""
    rulebook = rulebook_of(
        tmp_path,
        ("A", 'eventType = "E"', "hostName", "COUNT(*) < 9", ""),
        ("B", 'eventType = "A"', "hostName deviceTime=incidentFirstSeen", "COUNT(*) >= 1", ""),
    )
    given = [
        record(0, 0, "pc1", "10.0.0.1"),
        record(1, 100, "pc2", "10.0.0.1"),
        record(2, 900, "x" * (GROUP_LIMIT - 12), ""),
    ]
    found = list(replay(rulebook, given))
    told = [
        each.reason if isinstance(each, Rejection) else (each.rule.id, each.activity, (each.last_seen - START) / SECOND)
        for each in found
    ]
    assert [
        ("A", "create", 0),
        ("B", "create", 60.001),
        ("A", "create", 100),
        ("B", "create", 160.001),
        ("A", "clear", 100),
        ("A", "clear", 0),
        ("B", "clear", 60.001),
        ("B", "clear", 160.001),
        ("A", "create", 900),
        "match too large",
    ] == told
