"""The conditions of rules, where their authors wrote them."""

from pathlib import Path

from stream_app.rulebook.conditions import comparisons, conditions_of
from stream_app.rulebook.load import load_folder

RULE = """\
id = "R"
name = "A rule"
severity = 5
category = "Security"
window = 60
case = "exact"
[pattern.Filter]
query = '''
eventType = "T" AND (user = "a" OR
  user = "b")'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[clear]
query = 'eventType = "C"'
group_by = ["hostName"]
match = { hostName = "hostName" }
[incident]
hostName = "Filter.hostName"
[[exception]]
when = 'hostName = "h"'
reason = "known"
"""


def test_every_condition_has_its_place(tmp_path: Path) -> None:
    """Filters, the clear pattern's, and what exceptions hold for; a part of each is found in the file."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "r.toml").write_text(RULE)
    found = conditions_of(load_folder(tmp_path), "R")
    assert ["Filter", "Clear", "exception 1"] == [each.name for each in found]
    assert [False, False, True] == [each.of_incident for each in found]
    assert [False] * 3 == [each.environment.ignore_case for each in found]
    parts = [(each.written(part), each.at(part, "")) for each in found for part in comparisons(each.tree)]
    assert [
        ('eventType = "T"', 9, 1),
        ('user = "a"', 9, 22),
        ('user = "b"', 10, 3),
        ('eventType = "C"', 14, 10),
        ('hostName = "h"', 20, 9),
    ] == [(text, at.line, at.column) for text, at in parts]
