"""Attributes that a folder of rules declares, from the record to the incident."""

from pathlib import Path

from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.rulebook.load import load_rulebook

RULE = """\
id = "R"
name = "A rule"
severity = 5
category = "Security"
window = 300
[pattern.Filter]
query = 'Ticket = "T-1"'
group_by = ["Ticket", "Image"]
aggregate = "COUNT(*) >= 2"
[incident]
Ticket = "Filter.Ticket"
Image = "Filter.Image"
"""
EVENT = b'{"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Ticket": "t-1", "Image": "a.exe"}'


def test_a_rule_counts_and_shows_what_its_folder_declares(tmp_path: Path) -> None:
    """Also a field that fills one of FortiSIEM's attributes may be declared under its own name."""
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "r.toml").write_text(RULE)
    (tmp_path / "attributes.toml").write_text('Ticket = "string"\nImage = "string"\n')
    records = [Record("sysmon", 0, offset, 1_000 * offset, EVENT) for offset in range(2)]
    found = list(replay(load_rulebook(tmp_path), records))
    assert [("R", ("t-1", "a.exe"))] == [(each.rule.id, each.key.group) for each in found]
