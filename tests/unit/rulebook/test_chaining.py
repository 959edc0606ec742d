"""Who reads whose incidents."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from stream_app.language.compile import Environment, compile_filter
from stream_app.language.diagnostics import LanguageError
from stream_app.language.parser import parse
from stream_app.rulebook.chaining import chained, reading, reads
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.load import load_rulebook
from stream_app.sysmon.attributes import VOCABULARY

RULE = """\
id = "{id}"
name = "A rule"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = '{query}'
group_by = []
aggregate = "COUNT(*) >= 1"
"""
PLAIN = 'procName = "x"'


def write(folder: Path, rules: dict[str, str], before: str = "") -> Path:
    """Write a rule for each id and query; ``before`` stands in front of the first one's file."""
    for rule_id, query in rules.items():
        path = folder / rule_id / f"{rule_id}.toml"
        path.parent.mkdir()
        path.write_text(before + RULE.format(id=rule_id, query=query), encoding="utf-8")
        before = ""
    return folder


def refused(folder: Path) -> list[str]:
    """Give ``path:line:column: message`` of everything that is wrong, paths as seen from the folder."""
    with pytest.raises(LanguageError) as caught:
        load_rulebook(folder)
    return [
        f"{each.path.removeprefix(folder.as_posix())}:{each.line}:{each.column}: {each.message}"
        for each in caught.value.diagnostics
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('eventType = "PH_Rule_A"', True),
        ('eventType = "ph_rule_a"', True),
        ('eventType IN ("PH_Rule_A", "Win-Sysmon-1-Create-Process")', True),
        ('eventType REGEXP "^PH_Rule_" AND eventType != "PH_Rule_B"', True),
        ('eventType REGEXP "^PH_Rule_" AND eventType != "PH_Rule_A"', False),
        ('eventType CONTAIN "PH_Rule" AND severity_is_no_part_of_it = 1', True),
        ('eventType = "PH_Rule_B"', False),
        ('eventType != "Win-Sysmon-3-Network-Connect-IPv4"', False),
        ('eventType NOT CONTAIN "Sysmon"', False),
        ('eventType REGEXP ".."', False),
        ("eventType IS NOT NULL", False),
        ('eventType = "PH_Rule_A" OR procName = "x"', False),
        ('procName = "x"', False),
    ],
)
def test_a_filter_reads_incidents_if_it_names_their_type_and_not_every_type(query: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """What leaves something out, or says nothing of eventType alone, means records."""
    environment = Environment(vocabulary={**VOCABULARY, "severity_is_no_part_of_it": VOCABULARY["count"]})
    assert expected == reads(compile_filter(parse(query), environment), "PH_Rule_A")


def test_the_readers_are_worked_out_when_rules_are_loaded(tmp_path: Path) -> None:
    """Each rule says whether it is read; a type like a rule's that no rule has is left alone."""
    write(
        tmp_path,
        {"A": PLAIN, "B": 'eventType IN ("A", "C")', "C": 'eventType = "A"', "D": 'eventType = "PH_RULE_Unknown"'},
    )
    rulebook = load_rulebook(tmp_path)
    assert {"B": ("A", "C"), "C": ("A",)} == reading(rulebook.rules)
    assert ["A", "C"] == [rule.id for rule in rulebook.rules.values() if rule.chained]


def test_circles_are_refused_with_the_place_of_a_query(tmp_path: Path) -> None:
    """Each is named once, a rule that reads itself too, and other errors come in the same run."""
    write(
        tmp_path,
        {
            "A": 'eventType REGEXP "^[A-Z]$" AND eventType NOT IN ("A", "B", "D", "E", "F")',
            "B": 'eventType = "A"',
            "C": 'eventType = "B"',
            "D": 'eventType = "D" AND procName = "x"',
            "E": "nonsense",
            "F": 'eventType IN ("A", "D")',
        },
    )
    found = refused(tmp_path)
    assert [
        "/A/A.toml:7:9: incidents would go round in a circle, break it: A reads C reads B reads A",
        "/D/D.toml:7:9: incidents would go round in a circle, break it: D reads D",
    ] == sorted(each for each in found if "circle" in each)
    assert any(each.startswith("/E/E.toml:7:") for each in found)
    assert 3 == len(found)


def test_a_reader_that_is_decided_as_final_is_refused(tmp_path: Path) -> None:
    """Nobody waits for incidents."""
    write(tmp_path, {"B": 'eventType = "A"', "A": PLAIN}, before='decide = "final"\n')
    said = "reads incidents of A and is decided as final: not decided on incidents yet, their time cannot be waited for"
    assert [f"/B/B.toml:8:9: {said}"] == refused(tmp_path)


def test_a_disabled_rule_makes_no_incidents(tmp_path: Path) -> None:
    """That somebody reads them is a note on the query, not an error, and no circle goes through it."""
    write(tmp_path, {"A": 'eventType IN ("A", "B")', "B": 'eventType = "A"', "C": PLAIN}, before="enabled = false\n")
    rules = load_rulebook(tmp_path).rules
    assert ["reads incidents of A, which is disabled: there are none"] == [
        note.message for note in rules["B"].subpattern.notes if "incidents" in note.message
    ]
    assert {"B": ("A",)} == reading(rules)


def test_a_rule_in_shadow_is_read_by_nobody(tmp_path: Path) -> None:
    """That somebody would is a note on the query; it is read again when it comes out of the shadow."""
    write(tmp_path, {"A": PLAIN, "B": 'eventType = "A"'}, before="shadow = true\n")
    rules = load_rulebook(tmp_path).rules
    assert ["reads incidents of A, which is in shadow: no rule is told of them"] == [
        note.message for note in rules["B"].subpattern.notes if "incidents" in note.message
    ]
    assert rules["A"].chained


def test_a_clear_pattern_that_reads_incidents_has_its_own_place(tmp_path: Path) -> None:
    """What is wrong with it is said at the query of [clear]; subpatterns that read none are not blamed."""
    rules = load_rulebook(write(tmp_path, {"A": PLAIN, "B": 'eventType = "A"'})).rules
    clear = replace(rules["B"].subpattern, name="Clear")
    both = replace(rules["A"], id="B", others=(clear,), final=True)
    text = """[pattern.Filter]\nquery = ''\n[clear]\nquery = 'eventType = "A"'\n"""
    problems: list[object] = []
    chained({"A": rules["A"], "B": both}, {"B": parse_document("b.toml", text)}, problems)  # type: ignore[arg-type]  # only compared
    assert [("b.toml", 4)] == [(each.path, each.line) for each in problems]  # type: ignore[attr-defined]  # as above
