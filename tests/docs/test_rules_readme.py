"""What rules/README.md shows is what happens: its rule, its cases, its commands, its tables."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream_app.cli.main import cli
from stream_app.rulebook.accepted import read_accepted
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.findings import CODES
from stream_app.rulebook.traffic import EXPLODES

ROOT = Path(__file__).parents[2]
README = (ROOT / "rules" / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
FILES = dict(re.findall(r"^`(rules/\S+)`:\n\n```toml\n(.*?)```", README, re.MULTILINE | re.DOTALL))
RULE, CASES = (f"rules/usb-autorun/{name}.toml" for name in ("usb-autorun", "cases"))


def blocks(language: str) -> list[str]:
    """Give the blocks of a language."""
    return [text for kind, text in BLOCKS if kind == language]


def run(command: str) -> Result:
    """Run a command of ours."""
    program, *arguments = shlex.split(command)
    assert "stream-app" == program
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with the rules, and with the files of the README."""
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_every_command_ends_well(home: Path) -> None:
    """One after the other, as a reader types them; the first makes the files that the README then changes."""
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    first, *others = commands
    shutil.rmtree(home / "rules" / "usb-autorun")
    made = run(first)
    assert (0, sorted(FILES)) == (made.exit_code, sorted(made.stdout.splitlines()))
    for path, text in FILES.items():
        (home / path).write_text(text)
    assert {"test", "coverage", "lint", "fmt", "check"} == {command.split()[2] for command in others}
    for command in others:
        done = run(command)
        assert 0 == done.exit_code, done.output
    assert FILES == {path: (home / path).read_text() for path in FILES}
    assert 0 == run("stream-app rules coverage --require").exit_code


def test_what_a_failing_case_prints(home: Path) -> None:
    """The line that is quoted."""
    (home / CASES).write_text(FILES[CASES].replace("incidents = [{ at = 299.999 }]", "incidents = [{ at = 299 }]"))
    quoted = next(block for block in blocks("text") if CASES in block and "expected" in block)
    assert quoted == run("stream-app rules test --rule USB_AUTORUN").stdout.partition("\n")[0] + "\n"


def test_what_coverage_prints(home: Path) -> None:
    """Without the last case, what is quoted."""
    (home / CASES).write_text(FILES[CASES].rpartition("[[case]]")[0])
    quoted = next(block for block in blocks("text") if "could be" in block)
    assert run("stream-app rules coverage --rule USB_AUTORUN").stdout.startswith(quoted)


def test_the_tables_are_the_code_s() -> None:
    """Every code with what it finds, and every attribute that is hinted at."""
    assert dict(re.findall(r"^\| `(L\d+)` \| (.*) \|$", README, re.MULTILINE)) == dict(CODES)
    hinted = README.split("`L401` is a hint about ")[1].split(", unless")[0]
    assert sorted(EXPLODES) == sorted(re.findall(r"`(\w+)`", hinted))


def test_other_files_are_read() -> None:
    """What is accepted, and the schema's place."""
    accepted = next(block for block in blocks("toml") if "[[accept]]" in block)
    assert 1 == len(read_accepted(parse_document("accepted.toml", accepted)))
    first = next(block for block in blocks("toml") if block.startswith("#:schema "))
    assert (ROOT / "rules" / "a" / first.split()[1]).resolve().is_file()
    taplo = parse_document(".taplo.toml", next(block for block in blocks("toml") if "[[rule]]" in block)).data
    rule = taplo["rule"]
    assert isinstance(rule, list)
    assert (ROOT / rule[0]["schema"]["path"]).is_file()
