"""The README's tables of what runs are what the loader says."""

import json

import pytest

from tests.docs import fortinet_pages
from tests.docs.constructs import RULES, outcome
from tests.docs.test_readme import README

HERE = fortinet_pages.PAGES.is_file()
needs_pages = pytest.mark.skipif(not HERE, reason="needs ../shared/data/fortisiem-rules beside the checkout")


@pytest.mark.parametrize("construct", RULES)
def test_a_construct_runs_or_is_refused_as_the_readme_says(construct: str) -> None:
    """Each has a row, with the very words of a refusal."""
    assert f"\n| {construct} | {outcome(construct)} | " in README


@pytest.mark.skipif(
    not fortinet_pages.PAGES.is_file(), reason="needs ../shared/data/fortisiem-rules beside the checkout"
)
def test_fortinet_s_pages_load_as_the_readme_says() -> None:
    """The table is the one that the command prints."""
    assert fortinet_pages.table(json.loads(fortinet_pages.PAGES.read_text())) in README
