"""Folders of rules."""

from pathlib import Path

import pytest

from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rulefile import Defaults

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


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write files below a folder, and give the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def rule(rule_id: str = "R", query: str = "procName IS NOT NULL") -> str:
    """Give the text of a small rule."""
    return RULE.format(id=rule_id, query=query)


def refused(folder: Path) -> list[str]:
    """Give ``path:line:column: message`` of everything that is wrong, paths as seen from the folder."""
    with pytest.raises(LanguageError) as caught:
        load_rulebook(folder)
    return [
        f"{each.path.removeprefix(folder.as_posix())}:{each.line}:{each.column}: {each.message}"
        for each in caught.value.diagnostics
    ]


def test_rules_are_found_by_id(tmp_path: Path) -> None:
    """A file's name is its folder's; the id is what names the rule. Disabled rules are loaded and do not run."""
    write(tmp_path, {"b/b.toml": rule("R_1"), "a/a.toml": "enabled = false\n" + rule("R_2"), "README.md": "# rules"})
    rulebook = load_rulebook(tmp_path)
    assert {"R_1", "R_2"} == set(rulebook.rules)
    assert ["R_1"] == [each.id for each in rulebook.enabled]


def test_the_defaults_of_a_deployment_reach_the_rules(tmp_path: Path) -> None:
    """Times are milliseconds there already."""
    write(tmp_path, {"a/a.toml": rule()})
    assert 5 == load_rulebook(tmp_path, Defaults(lateness=5)).rules["R"].lateness


def test_groups_and_tables_are_named_by_their_files(tmp_path: Path) -> None:
    """A rule reads what lies beside it, and its content id counts it."""
    write(
        tmp_path,
        {
            "a/a.toml": rule("A", "srcIpAddr IN (Group@PH_SYS_LAB)"),
            "b/b.toml": rule("B", "LookupTableHas(fruit, procName) = 1"),
            "groups/PH_SYS_LAB.toml": 'description = "where we try things"\nmembers = ["10.0.0.0/8", "2001:db8::1"]\n',
            "groups/.hidden.toml": "members = 1",
            "groups/notes.txt": "=",
            "tables/fruit.csv": "name,kind\napple,tree\n",
        },
    )
    rulebook = load_rulebook(tmp_path)
    lab = rulebook.rules["A"].subpattern.filter
    assert [True, True, False] == [lab({"srcIpAddr": each}) for each in ("10.1.2.3", "2001:db8::1", "192.0.2.1")]
    fruit = rulebook.rules["B"].subpattern.filter
    assert [True, False] == [fruit({"procName": each}) for each in ("apple", "bread")]
    before = rulebook.rules["A"].content_id
    write(tmp_path, {"groups/PH_SYS_LAB.toml": 'members = ["10.0.0.0/9"]'})
    assert before != load_rulebook(tmp_path).rules["A"].content_id


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A path that was misspelt must not look like a rulebook without rules."""
    assert ["/no:1:1: cannot be read: No such file or directory"] == [
        each.replace(tmp_path.as_posix(), "") for each in refused(tmp_path / "no")
    ] or [":1:1: cannot be read: No such file or directory"] == refused(tmp_path / "no")


def test_a_folder_without_a_rule_is_an_error(tmp_path: Path) -> None:
    """Groups alone are no rulebook."""
    assert [":1:1: no rule in this folder"] == refused(write(tmp_path, {"groups/G.toml": "members = []"}))


def test_the_second_rule_of_an_id_is_refused(tmp_path: Path) -> None:
    """The first by path keeps it; the diagnostic names that file, also if one of them is wrong otherwise."""
    write(tmp_path, {"a/a.toml": rule("R"), "b/b.toml": rule("R"), "c/c.toml": rule("R", "nonsense = 1")})
    first = f"{tmp_path.as_posix()}/a/a.toml"
    assert [
        f"/b/b.toml:1:6: id 'R' is already that of {first}",
        f"/c/c.toml:1:6: id 'R' is already that of {first}",
        "/c/c.toml:7:10: unknown attribute 'nonsense'",
    ] == refused(tmp_path)


def test_an_id_that_is_no_text_is_only_a_wrong_type(tmp_path: Path) -> None:
    """It is not looked up."""
    write(tmp_path, {"a/a.toml": rule().replace('"R"', "[1]")})
    assert ["/a/a.toml:1:6: id: expected a string, got an array"] == refused(tmp_path)


def test_a_rule_that_would_not_be_read_is_an_error(tmp_path: Path) -> None:
    """A misnamed file, a second rule in a folder and a rule outside a folder do not stay out in silence."""
    write(
        tmp_path,
        {
            "a/a.toml": rule("A"),
            "a/b.toml": rule("B"),
            "a/cases.toml": "not read here =",
            "a/notes.md": "",
            "c/d.toml": rule("C"),
            "e.toml": rule("E"),
            ".mounted/x.toml": "",
        },
    )
    assert [
        "/a/b.toml:1:1: not read: the rule of this folder is a.toml",
        "/c/d.toml:1:1: not read: the rule of this folder is c.toml",
        "/c/c.toml:1:1: cannot be read: No such file or directory",
        "/e.toml:1:1: not read: a rule has its own folder, e/e.toml",
    ] == sorted(refused(tmp_path), key=lambda each: (each[:3], each[3] != "d"))


def test_every_error_of_every_file_is_reported(tmp_path: Path) -> None:
    """One run shows them all; a bad group or table is not also called unknown where it is used."""
    write(
        tmp_path,
        {
            "a/a.toml": rule("A", "srcIpAddr IN (Group@G)"),
            "b/b.toml": rule("B").replace("= 5", "= 50"),
            "c/c.toml": "= 1",
            "groups/G.toml": "member = []",
            "tables/t.csv": "a,a\n",
        },
    )
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "d.toml").write_bytes(b"id = '\xff'")
    assert [
        "/groups/G.toml:1:1: missing key 'members'",
        "/groups/G.toml:1:1: unknown key 'member'; did you mean 'members'?",
        "/tables/t.csv:1:1: two columns are named 'a'",
        "/b/b.toml:3:12: severity must be 1 to 10, got 50",
        "/c/c.toml:1:1: not TOML: Invalid statement",
        "/d/d.toml:1:7: not UTF-8: byte 0xff",
    ] == refused(tmp_path)


def test_groups_and_tables_must_be_folders(tmp_path: Path) -> None:
    """A file in the place of a folder cannot be listed."""
    write(tmp_path, {"a/a.toml": rule(), "groups": "x", "tables": "x"})
    assert ["/groups:1:1: cannot be read: Not a directory", "/tables:1:1: cannot be read: Not a directory"] == refused(
        tmp_path
    )
