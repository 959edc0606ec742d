"""A new rule to begin with."""

import pytest

from stream_app.rulebook.cases import read_cases
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.layout import laid_out
from stream_app.rulebook.skeleton import skeleton
from stream_app.sysmon.attributes import EVENTS


@pytest.mark.parametrize("event_id", EVENTS)
def test_its_files_are_right(event_id: int) -> None:
    """For every event of Sysmon; that its cases pass is tested with the command."""
    made = skeleton("a-rule", event_id)
    document = parse_document("a-rule.toml", made.rule)
    assert made.rule == laid_out(document)
    assert "A_RULE" == document.data["id"]
    assert 4 == len(read_cases(parse_document("cases.toml", made.cases)))


def test_an_event_that_there_is_not() -> None:
    """It raises."""
    with pytest.raises(KeyError):
        skeleton("a-rule", 30)
