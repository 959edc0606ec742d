"""``rules import`` of Sigma's rules: a tree with broken files, placeholders, and what happens without pySigma."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli import sources
from stream_app.cli.main import cli
from stream_app.rulebook.load import load_rulebook

GOOD = """title: Rule {0}
name: rule_{0}
logsource: {{category: process_creation, product: windows}}
detection: {{selection: {{Image|endswith: '\\tool{0}.exe'}}, condition: selection}}
"""
BROKEN = {
    "empty.yml": b"",
    "text.yml": b"just text",
    "cut.yml": b"title: a\ndetection: [",
    "bytes.yml": b"title: \xff",
    "modifier.yaml": GOOD.format("m").replace("endswith", "nosuch").encode(),
    "linux.yml": GOOD.format("l").replace("windows", "linux").encode(),
    "twice.yml": GOOD.format(1).encode(),
}


def imported(*arguments: object) -> Result:
    """Run ``stream-app rules import`` in this process."""
    return CliRunner().invoke(cli, ["rules", "import", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a tree of good files, broken ones, and others."""
    for number in range(20):
        folder = tmp_path / "tree" / f"folder{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"rule{number}.yml").write_text(GOOD.format(number))
    for name, data in BROKEN.items():
        (tmp_path / "tree" / name).write_bytes(data)
    (tmp_path / "tree" / "ci.yml").write_text("name: ci\njobs: {}\n")
    (tmp_path / "tree" / "README.md").write_text("# Rules")
    return tmp_path / "tree"


def test_every_good_rule_of_a_tree_is_imported_and_every_bad_file_named(tree: Path, tmp_path: Path) -> None:
    """With the reason; the status is 1. YAML that is something else is passed over."""
    done = imported(tree, "-o", tmp_path / "out", "--report", tmp_path / "report.json")
    assert 1 == done.exit_code
    assert {f"SIGMA_rule_{number}" for number in range(20)} == set(load_rulebook(tmp_path / "out").rules)
    named = {
        line.split(": ", 1)[1].rsplit(":", 1)[0] for line in done.stdout.splitlines() if line.startswith("refused")
    }
    for name in BROKEN:
        assert any(name in each for each in named) or name == "twice.yml"
    assert "7 refused" in done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert [tree / "README.md", tree / "ci.yml"] == [Path(each) for each in report["passed_over"]]


def test_what_was_imported_once_may_be_imported_again(tree: Path, tmp_path: Path) -> None:
    """It is the same, to the byte."""
    out = tmp_path / "out"
    imported(tree / "folder0", "-o", out)
    before = {path: path.read_bytes() for path in out.rglob("*.toml")}
    assert 0 == imported(tree / "folder0", "-o", out).exit_code
    assert before == {path: path.read_bytes() for path in out.rglob("*.toml")}


def test_placeholders_are_given_in_a_file(tmp_path: Path) -> None:
    """Lists by their names; a file of another form is wrong usage."""
    rule, values = tmp_path / "rule.yml", tmp_path / "values.toml"
    rule.write_text(GOOD.format(1).replace("Image|endswith: '\\tool1.exe'", "User|expand: '%admins%'"))
    values.write_text('admins = ["root", "a*"]')
    assert 1 == imported(rule, "-o", tmp_path / "out").exit_code
    assert 0 == imported(rule, "-o", tmp_path / "out", "--placeholders", values).exit_code
    (loaded,) = load_rulebook(tmp_path / "out").rules.values()
    assert 'User = "root" OR User REGEXP "^a"' in loaded.subpattern.query
    values.write_text("admins = 5")
    assert 2 == imported(rule, "-o", tmp_path / "out", "--placeholders", values).exit_code


def test_a_file_includes_one_beside_it(tmp_path: Path) -> None:
    """As the older collections do."""
    (tmp_path / "outer.yml").write_text("action: include\nfilename: inner.yaml\n")
    (tmp_path / "inner.yaml").write_text(GOOD.format(1))
    assert 0 == imported(tmp_path / "outer.yml", "-o", tmp_path / "out").exit_code
    assert {"SIGMA_rule_1"} == set(load_rulebook(tmp_path / "out").rules)


def test_a_file_without_an_ending_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    """Whatever it is called."""
    (tmp_path / "rule").write_text(GOOD.format(1))
    assert 0 == imported(tmp_path / "rule", "-o", tmp_path / "out").exit_code
    assert {"SIGMA_rule_1"} == set(load_rulebook(tmp_path / "out").rules)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no rule."""
    monkeypatch.setattr(sources, "LARGEST", 10)
    (tmp_path / "rule.yml").write_text(GOOD.format(1))
    assert "larger than" in imported(tmp_path / "rule.yml", "-o", tmp_path / "out").stdout


def test_without_pysigma_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is imported."""
    for name in [
        each for each in sys.modules if each == "sigma" or each.startswith(("sigma.", "stream_app.exchange.sigma"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sigma", None)
    (tmp_path / "rule.yml").write_text(GOOD.format(1))
    done = imported(tmp_path / "rule.yml", "-o", tmp_path / "out")
    assert 1 == done.exit_code
    assert "pip install 'stream_app[sigma]'" in done.stderr
