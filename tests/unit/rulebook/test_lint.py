"""What looks wrong in rules that run."""

from pathlib import Path

import pytest

from stream_app.rulebook.findings import CODES, Finding
from stream_app.rulebook.lint import lint
from stream_app.rulebook.load import load_folder
from stream_app.rulebook.traffic import EXPLODES
from stream_app.sysmon.attributes import VOCABULARY

HEAD = 'name = "A rule"\nseverity = 5\ncategory = "Security"\nwindow = 60\n'
CONNECTS = 'eventType CONTAIN "Win-Sysmon-3-Network-Connect" AND procName = "a"'
STARTS = 'eventType = "Win-Sysmon-1-Create-Process" AND procName = "a"'


def written(folder: Path, rule_id: str, query: str, *more: str, group_by: str = '"hostName"') -> None:
    """Write a rule of one pattern, which maps what it groups by."""
    names = [name.strip().strip('"') for name in group_by.split(",")]
    mapped = "".join(f'{name} = "Filter.{name}"\n' for name in names)
    pattern = f"[pattern.Filter]\nquery = '''{query}'''\ngroup_by = [{group_by}]\naggregate = \"COUNT(*) >= 1\"\n"
    (folder / rule_id).mkdir()
    text = f'id = "{rule_id}"\n{HEAD}{pattern}[incident]\n{mapped}{"".join(more)}'
    (folder / rule_id / f"{rule_id}.toml").write_text(text)


def found(folder: Path) -> list[Finding]:
    """Give what is found in a folder."""
    loaded = load_folder(folder)
    return list(lint(loaded, sorted(loaded.rulebook.rules)))


def of(folder: Path, query: str, *more: str, group_by: str = '"hostName"') -> list[tuple[str, str, str]]:
    """Give code, attribute and reason of what is found in a rule."""
    written(folder, "R", query, *more, group_by=group_by)
    return [(each.code, each.attribute, each.diagnostic.message) for each in found(folder)]


def test_a_rule_without_a_flaw_has_no_finding(tmp_path: Path) -> None:
    """Nothing is said that need not be."""
    assert [] == of(tmp_path, CONNECTS)


def test_a_finding_shows_its_place_and_its_mend(tmp_path: Path) -> None:
    """In the order of the file, with a caret under what it is about."""
    written(tmp_path, "R", f"{CONNECTS} AND LEN(user) < 0 AND LEN(user) != -1")
    never, always = found(tmp_path)
    path = (tmp_path / "R" / "R.toml").as_posix()
    shown = never.render().splitlines()
    assert shown[0] == (
        f"{path}:7:84: L202: is always false: LEN(user) is 0 or more; mend it, or delete what it is part of"
    )
    assert shown[1][shown[2].index("^") :].startswith("LEN(user) < 0 AND")
    assert ("L201", "LEN(user) != -1", "delete it") == (always.code, always.text, always.mend)
    assert {never.code, always.code} <= set(CODES)


def test_one_comparison_is_one_finding_of_a_kind(tmp_path: Path) -> None:
    """Of what never holds it is not said as well that it clashes."""
    query = f'{CONNECTS} AND srcIpPort IN ("", 1) AND srcIpPort = 2 AND destIpPort = "" AND destIpPort = 3'
    query += " AND LEN(user) = 3 AND LEN(user) = -1"
    assert ["L202"] * 3 == [code for code, _, _ in of(tmp_path, query)]


def test_patterns_that_may_be_slow(tmp_path: Path) -> None:
    """As rules check warns of them."""
    code, _, said = of(tmp_path, f'{CONNECTS} AND user REGEXP "^(a+)+(?=b)$"')[0]
    assert "L101" == code
    assert "this pattern can take for ever" in said


def test_what_reading_the_rules_noted(tmp_path: Path) -> None:
    """Filters that are asked of every event, and patterns that meet under one key."""
    ((code, _, said),) = of(tmp_path, 'procName = "a"')
    assert ("L102", "no condition outside of OR reads eventType alone") == (code, said.split(":")[0])
    second = f"[pattern.Other]\nquery = '''{STARTS}'''\ngroup_by = [\"user\"]\naggregate = \"COUNT(*) >= 1\"\n"
    written(tmp_path, "S", CONNECTS, second)
    file = tmp_path / "S" / "S.toml"
    file.write_text('trigger = "Filter AND Other"\n' + file.read_text())
    assert ["L103"] == [each.code for each in found(tmp_path) if each.rule == "S"]


def test_a_rule_that_another_one_is_like(tmp_path: Path) -> None:
    """In what decides; its title and its id do not count, and it is told of once."""
    for rule_id in ("A", "B", "C"):
        written(tmp_path, rule_id, CONNECTS)
    written(tmp_path, "D", STARTS)
    assert [("L301", "B", "A", 1), ("L301", "C", "A", 1)] == [
        (each.code, each.rule, each.text, each.diagnostic.line) for each in found(tmp_path)
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"{CONNECTS} AND command IS NULL", [("command", "3")]),
        (f'{CONNECTS} AND (procId = "4" OR user = parentCommand OR parentCommand = "a")', [("parentCommand", "3")]),
        (f'{STARTS} AND command = "a"', []),
        (f"{STARTS} AND initiated IS NOT NULL", [("initiated", "1")]),
        ('eventType IN ("Win-Sysmon-17-PipeCreated", "Win-Sysmon-18-PipeConnected") AND command = "a"',
         [("command", "17 or 18")]),
        ('eventType REGEXP "Win-Sysmon-(?:12|13)-.*" AND fileName = "a" AND details = "b"', []),
        ('eventType REGEXP "Win-Sysmon-3-.*|Win-Sysmon-5-.*" AND command = "a"', [("command", "3 or 5")]),
        ('eventType REGEXP "Win-Security-.*|Win-Sysmon-5-.*" AND command = "a"', []),
        ('eventType IN ("Win-Sysmon-5-Process-Terminated", "Win-Security-4688") AND command = "a"', []),
        ('eventType != "Win-Sysmon-3-Network-Connect-IPv4" AND command = "a"', []),
        ('eventType IN ("S", "Win-Sysmon-5-Process-Terminated") AND command = "a"', []),
        ('eventType = "Win-Security-4688" AND command = "a"', []),
        ('command = "a" AND procName = "b"', []),
    ],
)  # fmt: skip
def test_attributes_that_no_event_of_a_filter_carries(
    tmp_path: Path, query: str, expected: list[tuple[str, str]]
) -> None:
    """Only where it is certain that all of these are Sysmon's."""
    written(tmp_path, "S", CONNECTS)
    told = [(name, said) for code, name, said in of(tmp_path, query) if code == "L203"]
    assert [(name, f"{name} is absent: Sysmon's event {events} does not carry it") for name, events in expected] == told


def test_group_by_that_is_always_absent(tmp_path: Path) -> None:
    """It is told of where it is grouped by, unless the filter reads it before; what mends it depends on what it is."""
    written(tmp_path, "R", f'{CONNECTS} AND command = "a"', group_by='"hostName", "fileName", "command"')
    told = [each for each in found(tmp_path) if each.code == "L203"]
    assert [("command", 7), ("fileName", 8)] == [(each.attribute, each.diagnostic.line) for each in told]
    assert ["STREAM_APP_PROCESS_CONTEXT" in each.mend for each in told] == [True, False]


def test_groups_that_are_too_many(tmp_path: Path) -> None:
    """Each attribute of the list, where it stands."""
    written(tmp_path, "R", CONNECTS, group_by='"hostName", "procGUID", "srcIpPort"')
    told = [each for each in found(tmp_path) if each.code == "L401"]
    assert [("procGUID", 25), ("srcIpPort", 37)] == [(each.attribute, each.diagnostic.column) for each in told]
    assert set(EXPLODES) <= set(VOCABULARY)


def test_what_patterns_meet_by_is_grouped_by_of_need(tmp_path: Path) -> None:
    """So is what a clear pattern is matched with."""
    second = (
        f"[pattern.Other]\nquery = '''{STARTS}'''\n"
        'group_by = ["procGUID", "procId"]\naggregate = "COUNT(*) >= 1"\n'
        "[clear]\nquery = '''eventType = \"Win-Sysmon-5-Process-Terminated\"'''\n"
        'group_by = ["procGUID"]\nmatch = { procGUID = "procGUID" }\n'
    )
    written(tmp_path, "R", CONNECTS, second, group_by='"procGUID"')
    file = tmp_path / "R" / "R.toml"
    head = 'trigger = "Filter FOLLOWED_BY Other"\nglobal = "Filter.procGUID = Other.procGUID"\n'
    file.write_text(head + file.read_text())
    assert ["procId"] == [each.attribute for each in found(tmp_path) if each.code == "L401"]
