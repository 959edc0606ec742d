"""``stream-app rules new``: what it writes is right at once."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli.main import cli
from stream_app.sysmon.attributes import EVENTS


def run(*arguments: str) -> Result:
    """Run a command about rules."""
    return CliRunner().invoke(cli, ["rules", *arguments])


@pytest.mark.parametrize("event_id", EVENTS)
def test_a_new_rule_passes_everything(tmp_path: Path, event_id: int) -> None:
    """It is read without a note, laid out, lints clean, and its cases pass and decide by every comparison."""
    made = run("new", "my-first-rule", "--folder", str(tmp_path), "--event", str(event_id))
    assert 0 == made.exit_code, made.output
    folder = tmp_path / "my-first-rule"
    assert [f"{folder / 'my-first-rule.toml'}", f"{folder / 'cases.toml'}"] == made.stdout.splitlines()
    assert 'id = "MY_FIRST_RULE"\nname = "My first rule"\n' in (folder / "my-first-rule.toml").read_text()
    for arguments in (["check"], ["lint"], ["test"], ["coverage", "--require"], ["fmt", "--check"]):
        done = run(arguments[0], str(tmp_path), *arguments[1:])
        assert 0 == done.exit_code, done.output
        assert "note:" not in done.stderr
    assert "4 passed, 0 failed" in run("test", str(tmp_path)).stdout


@pytest.mark.parametrize("slug", ["Rule", "a--b", "-a", "a_b", "a/b", "..", "groups", "tables"])
def test_a_folder_s_name_is_small_letters(tmp_path: Path, slug: str) -> None:
    """And not what means something else beside the rules."""
    done = run("new", "--folder", str(tmp_path), "--", slug)
    assert 2 == done.exit_code
    assert "cannot be a rule's folder" in done.stderr
    assert [] == list(tmp_path.iterdir())


def test_an_event_that_sysmon_does_not_have_is_wrong_usage(tmp_path: Path) -> None:
    """Those that it has are named."""
    done = run("new", "a", "--folder", str(tmp_path), "--event", "30")
    assert 2 == done.exit_code
    assert "Sysmon has no event 30; it has 1, 2, 3, " in done.stderr


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A rule that is there stays."""
    (tmp_path / "a").mkdir()
    done = run("new", "a", "--folder", str(tmp_path))
    assert (1, f"stream-app: {tmp_path / 'a'}: cannot be made: File exists\n") == (done.exit_code, done.stderr)
    assert [] == list((tmp_path / "a").iterdir())
