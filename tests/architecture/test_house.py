"""The rules of the house that no linter knows, each over every file that it is about."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "stream_app"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LAYERS = ("language", "sysmon", "rulebook", "engine | exchange", "handoff | kafka", "service", "cli")
"""From the bottom up; those that share a line do not know each other."""

CORE = ("language", "sysmon", "rulebook", "exchange", "engine", "handoff")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LONGEST_MODULE = 350
LONGEST_FUNCTION = 70
TEXTS = {"", ".css", ".env", ".html", ".js", ".jsonl", ".lock", ".md", ".py", ".svg", ".toml", ".yml"}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "core"}
READS_FILES = {f"stream_app/rulebook/{name}.py" for name in ("document", "load", "cases", "ruleset")}
"""The only modules of the core that touch a file system: they read the rules."""

NOT_FOR_THE_CORE = {
    "aiokafka", "asyncio", "click", "concurrent", "confluent_kafka", "faust", "logging", "mode", "multiprocessing",
    "random", "rich", "secrets", "selectors", "signal", "socket", "subprocess", "sys", "tempfile", "threading", "time",
}  # fmt: skip


def relative(path: Path) -> str:
    """Give a path as the repository names it."""
    return path.relative_to(ROOT).as_posix()


def own_texts() -> Iterator[Path]:
    """Give every text file that belongs to the project."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        foreign = any(each.startswith(".") or each == "__pycache__" or each.endswith(".egg-info") for each in parts)
        if path.is_file() and path.suffix in TEXTS and not foreign:
            yield path


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Give the full name of everything that a module imports, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_what_it_is(path: Path) -> None:
    """Every module begins with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text())), f"{relative(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_can_be_read_at_a_sitting(path: Path) -> None:
    """No module is longer than 350 lines, no function longer than 70."""
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, f"{relative(path)}: {node.name}"


@pytest.mark.parametrize("path", [*MODULES, *TESTS], ids=relative)
def test_a_module_is_named_for_a_stage_or_a_noun(path: Path) -> None:
    """No file is called utils, helpers, common, manager or base."""
    assert not EMPTY_NAMES & set(path.stem.split("_"))


@pytest.mark.parametrize("path", [path for path in MODULES if path.relative_to(PACKAGE).parts[0] in CORE], ids=relative)
def test_the_core_takes_values_and_returns_values(path: Path) -> None:
    """No module of the core imports Kafka, Faust, a clock, a log, a thread, a socket, or reads the environment."""
    tree = ast.parse(path.read_text())
    for name, line in imported(tree):
        assert name.split(".")[0] not in NOT_FOR_THE_CORE, f"{relative(path)}:{line}: {name}"
        assert name not in {"os.environ", "os.getenv", "os.urandom"}, f"{relative(path)}:{line}: {name}"
        if name.split(".")[0] in {"os", "pathlib", "glob", "shutil"}:
            assert relative(path) in READS_FILES, f"{relative(path)}:{line}: {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "utcnow", "today", "uuid1", "uuid4", "environ"}, (
                f"{relative(path)}:{node.lineno}"
            )
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input"}, f"{relative(path)}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_imports_run_downwards(path: Path) -> None:
    """A module imports nothing of a room above its own, and nothing of a room beside it."""
    rank = {room: place for place, line in enumerate(LAYERS) for room in line.split(" | ")}
    room = path.relative_to(PACKAGE).parts[0]
    if room not in rank:
        assert room in {"__init__.py", "__main__.py"}
        return
    for name, line in imported(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] == "stream_app" and len(parts) > 1 and parts[1] != room:
            assert rank[parts[1]] < rank[room], f"{relative(path)}:{line}: {name}"


def test_the_contracts_name_every_room_and_what_is_kept_out_of_the_core() -> None:
    """The layers that import-linter checks are these, and its list of what the core must not import is within ours."""
    layers, forbidden = CONTRACTS
    below = [frozenset(line.split(" | ")) for line in reversed(layers["layers"]) if line != "__main__"]
    assert [frozenset(line.split(" | ")) for line in LAYERS] == below
    assert layers["exhaustive"]
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == {room for line in below for room in line}
    assert [f"stream_app.{room}" for room in CORE] == forbidden["source_modules"]
    assert set(forbidden["forbidden_modules"]) <= NOT_FOR_THE_CORE


def test_every_exception_from_the_linters_has_a_reason() -> None:
    """A ruff code in pyproject.toml has a comment behind it, and so has every noqa and type: ignore."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    codes = [line for line in lines if re.match(r'\s+"[A-Z]+[0-9]*",', line)]
    assert len(codes) > 10
    assert [] == [line for line in codes if not re.search(r"#\s+\w", line)]
    assert [] == [line for line in lines if re.search(r'=\s*\["[A-Z]{1,4}[0-9]+"', line) and "#" not in line]
    exceptions = [
        (f"{relative(path)}:{number}", line[found.end() :])
        for path in [*MODULES, *TESTS]
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        for found in re.finditer(r"# (?:noqa: [A-Z0-9, ]+|type: ignore\[[a-z, -]+\]|pragma: no \w+)", line)
    ]
    assert len(exceptions) > 10
    assert [] == [place for place, reason in exceptions if not re.search(r"\w", reason)]


@pytest.mark.parametrize("path", TESTS, ids=relative)
def test_a_test_says_the_behaviour(path: Path) -> None:
    """Every test has a docstring, every skip a reason; none waits for time, only for what is expected, in a loop."""
    tree = ast.parse(path.read_text())
    polls = {call for loop in ast.walk(tree) if isinstance(loop, ast.While) for call in ast.walk(loop)}
    for node in ast.walk(tree):
        place = f"{relative(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            assert ast.get_docstring(node), f"{place}: {node.name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr != "skip" or node.args or node.keywords, place
            assert node.func.attr != "sleep" or node in polls or not path.name.startswith("test_"), place


def test_nothing_names_the_machine_it_was_written_on() -> None:
    """No file holds an absolute path of somebody's machine."""
    texts = list(own_texts())
    assert len(texts) > len(MODULES) + len(TESTS)
    machine = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp)/(?!\[)[a-z]")
    for path in texts:
        if path != Path(__file__):
            found = machine.search(path.read_text())
            assert not found, f"{relative(path)}: {found and found.group()}"
