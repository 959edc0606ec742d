"""``stream-app rules fmt``: what it changes, what it says, and how it ends."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli.main import cli
from tests.corpus import RULES, SEED


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["rules", "fmt", *arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the rules, of which one is not laid out."""
    shutil.copytree(RULES, tmp_path / "rules")
    file = tmp_path / "rules" / SEED.name / f"{SEED.name}.toml"
    file.write_text(file.read_text().replace("\n[incident]", "[incident]"))
    return tmp_path / "rules"


def test_a_file_is_laid_out_where_it_stands(folder: Path) -> None:
    """It is named, and only asked for with --check; once done there is nothing left to do."""
    file = folder / SEED.name / f"{SEED.name}.toml"
    before = file.read_text()
    checked = run(str(folder), "--check")
    assert (1, f"{file}\n") == (checked.exit_code, checked.stdout)
    assert "1 of 6 rule files would be laid out anew\n" == checked.stderr
    assert before == file.read_text()
    done = run(str(folder))
    assert (0, f"{file}\n") == (done.exit_code, done.stdout)
    assert (SEED / f"{SEED.name}.toml").read_text() == file.read_text()
    assert (0, "") == (run(str(folder), "--check").exit_code, run(str(folder)).stdout)


def test_what_is_no_toml_changes_nothing(folder: Path) -> None:
    """It is said with its place, and no other file is written either."""
    (folder / "security-agent-silent" / "security-agent-silent.toml").write_text("id = \n")
    file = folder / SEED.name / f"{SEED.name}.toml"
    before = file.read_text()
    done = run(str(folder))
    assert 2 == done.exit_code
    assert "security-agent-silent.toml:1:6: not TOML" in done.stderr
    assert before == file.read_text()


def test_a_file_that_cannot_be_written_is_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the file."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    done = run(str(folder))
    assert 1 == done.exit_code
    assert "cannot be written: Permission denied\n" in done.stderr
