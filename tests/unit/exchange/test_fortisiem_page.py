"""Pages of FortiSIEM's rule catalogue, as text and as HTML: the rule they show, or why none can be had of them."""

import html
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.exchange.fortisiem_page import HEADINGS, MAPPING, PARTS, import_page, is_page
from stream_app.exchange.imported import Choices, Imported, Refused
from stream_app.exchange.page_lines import Line, page_lines
from stream_app.rulebook.text import PatternText, RuleText
from stream_app.rulebook.write import slug_of, write_rule

ROOT = Path(__file__).parents[3]
SEED = ROOT.parent / "shared" / "data" / "fortisiem-rules" / "seed_PH_Rule_SIGMA_1774.txt"

ONE = """SubPattern Name: A

This is the named definition of a thing.

SubPattern Query

This is the query logic of it

eventType = "a  b" AND hostIpAddr IS NOT NULL

Group by Attributes

This defines how they are put together

hostName,hostIpAddr

Aggregate Constraint

This is most typically a number

COUNT (*) >= 1
"""
MAPPED = """
Incident Attribute Mapping

This section defines the rest.

The available raw event attributes are few

 hostName = A.hostName,
hostIpAddr=A.hostIpAddr,
n = A.COUNT(DISTINCT user)
"""
PAGE = f"""Home
FortiSIEM Rules

A rule's name

Rule ID

PH_Rule_1

Default Status

Disabled

Description

One line.

Another line…

Severity

7

Category

Availability

MITRE ATT&CK® Tactics

Impact

What it is about.

https://attack.mitre.org/tactics/TA0040

Discovery

What that is about.

https://attack.mitre.org/tactics/TA0007

MITRE ATT&CK® Techniques

T1529

Its name

Its words

https://attack.mitre.org/techniques/T1529

Impacts

Network

Remediation Guidance

No remediation guidance specified

Time Window

If the following pattern matches, so it is.

120 seconds

Trigger Conditions

If the following defined patterns occur, so it is.

A

SubPattern Definitions

{ONE}
{MAPPED}"""
OTHER = ONE.replace("Name: A", "Name: B")
SEVERAL = PAGE.replace(ONE, ONE + OTHER).replace(
    "\nA\n\nSubPattern Def",
    "\nA OR B\n\nGlobal Constraint\n\nThis defines how they are related\n\nA.hostName = B.hostName\n\nSubPattern Def",
)


def read(text: str, **choices: object) -> Imported:
    """Read a page that is not refused."""
    given = {"note_source": False, **choices}
    found = import_page("a/page.txt", text.encode(), Choices(**given))  # type: ignore[arg-type]  # as a caller does
    assert isinstance(found, Imported), found
    return found


def reasons(text: str) -> list[str]:
    """Give why a page is refused, with the lines."""
    found = import_page("a/page.txt", text.encode(), Choices())
    assert isinstance(found, Refused), found
    return [f"{reason.line}: {reason.why}" for reason in found.reasons]


def line_of(text: str, begin: str, nth: int = 0) -> int:
    """Give the number of a line that begins so."""
    return [number for number, line in enumerate(text.split("\n"), 1) if line.startswith(begin)][nth]


def test_a_page_as_plain_data() -> None:
    """The title is the line before the id; the first tactic is the subcategory; explanations are not the rule's."""
    found = read(PAGE)
    assert (
        RuleText(
            id="PH_Rule_1",
            name="A rule's name",
            description="One line.\nAnother line…",
            severity=7,
            category="Availability",
            subcategory="Impact",
            tactics=("Impact", "Discovery"),
            techniques=("T1529",),
            window=120,
            enabled=False,
            pattern={
                "A": PatternText(
                    query='eventType = "a  b" AND hostIpAddr IS NOT NULL',
                    group_by=("hostName", "hostIpAddr"),
                    aggregate="COUNT (*) >= 1",
                )
            },
            incident={"hostName": "A.hostName", "hostIpAddr": "A.hostIpAddr", "n": "A.COUNT(DISTINCT user)"},
        )
        == found.rule
    )
    assert ("Impacts", "Remediation Guidance") == found.left_out
    assert f"a/page.txt:{line_of(PAGE, 'PH_Rule_1')}: rule PH_Rule_1" == str(found.origin)


def test_a_page_without_tactics_and_with_its_source() -> None:
    """A subject that is no tactic is a subcategory only; a section may be missing; the source is noted if asked for."""
    text = PAGE.replace("Impact\n\nWhat", "Application\n\nWhat").replace("MITRE ATT&CK® Techniques", "Notes")
    found = read(text, note_source=True)
    assert ("Application", ("Discovery",), ()) == (found.rule.subcategory, found.rule.tactics, found.rule.techniques)
    assert ("Imported from page.txt, rule PH_Rule_1",) == found.rule.comments
    begin, end = text.index("MITRE ATT&CK® Tactics"), text.index("Impacts")
    assert ("", ()) == (read(text[:begin] + text[end:]).rule.subcategory, read(text[:begin] + text[end:]).rule.tactics)


def test_an_empty_group_by() -> None:
    """A rule may group by nothing."""
    assert () == read(PAGE.replace("hostName,hostIpAddr", "")).rule.pattern["A"].group_by


@pytest.mark.parametrize(
    ("line", "trigger", "changed"),
    [
        ("A OR B", "A OR B", False),
        ("A NOT FOLLOWED BY B", "A NOT_FOLLOWED_BY B", False),
        ("A  FOLLOWED BY B", "A FOLLOWED_BY B", False),
        ("A AND NOT B", "A AND_NOT B", False),
        ("A AND B FOLLOWED_BY C", "(A AND B) FOLLOWED_BY C", True),
        ("A OR (B AND C)", "A OR (B AND C)", False),
    ],
)
def test_trigger_lines(line: str, trigger: str, changed: bool) -> None:  # noqa: FBT001 - a case's own
    """Operators of several kinds are read from left to right, and that is said; parentheses stay as they are."""
    found = read(SEVERAL.replace("A OR B", line))
    assert trigger == found.rule.trigger
    assert "A.hostName = B.hostName" == found.rule.global_
    said = (f"trigger: operators of different kinds are read from left to right, written as {trigger}",)
    assert (said if changed else ()) == found.changed


def test_a_bare_mix_is_written_with_parentheses_where_somebody_says_how() -> None:
    """As for XML."""
    found = read(PAGE.replace("hostIpAddr IS NOT NULL", "a = 1 OR b = 2"), bare_mix="or")
    assert 'eventType = "a  b" AND (a = 1 OR b = 2)' == (
        read(PAGE.replace("hostIpAddr IS NOT NULL", "(a = 1 OR b = 2)")).rule.pattern["A"].query
    )
    assert 'eventType = "a  b" AND (a = 1 OR b = 2)' == found.rule.pattern["A"].query


def without(text: str, name: str) -> str:
    """Give the page without a heading and what stands below it."""
    begin = text.index(f"{name}\n")
    return text[:begin] + text[text.index("\n\n", text.index("\n\n", begin) + 2) + 2 :]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (without(PAGE, "Severity"), ["1: the page lacks 'Severity'"]),
        (
            PAGE[PAGE.index("Rule ID") :],
            ["1: the page lacks the rule's name, in the line before 'Rule ID'"],
        ),
        (PAGE.replace("\n7\n", "\nhigh\n"), ["22: Severity: expected a number, got 'high'"]),
        (
            PAGE.replace("\n7\n", "\n7\n8\n"),
            ["22: Severity: expected a number, got '7\\n8'", "23: Severity: more than one line"],
        ),
        (PAGE.replace("120 seconds", "2 minutes"), ["64: Time Window: expected as in '300 seconds', got '2 minutes'"]),
        (PAGE.replace("Disabled", "Perhaps"), ["12: Default Status: expected Enabled or Disabled, got 'Perhaps'"]),
        (PAGE.replace("\nA\n\nSub", "\nB\n\nSub"), ["70: Trigger Conditions: the only subpattern is A, got 'B'"]),
        (
            PAGE.replace("IS NOT NULL", "IS N…"),
            ["82: SubPattern Query of A is cut off: 'eventType = \"a  b\" AND hostIpAddr IS N…'"],
        ),
        (
            SEVERAL.replace("Name: B", "Name: A"),
            ["101: a second subpattern 'A'", "70: Trigger Conditions: the only subpattern is A, got 'A OR B'"],
        ),
        (PAGE.replace("COUNT (*) >= 1\n", ""), ["74: the page lacks 'Aggregate Constraint' of A"]),
        (PAGE.replace("Aggregate Constraint\n", ""), ["74: the page lacks 'Aggregate Constraint' of A"]),
        (PAGE.replace("A.COUNT(DISTINCT user)", "A"), ["105: Incident Attribute Mapping: cut off at 'n'"]),
        (PAGE.replace("n = A.", "hostName = A."), ["105: Incident Attribute Mapping: 'hostName' is mapped twice"]),
        (PAGE.replace("n = A.", "= A."), ["105: Incident Attribute Mapping: cut off at 'A.COUNT(DISTINCT user)'"]),
    ],
)
def test_what_is_refused(text: str, said: list[str]) -> None:
    """What a page lacks, or says otherwise than pages do, with its line."""
    assert text not in {PAGE, SEVERAL}
    assert sorted(said) == sorted(reasons(text))


def test_another_text_is_no_page() -> None:
    """A text that holds no rule is told from a page, and says all that it lacks if it is read as one."""
    assert (True, False) == (is_page(PAGE), is_page("# A read-me\nRule ID\n"))
    lacks = [reason.partition("lacks ")[2] for reason in reasons("")]
    assert {"'Rule ID'", "'Severity'", "'SubPattern Name'", "'Trigger Conditions'", "'Time Window'"} <= set(lacks)


def test_bytes_that_are_no_text_are_refused() -> None:
    """With the place of the first."""
    found = import_page("p.txt", b"Rule ID\n\xff", Choices())
    assert isinstance(found, Refused)
    assert [(2, "not UTF-8: byte 0xff")] == [(reason.line, reason.why) for reason in found.reasons]


def as_html(text: str) -> str:
    """Write a page as HTML: headings, paragraphs, a script that is none of it, and a list with breaks."""
    lines = [line for line in text.split("\n") if line.strip()]
    body = "\n".join(
        f"<h2>{html.escape(line)}</h2>"
        if line in {"Rule ID", "Severity"}
        else f"<p>\n  <span>{html.escape(line)}</span></p>"
        for line in lines
    )
    return (
        f"<!DOCTYPE html>\n<html><head><title>Rule ID</title><script>Severity</script></head><body>{body}</body></html>"
    )


def test_html_says_the_same() -> None:
    """Tags are lines and nothing else; what is escaped is what it stands for; blanks inside of a line stay."""
    assert read(PAGE).rule == read(as_html(PAGE)).rule
    assert read(SEVERAL).rule == read(as_html(SEVERAL)).rule


def test_lines_of_html() -> None:
    """Blocks and breaks end lines, inline tags and line breaks of the source do not, ``pre`` keeps its own."""
    text = (
        "<html><body><p>a <b>b</b>\n   c&nbsp;d</p><!-- x -->\ne<br>f  g<div>h<div>i</div>j</div>\n"
        "<pre>k\n  l</pre><style>no</style>m &lt;p&gt;</body></html>"
    )
    assert ["a b c d", "e", "f  g", "h", "i", "j", "k", "l", "m <p>"] == [line.text for line in page_lines(text)]
    assert (Line(1, "a"), Line(3, "b")) == page_lines("a\n\n b \n")
    assert (Line(2, "x"),) == page_lines("<html>\n<body>x</body></html>")


@pytest.mark.skipif(not SEED.is_file(), reason="needs ../shared/data/fortisiem-rules beside the checkout")
def test_the_first_page_is_the_first_rule() -> None:
    """The page that the project began with gives the file that is in the repository, byte for byte, also as HTML."""
    text = SEED.read_text(encoding="utf-8")
    for page in (text, as_html(text)):
        rule = read(page).rule
        slug = slug_of(rule.name)
        assert (ROOT / "rules" / slug / f"{slug}.toml").read_text(encoding="utf-8") == write_rule(rule)


@given(
    st.lists(
        st.sampled_from([*HEADINGS, *PARTS, MAPPING, "SubPattern Name: A", "A", "5", "a = b.c", "<p>"]), max_size=30
    )
)
def test_no_lines_break_the_reader(lines: list[str]) -> None:
    """Whatever stands on a page, it is a rule or a refusal with its reasons."""
    for begin in ("", "<html><body><p>"):
        found = import_page("p", (begin + "\n".join(lines)).encode(), Choices())
        assert isinstance(found, Imported) or found.reasons
