"""Rule files: what is read, and everything that is refused, with its place."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Environment
from stream_app.language.constraint import Constraint
from stream_app.language.diagnostics import LanguageError
from stream_app.language.values import AttributeType
from stream_app.rulebook.document import decode_text, parse_document
from stream_app.rulebook.rule import Rule
from stream_app.rulebook.rulefile import Defaults, read_rule

ENVIRONMENT = Environment(
    vocabulary={
        "command": AttributeType.STRING,
        "destIpAddr": AttributeType.IP,
        "eventType": AttributeType.STRING,
        "procName": AttributeType.STRING,
        "srcIpAddr": AttributeType.IP,
    },
    groups={"PH_SYS_LAB": ("10.0.0.0/8",)},
    tables={},
)
DEFAULTS = Defaults()
SMALL = """\
id = "R_1"
name = "A rule"
severity = 7
category = "Security"
window = 300
[pattern.Filter]
query = 'procName = "a.exe"'
group_by = ["procName", "srcIpAddr"]
aggregate = "COUNT(*) >= 2"
[incident]
procName = "Filter.procName"
destIpAddr = "Filter.srcIpAddr"
"""


def read(text: str, defaults: Defaults = DEFAULTS) -> Rule:
    """Read a rule from a file's text."""
    return read_rule(parse_document("r.toml", text), ENVIRONMENT, defaults)


def refused(text: str) -> list[str]:
    """Give ``line:column: message`` for everything that is wrong with a file's text, in the order it is found."""
    with pytest.raises(LanguageError) as caught:
        read(text)
    return [f"{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def test_a_rule_is_what_its_file_says() -> None:
    """Seconds become milliseconds; what the file does not say has its default."""
    rule = read(SMALL)
    assert ("R_1", "A rule", "", 7, "Security", "") == (
        rule.id,
        rule.name,
        rule.description,
        rule.severity,
        rule.category,
        rule.subcategory,
    )
    assert ((), (), True) == (rule.tactics, rule.techniques, rule.enabled)
    assert (300_000, False, 600_000, 86_400_000, False, 5, 60_000, ()) == (
        rule.window,
        rule.event_clock,
        rule.lateness,
        rule.clear_after,
        rule.final,
        rule.evidence,
        rule.update_interval,
        rule.exceptions,
    )
    assert ("Filter", 'procName = "a.exe"', ("procName", "srcIpAddr"), CountConstraint(">=", 2)) == (
        rule.subpattern.name,
        rule.subpattern.query,
        rule.subpattern.group_by,
        rule.subpattern.constraint,
    )
    assert (("procName", "procName"), ("destIpAddr", "srcIpAddr")) == rule.mapping
    assert rule.subpattern.filter({"procName": "a.exe"})
    assert not rule.subpattern.filter({"procName": "b.exe"})


def test_more_than_a_count_can_be_asked_and_shown() -> None:
    """A constraint on values and shown aggregates say together what each event brings along, each attribute once."""
    text = SMALL.replace("COUNT(*) >= 2", "COUNT(DISTINCT command) >= 2").replace(
        '["procName", "srcIpAddr"]', '["procName"]'
    )
    text = text.replace(
        'destIpAddr = "Filter.srcIpAddr"', 'destIpAddr = "Filter.LAST(destIpAddr)"\ncommand = "FIRST(command)"'
    )
    rule = read(text)
    assert isinstance(rule.subpattern.constraint, Constraint)
    assert ("COUNT(DISTINCT command) >= 2", ("command", "destIpAddr"), False, True) == (
        rule.subpattern.constraint.text,
        rule.subpattern.carries,
        rule.final,
        rule.holds_all,
    )
    assert [("destIpAddr", "LAST(destIpAddr)"), ("command", "FIRST(command)")] == [
        (name, aggregate.text) for name, aggregate in rule.shown
    ]
    assert (("procName", "procName"),) == rule.mapping


@pytest.mark.parametrize(
    ("aggregate", "final"), [("COUNT(DISTINCT command) < 3", True), ('LAST(command) = "x"', False)]
)
def test_what_a_further_event_can_make_false_is_decided_last_where_it_counts(aggregate: str, *, final: bool) -> None:
    """An upper bound on a count waits for the stream by default; a value that may change is asked on arrival."""
    assert final == read(SMALL.replace('"COUNT(*) >= 2"', f"'{aggregate}'")).final


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COUNT(*) >= 2", "COUNT(DISTINCT command) >= 2"),
        ('"Filter.srcIpAddr"', '"Filter.srcIpAddr"\ncommand = "LAST(command)"'),
    ],
)
def test_a_window_whose_events_must_all_be_held_is_bounded(old: str, new: str) -> None:
    """More than a day is refused with the reason; for a count alone a month is fine."""
    month = SMALL.replace("window = 300", "window = 2592000")
    assert 2_592_000_000 == read(month).window
    assert [
        "5:10: window: all events of it must be held for this rule's aggregates, so it may be 86400 at most"
    ] == refused(month.replace(old, new, 1))


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ('procName = "a.exe"', ["no condition outside of OR reads eventType alone"]),
        (
            'eventType = "Win-Sysmon-5-Process-Terminated" AND procName != "a.exe"',
            ["no condition needs a text to be there"],
        ),
        ('eventType = "Win-Sysmon-5-Process-Terminated" AND procName = "a.exe"', []),
        ('eventType = "PH_Rule_of_ours" AND procName != "a.exe"', []),
    ],
)
def test_what_makes_a_rule_be_asked_always_is_noted_at_its_query(query: str, said: list[str]) -> None:
    """A rule that cannot be passed over by its event type, or by a text, says so, and is read all the same."""
    notes = read(SMALL.replace('procName = "a.exe"', query, 1)).subpattern.notes
    assert said == [note.message.partition(":")[0] for note in notes]
    assert [(7, 9)] * len(said) == [(note.line, note.column) for note in notes]


def test_every_option_can_be_said() -> None:
    """All optional keys of a file reach the rule."""
    rule = read(
        'description = "d"\nsubcategory = "s"\ntactics = ["Discovery"]\ntechniques = ["T1046", "T1059.006"]\n'
        'enabled = false\ncase = "exact"\nclock = "event"\nlateness = 0\nclear_after = 60\ndecide = "final"\n'
        "update_interval = 0\nevidence = 1\n" + SMALL
    )
    assert ("d", "s", ("Discovery",), ("T1046", "T1059.006")) == (
        rule.description,
        rule.subcategory,
        rule.tactics,
        rule.techniques,
    )
    assert (False, True, 0, 60_000, True, 1, 0) == (
        rule.enabled,
        rule.event_clock,
        rule.lateness,
        rule.clear_after,
        rule.final,
        rule.evidence,
        rule.update_interval,
    )
    assert not rule.subpattern.filter({"procName": "A.EXE"})


def test_defaults_hold_where_a_rule_says_nothing() -> None:
    """The deployment's options are those of every rule without its own."""
    defaults = Defaults(ignore_case=False, event_clock=True, lateness=1, clear_after=2, evidence=3, update_interval=4)
    rule = read(SMALL, defaults)
    assert (True, 1, 2, 3, 4) == (
        rule.event_clock,
        rule.lateness,
        rule.clear_after,
        rule.evidence,
        rule.update_interval,
    )
    assert not rule.subpattern.filter({"procName": "A.EXE"})
    own = read('case = "ignore"\nclock = "receive"\n' + SMALL, defaults)
    assert not own.event_clock
    assert own.subpattern.filter({"procName": "A.EXE"})


@pytest.mark.parametrize(
    ("aggregate", "final"),
    [
        ("COUNT(*) >= 2", False),
        ("COUNT(*) > 2", False),
        ("COUNT(*) = 2", True),
        ("COUNT(*) != 2", True),
        ("COUNT(*) < 2", True),
        ("COUNT(*) <= 2", True),
    ],
)
def test_a_count_with_an_upper_bound_is_decided_last(aggregate: str, *, final: bool) -> None:
    """On arrival it would be true on the way up; the author may still ask for that."""
    text = SMALL.replace("COUNT(*) >= 2", aggregate)
    assert final == read(text).final
    assert not read('decide = "arrival"\n' + text).final


def test_a_rule_may_have_one_global_group() -> None:
    """An empty group-by needs no mapping."""
    text = re.sub(r"(?s)\[incident\].*", "", SMALL).replace('["procName", "srcIpAddr"]', "[]")
    rule = read(text)
    assert ((), ()) == (rule.subpattern.group_by, rule.mapping)


def test_an_empty_file_lacks_every_required_key() -> None:
    """What is missing is missing in the table that should hold it."""
    assert [
        "1:1: missing key 'pattern'",
        "1:1: missing key 'id'",
        "1:1: missing key 'name'",
        "1:1: missing key 'severity'",
        "1:1: missing key 'category'",
        "1:1: missing key 'window'",
    ] == refused("")
    assert ["6:1: missing key 'group_by'", "6:1: missing key 'query'", "6:1: missing key 'aggregate'"] == refused(
        re.sub(r"(?s)query.*", "", SMALL)
    )


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"R_1"', '""', "1:6: id is empty"),
        ('"R_1"', '"R 1"', "1:6: id must be 1 to 128 letters, digits, '_', '-' and '.'"),
        ('"R_1"', "1", "1:6: id: expected a string, got an integer"),
        ('"R_1"', "1979-05-27", "1:6: id: expected a string, got a date or time"),
        ("= 7", "= 0", "3:12: severity must be 1 to 10, got 0"),
        ("= 7", "= 11", "3:12: severity must be 1 to 10, got 11"),
        ("= 7", "= true", "3:12: severity: expected an integer, got a boolean"),
        ("= 7", "= 7.0", "3:12: severity: expected an integer, got a float"),
        ("= 300", "= 0", "5:10: window must be 1 to 31622400, got 0"),
        ("= 300", "= -1", "5:10: window must be 1 to 31622400, got -1"),
        ("= 300", "= 31622401", "5:10: window must be 1 to 31622400, got 31622401"),
        ("= 300", "= 300\nlateness = -1", "6:12: lateness must be 0 to 31622400, got -1"),
        ("= 300", "= 300\nclear_after = 0", "6:15: clear_after must be 1 to 31622400, got 0"),
        ("= 300", "= 300\nupdate_interval = -1", "6:19: update_interval must be 0 to 31622400, got -1"),
        ("= 300", "= 300\nrow_limit = 99999", "6:13: row_limit must be 100000 to 700000, got 99999"),
        ("= 300", "= 300\nclear_after = '1'", "6:15: clear_after: expected an integer, got a string"),
        ("= 300", "= 300\nevidence = 101", "6:12: evidence must be 1 to 100, got 101"),
        ("= 300", "= 300\nenabled = 'no'", "6:11: enabled: expected a boolean, got a string"),
        ("= 300", "= 300\ncase = 'none'", "6:8: case must be 'ignore' or 'exact', got 'none'"),
        ("= 300", "= 300\nclock = ''", "6:9: clock must be 'receive' or 'event', got ''"),
        ("= 300", "= 300\ndecide = 1", "6:10: decide: expected a string, got an integer"),
        ("= 300", "= 300\ntactics = 'x'", "6:11: tactics: expected an array, got a string"),
        ("= 300", "= 300\ntactics = ['x', 1]", "6:17: tactics: expected a string, got an integer"),
        ("= 300", "= 300\ntactics = ['']", "6:12: tactics: an empty string"),
        ("= 300", "= 300\ntactics = ['x', 'x']", "6:17: tactics: 'x' is there twice"),
        (
            "= 300",
            "= 300\ntechniques = ['T1', 'T1046']",
            "6:15: 'T1' is not an ATT&CK technique such as 'T1046' or 'T1059.006'",
        ),
        ("= 300", "= 300\nwidow = 1", "6:1: unknown key 'widow'"),
        ("name =", "naem =", "2:1: unknown key 'naem'; did you mean 'name'?"),
        ("aggregate =", "'agregate' =", "9:1: unknown key 'agregate'; did you mean 'aggregate'?"),
        ("pattern.Filter", "pattern.'a b'", "6:1: a pattern's name must be 1 to 64 letters, digits and '_'"),
        ("'procName = \"a.exe\"'", "''", "7:9: query is empty"),
        ("'procName = \"a.exe\"'", '"procName = 1"', "7:9: query must be a literal string: '…' or '''…'''"),
        ('procName = "a.exe"', 'nonsense = "a.exe"', "7:10: unknown attribute 'nonsense'"),
        ('procName = "a.exe"', "srcIpAddr IN (Group@X)", "7:24: unknown group 'X'"),
        ('["procName",', '["procname",', "8:13: unknown attribute 'procname'"),
        ('["procName",', '["procName", "procName",', "8:25: group_by: 'procName' is there twice"),
        ('"COUNT(*) >= 2"', '""', "9:13: aggregate is empty"),
        ('"COUNT(*) >= 2"', '"COUNT(*)\\t>= 2"', "9:13: aggregate must be written without escapes"),
        (
            "COUNT(*) >= 2",
            "SUM(procName) > 2",
            "9:18: SUM takes a number, procName is a string; COUNT(DISTINCT procName) counts its values",
        ),
        ("COUNT(*) >= 2", "SUM(sentBytes) > 2", "9:18: unknown attribute 'sentBytes'"),
        (
            "COUNT(*) >= 2",
            "procName = 2",
            "9:14: procName = 2 has no aggregate; what is asked of each event belongs into the query",
        ),
        ("COUNT(*) >= 2", "COUNT(DISTINCT procName", "9:37: expected ')', got the end of the query"),
        (
            "COUNT(*) >= 2",
            "COUNT(*) < 1",
            "9:14: 'COUNT(*) < 1' never holds: the event that is counted last counts itself",
        ),
        (
            "COUNT(*) >= 2",
            "COUNT(*) <= 0",
            "9:14: 'COUNT(*) <= 0' never holds: the event that is counted last counts itself",
        ),
        (
            "COUNT(*) >= 2",
            "COUNT(*) = 0",
            "9:14: 'COUNT(*) = 0' never holds: the event that is counted last counts itself",
        ),
    ],
)
def test_a_wrong_value_is_refused_where_it_stands(old: str, new: str, said: str) -> None:
    """Each has its own message, and points at the value, or at the key if that is what is wrong."""
    text = SMALL.replace(old, new, 1)
    assert text != SMALL
    assert said in refused(text)


def test_keys_outside_a_pattern_are_refused() -> None:
    """The keys of a pattern do not stand in [pattern] itself, and [Pattern] is another word."""
    assert [
        "7:1: 'query' stands in no pattern: begin one with [pattern.<Name>]",
        "8:1: 'group_by' stands in no pattern: begin one with [pattern.<Name>]",
        "9:1: 'aggregate' stands in no pattern: begin one with [pattern.<Name>]",
    ] == refused(SMALL.replace("[pattern.Filter]", "[pattern]"))
    assert ["1:1: missing key 'pattern'", "6:1: unknown key 'Pattern'; did you mean 'pattern'?"] == refused(
        SMALL.replace("[pattern.Filter]", "[Pattern.Filter]")
    )
    assert ["6:11: pattern: expected a table, got an integer", "1:1: missing key 'name'"] == refused(
        re.sub(r"(?s)\[pattern.*", "pattern = 1", SMALL).replace("name =", "subcategory =")
    )


def test_a_pattern_table_without_a_pattern_is_refused() -> None:
    """There must be one."""
    text = re.sub(r"(?s)\[pattern.*", "[pattern]\n", SMALL)
    assert ["6:1: expected a table [pattern.<Name>]"] == refused(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("command = 1", "command: expected a string, got an integer"),
        ("command = 'procName'", "command: expected 'Filter.<attribute>'"),
        ("command = 'Filter.'", "command: expected 'Filter.<attribute>'"),
        ("command = 'Other.procName'", "command: unknown pattern 'Other', the rule's is 'Filter'"),
        ("command = 'Filter.COUNT(*)'", "command is a string, COUNT(*) is a number"),
        ("command = 'Other.LAST(procName)'", "command: unknown pattern 'Other', the rule's is 'Filter'"),
        ("totFlows = 'Filter.COUNT('", "totFlows: expected a value, got the end of the query"),
        (
            "totFlows = 'SUM(procName)'",
            "totFlows: SUM takes a number, procName is a string; COUNT(DISTINCT procName) counts its values",
        ),
        ("count = 'COUNT(*)'", "count is a field of every incident: choose another attribute"),
        ("nonsense = 'COUNT(*)'", "unknown attribute 'nonsense'"),
        ("command = 'Filter.command'", "command: 'command' is neither grouped by nor aggregated"),
        ("incidentTitle = 'Filter.procName'", "incidentTitle is a field of every incident: choose another attribute"),
        ("nonsense = 'Filter.procName'", "unknown attribute 'nonsense'"),
        ("command = 'Filter.srcIpAddr'", "command and srcIpAddr are of different types"),
        ("command = 'Filter.procName'", "'procName' is mapped twice"),
    ],
)
def test_a_wrong_mapping_is_refused(line: str, said: str) -> None:
    """Only a group-by attribute is mapped, once, to an attribute of its type that the incident does not have anyway."""
    assert [f"13:{line.index('=') + 3}: {said}"] == refused(f"{SMALL}{line}\n")


def test_a_group_by_attribute_without_a_mapping_is_refused() -> None:
    """Two groups must not make one incident."""
    said = "group-by attribute 'srcIpAddr' is not mapped: map it, so that a group has one incident"
    assert [f"10:1: {said}"] == refused(SMALL.replace('destIpAddr = "Filter.srcIpAddr"\n', ""))
    assert ["1:1: missing key 'incident'"] == refused(re.sub(r"(?s)\[incident\].*", "", SMALL))


def test_an_unknown_group_by_attribute_is_said_once() -> None:
    """Its mapping is not called wrong as well."""
    text = SMALL.replace('"srcIpAddr"]', '"sourceIp"]').replace("Filter.srcIpAddr", "Filter.sourceIp")
    assert ["8:25: unknown attribute 'sourceIp'"] == refused(text)


def test_the_errors_of_a_query_have_their_place_in_the_file() -> None:
    """A query over several lines is still the file's text."""
    text = SMALL.replace("'procName = \"a.exe\"'", "'''\n  procName = \"a.exe\"\n  AND nonsense = 1 AND other = 2'''")
    assert ["9:7: unknown attribute 'nonsense'", "9:24: unknown attribute 'other'"] == refused(text)


def test_all_errors_of_a_file_are_reported_in_one_run() -> None:
    """A wrong key hides no wrong query and no wrong mapping."""
    text = (
        SMALL.replace("= 7", "= 70")
        .replace('procName = "a.exe"', "procName = ")
        .replace("COUNT(*)", "COUNT(")
        .replace("Filter.procName", "Filter.command")
    )
    said = refused(text)
    assert [7, 9, 3, 11, 10] == [int(each.split(":")[0]) for each in said]


FRAGMENTS = st.sampled_from(
    [
        *("", "'''", "[[", "]]", "-1", "''", "[]", "{}", "true", "1e999", "AND", "OR", "NOT", "Filter", "Group@X"),
        *("COUNT(*) < 3", "T1046", "pattern", *"\"'[]{}()=#.,\\\n\x00é0"),
    ]
)
MUTATIONS = st.lists(st.tuples(st.integers(0, len(SMALL)), st.integers(0, 30), FRAGMENTS), min_size=1, max_size=4)


def outcome(text: str) -> Rule | LanguageError:
    """Read a rule, or give what is said of it; anything else that is raised is a defect."""
    try:
        return read(text)
    except LanguageError as error:
        return error


@settings(max_examples=200, deadline=None)
@given(MUTATIONS)
def test_a_mutated_rule_is_read_or_refused(mutations: list[tuple[int, int, str]]) -> None:
    """Whatever is done to a rule's text, it gives a rule, or diagnostics that lie within the text."""
    text = SMALL
    for at, length, fragment in mutations:
        text = text[:at] + fragment + text[at + length :]
    found = outcome(text)
    if isinstance(found, LanguageError):
        lines = text.split("\n")
        assert found.diagnostics
        for each in found.diagnostics:
            assert lines[each.line - 1] == each.source_line
            assert 1 <= each.column <= len(each.source_line) + 1
    else:
        assert 64 == len(found.content_id)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.integers(0, len(SMALL)))
def test_bytes_put_into_a_rule_are_read_or_refused(junk: bytes, at: int) -> None:
    """A file is bytes before it is text."""
    try:
        found = outcome(decode_text("r.toml", SMALL[:at].encode() + junk + SMALL[at:].encode()))
    except LanguageError as error:
        found = error
    assert isinstance(found, Rule) or found.diagnostics
