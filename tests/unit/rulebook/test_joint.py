"""Rule files with several patterns, or with [clear]: what is read, and everything that is refused, with its place."""

import re

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Environment
from stream_app.language.constraint import Constraint
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.language.values import AttributeType
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.join import ClearPattern, InOrder, Join, KeyPart, Occurs, Together, Way, Without
from stream_app.rulebook.rule import Rule
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.sysmon.attributes import VOCABULARY

ENVIRONMENT = Environment(vocabulary=VOCABULARY)
STRING = AttributeType.STRING
WORD = """\
id = "PH_Rule_Word_Calls_Out"
name = "Word starts a program that calls out"
severity = 7
category = "Security"
window = 300
trigger = "Create FOLLOWED_BY Connect"
global = "Create.hostName = Connect.hostName AND Create.procGUID = Connect.procGUID"
[pattern.Create]
query = 'eventType = "Win-Sysmon-1-Create-Process" AND parentProcName CONTAIN "winword.exe"'
group_by = ["hostName", "procGUID", "procName"]
aggregate = "COUNT(*) >= 1"
[pattern.Connect]
query = 'eventType CONTAIN "Win-Sysmon-3-Network-Connect" AND initiated = "true"'
group_by = ["hostName", "procGUID"]
aggregate = "COUNT(DISTINCT destIpAddr) >= 2"
[incident]
hostName = "Create.hostName"
procGUID = "Connect.procGUID"
procName = "Create.procName"
destIpAddr = "Connect.LAST(destIpAddr)"
"""
"""A process is created and calls out: the same process on the same host, within five minutes."""

CLEARED = """\
id = "R"
name = "n"
severity = 1
category = "Security"
window = 60
[pattern.Down]
query = 'eventType = "a" AND procName = "x"'
group_by = ["hostName", "user"]
aggregate = "COUNT(*) >= 3"
[incident]
user = "Down.user"
hostName = "Down.hostName"
[clear]
query = 'eventType = "b" AND procName = "x"'
group_by = ["srcName"]
match = { hostName = "srcName" }
"""


def read(text: str) -> Rule:
    """Read a rule from a file's text."""
    return read_rule(parse_document("r.toml", text), ENVIRONMENT, Defaults())


def joined(text: str) -> Join:
    """Read a rule whose subpatterns meet."""
    join = read(text).join
    assert join is not None
    return join


def refused(text: str) -> list[str]:
    """Give ``line:column: message`` for everything that is wrong with a file's text, in the order it is found."""
    with pytest.raises(LanguageError) as caught:
        read(text)
    return [f"{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def of(trigger: str, *names: str, equal: str = "", mapped: str = "", top: str = "", bottom: str = "") -> str:
    """Write a rule whose patterns all group by host, user and port; ``mapped`` is ``hostName = Pattern.hostName``."""
    lines = ['id = "R"', 'name = "n"', "severity = 1", 'category = "c"', "window = 60", f"trigger = '{trigger}'"]
    lines += [f"global = '{equal}'"] if equal else []
    lines += [top] if top else []
    for name in names:
        lines += [f"[pattern.{name}]", f"""query = 'eventType = "{name}" AND user = "x"'"""]
        lines += ['group_by = ["hostName", "user", "destIpPort"]', 'aggregate = "COUNT(*) >= 1"']
    lines += ["[incident]", *(re.sub(r"= (.*)", r'= "\1"', line) for line in mapped.split("; ") if line)]
    return "\n".join([*lines, *([bottom] if bottom else []), ""])


def test_a_complete_rule_of_two_patterns() -> None:
    """Create, then connect, of one process: how they meet, what each event brings, and what an incident shows."""
    rule = read(WORD)
    join = joined(WORD)
    assert (("Create", "Connect"), False, True) == (join.names, rule.final, rule.holds_all)
    assert (Way(InOrder((Occurs(0), Occurs(1))), (0, 1)),) == join.ways
    assert ("hostName", "procGUID", "procName", "destIpAddr") == join.carries
    assert [join.carries] * 2 == [subpattern.carries for subpattern in rule.subpatterns]
    assert ((0, 1, 2), (0, 1)) == join.groups
    assert (
        KeyPart(STRING, ignore_case=True, places=(0, 0)),
        KeyPart(STRING, ignore_case=True, places=(1, 1)),
    ) == join.key
    assert [
        ("Create.hostName = Connect.hostName", (0, 0), (1, 0), True),
        ("Create.procGUID = Connect.procGUID", (0, 1), (1, 1), True),
    ] == [
        (each.text, (each.left, each.left_place), (each.right, each.right_place), each.equates)
        for each in join.relations
    ]
    assert join.relations[0].holds("PC1", "pc1")
    assert not join.relations[0].holds("PC1", None)
    assert not join.relations[0].holds(None, None)
    assert (
        ("hostName", "Create.hostName"),
        ("procGUID", "Connect.procGUID"),
        ("procName", "Create.procName"),
    ) == rule.mapping
    assert ((0, 0), (1, 1), (0, 2)) == join.mapped
    assert [("destIpAddr", "Connect", "LAST(destIpAddr)", 3)] == [
        (name, each.subpattern, each.text, each.aggregate.place) for name, each in rule.shown
    ]
    assert (("hostName", 0), ("procGUID", 1), ("procName", 2)) == rule.places
    assert ("Create FOLLOWED_BY Connect", None, (), False) == (join.trigger, join.clear, join.notes, join.negated)


def test_the_constraints_of_a_rule_share_one_row() -> None:
    """What events group by comes first, and what one aggregate needs, another one finds there."""
    rule = read(WORD.replace("COUNT(*) >= 1", "COUNT(DISTINCT command) >= 1 AND COUNT(DISTINCT destIpAddr) >= 0"))
    create, connect = (subpattern.constraint for subpattern in rule.subpatterns)
    assert isinstance(create, Constraint)
    assert isinstance(connect, Constraint)
    assert ("hostName", "procGUID", "procName", "command", "destIpAddr") == connect.attributes == create.attributes
    row = ("pc1", "{1}", None, None)
    assert connect.holds([(*row, "10.0.0.1"), (*row, "10.0.0.2")])
    assert not connect.holds([(*row, "10.0.0.1"), (*row, "10.0.0.1")])


def test_an_attribute_in_a_constraint_is_that_of_its_own_group() -> None:
    """``hostName`` beside an aggregate of Connect is what Connect groups by."""
    connect = read(WORD.replace("COUNT(DISTINCT destIpAddr) >= 2", "LAST(srcName) != hostName")).others[0].constraint
    assert isinstance(connect, Constraint)
    assert connect.holds([("pc1", "{1}", None, "pc2")], ("pc1", "{1}"))
    assert not connect.holds([("pc1", "{1}", None, "pc1")], ("pc1", "{1}"))


def test_relations_and_keys_mind_case_where_the_rule_does() -> None:
    """The rule's own option holds for its global constraint too."""
    join = joined('case = "exact"\n' + WORD)
    assert [False, False] == [part.ignore_case for part in join.key]
    assert not join.relations[0].holds("PC1", "pc1")


def test_one_pattern_may_be_named_as_the_trigger() -> None:
    """It then stays what it is without."""
    text = re.sub(r"(?s)\[clear\].*", "", CLEARED)
    assert (
        read(text).mapping
        == read('trigger = "(Down)"\n' + text).mapping
        == (("user", "user"), ("hostName", "hostName"))
    )
    assert read('trigger = "Down"\n' + text).join is None


@pytest.mark.parametrize(
    ("aggregate", "final"),
    [("COUNT(*) >= 2", False), ("COUNT(*) < 2", True), ("COUNT(DISTINCT user) < 2", True), ('LAST(user) = "x"', False)],
)
def test_one_upper_bound_makes_a_rule_wait_for_the_stream(aggregate: str, *, final: bool) -> None:
    """Whichever pattern has it; the author may still ask for a decision on arrival."""
    text = WORD.replace('"COUNT(*) >= 1"', f"'{aggregate}'")
    assert final == read(text).final
    assert not read('decide = "arrival"\n' + text).final
    assert read('decide = "final"\n' + text).final


def test_a_negated_rule_is_decided_when_its_window_has_passed() -> None:
    """Nothing else can be asked for."""
    text = WORD.replace("FOLLOWED_BY", "NOT_FOLLOWED_BY")
    text = text.replace('Connect.procGUID"\nprocName', 'Create.procGUID"\nprocName').replace(
        "Connect.LAST", "Create.LAST"
    )
    join = joined(text)
    assert (Way(Occurs(0), (0,), (Without((Occurs(1),), after=True),)),) == join.ways
    assert (True, True, 300_000) == (join.negated, read(text).final, read(text).delay)
    assert 2 == len(join.key)
    said = (
        "decide: what must not come is known when its window has passed: decide must be 'final', which is the default"
    )
    assert [f"1:10: {said}"] == refused('decide = "arrival"\n' + text)
    assert read('decide = "final"\n' + text).final


def test_a_rule_with_one_pattern_and_clear_is_joint() -> None:
    """The clear pattern is its last subpattern, and what it is matched with is the key; not all need be mapped."""
    rule = read(CLEARED.replace('user = "Down.user"\n', ""))
    join = joined(CLEARED.replace('user = "Down.user"\n', ""))
    assert (("Down", "Clear"), ("Clear",)) == (join.names, tuple(each.name for each in rule.others))
    assert (Way(Occurs(0), (0,)),) == join.ways
    assert (("hostName", "user", "srcName"), ((0, 1), (2,))) == (join.carries, join.groups)
    assert (KeyPart(STRING, ignore_case=True, places=(0, 2)),) == join.key
    assert isinstance(join.clear, ClearPattern)
    ((place, relation),) = join.clear.matched
    assert (1, 0, "Down.hostName = Clear.srcName") == (join.clear.number, place, relation.text)
    assert ((0, 0), (1, 0)) == ((relation.left, relation.left_place), (relation.right, relation.right_place))
    assert relation.holds("PC1", "pc1")
    assert CountConstraint(">=", 1) == rule.others[0].constraint
    assert (("hostName", "Down.hostName"),) == rule.mapping
    assert ((), False) == (join.notes, rule.final)


def test_a_clear_pattern_may_count_too() -> None:
    """It is a subpattern like any other, shown aggregates are still the pattern's."""
    text = CLEARED.replace("match =", 'aggregate = "COUNT(DISTINCT command) < 3"\nmatch =')
    text = text.replace('user = "Down.user"', 'user = "LAST(user)"')
    rule = read(text)
    clear = rule.others[0].constraint
    assert isinstance(clear, Constraint)
    assert (True, ("hostName", "user", "srcName", "command")) == (rule.final, clear.attributes)
    assert ["Down"] == [aggregate.subpattern for _, aggregate in rule.shown]


def test_a_match_counts_the_mapping_s_own_places() -> None:
    """Matched attributes are found in the order of [incident]."""
    ((place, _),) = joined(CLEARED).clear.matched  # type: ignore[union-attr]  # it has one: the test above
    assert 1 == place


def test_all_patterns_of_a_rule_say_why_they_are_asked_more_often() -> None:
    """Each has its own notes."""
    rule = read(re.sub(r'eventType = "[ab]" AND ', "", CLEARED))
    assert [[7], [14]] == [[note.line for note in subpattern.notes] for subpattern in rule.subpatterns]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            of("A AND B", "A", "B", mapped="hostName = A.hostName"),
            (
                "6:11: all matches of this rule come under one key, which one partition works for: "
                "equate a value of all patterns in global"
            ),
        ),
        (
            of("A AND B", "A", "B", equal="A.hostName = B.hostName", mapped="user = A.user"),
            (
                "6:11: all matches of this rule come under one key, which one partition works for: "
                "map one of A.hostName, B.hostName in [incident], for each way of the trigger, and it makes keys"
            ),
        ),
        (
            of("A OR B", "A", "B", equal="A.hostName != B.hostName", mapped="hostName = A.hostName; user = B.user"),
            "7:10: A.hostName != B.hostName is never asked: no way of the trigger holds both patterns",
        ),
        (
            of(
                "A OR B",
                *("A", "B"),
                mapped="hostName = A.hostName; user = B.user",
                bottom="[clear]\nquery = 'user = \"x\"'\ngroup_by = [\"user\"]\nmatch = { hostName = 'user' }",
            ),
            "21:9: never clears an incident of B: it lacks an attribute that match names",
        ),
    ],
)
def test_what_costs_more_or_is_asked_for_nothing_is_noted(text: str, said: str) -> None:
    """A note is no error: the rule runs."""
    assert [said] == [f"{note.line}:{note.column}: {note.message}" for note in joined(text).notes]


TWO = of("A FOLLOWED_BY B", "A", "B", equal="A.hostName = B.hostName", mapped="hostName = A.hostName")
BEHIND = "'A' is negated in trigger: what does not come gives no value"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("'A FOLLOWED_BY B'", "'A'", "12:1: pattern 'B' is not used: put it into trigger, or delete it"),
        ("FOLLOWED_BY B", "FOLLOWED_BY Bee", "6:26: unknown pattern 'Bee'; the rule has 'A', 'B'"),
        ("A FOLLOWED_BY B", "b AND A", "6:12: unknown pattern 'b'; did you mean 'B'?"),
        (
            "FOLLOWED_BY B",
            "AND B AND A",
            "6:24: 'A' is there twice: each pattern stands here once; write a second pattern with the same query",
        ),
        ("FOLLOWED_BY B", "FOLLOWED_BY B AND", "6:31: expected the name of a pattern, got the end of the trigger"),
        ("'A FOLLOWED_BY B'", "''", "6:11: trigger is empty"),
        ("'A FOLLOWED_BY B'", '"A\\tAND B"', "6:11: trigger must be written without escapes"),
        ("'A FOLLOWED_BY B'", "1", "6:11: trigger: expected a string, got an integer"),
        (
            "trigger = 'A FOLLOWED_BY B'",
            "",
            ("12:1: several patterns: say how they belong together: "
            'trigger = "A FOLLOWED_BY B", or with AND, OR, NOT_FOLLOWED_BY, AND_NOT'),
        ),
        ("A.hostName = B", "A.hostName = C", "7:24: unknown pattern 'C'"),
        ("A.hostName = B", "A.hostname = B", "7:11: unknown attribute 'hostname'; did you mean 'hostName'?"),
        (
            "A.hostName = B",
            "A.command = B",
            "7:11: A.command: 'command' is not grouped by: put it into group_by of 'A'",
        ),
        (
            "A.hostName = B",
            "A.hostName = A",
            "7:24: both sides are of 'A': what is asked of one pattern belongs into its query",
        ),
        ("A.hostName = B", "A.destIpPort = B", "7:26: A.destIpPort is a number, B.hostName is a string"),
        ("A.hostName = B", "A.hostName < B", "7:11: < compares numbers, A.hostName is a string"),
        (
            "'A.hostName = B.hostName'",
            "'A.hostName = 5'",
            "7:24: a global constraint compares attributes of two patterns",
        ),
        ("= B.hostName'", "= B.hostName OR A.user = B.user'", "7:35: every comparison must hold, so OR has no place"),
        ("= B.hostName'", "= B'", "7:24: expected '<pattern>.<attribute>', got 'B' alone"),
        ("'A.hostName = B.hostName'", "''", "7:10: global is empty"),
        ("'A.hostName = B.hostName'", "[]", "7:10: global: expected a string, got an array"),
        ("window = 60", "window = 86401", "5:10: window: all events of it must be held, so it may be 86400 at most"),
        ("'A FOLLOWED_BY B'", "'B NOT_FOLLOWED_BY A'", f"17:12: hostName: {BEHIND}"),
        ('"A.hostName"', '"C.hostName"', "17:12: hostName: unknown pattern 'C', the rule's are 'A', 'B'"),
        ('"A.hostName"', '"hostName"', "17:12: hostName: expected '<pattern>.<attribute>'"),
        ('"A.hostName"', '"A.command"', "17:12: hostName: 'command' is neither grouped by nor aggregated"),
        ('"A.hostName"', '"A.destIpPort"', "17:12: hostName and destIpPort are of different types"),
        ('"A.hostName"', '"A.hostName"\nuser = "A.hostName"', "18:8: 'hostName' is mapped twice"),
        ('"A.hostName"', '"LAST(user)"', "17:12: hostName: say which pattern's, as in 'A.LAST(user)'"),
        ('"A.hostName"', '"C.LAST(user)"', "17:12: hostName: unknown pattern 'C', the rule's are 'A', 'B'"),
        ("[pattern.B]", "[pattern.Or]", "12:1: 'Or' is a word of the trigger line: name the pattern otherwise"),
        ("[pattern.B]", "[pattern.Not]", "12:1: 'Not' is a word of the trigger line: name the pattern otherwise"),
        ("[pattern.B]", "[pattern.1st]", "12:1: '1st' cannot stand in a trigger line: begin the name with a letter"),
        ("[pattern.B]", "[pattern.'b c']", "12:1: a pattern's name must be 1 to 64 letters, digits and '_'"),
        ("[pattern.B]", "[pattern.B]\nwindow = 1", "13:1: unknown key 'window'"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_where_it_stands(old: str, new: str, said: str) -> None:
    """Each has its own message, which says what to do."""
    text = TWO.replace(old, new, 1)
    assert text != TWO
    assert any(said in each for each in refused(text)), refused(text)


def test_a_negated_pattern_s_aggregates_cannot_be_shown() -> None:
    """There is no such event."""
    text = of("A AND_NOT B", "A", "B", mapped="hostName = A.hostName; user = B.LAST(user)")
    assert [f"17:8: user: {BEHIND.replace('A', 'B', 1)}"] == refused(text)


def test_a_global_constraint_needs_two_patterns() -> None:
    """What is asked of one is its query, or its aggregate."""
    said = "global relates two patterns, and this rule has one: ask it in its query or aggregate"
    assert [f"1:1: {said}"] == refused('global = "Down.hostName = Down.user"\n' + CLEARED)


def test_a_file_without_patterns_says_nothing_of_their_names() -> None:
    """What is wrong with the trigger's own words is still said."""
    text = (
        TWO[: TWO.index("[pattern")]
        + "[pattern]\n[clear]\nquery = 'user = \"x\"'\ngroup_by = []\nmatch = { a = 'b' }\n"
    )
    assert ["8:1: expected a table [pattern.<Name>]"] == refused(text)
    assert [
        "6:26: expected the name of a pattern, got the end of the trigger",
        "7:24: expected '<pattern>.<attribute>', got",
    ] == [
        each.removesuffix(" the end of the constraint")
        for each in refused(text.replace("FOLLOWED_BY B", "FOLLOWED_BY ").replace("= B.hostName", "= "))
        if each[0] in "67"
    ]


def test_a_rule_has_at_most_16_subpatterns() -> None:
    """The clear pattern is one of them."""
    names = [f"P{number}" for number in range(16)]
    text = of(" OR ".join(names), *names, mapped="hostName = P0.hostName")
    assert 16 == len(joined(text).names)
    clear = "[clear]\nquery = 'user = \"x\"'\ngroup_by = [\"user\"]\nmatch = { hostName = 'user' }\n"
    assert ["7:1: 17 patterns, 16 may be: split the rule"] == refused(text + clear)


def test_a_trigger_has_at_most_64_ways() -> None:
    """Each costs time for every event; so does each way of what must not come."""
    names = [f"P{number}" for number in range(15)]
    few = " AND ".join(f"({' OR '.join(names[at : at + 2])})" for at in range(0, 12, 2))
    assert 64 == len(joined(of(few, *names[:12], mapped="hostName = P0.hostName")).ways)
    many = " AND ".join(f"({' OR '.join(names[at : at + 3])})" for at in range(0, 12, 3))
    said = "trigger can be satisfied in 81 ways, 64 may be: write fewer ORs, or several rules"
    assert [f"6:11: {said}"] == refused(of(many, *names[:12], mapped="hostName = P0.hostName"))
    negated = of(f"P12 AND_NOT ({many})", *names[:13], mapped="hostName = P12.hostName")
    assert [f"6:11: {said}"] == refused(negated)


def test_and_unfolds_within_the_negated_part() -> None:
    """Each of its ways may not come."""
    join = joined(of("A AND_NOT (B AND (C OR D))", *"ABCD", mapped="hostName = A.hostName"))
    unwanted = (Together((Occurs(1), Occurs(2))), Together((Occurs(1), Occurs(3))))
    assert (Way(Occurs(0), (0,), (Without(unwanted, after=False),)),) == join.ways


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("match =", "patch =", ["13:1: missing key 'match'", "16:1: unknown key 'patch'; did you mean 'match'?"]),
        ('match = { hostName = "srcName" }', "match = 1", ["16:9: match: expected a table, got an integer"]),
        (
            '{ hostName = "srcName" }',
            "{}",
            ['16:9: match is empty: name an incident attribute and what equals it, { hostName = "hostName" }'],
        ),
        ('"srcName" }', "1 }", ["16:22: hostName: expected a string, got an integer"]),
        (
            '"srcName" }',
            '"user" }',
            ["16:22: hostName: 'user' is not grouped by: put it into group_by of [clear]"],
        ),
        (
            "{ hostName",
            "{ procName",
            ["16:11: procName is mapped from no pattern: match takes attributes of [incident] that are"],
        ),
        (
            '["srcName"]\nmatch = { hostName = "srcName" }',
            '["destIpAddr"]\nmatch = { hostName = "destIpAddr" }',
            ["16:22: hostName is a string, destIpAddr is an IP address"],
        ),
        ('["srcName"]', '["sourceName"]', ["15:13: unknown attribute 'sourceName'"]),
        ('"Down.hostName"', '"Down.command"', ["12:12: hostName: 'command' is neither grouped by nor aggregated"]),
        (
            '"Down.hostName"',
            '"Clear.srcName"',
            ["12:12: hostName: [clear] comes when the incident is made already, so it gives no attribute"],
        ),
        ("window = 60", "window = 90000", ["5:10: window: all events of it must be held, so it may be 86400 at most"]),
        ('query = \'eventType = "b"', 'qery = \'eventType = "b"', ["13:1: missing key 'query'", "14:1: unknown key"]),
        ("Down", "Clear", ["6:1: 'Clear' is what [clear] is called: name the pattern otherwise"]),
    ],
)
def test_a_wrong_clear_pattern_is_refused_where_it_stands(old: str, new: str, said: list[str]) -> None:
    """And what is wrong with the mapping is not said of the match as well."""
    text = CLEARED.replace(old, new)
    found = refused(text)
    assert [True] * len(said) == [any(each in other for other in found) for each in said], found


def test_a_match_that_no_incident_has_is_refused() -> None:
    """Attributes of alternatives are never there together."""
    bottom = "[clear]\nquery = 'user = \"x\"'\ngroup_by = [\"user\"]\nmatch = { hostName = 'user', user = 'user' }"
    text = of("A OR B", "A", "B", mapped="hostName = A.hostName; user = B.user", bottom=bottom)
    said = "no incident has all of these attributes: no way of the trigger gives more than some of them"
    assert [f"21:9: {said}"] == refused(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('trigger = "Create FOLLOWED_BY Connect"', 'trigger = "Create AND Connect"'),
        (" AND Create.procGUID = Connect.procGUID", ""),
        ("Create.procGUID = ", "Create.procGUID != "),
        ('initiated = "true"', 'initiated = "false"'),
        ('["hostName", "procGUID"]', '["hostName", "procGUID", "user"]'),
        ("COUNT(DISTINCT destIpAddr) >= 2", "COUNT(DISTINCT destIpAddr) >= 3"),
        ('"Connect.LAST(destIpAddr)"', '"Create.LAST(destIpAddr)"'),
        ('"Connect.procGUID"', '"Create.procGUID"'),
    ],
)
def test_what_decides_changes_the_content_id(old: str, new: str) -> None:
    """Each subpattern, how they meet, and whose values an incident shows."""
    assert old in WORD
    assert read(WORD).content_id != read(WORD.replace(old, new)).content_id


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('eventType = "b"', 'eventType = "c"'),
        ("match = {", 'aggregate = "COUNT(*) >= 2"\nmatch = {'),
        ("{ hostName =", "{ user ="),
        ('["srcName"]', '["srcName", "user"]'),
    ],
)
def test_a_clear_pattern_decides_too(old: str, new: str) -> None:
    """When incidents end, and which."""
    assert read(CLEARED).content_id != read(CLEARED.replace(old, new)).content_id


def test_blanks_and_parentheses_leave_the_content_id_alone() -> None:
    """What a trigger line says counts, not how it is set out."""
    other = WORD.replace("Create FOLLOWED_BY Connect", "(Create  followed_by (Connect))")
    other = other.replace("Create.hostName = Connect.hostName AND", "Create.hostName=Connect.hostName  and")
    assert WORD != other
    assert read(WORD).content_id == read(other).content_id


def test_rules_that_differ_in_clear_alone_are_different() -> None:
    """A rule with one pattern is hashed as ever where it has no [clear]."""
    without = re.sub(r"(?s)\[clear\].*", "", CLEARED)
    assert read(without).content_id != read(CLEARED).content_id
    rule = read(without)
    assert rule.content_id == read('trigger = "Down"\n' + without).content_id
    assert msgspec.structs.replace(rule, content_id="").join is None


BOTH = WORD + CLEARED[CLEARED.index("[clear]") :]
FRAGMENTS = st.sampled_from(
    [
        *("", "[clear]", "[pattern.A]", "[pattern]", "[incident]", "trigger", "global", "match", "Create", "Connect"),
        *("AND", " OR ", "AND_NOT", "FOLLOWED_BY", "Clear.", ".hostName", "= 1", "!=", "''", "[]", "{}", "destIpPort"),
        *"\"'[]{}()=.,\n1é",
    ]
)
MUTATIONS = st.lists(st.tuples(st.integers(0, len(BOTH)), st.integers(0, 30), FRAGMENTS), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(MUTATIONS)
def test_a_mutated_rule_is_read_or_refused(mutations: list[tuple[int, int, str]]) -> None:
    """Whatever is done to a rule's text, it gives a rule, or diagnostics that lie within the text."""
    text = BOTH
    for at, length, fragment in mutations:
        text = text[:at] + fragment + text[at + length :]
    lines = text.split("\n")
    assert [] == [each for each in diagnostics_of(text) if lines[each.line - 1] != each.source_line]


def diagnostics_of(text: str) -> tuple[Diagnostic, ...]:
    """Give what is said of a file's text; anything else that is raised is a defect."""
    try:
        read(text)
    except LanguageError as error:
        return error.diagnostics
    return ()
