"""Rules as plain data, written as files: what is read back is what was given, and queries stand there verbatim."""

import tomllib
from datetime import UTC, datetime, time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.rulebook.document import parse_document
from stream_app.rulebook.text import (
    ClearText,
    ExceptionText,
    FloodText,
    ListText,
    PatternText,
    RuleText,
    head_comments,
    rule_text,
)
from stream_app.rulebook.write import NotWritable, slug_of, write_rule

RULES = Path(__file__).parents[3] / "rules"
FILES = sorted(path for path in RULES.glob("*/*.toml") if path.stem == path.parent.name)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def pattern(query: str = 'procName = "x"', aggregate: str = "COUNT(*) >= 1") -> PatternText:
    """Make a pattern."""
    return PatternText(query=query, group_by=("hostName",), aggregate=aggregate)


RULE = RuleText(id="R", name="n", severity=5, category="Security", window=60, pattern={"Filter": pattern()})


def changed(**fields: object) -> RuleText:
    """Make a rule that differs from RULE in these fields."""
    return msgspec.structs.replace(RULE, **fields)


def test_the_form_of_a_file() -> None:
    """Keys in one order, tables behind them, units behind times; what is not said is not written."""
    rule = changed(
        comments=("Imported from a.xml", "", "tab\there"),
        description='says "no"',
        tactics=("Discovery",),
        window=86400,
        trigger="A AND B",
        enabled=False,
        clear_after=600,
        evidence=3,
        pattern={"A": pattern(aggregate='FIRST(user) = "x"'), "B C": pattern(query="a = 'b'")},
        incident={"hostName": "A.hostName"},
        clear=ClearText(query="x = 1", group_by=(), match={"hostName": "hostName"}),
        watch_list=(ListText(name="l", attribute="hostName", keep=60), ListText(name="m", attribute="user")),
        flood=FloodText(per_day=9),
    )
    assert (
        """\
# Imported from a.xml
#
# tab\\there
id = "R"
name = "n"
description = 'says "no"'
severity = 5
category = "Security"
tactics = ["Discovery"]
window = 86400                                  # seconds
trigger = "A AND B"
enabled = false
clear_after = 600                               # seconds
evidence = 3

[pattern.A]
query = '''
procName = "x"'''
group_by = ["hostName"]
aggregate = 'FIRST(user) = "x"'

[pattern."B C"]
query = '''
a = 'b\''''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"

[incident]
hostName = "A.hostName"

[clear]
query = '''
x = 1'''
group_by = []
match = { hostName = "hostName" }

[flood]
per_day = 9

[[watch_list]]
name = "l"
attribute = "hostName"
keep = 60                                       # seconds

[[watch_list]]
name = "m"
attribute = "user"
"""
    ).replace("\\'", "'") == write_rule(rule)


def test_exceptions_keep_their_times() -> None:
    """Dates, times and days come back as they were, and the condition is a literal string."""
    once = ExceptionText(when="a = 'b'", reason="r", from_=datetime(2026, 1, 31, 22, tzinfo=UTC))
    weekly = ExceptionText(when='a = "b"', reason="r", days=("sat",), start=time(22), end=time(6, 30), zone="UTC")
    rule = changed(exception=(once, weekly))
    written = write_rule(rule)
    assert rule == rule_text(tomllib.loads(written))
    assert "when = 'a = \"b\"'\n" in written
    assert "when = '''\na = 'b''''\n" in written
    assert "start = 22:00:00\n" in written


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_rules_of_this_checkout_say_the_same_when_they_are_written(path: Path) -> None:
    """A file, read and written, holds the same values, and writing that again changes nothing."""
    rule = rule_text(tomllib.loads(path.read_text(encoding="utf-8")))
    written = write_rule(rule)
    again = rule_text(tomllib.loads(written))
    assert (rule, written) == (again, write_rule(again))


def test_the_first_rule_is_written_as_it_stands() -> None:
    """The file that the project began with has the form that is written: byte for byte."""
    text = (RULES / "windows-python-initiated-connection/windows-python-initiated-connection.toml").read_text()
    assert text == write_rule(rule_text(tomllib.loads(text)))


@given(
    st.builds(
        changed,
        comments=st.tuples(TEXTS),
        id=TEXTS.filter(bool),
        name=TEXTS,
        description=TEXTS,
        tactics=st.tuples(TEXTS),
        trigger=TEXTS,
        global_=TEXTS,
        pattern=st.dictionaries(NAMES, st.builds(pattern, TEXTS, TEXTS), min_size=1, max_size=2),
        incident=st.dictionaries(NAMES, TEXTS, max_size=2),
    )
)
def test_whatever_is_written_is_read_back(rule: RuleText) -> None:
    """Any texts come back as they were, and each query stands in the file verbatim; or the rule is refused."""
    try:
        text = write_rule(rule)
    except NotWritable:
        return
    data = tomllib.loads(text)
    assert msgspec.structs.replace(rule, comments=()) == rule_text(data)
    document = parse_document("r.toml", text)
    for name, each in rule.pattern.items():
        place = document.verbatim(("pattern", name, "query"), literal=True)
        assert place is not None
        assert each.query == text[place.offset : place.offset + len(each.query)]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pattern": {"A": pattern(query="a ''' b")}}, "query holds three single quotes at character 3"),
        ({"pattern": {"A": pattern(query="ab\r")}}, r"query holds the character U\+000D at character 3"),
        ({"trigger": "A\x7f"}, r"trigger holds the character U\+007F at character 2"),
        ({"global_": "\\'''"}, "global holds three single quotes at character 2"),
    ],
)
def test_what_no_literal_string_holds_is_refused(fields: dict[str, object], said: str) -> None:
    """A text of a language is written verbatim or not at all."""
    with pytest.raises(NotWritable, match=said):
        write_rule(changed(**fields))


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Windows: Python Initiated Connection", "windows-python-initiated-connection"),
        ("  Über-Größe (x)!", "uber-groe-x"),
        ("Groups", "groups-rule"),
        ("日本", "ph-rule-1"),
        ("x" * 200, "x" * 100),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_a_folder_is_called_as_its_rule(name: str, slug: str) -> None:
    """Whatever the title, its folder's name is short, plain, and one that the loader reads."""
    assert slug == slug_of(name, "PH_Rule_1")


def test_a_name_without_letters_has_a_folder_all_the_same() -> None:
    """Neither title nor id need hold a letter."""
    assert "rule" == slug_of("…", "日本")


def test_comments_at_the_head_are_found() -> None:
    """The lines of comment before the first key, and no others."""
    assert ("Imported from a.xml", "") == head_comments("# Imported from a.xml\n#\nid = 1\n# no\n")
    assert ("all",) == head_comments("#all")
