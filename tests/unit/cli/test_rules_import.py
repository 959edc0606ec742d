"""``rules import`` and ``rules export``: every good rule lands, every other is named, and what went out comes back."""

import filecmp
import html
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stream_app.cli import sources
from stream_app.cli.main import cli
from stream_app.rulebook.load import load_rulebook

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT.parent / "shared" / "data" / "fortisiem-rules"
QUERY = 'eventType = "Win-Sysmon-1-Create-Process" AND procName CONTAIN "x.exe"'


def rule(rule_id: str, query: str = QUERY, extra: str = "", name: str = "") -> str:
    """Write a rule in FortiSIEM's XML."""
    return f"""<Rule id="{rule_id}" function="Security" subFunction="Discovery" group="G">
  <Name>{name or f"Rule {rule_id}"}</Name>
  <IncidentDef eventType="PH_RULE_{rule_id}" severity="5"><ArgList>hostName = F.hostName</ArgList></IncidentDef>
  <PatternClause window="60"><SubPattern name="F">
    <SingleEvtConstr>{query}</SingleEvtConstr>
    <GroupByAttr>hostName</GroupByAttr><GroupEvtConstr>COUNT(*) &gt;= 1</GroupEvtConstr>
  </SubPattern></PatternClause>{extra}
</Rule>
"""


def rules(*arguments: object) -> Result:
    """Run ``stream-app rules …`` in this process."""
    return CliRunner().invoke(cli, ["rules", *map(str, arguments)], catch_exceptions=False)


def named(folder: Path) -> set[str]:
    """Give the ids of a folder's rules, as the loader reads them."""
    return set(load_rulebook(folder).rules)


def test_good_rules_land_and_bad_ones_are_named(tmp_path: Path) -> None:
    """A file with one rule that is wrong in itself and one that the loader refuses: all others are imported."""
    bad = rule("B").replace("<Name>Rule B</Name>", "")
    text = rule("A") + bad + rule("C", "procNam = 1") + rule("D", extra='<DynWatchListDef attr="x"/>') + rule("E")
    source = tmp_path / "in.xml"
    source.write_text(text)
    done = rules("import", source, "-o", tmp_path / "out", "--report", tmp_path / "r.json")
    assert 1 == done.exit_code
    assert {"A", "E"} == named(tmp_path / "out")
    hint = "if your events have it, declare it with --declare, or in OUT/attributes.toml"
    assert [
        f"refused: {source}:9: rule B: <Rule> has no <Name>",
        f"refused: {source}:17: rule C: unknown attribute 'procNam'; did you mean 'procName'? (at procNam = 1); {hint}",
        f"refused: {source}:31: rule D: <DynWatchListDef> names no <WatchList>",
        "left out, for it decides nothing here: group of <Rule> (2)",
        f"{tmp_path / 'out'}: 2 rules imported, 3 refused, 0 changed, of 1 file",
    ] == done.stdout.splitlines()
    report = json.loads((tmp_path / "r.json").read_text())
    assert ["A", "E"] == [each["id"] for each in report["imported"]]
    assert {
        "id": "B",
        "file": source.as_posix(),
        "line": 9,
        "reasons": [{"line": 9, "why": "<Rule> has no <Name>"}],
    } == report["refused"][0]
    assert ({"group of <Rule>": 2}, []) == (report["left_out"], report["passed_over"])
    head = (tmp_path / "out/rule-a/rule-a.toml").read_text().splitlines()[0]
    assert "# Imported from in.xml, rule A" == head
    assert ["rule-a", "rule-e"] == sorted(path.name for path in (tmp_path / "out").iterdir())


def test_refused_rules_are_kept_where_somebody_asks_for_it(tmp_path: Path) -> None:
    """Each with the reasons at its head, in a folder that no loader reads; never among the rules themselves."""
    (tmp_path / "in.xml").write_text(rule("A", "procNam = 1") + rule("B", "procName = \"'''\"") + rule("C"))
    done = rules("import", tmp_path / "in.xml", "-o", tmp_path / "out", "--keep-refused", tmp_path / "kept")
    assert (1, {"C"}) == (done.exit_code, named(tmp_path / "out"))
    assert "rule B: query holds three single quotes" in done.stdout
    assert ["rule-a"] == [path.name for path in (tmp_path / "kept").iterdir()]
    head = (tmp_path / "kept/rule-a/rule-a.toml").read_text().splitlines()
    assert "# Imported from in.xml, rule A" == head[0]
    assert head[1].startswith("# Refused: unknown attribute 'procNam'")
    inside = rules("import", tmp_path / "in.xml", "-o", tmp_path / "out", "--keep-refused", tmp_path / "out/kept")
    assert (2, True) == (inside.exit_code, "lies in --out" in inside.stderr)


def test_ids_that_come_twice(tmp_path: Path) -> None:
    """The first rule of an id is imported; the other is refused, with the place of the first."""
    (tmp_path / "a.xml").write_text(rule("A", name="One"))
    (tmp_path / "b.xml").write_text(rule("A", name="Two"))
    done = rules("import", tmp_path / "a.xml", tmp_path / "b.xml", "-o", tmp_path / "out")
    assert (1, {"A"}) == (done.exit_code, named(tmp_path / "out"))
    assert f"rule A: id 'A' is already that of {tmp_path / 'a.xml'}:1: rule A" in done.stdout


def test_rules_of_one_title_have_folders_of_their_own(tmp_path: Path) -> None:
    """The second has its id in its folder's name, and one after that a number."""
    (tmp_path / "a.xml").write_text("".join(rule(each, name="Same") for each in ("a.b", "a-b", "a_b")))
    done = rules("import", tmp_path / "a.xml", "-o", tmp_path / "out")
    assert (0, {"a.b", "a-b", "a_b"}) == (done.exit_code, named(tmp_path / "out"))
    assert ["same", "same-3", "same-a-b"] == sorted(path.name for path in (tmp_path / "out").iterdir())


def test_a_rule_that_is_there_already(tmp_path: Path) -> None:
    """The same file again changes nothing; one that says otherwise is refused, or replaces the old one if asked for."""
    source, out = tmp_path / "in.xml", tmp_path / "out"
    source.write_text(rule("A") + rule("B"))
    assert 0 == rules("import", source, "-o", out).exit_code
    (out / "rule-a" / "cases.toml").write_text("kept = true\n")
    assert f"{out}: 2 rules imported, 0 refused" in rules("import", source, "-o", out).stdout
    source.write_text(rule("A", QUERY.replace("x.exe", "y.exe"), name="New"))
    done = rules("import", source, "-o", out)
    assert (1, True) == (done.exit_code, "has this id and says otherwise: overwrite it with --replace" in done.stdout)
    assert "x.exe" in (out / "rule-a/rule-a.toml").read_text()
    assert 0 == rules("import", source, "-o", out, "--replace").exit_code
    assert "y.exe" in (out / "rule-a/rule-a.toml").read_text()
    assert (out / "rule-a" / "cases.toml").exists()
    source.write_text(rule("A", "procNam = 1"))
    assert 1 == rules("import", source, "-o", out, "--replace").exit_code
    assert "y.exe" in (out / "rule-a/rule-a.toml").read_text()
    assert ["rule-a", "rule-b"] == sorted(path.name for path in out.iterdir())


def test_a_folder_that_is_wrong_is_left_alone(tmp_path: Path) -> None:
    """Rules that are there and do not load are said first, and nothing is imported."""
    (tmp_path / "in.xml").write_text(rule("A"))
    (tmp_path / "out/old").mkdir(parents=True)
    (tmp_path / "out/old/old.toml").write_text("id = 1\n")
    done = rules("import", tmp_path / "in.xml", "-o", tmp_path / "out")
    assert (2, True) == (done.exit_code, "old.toml:1:6: id: expected a string" in done.stderr)
    assert ["old"] == [path.name for path in (tmp_path / "out").iterdir()]


def test_groups_are_told_of(tmp_path: Path) -> None:
    """A rule that reads a group needs it; one that is offered and read is put beside the rules."""
    (tmp_path / "in.xml").write_text(rule("A", QUERY + " AND hostName IN (Group@Servers)"))
    (tmp_path / "groups").mkdir()
    for name in ("Servers", "Others"):
        (tmp_path / f"groups/{name}.toml").write_text('members = ["a", "b"]\n')
    out = tmp_path / "out"
    without = rules("import", tmp_path / "in.xml", "-o", out)
    assert (1, True) == (without.exit_code, "unknown group 'Servers'" in without.stdout)
    assert "tell of it with --groups" in without.stdout
    for offered in (tmp_path / "groups", tmp_path / "groups/Servers.toml"):
        assert 0 == rules("import", tmp_path / "in.xml", "-o", out, "--groups", offered).exit_code
        assert (["Servers.toml"], {"A"}) == ([path.name for path in (out / "groups").iterdir()], named(out))
    (out / "groups/Servers.toml").write_text('members = ["mine"]\n')
    other = rules("import", tmp_path / "in.xml", "-o", out, "--groups", tmp_path / "groups")
    assert (2, True) == (other.exit_code, "Servers.toml is there already and says otherwise" in other.stderr)
    (tmp_path / "bad.toml").write_text("members = 1\n")
    bad = rules("import", tmp_path / "in.xml", "-o", tmp_path / "new", "--groups", tmp_path / "bad.toml")
    assert (2, True) == (bad.exit_code, f"{tmp_path / 'bad.toml'}:1:11: members" in bad.stderr)
    assert 2 == rules("import", tmp_path / "in.xml", "-o", out, "--groups", tmp_path / "in.xml").exit_code


def test_a_bare_mix_is_refused_with_advice_or_read_as_asked_for(tmp_path: Path) -> None:
    """Without a choice the rule is refused and the option is named; with it, the report says what was written in."""
    (tmp_path / "in.xml").write_text(rule("A", QUERY + " OR user IS NULL"))
    refused = rules("import", tmp_path / "in.xml", "-o", tmp_path / "out")
    assert (1, True) == (refused.exit_code, "say which with --bare-mix and, or --bare-mix or" in refused.stdout)
    done = rules("import", tmp_path / "in.xml", "-o", tmp_path / "out", "--bare-mix", "and")
    assert 0 == done.exit_code
    assert "changed: " in done.stdout
    assert "query of F: parentheses written in, AND binds tighter" in done.stdout
    assert f"({QUERY}) OR user IS NULL" in (tmp_path / "out/rule-a/rule-a.toml").read_text()


def test_watch_lists_and_incidents_between_rules(tmp_path: Path) -> None:
    """A group that a rule fills is a watch list; incidents are read by the id that their rule has here, or not."""
    fills = '<DynWatchListDef attr="hostName"><WatchList>Seen</WatchList></DynWatchListDef>'
    reads = rule("B", QUERY + " AND hostName IN (Group@Seen)")
    chained = rule("C", 'eventType = "PH_RULE_A"')
    (tmp_path / "a.xml").write_text(rule("A", extra=fills) + reads + chained)
    out = tmp_path / "out"
    done = rules("import", tmp_path / "a.xml", "-o", out)
    assert (1, {"A", "B"}) == (done.exit_code, named(out))
    assert "rule B: Group@Seen is a watch list here: WatchList@Seen" in done.stdout
    assert "eventType that they do not have here: PH_RULE_A (here A); import with --ids event-type" in done.stdout
    assert 0 == rules("import", tmp_path / "a.xml", "-o", tmp_path / "by-type", "--ids", "event-type").exit_code
    assert {"PH_RULE_A", "PH_RULE_B", "PH_RULE_C"} == named(tmp_path / "by-type")
    (tmp_path / "late.xml").write_text(reads.replace('"B"', '"B2"').replace("Rule B", "Rule B2"))
    assert 0 == rules("import", tmp_path / "late.xml", "-o", out).exit_code
    assert {"A", "B", "B2"} == named(out)


def test_rules_that_lean_on_a_refused_rule_are_refused_too(tmp_path: Path) -> None:
    """A list that nobody fills any more is an unknown one: what is left loads."""
    fills = '<DynWatchListDef attr="hostName"><WatchList>Seen</WatchList></DynWatchListDef>'
    text = rule("A", "procNam = 1", fills) + rule("B", QUERY + " AND hostName IN (Group@Seen)") + rule("C")
    (tmp_path / "a.xml").write_text(text)
    done = rules("import", tmp_path / "a.xml", "-o", tmp_path / "out")
    assert (1, {"C"}) == (done.exit_code, named(tmp_path / "out"))
    assert "1 rule imported, 2 refused" in done.stdout


def test_what_shows_at_an_old_rule_is_laid_on_the_new_one(tmp_path: Path) -> None:
    """Rules that would read each other's incidents in a circle: the new one is refused, the old one stays."""
    out = tmp_path / "out"
    (tmp_path / "a.xml").write_text(rule("A", 'eventType = "PH_RULE_Z"').replace("PH_RULE_A", "A"))
    assert 0 == rules("import", tmp_path / "a.xml", "-o", out).exit_code
    (tmp_path / "z.xml").write_text(rule("PH_RULE_Z", 'eventType = "A"'))
    done = rules("import", tmp_path / "z.xml", "-o", out)
    assert (1, {"A"}) == (done.exit_code, named(out))
    assert "rule PH_RULE_Z: rule-a/rule-a.toml:" in done.stdout
    assert "incidents would go round in a circle" in done.stdout


def test_a_tree_of_files_some_of_which_are_broken(tmp_path: Path) -> None:
    """Of 300 files every good one is imported and every bad one is named, whatever is wrong with it."""
    tree = tmp_path / "tree"
    broken = {
        7: lambda text: text[: len(text) // 2].encode(),
        11: lambda text: text.encode("utf-16-le"),
        13: lambda text: b'<!DOCTYPE Rule [<!ENTITY a "' + b"x" * 99 + b'">]>' + text.encode(),
        17: lambda text: text.replace("Rule", "Rüle", 1).encode("latin-1"),
        19: lambda _: b"\x00\xff\xfe",
        23: lambda text: text.replace(QUERY, "unheardOf = 1").encode(),
    }
    bad = set()
    for number in range(300):
        path = tree / f"{number % 10}" / f"{number:03}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        change = broken.get(number % 29)
        if change is not None:
            bad.add(path.as_posix())
        text = rule(f"R{number}")
        path.write_bytes(text.encode() if change is None else change(text))
    (tree / "README.txt").write_text("no rule\n")
    (tree / "notes.md").write_text("no rule\n")
    (tree / ".hidden.xml").write_text("no rule\n")
    done = rules("import", tree, "-o", tmp_path / "out", "--report", tmp_path / "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    assert 1 == done.exit_code
    assert len(bad) > 50
    assert bad == {each["file"] for each in report["refused"]}
    assert all(reason["why"] and reason["line"] > 0 for each in report["refused"] for reason in each["reasons"])
    assert 300 - len(bad) == len(report["imported"]) == len(named(tmp_path / "out"))
    assert [(tree / "README.txt").as_posix(), (tree / "notes.md").as_posix()] == report["passed_over"]
    assert done.stdout.splitlines()[-1].endswith(
        f"{300 - len(bad)} rules imported, {len(bad)} refused, 0 changed, of 300 files"
    )


PAGE = f"""A page's rule

Rule ID

PAGE_{{0}}

Default Status

Enabled

Description

d

Severity

5

Category

Security

Time Window

60 seconds

Trigger Conditions

F

SubPattern Definitions

SubPattern Name: F

SubPattern Query

{QUERY}

Group by Attributes

hostName

Aggregate Constraint

COUNT(*) >= 1

Incident Attribute Mapping

hostName = F.hostName
"""


def test_pages_in_a_tree(tmp_path: Path) -> None:
    """Texts and HTML that hold a rule's page are read; others are passed over; a page notes its source if asked."""
    tree, out = tmp_path / "tree", tmp_path / "out"
    tree.mkdir()
    (tree / "a.txt").write_text(PAGE.format("A"))
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in PAGE.format("B").splitlines())
    (tree / "b.HTM").write_text(f"<html><body>{lines}</body></html>")
    (tree / "index.html").write_text("<html><body><p>Rules</p></body></html>")
    assert 0 == rules("import", tree, "-o", out, "--report", tmp_path / "r.json").exit_code
    assert {"PAGE_A", "PAGE_B"} == named(out)
    assert [(tree / "index.html").as_posix()] == json.loads((tmp_path / "r.json").read_text())["passed_over"]
    assert (out / "a-page-s-rule/a-page-s-rule.toml").read_text().startswith('id = "PAGE_A"')
    assert 0 == rules("import", tree / "a.txt", "-o", tmp_path / "noted", "--note-source").exit_code
    noted = (tmp_path / "noted/a-page-s-rule/a-page-s-rule.toml").read_text()
    assert noted.startswith("# Imported from a.txt, rule PAGE_A\n")


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is too large, and ones that the machine does not give; the others are imported."""
    (tmp_path / "in").mkdir()
    for name in ("a.xml", "gone.xml", "gone.txt"):
        (tmp_path / "in" / name).write_text(rule("A"))
    (tmp_path / "in/large.xml").write_text(rule("B") + " " * 2000)
    given = Path.open

    def opened(path: Path, *arguments: Any, **named_ones: Any) -> Any:
        if path.stem == "gone":
            raise FileNotFoundError(2, "No such file or directory")
        return given(path, *arguments, **named_ones)

    monkeypatch.setattr(Path, "open", opened)
    monkeypatch.setattr(sources, "LARGEST", 1500)
    done = rules("import", tmp_path / "in", "-o", tmp_path / "out")
    monkeypatch.undo()
    assert (1, {"A"}) == (done.exit_code, named(tmp_path / "out"))
    for name in ("gone.xml", "gone.txt"):
        assert f"refused: {tmp_path / 'in' / name}:1: cannot be read: No such file or directory" in done.stdout
    assert "large.xml:1: larger than 0 MiB: split it" in done.stdout


def test_files_that_are_none(tmp_path: Path) -> None:
    """A folder without rules is a wrong question; a file is told by how it begins where its name does not say."""
    (tmp_path / "empty").mkdir()
    done = rules("import", tmp_path / "empty", "-o", tmp_path / "out")
    said = "stream-app: no rule XML, no rule page and no rule of Sigma's in what was named\n"
    assert (2, said) == (done.exit_code, done.stderr)
    (tmp_path / "rule").write_text("\ufeff" + rule("A"))
    (tmp_path / "page").write_text("<html><body><p>Rule ID</p></body></html>")
    done = rules("import", tmp_path / "rule", tmp_path / "page", "-o", tmp_path / "out")
    assert (1, {"A"}) == (done.exit_code, named(tmp_path / "out"))
    assert f"refused: {tmp_path / 'page'}:1: the page lacks 'Severity'" in done.stdout


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder that is a file, and files in folders that are not there: a line, and status 1."""
    (tmp_path / "a.xml").write_text(rule("A"))
    for arguments in (
        ["import", tmp_path / "a.xml", "-o", tmp_path / "a.xml"],
        ["import", tmp_path / "a.xml", "-o", tmp_path / "out", "--report", tmp_path / "no/r.json"],
        ["export", "--fortisiem-xml", ROOT / "rules", "-o", tmp_path / "no/x.xml"],
        ["export", "--fortisiem-xml", ROOT / "rules", "--report", tmp_path / "no/x.json"],
    ):
        done = rules(*arguments)
        assert (1, True) == (done.exit_code, f"stream-app: {tmp_path}/" in done.stderr)


def test_own_rules_go_out_and_come_back(tmp_path: Path) -> None:
    """The rules of this checkout: what XML cannot hold is named, and what comes back loads."""
    done = rules("export", "--fortisiem-xml", ROOT / "rules", "-o", tmp_path / "x.xml", "--report", tmp_path / "r.json")
    assert (0, "") == (done.exit_code, done.stdout)
    assert "keep of watch list suspicious_hosts" in done.stderr
    told = json.loads((tmp_path / "r.json").read_text())
    assert {each["id"] for each in told} == named(ROOT / "rules")
    back = rules("import", tmp_path / "x.xml", "-o", tmp_path / "back", "--groups", ROOT / "rules/groups")
    assert 0 == back.exit_code, back.stdout
    assert named(ROOT / "rules") == named(tmp_path / "back")
    seed = "windows-python-initiated-connection/windows-python-initiated-connection.toml"
    assert filecmp.cmp(ROOT / "rules" / seed, tmp_path / "back" / seed, shallow=False)


def test_a_rule_that_cannot_go_out_is_named(tmp_path: Path) -> None:
    """Its file and the reason; the others are written, to standard output where no file is named."""
    folder = ROOT / "rules/windows-python-initiated-connection"
    for name in ("one", "two"):
        (tmp_path / "rules" / name).mkdir(parents=True)
        text = (folder / f"{folder.name}.toml").read_text().replace("_1774", f"_{name}")
        if name == "two":
            text = text.replace('name = "', 'name = "\\u0007')
        (tmp_path / "rules" / name / f"{name}.toml").write_text(text)
    done = rules("export", "--fortisiem-xml", tmp_path / "rules")
    assert 1 == done.exit_code
    assert 1 == done.stdout.count("<Rule ")
    assert f"refused: {tmp_path / 'rules/two/two.toml'}: XML has no character U+0007" in done.stderr
    assert f"{tmp_path / 'rules'}: 1 rule exported, 1 refused" in done.stderr
    assert 2 == rules("export", tmp_path / "rules").exit_code


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs ../shared/data/fortisiem-rules beside the checkout")
def test_every_sample_is_imported_loads_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By files, since two of them count their ids alike; one names attributes that somebody must declare first."""
    count = 0
    for source in sorted(SAMPLES.glob("*.xml")):
        there, back = tmp_path / source.stem, tmp_path / "back" / source.stem
        done = rules("import", source, "-o", there)
        if "fixture" in source.name:
            assert (1, True) == (done.exit_code, "unknown attribute 'ObjectRe'" in done.stdout)
            assert "declare it with --declare" in done.stdout
            done = rules("import", source, "-o", there, "--declare")
            back.mkdir(parents=True)
            shutil.copy(there / "attributes.toml", back)
        assert 0 == done.exit_code, done.stdout
        assert 0 == rules("export", "--fortisiem-xml", there, "-o", tmp_path / "x.xml").exit_code
        assert 0 == rules("import", tmp_path / "x.xml", "-o", back).exit_code
        compared = filecmp.cmpfiles(there, back, [p.relative_to(there) for p in there.glob("*/*")], shallow=False)
        assert ([], []) == compared[1:]
        assert len(compared[0]) == len(named(there)) == len(named(back))
        count += len(compared[0])
        shutil.rmtree(back)
    assert 73 == count
    with capsys.disabled():
        print(f"\n{count} sample rules load and come back byte for byte")  # noqa: T201 - says how much
