"""What rules put on watch lists, and what is refused of it, with its place."""

from pathlib import Path

import pytest

from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from stream_app.rulebook.watchlists import Filling

RULE = """\
id = "{id}"
name = "A rule"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = '{query}'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
totFlows = "COUNT(*)"
{lists}"""


def load(folder: Path, **rules: tuple[str, str]) -> Rulebook:
    """Load rules, each given as its query and its tables."""
    for name, (query, lists) in rules.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"{name}.toml").write_text(RULE.format(id=name.upper(), query=query, lists=lists))
    return load_rulebook(folder)


def filling(*names: str) -> str:
    """Give tables that put hosts on lists."""
    return "".join(f'[[watch_list]]\nname = "{name}"\nattribute = "hostName"\n' for name in names)


def reading(*names: str) -> str:
    """Give a query that reads lists."""
    return f"hostName IN ({', '.join(f'WatchList@{name}' for name in names)})" if names else "hostName IS NOT NULL"


def refused(folder: Path, **rules: tuple[str, str]) -> list[str]:
    """Give ``file:line:column: message`` of all that is wrong."""
    with pytest.raises(LanguageError) as caught:
        load(folder, **rules)
    return [f"{Path(each.path).name}:{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def test_a_rule_says_what_it_puts_on_which_list(tmp_path: Path) -> None:
    """Seconds become milliseconds, 30 days by default; also what an incident shows may be put on a list."""
    lists = filling("hosts") + '[[watch_list]]\nname = "n"\nattribute = "totFlows"\nkeep = 60\n'
    rulebook = load(tmp_path, a=(reading(), lists), b=(reading("hosts"), ""), c=(reading(), ""))
    assert (Filling("hosts", "hostName", 2_592_000_000), Filling("n", "totFlows", 60_000)) == rulebook.rules[
        "A"
    ].watch_lists
    assert rulebook.lists is not None
    assert ["hosts", "n"] == list(rulebook.lists.named)
    assert [rulebook.lists, rulebook.lists, None] == [rulebook.rules[name].lists for name in "ABC"]
    assert None is Rulebook({"C": rulebook.rules["C"]}).lists


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("watch_list = 1\n", ["watch_list: expected an array, got an integer"]),
        ("watch_list = [1]\n", ["watch_list: expected a table, got an integer"]),
        ("[[watch_list]]\n", ["missing key 'name'", "missing key 'attribute'"]),
        (filling("a b"), ["a watch list's name must be 1 to 128 letters, digits, '_', '-' and '.'"]),
        (filling("").replace("hostName", ""), ["name is empty", "attribute is empty"]),
        ("[[watch_list]]\nname = 1\nattribute = 2\n", ["name: expected a string", "attribute: expected a string"]),
        (filling("x").replace("hostName", "user"), ["'user' is no incident attribute of this rule: map it under"]),
        (filling("x", "x"), ["'hostName' is put on 'x' twice"]),
        (filling("x") + "keep = 0\n", ["keep must be 1 to 31622400, got 0"]),
        (filling("x") + "keep = 31622401\n", ["keep must be 1 to 31622400, got 31622401"]),
        (filling("x") + "days = 1\n", ["unknown key 'days'"]),
    ],
)
def test_what_cannot_be_put_on_a_list_is_refused(tmp_path: Path, table: str, expected: list[str]) -> None:
    """Every mistake in a table is named; what stands before the tables of a file stands outside of them."""
    (tmp_path / "a").mkdir()
    text = RULE.format(id="A", query=reading(), lists="" if table.startswith("watch_list =") else table)
    (tmp_path / "a" / "a.toml").write_text(table + text if table.startswith("watch_list =") else text)
    with pytest.raises(LanguageError) as caught:
        load_rulebook(tmp_path)
    assert [True] * len(expected) == [
        found.message.startswith(said) for found, said in zip(caught.value.diagnostics, expected, strict=True)
    ]


def test_a_mistake_is_named_at_its_place(tmp_path: Path) -> None:
    """In its own table, among several."""
    lists = filling("x") + filling("y").replace("hostName", "user") + filling("z") + "keep = 0\n"
    assert [
        "a.toml:18:13: 'user' is no incident attribute of this rule: map it under [incident]",
        "a.toml:22:8: keep must be 1 to 31622400, got 0",
    ] == refused(tmp_path, a=(reading(), lists))


def test_a_rule_without_incident_attributes_has_nothing_to_put_on_a_list(tmp_path: Path) -> None:
    """The table may be missing, or not be one."""
    (tmp_path / "a").mkdir()
    text = RULE.format(id="A", query=reading(), lists="").partition("[incident]")[0].replace('["hostName"]', "[]")
    (tmp_path / "a" / "a.toml").write_text(text + filling("x"))
    with pytest.raises(LanguageError, match="'hostName' is no incident attribute of this rule"):
        load_rulebook(tmp_path)


def test_a_list_that_no_rule_fills_is_refused(tmp_path: Path) -> None:
    """At its place in the query; a list that a rule fills in a file that is wrong otherwise is not called missing."""
    wrong = filling("hosts") + "keep = 0\n"
    assert [
        "a.toml:16:8: keep must be 1 to 31622400, got 0",
        "b.toml:7:23: no rule fills the watch list 'host'; did you mean 'hosts'?",
    ] == refused(tmp_path, a=(reading(), wrong), b=(reading("host", "hosts"), ""))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (
            {"a": (reading("x"), filling("y", "x"))},
            ["a.toml:16:1: watch lists in a circle: A reads 'x', which A fills"],
        ),
        (
            {"a": (reading("x"), filling("y")), "b": (reading("y"), filling("x"))},
            ["a.toml:13:1: watch lists in a circle: A reads 'x', which B fills, B reads 'y', which A fills"],
        ),
        (
            {
                "a": (reading("x"), filling("y")),
                "b": (reading("z"), filling("x")),
                "c": (reading("x", "y"), filling("z", "w")),
                "d": (reading("w"), ""),
            },
            [
                (
                    "a.toml:13:1: watch lists in a circle: A reads 'x', which B fills, B reads 'z', which C fills, "
                    "C reads 'y', which A fills"
                ),
                "b.toml:13:1: watch lists in a circle: B reads 'z', which C fills, C reads 'x', which B fills",
            ],
        ),
        (
            {"a": (reading("x"), ""), "b": ('eventType = "A"', filling("x"))},
            ["b.toml:13:1: watch lists in a circle: A reads 'x', which B fills, B reads incidents of A"],
        ),
        (
            {"a": ('eventType = "B"', filling("x")), "b": ('eventType = "C"', ""), "c": (reading("x"), "")},
            [
                (
                    "a.toml:13:1: watch lists in a circle: A reads incidents of B, B reads incidents of C, "
                    "C reads 'x', which A fills"
                )
            ],
        ),
        (
            {"a": (reading("x"), filling("x")), "b": (reading("y"), filling("y"))},
            [
                "a.toml:13:1: watch lists in a circle: A reads 'x', which A fills",
                "b.toml:13:1: watch lists in a circle: B reads 'y', which B fills",
            ],
        ),
    ],
)
def test_rules_that_wait_for_one_another_are_refused(
    tmp_path: Path, rules: dict[str, tuple[str, str]], expected: list[str]
) -> None:
    """The shortest circle of each rule is named once, at a table in it; reading incidents is waiting too."""
    assert expected == refused(tmp_path, **rules)


def test_rules_may_read_what_others_fill_in_a_row(tmp_path: Path) -> None:
    """One list may have several that fill it and several that read it, and a rule may do both with two lists."""
    rulebook = load(
        tmp_path,
        a=(reading(), filling("x", "y")),
        b=(reading("x"), filling("y")),
        c=(reading("x", "y"), filling("z")),
        d=(reading("z", "x"), ""),
    )
    assert 4 == len(rulebook.enabled)


def test_a_note_says_why_a_list_makes_a_rule_dear(tmp_path: Path) -> None:
    """What is on a list is not known before, so that nothing can be looked for in its place."""
    query = 'eventType = "Win-Sysmon-5-Process-Terminated" AND ' + reading("x")
    rulebook = load(tmp_path, a=(reading(), filling("x")), b=(query, ""), c=(query + ' AND user = "u"', ""))
    (note,) = rulebook.rules["B"].subpattern.notes
    assert note.message.endswith("asked of every event of its types; what is on a watch list is not known before")
    assert () == rulebook.rules["C"].subpattern.notes


def test_incidents_in_a_circle_are_no_lists_in_one(tmp_path: Path) -> None:
    """They are refused as what they are."""
    rules = {"a": ('eventType = "B"', filling("x")), "b": ('eventType = "A"', "")}
    (said,) = refused(tmp_path, **rules)
    assert "incidents would go round in a circle" in said
