"""FortiSIEM's rule XML, read as plain data: what is verbatim, what is changed, and everything that is refused."""

import re
from pathlib import Path

import pytest
from lxml import etree

from stream_app.exchange.fortisiem_xml import import_xml
from stream_app.exchange.imported import Choices, Imported, Refused
from stream_app.rulebook.text import ClearText, ListText, PatternText, RuleText

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "fortisiem-rules"

FILTER = """<SubPattern displayName="Filter" name="Filter">
      <SingleEvtConstr> eventType = "a" AND procName REGEXP "\\\\x\\.exe$" </SingleEvtConstr>
      <GroupByAttr>hostName, procName</GroupByAttr>
      <GroupEvtConstr>COUNT(*) &gt;= 2</GroupEvtConstr>
    </SubPattern>"""
RULE = f"""<Rule group="G" id="R1" phIncidentCategory="Server" function="Security" subFunction="command AND control" technique="T1071, T1105">
  <Name>A name</Name>
  <IncidentTitle>A title</IncidentTitle>
  <active>TRUE</active>
  <Description>Says "much".</Description>
  <CustomerScope groupByEachCustomer="true"><Include all="true"/><Exclude/></CustomerScope>
  <IncidentDef eventType="PH_RULE_A" severity="7"><ArgList>hostName = Filter.hostName,n = Filter.PCTILE(a, 90),</ArgList></IncidentDef>
  <PatternClause window="300">{FILTER}</PatternClause>
  <TriggerEventDisplay><AttrList>phRecvTime</AttrList></TriggerEventDisplay>
</Rule>"""  # noqa: E501 - as such files are


def pattern(name: str, query: str = "a = 1") -> str:
    """Write a subpattern."""
    return (
        f'<SubPattern name="{name}"><SingleEvtConstr>{query}</SingleEvtConstr>'
        "<GroupByAttr>hostName</GroupByAttr><GroupEvtConstr>COUNT(*) &gt;= 1</GroupEvtConstr></SubPattern>"
    )


def read(text: str, **choices: object) -> Imported:
    """Read the only rule of a file, which is not refused."""
    (found,) = import_xml("a/b.xml", text.encode(), Choices(**choices))  # type: ignore[arg-type]  # as a caller does
    assert isinstance(found, Imported), found
    return found


def reasons(text: str, **choices: object) -> list[tuple[int, str]]:
    """Give why the only rule of a file is refused."""
    (found,) = import_xml("a/b.xml", text.encode(), Choices(**choices))  # type: ignore[arg-type]  # as a caller does
    assert isinstance(found, Refused), found
    return [(reason.line, reason.why) for reason in found.reasons]


def with_patterns(body: str) -> str:
    """Give the rule with other subpatterns."""
    return RULE.replace(FILTER, body)


def behind(extra: str) -> str:
    """Give the rule with more behind it, on line 14."""
    return RULE.replace("</Rule>", f"{extra}\n</Rule>")


def test_a_rule_as_plain_data() -> None:
    """Texts come over as they are, without the blanks around them; what only describes is named as left out."""
    found = read(RULE)
    assert (
        RuleText(
            comments=("Imported from b.xml, rule R1",),
            id="R1",
            name="A name",
            description='Says "much".',
            severity=7,
            category="Security",
            subcategory="command AND control",
            tactics=("Command and Control",),
            techniques=("T1071", "T1105"),
            window=300,
            pattern={
                "Filter": PatternText(
                    query='eventType = "a" AND procName REGEXP "\\\\x\\.exe$"',
                    group_by=("hostName", "procName"),
                    aggregate="COUNT(*) >= 2",
                )
            },
            incident={"hostName": "Filter.hostName", "n": "Filter.PCTILE(a, 90)"},
        )
        == found.rule
    )
    assert ("PH_RULE_A", ()) == (found.event_type, found.changed)
    assert ("<IncidentTitle>", "<TriggerEventDisplay>", "group of <Rule>", "phIncidentCategory of <Rule>") == (
        found.left_out
    )
    assert "a/b.xml:1: rule R1" == str(found.origin)


def test_what_somebody_chooses() -> None:
    """The id may be the eventType of the incidents, and a source need not be noted."""
    found = read(RULE, ids="event-type", note_source=False)
    assert ("PH_RULE_A", ()) == (found.rule.id, found.rule.comments)


def test_a_source_that_is_noted_already_stays() -> None:
    """A comment in a rule that says where it came from is kept; any other comment says nothing here."""
    text = RULE.replace("<Name>", "<!-- hello --><!-- Imported from old.xml, rule X --><Name>")
    assert ("Imported from old.xml, rule X",) == read(text, note_source=False).rule.comments


def test_what_our_export_wrote_came_from_nowhere_else() -> None:
    """Rules that say nothing of a source, in a file of our own export, get no note of that file."""
    assert () == read(f"<Rules><!-- Exported by stream-app -->{RULE}</Rules>").rule.comments


def test_a_rule_of_several_subpatterns() -> None:
    """One operator between all of them is written without parentheses, by rank, whatever the order in the file."""
    body = (
        pattern("A")
        + '<Operator type="FOLLOWED BY" rank="2"/>'
        + pattern("B")
        + '<Operator type="followed_by" rank="1"/>'
    )
    found = read(with_patterns(body + pattern("C") + "<GlobalConstr>A.hostName = B.hostName</GlobalConstr>"))
    assert ("A FOLLOWED_BY B FOLLOWED_BY C", "A.hostName = B.hostName") == (found.rule.trigger, found.rule.global_)
    assert () == found.changed


def test_operators_of_several_kinds_are_read_by_their_ranks() -> None:
    """The lowest rank binds first; parentheses say so, and the report says that they were written."""
    operators = (
        '<Operator type="NOT_FOLLOWED_BY" rank="9"/><Operator type="AND" rank="1"/><Operator type="AND" rank="0"/>'
    )
    found = read(with_patterns(pattern("A") + pattern("B") + pattern("C") + pattern("D") + operators))
    assert "(A AND B AND C) NOT_FOLLOWED_BY D" == found.rule.trigger
    assert (
        "trigger: operators of different kinds are read by their ranks, written as (A AND B AND C) NOT_FOLLOWED_BY D",
    ) == found.changed


def test_operators_without_ranks_stand_as_they_stand() -> None:
    """Where no operator has a rank, the order in the file is meant."""
    operators = '<Operator type="OR"/><Operator type="AND"/>'
    found = read(with_patterns(pattern("A") + pattern("B") + pattern("C") + operators))
    assert "(A OR B) AND C" == found.rule.trigger


def test_a_bare_mix_is_written_with_parentheses_where_somebody_says_how() -> None:
    """Of queries, aggregates and the clear pattern; without a choice the text stays, and the loader refuses it."""
    bare = with_patterns(pattern("A", "a = 1 AND b = 2 OR c = 3"))
    assert "a = 1 AND b = 2 OR c = 3" == read(bare).rule.pattern["A"].query
    clear = (
        f'<ClearCondition method="pattern"><PatternClause window="300">{pattern("C", "a = 1 OR b = 2 AND c = 3")}'
        "</PatternClause><GlobalConstr>hostName = C.hostName</GlobalConstr></ClearCondition>"
    )
    found = read(
        bare.replace("</Rule>", f"{clear}</Rule>").replace("COUNT(*)", "COUNT(*) = 1 OR 1 = 2 AND 3", 1), bare_mix="or"
    )
    assert found.rule.clear is not None
    assert ("a = 1 AND (b = 2 OR c = 3)", "(COUNT(*) = 1 OR 1 = 2) AND 3 >= 1", "(a = 1 OR b = 2) AND c = 3") == (
        found.rule.pattern["A"].query,
        found.rule.pattern["A"].aggregate,
        found.rule.clear.query,
    )
    assert (
        "query of A: parentheses written in, OR binds tighter",
        "aggregate of A: parentheses written in, OR binds tighter",
        "query of [clear]: parentheses written in, OR binds tighter",
    ) == found.changed


def test_clear_conditions() -> None:
    """A quiet period in seconds, and a pattern with what matches it to incidents."""
    found = read(
        behind(
            '<ClearCondition method="time" window="3600"/><ClearCondition method="Pattern">'
            f'<PatternClause window="300">{FILTER}</PatternClause>'
            "<GlobalConstr>hostName = Filter.hostName and Incident.user=Filter.procName</GlobalConstr></ClearCondition>"
        )
    )
    assert 3600 == found.rule.clear_after
    assert (
        ClearText(
            query='eventType = "a" AND procName REGEXP "\\\\x\\.exe$"',
            group_by=("hostName", "procName"),
            aggregate="COUNT(*) >= 2",
            match={"hostName": "hostName", "user": "procName"},
        )
        == found.rule.clear
    )


def test_watch_lists_and_a_rule_that_is_off() -> None:
    """Each list is a table of its own; a rule that is not active is imported, and does not run."""
    lists = '<DynWatchListDef attr="hostName"><WatchList>A, B</WatchList><WatchList>C</WatchList></DynWatchListDef>'
    found = read(behind(lists).replace("TRUE", "false"))
    assert tuple(ListText(name=name, attribute="hostName") for name in "ABC") == found.rule.watch_list
    assert not found.rule.enabled


def test_a_name_that_is_shown_and_is_another_is_left_out() -> None:
    """A subpattern is called what other parts of the rule call it."""
    assert "displayName of <SubPattern>" in read(RULE.replace('displayName="Filter"', 'displayName="x"')).left_out


def test_what_is_ignored_on_purpose_is_left_out() -> None:
    """Elements and attributes that nobody here knows are counted, not refused, if somebody names them."""
    text = behind('<Strange x="1"/>').replace('id="R1"', 'id="R1" odd="1"')
    assert {"<Strange>", "odd of <Rule>"} <= set(read(text, ignored=frozenset({"Strange", "odd"})).left_out)


ADVICE = "nobody here knows what it decides; leave it out with --ignore"
REFUSED = [
    (behind("<Strange/>"), [(14, f"<Strange> in <Rule>: {ADVICE} Strange")]),
    (RULE.replace('id="R1"', 'id="R1" odd="1"'), [(1, f"odd of <Rule>: {ADVICE} odd")]),
    (RULE.replace(' id="R1"', ""), [(1, "<Rule> has no id")]),
    (RULE.replace("<Name>A name</Name>", ""), [(1, "<Rule> has no <Name>")]),
    (RULE.replace("A name", " "), [(2, "<Name> is empty")]),
    (RULE.replace("A name", "A <b>name</b>"), [(2, "<Name> holds more than text")]),
    (RULE.replace("eventType = ", "eventType <!-- x --> = "), [(9, "<SingleEvtConstr> holds more than text")]),
    (RULE.replace("<Name>", "<Name>x</Name><Name>"), [(2, "a second <Name> in <Rule>")]),
    (RULE.replace("TRUE", "maybe"), [(1, "<active> must be true or false, got 'maybe'")]),
    (
        RULE.replace('severity="7"', 'severity="high"'),
        [(7, "severity of <IncidentDef> must be a whole number, got 'high'")],
    ),
    (RULE.replace(' window="300"', ""), [(8, "<PatternClause> has no window")]),
    (RULE.replace(",n = ", ",hostName = "), [(7, "<ArgList> maps hostName twice")]),
    (
        RULE.replace("n = Filter.PCTILE(a, 90)", "n"),
        [(7, "<ArgList>: expected 'attribute = pattern.attribute', got 'n'")],
    ),
    (re.sub(r"<IncidentDef.*?</IncidentDef>", "", RULE), [(1, "<Rule> has no <IncidentDef>")]),
    (with_patterns(""), [(8, "<PatternClause> has no <SubPattern>")]),
    (
        re.sub(r"<PatternClause.*</PatternClause>", "", RULE, flags=re.DOTALL),
        [(1, "<Rule> has no <PatternClause>")],
    ),
    (
        with_patterns(pattern("A") + pattern("A") + '<Operator type="OR"/>'),
        [(8, "a second subpattern 'A'"), (8, "1 subpatterns need 0 operators between them, got 1")],
    ),
    (
        with_patterns(pattern("A") + pattern("B")),
        [(8, "2 subpatterns need 1 operators between them, got 0")],
    ),
    (
        with_patterns(pattern("A") + pattern("B") + '<Operator type="XOR" rank="0"/>'),
        [(8, "unknown operator 'XOR': they are AND, OR, FOLLOWED_BY, NOT_FOLLOWED_BY, AND_NOT")],
    ),
    (
        with_patterns(
            pattern("A") + pattern("B") + pattern("C") + '<Operator type="OR" rank="0"/><Operator type="OR" rank="0"/>'
        ),
        [(8, "two operators of one rank: which comes first?")],
    ),
    (
        with_patterns(pattern("A").replace("<GroupEvtConstr>COUNT(*) &gt;= 1</GroupEvtConstr>", "")),
        [(8, "<SubPattern> has no <GroupEvtConstr>")],
    ),
    (
        RULE.replace('groupByEachCustomer="true"', 'groupByEachCustomer="false"'),
        [(6, "groupByEachCustomer is false: here each customer is correlated apart")],
    ),
    (
        RULE.replace('<Include all="true"/>', "<Include>1</Include>"),
        [(6, "<Include> names some customers: here a rule is for all of them")],
    ),
    (
        RULE.replace("<Exclude/>", "<Exclude>1</Exclude>"),
        [(6, "<Exclude> names some customers: here a rule is for all of them")],
    ),
    (behind('<DynWatchListDef attr="a"/>'), [(14, "<DynWatchListDef> names no <WatchList>")]),
    (
        behind('<ClearCondition method="magic"/>'),
        [(14, "<ClearCondition method='magic'>: one of 'time' and one of 'pattern' may be there")],
    ),
    (
        behind('<ClearCondition method="time" window="1"/><ClearCondition method="time" window="1"/>'),
        [
            (14, "<ClearCondition method='time'>: one of 'time' and one of 'pattern' may be there"),
            (14, f"window of <ClearCondition>: {ADVICE} window"),
        ],
    ),
    (
        behind('<ClearCondition method="pattern" type="x"><GlobalConstr>a = B.a</GlobalConstr></ClearCondition>'),
        [
            (14, "<ClearCondition> has no <PatternClause>"),
            (14, f"type of <ClearCondition>: {ADVICE} type"),
        ],
    ),
    (
        behind(
            '<ClearCondition method="pattern"><PatternClause window="9"/><GlobalConstr>x</GlobalConstr>'
            "</ClearCondition>"
        ),
        [
            (14, "the clear pattern has another window than the rule: here they share one"),
            (14, "<PatternClause> has no <SubPattern>"),
        ],
    ),
    (
        behind(
            f'<ClearCondition method="pattern"><PatternClause window="300">{pattern("C")}</PatternClause>'
            "<GlobalConstr>a = C.b AND a &gt; C.b AND b = D.b AND a = C.c</GlobalConstr></ClearCondition>"
        ),
        [
            (14, f"<GlobalConstr> of a clear pattern: expected 'attribute = C.attribute', got {got!r}")
            for got in ("a > C.b", "b = D.b", "a = C.c")
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), REFUSED, ids=[said[0][1][:40] for _, said in REFUSED])
def test_what_is_refused(text: str, expected: list[tuple[int, str]]) -> None:
    """Every reason with its line; nothing that may decide is passed over."""
    assert text != RULE
    assert expected == reasons(text)


def test_all_reasons_come_at_once() -> None:
    """A rule with several faults says all of them, in the order of their lines."""
    text = behind("<Strange/>").replace("TRUE", "x").replace("A name", "")
    assert [1, 2, 14] == [line for line, _ in reasons(text)]


def test_rules_of_a_file_stand_by_themselves() -> None:
    """A bad rule takes nothing from the others, however the file puts them together."""
    bad = RULE.replace("A name", "").replace("R1", "R2")
    text = f"<?xml version='1.0'?>\n<Rules>\n{RULE}\n{bad}\n</Rules>\n{RULE.replace('R1', 'R3')}"
    found = import_xml("a.xml", text.encode(), Choices())
    assert [("R1", Imported, 3), ("R2", Refused, 17), ("R3", Imported, 32)] == [
        (each.origin.rule, type(each), each.origin.line) for each in found
    ]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/fortisiem-rules beside the checkout")
def test_the_queries_of_real_files_are_verbatim(capsys: pytest.CaptureFixture[str]) -> None:
    """What the converter wrote is what a rule asks, character for character, of every rule of every file."""
    queries = 0
    for path in sorted(SAMPLES.glob("*.xml")):
        found = import_xml(str(path), path.read_bytes(), Choices())
        for rule, element in zip(found, etree.parse(path).iter("Rule"), strict=True):
            assert isinstance(rule, Imported)
            assert [element.findtext("PatternClause/SubPattern/SingleEvtConstr")] == [
                each.query for each in rule.rule.pattern.values()
            ]
            queries += 1
    assert 73 <= queries
    with capsys.disabled():
        print(f"\n{queries} queries of rule XML are verbatim")  # noqa: T201 - a check says how much it checked
