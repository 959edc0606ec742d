"""A folder of rules as one value."""

from pathlib import Path

import pytest

from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.load import load_rulebook, load_set
from stream_app.rulebook.rulefile import Defaults
from stream_app.rulebook.ruleset import RuleSet, read_set
from tests.unit.rulebook.test_load import rule, write

WHOLE = {
    "a/a.toml": rule("A", "srcIpAddr IN (Group@G)"),
    "b/b.toml": rule("B", "LookupTableHas(t, procName) = 1"),
    "groups/G.toml": 'members = ["10.0.0.0/8"]',
    "tables/t.csv": "name\nx\n",
}
BESIDE = {
    "README.md": "# rules",
    "LICENSE": "",
    "a/cases.toml": "[event]",
    "a/accepted.toml": "",
    "a/notes.md": "",
    "a/t.csv": "",
    ".mounted/x.toml": "",
    "b/.b.toml.swp": "",
}


def test_a_set_is_what_a_worker_reads(tmp_path: Path) -> None:
    """Two folders that a worker cannot tell apart are one set: cases, notes and hidden files are none of it."""
    one, other = write(tmp_path / "one", WHOLE), write(tmp_path / "other", WHOLE | BESIDE)
    found = read_set(one)
    assert sorted(WHOLE) == sorted(found.files)
    assert found.id == read_set(other).id
    assert 16 == len(found.id)
    write(other, {"groups/G.toml": 'members = ["10.0.0.0/9"]'})
    assert found.id != read_set(other).id


def test_a_set_loads_as_its_folder_does(tmp_path: Path) -> None:
    """The same rules, with the same names of files in them, also when the folder has changed meanwhile."""
    folder = write(tmp_path, WHOLE)
    expected, found = load_rulebook(folder), read_set(folder)
    write(folder, {"a/a.toml": "= 1"})
    loaded = load_set(found, folder.as_posix(), Defaults())
    assert expected.editions.keys() == loaded.editions.keys()


@pytest.mark.parametrize(
    "files",
    [
        {"groups/G.toml": ""},
        {"a/b.toml": rule("A")},
        {"e.toml": rule("E"), "a/a.toml": rule("A")},
        {"a/a.toml": rule("A"), "groups": "x", "tables": "x"},
        {"a/a.toml": rule("A").replace("= 5", "= 50"), "b/b.toml": "id = '"},
        {"a/a.toml": rule("A"), "empty/README.md": ""},
    ],
    ids=["no rule", "misnamed", "outside", "no folders", "wrong", "empty"],
)
def test_a_set_is_refused_as_its_folder_is(tmp_path: Path, files: dict[str, str]) -> None:
    """Every mistake, in the same words and at the same place."""
    folder = write(tmp_path, files)
    with pytest.raises(LanguageError) as expected:
        load_rulebook(folder)
    with pytest.raises(LanguageError) as actual:
        load_set(read_set(folder), folder.as_posix(), Defaults())
    assert str(expected.value) == str(actual.value)


def test_a_path_in_a_set_is_one_path(tmp_path: Path) -> None:
    """Paths compare by where they are, and by nothing else."""
    root = read_set(write(tmp_path, WHOLE)).folder("rules")
    assert root / "a" == root / "a" != root / "b"
    assert 1 == len({root / "a", root / "a"})
    assert root != "rules"
    assert not (root / "c").is_dir()
    assert RuleSet({}).id != RuleSet({"a": None}).id
