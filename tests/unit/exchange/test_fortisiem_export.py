"""FortiSIEM's rule XML, written: what is imported of it again is the same, and what it cannot hold is named."""

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.exchange.fortisiem_export import Exported, export_xml, ranked
from stream_app.exchange.fortisiem_xml import import_xml
from stream_app.exchange.imported import Choices, Imported, with_watch_lists
from stream_app.language.trigger_parser import parse_trigger
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
from stream_app.rulebook.write import write_rule

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "fortisiem-rules"


def pattern(query: str = 'procName = "x"') -> PatternText:
    """Make a pattern."""
    return PatternText(query=query, group_by=("hostName", "user"), aggregate="COUNT(*) >= 1")


RULE = RuleText(
    comments=("Imported from a.xml, rule X",),
    id="PH_RULE_R",
    name="A <name> & more",
    description="two\nlines",
    severity=5,
    category="Security",
    subcategory="Discovery",
    tactics=("Discovery",),
    techniques=("T1046", "T1018"),
    window=60,
    trigger="(B AND A) NOT_FOLLOWED_BY C",
    global_="A.hostName = B.hostName",
    enabled=False,
    clear_after=600,
    pattern={"B": pattern(), "A": pattern("hostName IN (WatchList@seen, Group@g)"), "C": pattern()},
    incident={"hostName": "A.hostName", "n": "B.PCTILE(destIpPort, 90)"},
    clear=ClearText(query="x < 1", group_by=("hostName", "user"), match={"hostName": "hostName", "user": "user"}),
    watch_list=(ListText(name="seen", attribute="hostName"),),
)


def changed(**fields: object) -> RuleText:
    """Make a rule that differs from RULE in these fields."""
    return msgspec.structs.replace(RULE, **fields)


def again(data: bytes, *lists: str) -> list[RuleText]:
    """Import what was exported."""
    found = import_xml("x.xml", data, Choices())
    assert all(isinstance(each, Imported) for each in found), found
    return [with_watch_lists(each, lists).rule for each in found if isinstance(each, Imported)]


def test_a_rule_comes_back_as_it_was() -> None:
    """Everything that XML holds: texts, order, operators, relations, clear conditions, watch lists, its source."""
    data, told = export_xml([RULE])
    assert ((Exported("PH_RULE_R"),), [RULE]) == (told, again(data, "seen"))
    assert b'eventType="PH_RULE_R"' in data
    assert b"Group@seen" in data


def test_the_least_that_a_rule_says_comes_back() -> None:
    """A rule without what need not be there, and one that came from nowhere."""
    rule = RuleText(id="R", name="n", severity=5, category="Security", window=60, pattern={"A": pattern()})
    data, told = export_xml([rule, changed(comments=())])
    assert ([(), ()], [rule, changed(comments=())]) == ([each.left_out for each in told], again(data, "seen"))


def test_what_has_no_place_is_named() -> None:
    """Each option and table that XML does not know is left out by name, and the rest comes back."""
    rule = changed(
        comments=("Imported from a--b.xml, rule X", "more"),
        tactics=("Impact",),
        description=" x ",
        case="exact",
        clock="event",
        decide="final",
        lateness=1,
        evidence=3,
        update_interval=5,
        row_limit=200_000,
        watch_list=(ListText(name="seen", attribute="hostName", keep=60),),
        flood=FloodText(per_day=3),
        exception=(ExceptionText(when='user = "x"', reason="r"),),
    )
    data, (told,) = export_xml([rule])
    assert (
        *("case", "clock", "decide", "lateness", "evidence", "update_interval", "row_limit", "flood", "exception"),
        "tactics: XML holds the subcategory alone",
        "keep of watch list seen",
        "comments",
        "blanks around texts",
    ) == told.left_out
    assert [changed(comments=(), description="x")] == again(data, "seen")


def test_a_rule_in_shadow_is_not_active() -> None:
    """FortiSIEM has no shadow, and would tell everybody of its incidents."""
    data, (told,) = export_xml([changed(shadow=True)])
    assert ("shadow",) == told.left_out
    assert [changed(enabled=False)] == again(data, "seen")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"trigger": "B FOLLOWED_BY (A OR C)"}, "no list of ranked operators says 'B FOLLOWED_BY (A OR C)'"),
        ({"trigger": "(B AND (A OR C)) OR C"}, "no list of ranked operators says '(B AND (A OR C)) OR C'"),
        ({"name": "a\x01"}, "XML has no character U+0001"),
        ({"pattern": {"A": pattern("a\x0b")}, "trigger": ""}, "XML has no character U+000B"),
    ],
)
def test_a_rule_whose_meaning_xml_has_not_is_not_written(fields: dict[str, object], said: str) -> None:
    """It is refused by name, and those beside it are written."""
    data, told = export_xml([changed(**fields), RULE])
    assert (Exported("PH_RULE_R", refused=said), Exported("PH_RULE_R")) == told
    assert [RULE] == again(data, "seen")


def test_a_flat_list_is_what_parentheses_on_the_left_are() -> None:
    """A trigger line as names and operators, or None."""
    assert (["A", "B", "C", "D"], ["AND", "AND", "OR"]) == ranked(parse_trigger("(A AND B AND C) OR D"))
    assert (["A"], []) == ranked(parse_trigger("(A)"))
    assert ranked(parse_trigger("(A OR (B AND C)) AND D")) is None


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(["A OR B", "(A AND B) FOLLOWED_BY C", "A NOT_FOLLOWED_BY B"]))
def test_any_texts_come_back(name: str, description: str, query: str, trigger: str) -> None:
    """Whatever stands in a rule's texts, markup and quotes among it."""
    patterns = {each: pattern(query.replace("@", "")) for each in "ABC" if each in trigger}
    rule = changed(name=name, description=description, trigger=trigger, pattern=patterns)
    data, told = export_xml([rule])
    assert ("", [rule]) == (told[0].refused, again(data))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/fortisiem-rules beside the checkout")
def test_real_files_come_back_byte_for_byte(capsys: pytest.CaptureFixture[str]) -> None:
    """Every rule of every file, imported, exported and imported again, is the same rule file."""
    count = 0
    for path in sorted(SAMPLES.glob("*.xml")):
        written = [
            write_rule(each.rule)
            for each in import_xml(str(path), path.read_bytes(), Choices())
            if isinstance(each, Imported)
        ]
        rules = [
            msgspec.structs.replace(rule_text(tomllib.loads(text)), comments=head_comments(text)) for text in written
        ]
        data, told = export_xml(rules)
        assert not any(each.left_out or each.refused for each in told)
        assert written == [write_rule(rule) for rule in again(data)]
        count += len(written)
    assert 73 <= count
    with capsys.disabled():
        print(f"\n{count} rules of rule XML come back byte for byte")  # noqa: T201 - a check says how much it checked
