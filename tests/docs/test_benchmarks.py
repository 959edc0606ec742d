"""The benchmark's commands that documents and the Makefile name are there, and so are the options."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.benchmarks import scale
from tests.benchmarks.__main__ import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "deploy").glob("*.md")))
COMMAND = re.compile(r"python -m tests\.benchmarks ?([^`\n]*)")
SIZING = (ROOT / "deploy" / "SIZING.md").read_text()


def named() -> list[str]:
    """Give everything that follows the benchmark's name in a document."""
    return [words for path in DOCUMENTS for words in COMMAND.findall(path.read_text())]


@pytest.mark.parametrize("words", sorted(set(named())))
def test_a_command_that_is_named_is_there(words: str) -> None:
    """Its first word is a command, and the options behind it are the command's."""
    name, *rest = shlex.split(words)
    assert name in main.commands
    options = {option for parameter in main.commands[name].params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= options


def test_the_documents_name_the_commands_for_users() -> None:
    """What answers a user's question stands in a document; run, compare and profile are reached through make."""
    through_make = {"run", "compare", "profile"}
    assert set(main.commands) - through_make == {words.split()[0] for words in named()}


def test_make_runs_commands_that_are_there() -> None:
    """The recipes of bench, with BASE and without, and of profile."""
    makefile = (ROOT / "Makefile").read_text()
    assert '\t@$(BIN)/python -m tests.benchmarks $(if $(BASE),compare "$(BASE)",run) $(OPTIONS)\n' in makefile
    assert "\t@$(BIN)/python -m tests.benchmarks profile $(OPTIONS)\n" in makefile
    assert {"compare", "run", "profile"} <= set(main.commands)


@pytest.mark.parametrize("name", sorted(main.commands))
def test_a_command_explains_itself(name: str) -> None:
    """Its help says in a sentence what it does, and something about each option."""
    helped = CliRunner().invoke(main, [name, "--help"])
    assert 0 == helped.exit_code
    command = main.commands[name]
    assert command.help
    assert [] == [each.name for each in command.params if each.param_type_name == "option" and not each.help]


def test_the_tables_of_the_sizing_page_are_those_that_the_command_prints() -> None:
    """The page quotes the two tables under the heads that they have now."""
    size_head, needs_head = scale.table([]).splitlines()[0], scale.needs_table([]).splitlines()[0]
    assert (1, 1) == (SIZING.count(size_head), SIZING.count(needs_head))
