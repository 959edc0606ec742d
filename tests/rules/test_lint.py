"""The rules of this checkout look right, or say why they are as they are."""

from stream_app.rulebook.accepted import accepted_beside, left
from stream_app.rulebook.findings import CODES, MOST_EVENTS
from stream_app.rulebook.lint import lint
from stream_app.rulebook.load import load_folder
from tests.corpus import RULES, SEED

LOADED = load_folder(RULES)


def test_nothing_is_left_to_mend() -> None:
    """What is found is accepted with a reason, and what is accepted is found."""
    found = list(lint(LOADED, LOADED.rulebook.rules))
    accepted = accepted_beside(LOADED.documents)
    judged = [code for code in CODES if code != MOST_EVENTS]
    assert [] == [each.render() for each in left(found, accepted, judged)]
    assert sum(map(len, accepted.values())) >= 5


def test_the_first_rule_asks_for_what_a_connection_does_not_carry() -> None:
    """Its own exclusions need process context."""
    rule_id = next(name for name, document in LOADED.documents.items() if SEED.name in document.path)
    found = [each for each in lint(LOADED, [rule_id]) if each.code == "L203"]
    assert ["parentProcName", "command"] == [each.attribute for each in found]
    assert all("STREAM_APP_PROCESS_CONTEXT=true" in each.mend for each in found)
