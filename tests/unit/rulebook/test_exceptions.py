"""[[exception]] tables: what is read, and everything that is refused, with its place."""

import pytest

from stream_app.language.compile import Environment
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.periods import Once, Weekly
from stream_app.rulebook.rule import Rule
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.sysmon.attributes import VOCABULARY

RULE = """\
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
totFlows = "Filter.COUNT(DISTINCT destIpAddr)"
"""
FIRST = RULE.count("\n") + 1
"""The line on which a table behind the rule begins."""
WHEN = "when = 'procName = \"a\"'\nreason = 'x'\n"


def read(*tables: str) -> Rule:
    """Read the rule with these exceptions."""
    text = RULE + "".join(f"[[exception]]\n{table}\n" for table in tables)
    environment = Environment(vocabulary=VOCABULARY, groups={"LAB": ("10.9.0.0/16",)})
    return read_rule(parse_document("r.toml", text), environment, Defaults())


def refused(*tables: str) -> list[str]:
    """Give ``line:column: message`` for all that is wrong; the first table's header stands on line 0."""
    with pytest.raises(LanguageError) as caught:
        read(*tables)
    return [f"{each.line - FIRST}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def test_a_condition_over_the_incident_s_attributes() -> None:
    """It reads the names that the incident has, with the language's types, groups and case."""
    rule = read(
        """when = 'destIpAddr IN (Group@LAB, 10.1.0.0/16) AND procName CONTAIN "SCAN"'\nreason = "the lab scans"\n"""
    )
    (exception,) = rule.exceptions
    assert ("the lab scans", f"r.toml:{FIRST}", None) == (exception.reason, exception.place, exception.period)
    assert exception.holds(0)
    told = [{"destIpAddr": "10.9.1.1", "procName": "scan.exe"}, {"destIpAddr": "10.2.1.1", "procName": "scan.exe"}, {}]
    assert [True, False, False] == [exception.condition(each) for each in told]


def test_periods() -> None:
    """One-off with one end or both; week by week with hours, days, or both."""
    rule = read(
        WHEN + "from = 2026-01-31T22:00:00+01:00\nuntil = 2026-01-31T21:00:00.001Z",
        WHEN + "until = 1970-01-01T00:00:01Z",
        WHEN + "days = ['sat', 'mon']\nzone = 'Europe/Berlin'",
        WHEN + "start = 22:00:00\nend = 06:00:00\nzone = 'UTC'",
    )
    once, until, days, hours = [each.period for each in rule.exceptions]
    assert (Once(1_769_893_200_000, 1_769_893_200_001), Once(None, 1000)) == (once, until)
    assert isinstance(days, Weekly)
    assert isinstance(hours, Weekly)
    assert ((0, 5), [], "Europe/Berlin") == days.facts
    assert (tuple(range(7)), ["22:00:00", "06:00:00"], "UTC") == hours.facts
    assert [False, True] == [rule.exceptions[1].holds(moment) for moment in (1000, 999)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", ["0:1: missing key 'when'", "0:1: missing key 'reason'"]),
        ("when = ''\nreason = ''", ["1:8: when is empty", "2:10: reason is empty"]),
        ('when = "procName = 1"\nreason = "x"', ["1:8: when must be a literal string: '…' or '''…'''"]),
        (
            "when = 'srcIpAddr = 10.0.0.1'\nreason = 'x'",
            ["1:9: 'srcIpAddr' is no attribute of the incident"],
        ),
        (
            "when = 'procName IN (WatchList@x)'\nreason = 'x'",
            ["1:22: an exception reads no watch list: it says the same whenever it is asked, a list does not"],
        ),
        ("when = 'procName ='\nreason = 'x'", ["1:19: expected a value, got the end of the query"]),
        ("when = 'procNam = 1'\nreason = 'x'", ["1:9: unknown attribute 'procNam'; did you mean 'procName'?"]),
        (
            "when = 'totFlows > 5'\nreason = 'x'",
            ["1:9: 'totFlows' shows an aggregate, which changes with every event: name what is grouped by"],
        ),
        (WHEN + "untill = 1", ["3:1: unknown key 'untill'; did you mean 'until'?"]),
        (
            WHEN + "from = 2026-01-01T00:00:00",
            ["3:8: from: expected a date-time with an offset such as 2026-01-31T22:00:00+01:00: whose clock is it?"],
        ),
        (
            WHEN + "from = 2026-01-01",
            ["3:8: from: expected a date-time with an offset such as 2026-01-31T22:00:00+01:00, got a date or time"],
        ),
        (
            WHEN + "from = 2026-01-01T00:00:00Z\nuntil = 2026-01-01T01:00:00+01:00",
            ["4:9: until must be later than from"],
        ),
        (
            WHEN + "from = 2026-01-01T00:00:00Z\ndays = ['mon']\nzone = 'UTC'",
            ["4:1: from and days: a period is one-off or comes back; write two exceptions"],
        ),
        (
            WHEN + "days = ['mon', 'Tue']\nzone = 'UTC'",
            ["3:16: unknown day 'Tue': they are mon, tue, wed, thu, fri, sat, sun"],
        ),
        (WHEN + "days = []\nzone = 'UTC'", ["3:8: days: none is never; leave it out for every day"]),
        (WHEN + "zone = 'UTC'", ["3:1: zone without days, or start and end"]),
        (
            WHEN + "days = ['mon']",
            ["3:1: days without zone: say whose clock it is, such as zone = 'Europe/Berlin'"],
        ),
        (
            WHEN + "days = ['mon']\nzone = 'Europe/Belrin'",
            ["4:8: unknown zone 'Europe/Belrin'; did you mean 'Europe/Berlin'?"],
        ),
        (WHEN + "days = ['mon']\nzone = 'q'", ["4:8: unknown zone 'q'"]),
        (WHEN + "days = ['mon']\nzone = 1", ["4:8: zone: expected a string, got an integer"]),
        (WHEN + "start = 08:00:00\nzone = 'UTC'", ["3:1: start without end"]),
        (WHEN + "end = 08:00:00\nzone = 'UTC'", ["3:1: end without start"]),
        (
            WHEN + "start = '08:00'\nend = 09:00:00\nzone = 'UTC'",
            ["3:9: start: expected a time of the day such as 22:00:00, got a string"],
        ),
        (
            WHEN + "start = 08:00:00\nend = 08:00:00\nzone = 'UTC'",
            ["4:7: end must not be start; leave both out for whole days"],
        ),
    ],
)
def test_what_cannot_be_is_refused(table: str, said: list[str]) -> None:
    """With its place and what to do."""
    assert said == refused(table)


def test_a_pattern_that_may_take_long_is_refused() -> None:
    """No budget is kept where exceptions are asked, and what they are asked of was named by others."""
    (said,) = refused("when = 'procName REGEXP \"(a+)+(?=b)\"'\nreason = 'x'")
    assert said.startswith("1:")
    assert said.endswith(": not in an exception")


def test_all_mistakes_of_all_tables_come_in_one_run() -> None:
    """As everywhere in a rule's file."""
    assert 2 == len(refused(WHEN + "days = []\nzone = 'UTC'", WHEN + "zone = 'UTC'"))
    assert ["0:1: exception: expected an array, got a table"] == [
        each.replace(f"{each.split(':')[0]}:", "0:", 1) for each in _table_instead()
    ]


def test_a_rule_without_attributes_has_no_more_mistakes_for_it() -> None:
    """Of an [incident] that is no table nothing can be named, and the exception says so."""
    text = RULE[: RULE.index("[incident]")].replace("id =", "incident = 1\nid =") + f"[[exception]]\n{WHEN}"
    with pytest.raises(LanguageError) as caught:
        read_rule(parse_document("r.toml", text), Environment(vocabulary=VOCABULARY), Defaults())
    assert ["incident: expected a table, got an integer", "'procName' is no attribute of the incident"] == [
        each.message for each in caught.value.diagnostics
    ]


def _table_instead() -> list[str]:
    with pytest.raises(LanguageError) as caught:
        read_rule(parse_document("r.toml", RULE + "[exception]\n"), Environment(vocabulary=VOCABULARY), Defaults())
    return [f"{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def test_what_decides_is_in_the_rule_s_hash() -> None:
    """Condition and period are, in whatever spelling; the reason, and how often incidents are said, are not."""
    plain = read().content_id
    excepted = read(WHEN).content_id
    assert plain != excepted
    assert excepted == read(WHEN.replace(' = "', '="').replace("'x'", "'y'")).content_id
    assert excepted != read(WHEN.replace('"a"', '"b"')).content_id
    until = read(WHEN + "until = 2026-01-01T00:00:00Z").content_id
    assert 3 == len({excepted, until, read(WHEN + "until = 2026-01-01T00:00:01Z").content_id})
