"""``stream-app rules coverage``: what it prints and how it ends."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli.main import cli
from tests.corpus import RULES

WATCHED = "watched-host-run-key"


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["rules", "coverage", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the rules, of which one has lost its last case, and one all of them."""
    shutil.copytree(RULES, tmp_path / "rules")
    cases = tmp_path / "rules" / WATCHED / "cases.toml"
    cases.write_text(cases.read_text().rpartition("[[case]]")[0])
    (tmp_path / "rules" / "office-child-connects" / "cases.toml").unlink()
    return tmp_path / "rules"


def test_the_rules_of_this_checkout_have_nothing_left() -> None:
    """All comparisons decide, and that is enough for --require."""
    done = run(str(RULES), "--require")
    assert 0 == done.exit_code, done.output
    decided, _, all_of_them, *_ = done.stdout.split()
    assert decided == all_of_them


def test_what_is_left_is_shown_with_a_caret(folder: Path) -> None:
    """It fails only where it is asked to."""
    done = run(str(folder))
    assert 0 == done.exit_code
    path = folder / WATCHED / f"{WATCHED}.toml"
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{path}:12:12: decides nothing: ")
    assert lines[1][lines[2].index("^") :].startswith('eventType = "Win-Sysmon-13-')
    assert "no cases: OFFICE_CHILD_CONNECTS\n" == done.stderr
    assert 1 == run(str(folder), "--require").exit_code
    assert 0 == run(str(folder), "--require", "--rule", "PYTHON_MANY_ADDRESSES").exit_code
    assert 1 == run(str(folder), "--require", "--rule", "OFFICE_CHILD_CONNECTS").exit_code


def test_programs_get_json(folder: Path) -> None:
    """One object with every comparison that is left."""
    found = json.loads(run(str(folder), "--json").stdout)
    assert ["OFFICE_CHILD_CONNECTS"] == found["rulesWithoutCases"]
    assert 3 == len(found["undecided"])
    first = found["undecided"][0]
    assert {
        "rule": "WATCHED_HOST_RUN_KEY",
        "condition": "Write",
        "path": str(folder / WATCHED / f"{WATCHED}.toml"),
        "line": 12,
        "column": 12,
        "comparison": 'eventType = "Win-Sysmon-13-Registry-SetValue"',
        "couldBe": [True, False],
    } == first
