"""No part of a rule's conditions is idle: change any of it, and some event of its cases is answered differently."""

from stream_app.engine.coverage import coverage
from stream_app.rulebook.cases import cases_beside
from stream_app.rulebook.load import load_folder
from tests.corpus import EVERY_CHANGE, RULES


def test_every_comparison_of_a_condition_decides_some_event() -> None:
    """One that were always true, or always false, would be noticed. An incident is an event too."""
    loaded = load_folder(RULES, EVERY_CHANGE)
    found = coverage(loaded, cases_beside(loaded.documents))
    assert set(loaded.rulebook.rules) == set(found.rules)
    assert found.comparisons >= 2 * len(found.rules)
    assert "" == "\n".join(each.diagnostic.render() for each in found.undecided)
