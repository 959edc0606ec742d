"""The first rule against the page that Fortinet publishes it on."""

from pathlib import Path

import pytest

from stream_app.language.aggregate import CountConstraint
from stream_app.rulebook.load import load_rulebook
from tests.corpus import RULES

PAGE = Path(__file__).parents[2].parent / "shared" / "data" / "fortisiem-rules" / "seed_PH_Rule_SIGMA_1774.txt"
RULE = load_rulebook(RULES).rules["PH_Rule_SIGMA_1774"]


def below(page: str, heading: str) -> str:
    """Give the text under a heading of the page: the first paragraph, or the last if the heading explains itself."""
    return page.split(f"\n{heading}\n\n", 1)[1].split("\n\n", 1)[0]


@pytest.fixture(name="page")
def _page() -> str:
    """Give the page, beside the checkout."""
    if not PAGE.exists():
        pytest.skip(f"{PAGE.name} is not beside this checkout")
    return PAGE.read_text(encoding="utf-8")


def test_the_query_is_the_page_s_word_for_word(page: str) -> None:
    """Nothing was escaped, wrapped or mended."""
    assert RULE.subpattern.query == below(page, "This is the query logic that matches incoming events")


def test_group_by_constraint_and_mapping_are_the_page_s(page: str) -> None:
    """In the page's order."""
    explained = (
        "This defines how matching events are aggregated, only events with the same matching attribute values are "
        "grouped into one unique incident ID"
    )
    assert ",".join(RULE.subpattern.group_by) == below(page, explained)
    lines = page.rstrip().rsplit("\n\n", 1)[1]
    assert lines == ",\n".join(f"{name} = Filter.{source}" for name, source in RULE.mapping)
    assert "\nCOUNT(*) >= 1\n" in page
    assert CountConstraint(">=", 1) == RULE.subpattern.constraint


def test_what_describes_the_rule_is_the_page_s(page: str) -> None:
    """Id, title, description, severity, category, tactic, technique and window."""
    assert RULE.id == below(page, "Rule ID")
    assert RULE.name == page.split("\n\n")[1]
    assert RULE.description == below(page, "Description")
    assert str(RULE.severity) == below(page, "Severity")
    assert RULE.category == below(page, "Category")
    assert RULE.tactics == (below(page, "MITRE ATT&CK® Tactics"),)
    assert f"\n{RULE.techniques[0]}\n" in page
    assert f"{RULE.window // 1000} seconds" == below(
        page,
        "If the following pattern or patterns match an ingested event within the given time window in seconds, "
        "trigger an incident.",
    )
