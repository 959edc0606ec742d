"""Rules that change: which rule a match or a row is of."""

from collections.abc import Callable
from pathlib import Path

import pytest

from stream_app.rulebook.editions import Editions, id_of
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule, Rulebook

RULE = """\
id = "{id}"
name = "{name}"
severity = 5
category = "Security"
window = 300
{more}
[pattern.Filter]
query = '''procName = "{asked}"'''
group_by = ["hostName"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
{behind}
"""
CAPS = "[flood]\nper_hour = 1"
LISTS = '[[watch_list]]\nname = "hosts"\nattribute = "hostName"'

Books = Callable[..., Rulebook]


@pytest.fixture
def books(tmp_path: Path) -> Books:
    """Give what makes a rulebook of rules, by id what each asks for."""
    made = 0

    def make(name: str = "A rule", behind: str = "", **rules: str) -> Rulebook:
        nonlocal made
        made += 1
        for rule, asked in rules.items():
            folder = tmp_path / str(made) / rule
            folder.mkdir(parents=True)
            text = RULE.format(id=rule, name=name, asked=asked, more="", behind=behind)
            (folder / f"{rule}.toml").write_text(text)
        return load_rulebook(tmp_path / str(made))

    return make


def edition(rulebook: Rulebook, rule: str = "R") -> Rule:
    """Give a rule of a rulebook."""
    return rulebook.rules[rule]


def test_an_edition_is_an_id_and_its_content(books: Books) -> None:
    """A title is not content: a rule that only has another one is the same edition; its newest form counts."""
    one, other = books(R="a"), books(name="Another title", R="a")
    assert ("R", 12) == (id_of(edition(one).edition), len(edition(one).edition.removeprefix("R#")))
    assert edition(one).edition == edition(other).edition != edition(books(R="b")).edition
    editions = Editions(one)
    editions.run(other)
    found = editions.get(edition(one).edition)
    assert found is not None
    assert "Another title" == found.name


def test_what_does_not_run_any_more_is_kept(books: Books) -> None:
    """A changed rule and a removed one are known by their editions; a plain id is that of the edition that ran last."""
    old, new = books(R="a", GONE="x"), books(R="b")
    editions = Editions(old)
    assert edition(new).edition not in editions
    editions.run(new)
    for rule in (*old.rules.values(), *new.rules.values()):
        assert rule.edition in editions
        assert editions.get(rule.edition) is rule
    assert editions.get("R") is edition(new)
    assert editions.get("GONE") is edition(old, "GONE")
    assert "GONE" in editions
    assert (2, editions.get("NEVER")) == (len(Editions(old).rulebook.rules), None)


def test_a_rule_stands_in_for_an_edition_that_is_not_known(books: Books) -> None:
    """It is not the edition itself, so that whoever cares can wait; it is, once that became known."""
    old, new = books(R="a", GONE="x"), books(R="b")
    editions, name = Editions(new), edition(old).edition
    assert (edition(new), False) == (editions.get(name), name in editions)
    before = editions.changes
    editions.keep(old)
    assert (edition(old), True) == (editions.get(name), name in editions)
    assert editions.get("GONE") is edition(old, "GONE")
    assert editions.changes > before
    editions.run(old)
    assert editions.get("GONE") is edition(old, "GONE")


def test_caps_and_lists_of_what_is_retired(books: Books) -> None:
    """Retired editions keep their caps, and fill the lists that are followed now; there may be none."""
    old, new = books(behind=f"{CAPS}\n{LISTS}", R="a"), books(behind=LISTS, R="b")
    editions = Editions(old)
    editions.run(new)
    retired = editions.get(edition(old).edition)
    assert retired is not None
    assert retired.lists is edition(new).lists is not None
    assert {edition(old).edition} == editions.capped
    editions.run(books(R="c"))
    retired = editions.get(edition(old).edition)
    assert retired is not None
    assert retired.lists is None
