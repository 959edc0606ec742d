"""How much of a sample filters want."""

import json
from pathlib import Path

from stream_app.engine.share import FEWEST, Sample
from stream_app.rulebook.load import load_folder

RULE = """\
id = "R"
name = "A rule"
severity = 5
category = "Security"
window = 60
[pattern.Filter]
query = '''eventType = "T" AND user = "a"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
[[exception]]
when = 'hostName != "h"'
reason = "never asked here"
"""


def findings(folder: Path, wanted: int, others: int) -> list[str]:
    """Give what is said of a rule after so many records that it wants, so many others of its type, and noise."""
    (folder / "R").mkdir(exist_ok=True)
    (folder / "R" / "R.toml").write_text(RULE)
    sample = Sample(load_folder(folder), ["R"])
    for user in ["a"] * wanted + ["b"] * others:
        sample.take(json.dumps({"eventType": "T", "user": user, "hostName": "g"}).encode())
        sample.take(b'{"eventType": "U", "user": "a"}')
        sample.take(b"no record")
    return [f"{each.code} {each.diagnostic.message}" for each in sample.findings()]


def test_a_filter_that_wants_more_than_half_of_its_types_is_told_of(tmp_path: Path) -> None:
    """Records of other types do not count, nor what cannot be read; an exception is no filter."""
    assert [] == findings(tmp_path, FEWEST // 2, FEWEST // 2)
    said = f"L501 wants {FEWEST} of the {FEWEST + 1} records of its event types in the sample"
    assert [said] == findings(tmp_path, FEWEST, 1)


def test_a_handful_of_records_says_nothing(tmp_path: Path) -> None:
    """Also where all of them are wanted."""
    assert [] == findings(tmp_path, FEWEST - 1, 0)
