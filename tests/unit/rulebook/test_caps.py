"""The [flood] table."""

from pathlib import Path

import pytest

from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.caps import DAY, HOUR, Caps
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule

RULE = """\
id = "R"
name = "A rule"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = 'procName IS NOT NULL'
group_by = []
aggregate = "COUNT(*) >= 1"
"""


def load(folder: Path, more: str) -> Rule:
    """Load a rule with more lines."""
    (folder / "r").mkdir(exist_ok=True)
    (folder / "r" / "r.toml").write_text(RULE + more)
    return load_rulebook(folder).rules["R"]


def test_caps(tmp_path: Path) -> None:
    """An hour, a day, both or none; they decide what is told, so they are part of the content id."""
    rules = [load(tmp_path, more) for more in ("", "[flood]\nper_hour = 3\n", "[flood]\nper_hour = 3\nper_day = 9\n")]
    assert [None, Caps(3), Caps(3, 9)] == [rule.caps for rule in rules]
    assert ((HOUR, 3), (DAY, 9)) == Caps(3, 9).spans
    assert ((DAY, 9),) == Caps(per_day=9).spans
    assert [False, True, True] == [rule.births for rule in rules]
    assert 3 == len({rule.content_id for rule in rules})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("[flood]\n", "10:1: expected per_hour or per_day, or both"),
        ("[flood]\nper_hour = 0\n", "11:12: per_hour must be 1 to 10000, got 0"),
        ("[flood]\nper_day = 10001\n", "11:11: per_day must be 1 to 10000, got 10001"),
        ("[flood]\nper_day = 1\nper_year = 9\n", "12:1: unknown key 'per_year'"),
    ],
)
def test_what_is_no_cap(tmp_path: Path, more: str, expected: str) -> None:
    """It is refused with its place."""
    with pytest.raises(LanguageError) as caught:
        load(tmp_path, more)
    said = [f"{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]
    assert [expected] == [each.split(";")[0] for each in said]
