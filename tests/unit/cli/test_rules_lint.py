"""``stream-app rules lint``: what it prints and how it ends."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli.demo import SCENE
from stream_app.cli.main import cli
from stream_app.rulebook.findings import CODES
from tests.corpus import RULES, SEED


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["rules", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the rules."""
    return shutil.copytree(RULES, tmp_path / "rules")


def test_the_rules_of_this_checkout_are_clean() -> None:
    """And the help has every code."""
    done = run("lint", str(RULES))
    assert 0 == done.exit_code, done.output
    assert "6 rules: 0 findings, 5 accepted\n" == done.stdout
    helped = run("lint", "--help").stdout
    assert all(f"  {code}  {title}\n" in helped for code, title in CODES.items())


def test_what_is_not_accepted_is_printed(folder: Path) -> None:
    """With its place, and as JSON for programs; it fails then."""
    (folder / SEED.name / "accepted.toml").unlink()
    done = run("lint", str(folder))
    assert 1 == done.exit_code
    assert "6 rules: 3 findings, 2 accepted" == done.stdout.splitlines()[-1]
    found = json.loads(run("lint", str(folder), "--json", "--rule", "PH_Rule_SIGMA_1774").stdout)
    assert ["PH_Rule_SIGMA_1774"] == found["rules"]
    first = found["findings"][0]
    assert {"code": "L203", "attribute": "parentProcName", "line": 13, "column": 113} == {
        key: first[key] for key in ("code", "attribute", "line", "column")
    }
    assert 0 == run("lint", str(folder), "--rule", "WATCHED_HOST_RUN_KEY").exit_code


def test_a_sample_shows_what_wants_most_of_it(folder: Path) -> None:
    """Accepted, it is well; without a sample an acceptance of it is let be."""
    sampled = run("lint", str(folder), "--sample", str(SCENE), "--sample", str(SCENE))
    assert 1 == sampled.exit_code
    assert "L501: wants 28 of the 54 records of its event types in the sample" in sampled.stdout
    with (folder / "python-many-addresses" / "accepted.toml").open("a") as file:
        file.write('[[accept]]\ncode = "L501"\nreason = "the scene is made of python"\n')
    assert 0 == run("lint", str(folder), "--sample", str(SCENE)).exit_code
    assert 0 == run("lint", str(folder)).exit_code


def test_a_wrong_acceptance_is_said_by_check_too(folder: Path) -> None:
    """Both name its place."""
    file = folder / SEED.name / "accepted.toml"
    file.write_text('[[accept]]\ncode = "L999"\nreason = "none"\n')
    for command in ("lint", "check"):
        done = run(command, str(folder))
        assert 2 == done.exit_code
        assert f"{file}:2:8: unknown code 'L999'" in done.stderr
