"""How rule files are laid out."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.rulebook.document import parse_document
from stream_app.rulebook.layout import laid_out
from stream_app.rulebook.load import load_folder
from stream_app.rulebook.places import find_statements
from stream_app.rulebook.rulefile import Defaults, read_rule
from tests.corpus import RULES
from tests.unit.rulebook.test_schema import FULL

ENVIRONMENT = load_folder(RULES).environment
TEXTS = [Path(path).read_text() for path in sorted(RULES.glob("*/*.toml")) if path.stem == path.parent.name] + [FULL]


def out(text: str) -> str:
    """Lay a text out."""
    return laid_out(parse_document("r.toml", text))


MESSY = """\
# About the rule.

# What it is called.
name="A rule"   # its title
id = 'R'


window   =   60# seconds
# Patterns.

[pattern.B]
# The aggregate comes last.
aggregate = "COUNT(*) >= 1"

# Two lines, of which
# this is the second.
query = '''
eventType="a=b"'''
group_by = [
  "user",   # who
]
[incident]
user = "B.user"
hostName = "B.hostName"
[pattern.A]
other = 1
query = 'x'     # a query
[[exception]]    # the first
when = 'a'
[clear]
"quoted = key" = 1
match.user   = "user"
[[exception]]
reason = "b"
# The end.
"""
CLEAN = """\
# About the rule.

id = 'R'
# What it is called.
name = "A rule"                                 # its title
window = 60                                     # seconds

# Patterns.

[pattern.B]

# Two lines, of which
# this is the second.
query = '''
eventType="a=b"'''
group_by = [
  "user",   # who
]
# The aggregate comes last.
aggregate = "COUNT(*) >= 1"

[pattern.A]
query = 'x'                                     # a query
other = 1

[clear]
match.user = "user"
"quoted = key" = 1

[incident]
user = "B.user"
hostName = "B.hostName"

[[exception]]                                   # the first
when = 'a'

[[exception]]
reason = "b"

# The end.
"""


def test_keys_tables_and_comments_find_their_places() -> None:
    """Values are not touched, and what has an order of its own keeps it."""
    assert CLEAN == out(MESSY)
    assert CLEAN == out(CLEAN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "\n"),
        ("# only\n\n\n# comments", "# only\n\n# comments\n"),
        ("\n\nid = 1", "id = 1\n"),
        ("  id = 1\n  # end\n\n", "id = 1\n\n# end\n"),
        ("# top\n\n[clear]\n", "# top\n\n[clear]\n"),
        ("# not top\n[clear]\n", "# not top\n[clear]\n"),
        ("name = 1\n\n# a\n\n# b\nid = 1\n", "# a\n\n# b\nid = 1\nname = 1\n"),
        ("# top\n\nname = 1\n# a\n\nid = 1\n", "# top\n\n# a\n\nid = 1\nname = 1\n"),
        ("id = 1\n\n\n# c\nname = 1\n", "id = 1\n\n# c\nname = 1\n"),
        ('"a\\"= b"   =   1\n', '"a\\"= b" = 1\n'),
        ("name = '" + "x" * 60 + "' # c\n", "name = '" + "x" * 60 + "'  # c\n"),
        ("no_table = [{ a=1 }]\nid = 1\n[strange.table]\na = 1\n",
         "id = 1\nno_table = [{ a=1 }]\n\n[strange.table]\na = 1\n"),
    ],
)  # fmt: skip
def test_small_files(text: str, expected: str) -> None:
    """Comments at the top and at the end stay there; what the schema does not know comes last."""
    assert expected == out(text)
    assert expected == out(expected)


def mixed(text: str, chance: random.Random) -> str:
    """Give a rule file that says the same in another order and spacing, with comments strewn in."""
    sections: list[list[str]] = [[]]
    for statement in find_statements(text):
        code = text[statement.start : statement.end]
        if statement.is_header:
            sections.append([])
        else:
            key, _, value = code.partition("=")
            code = f"{key.strip()}{' ' * chance.randrange(3)}={' ' * chance.randrange(3)}{value.strip()}"
        behind = chance.choice(["", "", " # behind", "# 'behind' = \"x"])
        above = "".join(chance.choices(["\n", "# above\n", "  # = '''\n", "\t\n"], k=chance.randrange(4)))
        sections[-1].append(f"{above}{' ' * chance.randrange(3)}{code}{behind}\n")
    first, *others = sections
    chance.shuffle(first)
    for section in others:
        pairs = section[1:]
        if re.search(r"^ *\[(?:pattern\.|clear|flood|\[)", section[0], re.MULTILINE):
            chance.shuffle(pairs)
        section[1:] = pairs
    named = [re.findall(r"^ *\[+(\w+)", section[0], re.MULTILINE)[-1] for section in others]
    order = sorted(set(named), key=lambda _: chance.random())
    others = [section for name in order for of, section in zip(named, others, strict=True) if of == name]
    end = "".join(chance.choices(["\n", "# end\n"], k=chance.randrange(3)))
    return "".join(piece for section in (first, *others) for piece in section) + end


def comments(text: str) -> list[str]:
    """Give the comments between statements and behind them."""
    found: list[str] = []
    at = 0
    for statement in find_statements(text):
        found += re.findall(r"#[^\n]*", text[at : statement.start])
        at = statement.end
    return sorted(each.strip() for each in [*found, *re.findall(r"#[^\n]*", text[at:])])


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS), st.randoms(use_true_random=False))
def test_it_says_the_same_and_is_laid_out_once(text: str, chance: random.Random) -> None:
    """Every comment and every value is still there, the rule decides what it decided, and twice is as once."""
    before = mixed(text, chance)
    after = out(before)
    assert after == out(after)
    assert comments(before) == comments(after)
    assert parse_document("r.toml", before).data == parse_document("r.toml", after).data
    rules = [read_rule(parse_document("r.toml", each), ENVIRONMENT, Defaults()) for each in (before, after)]
    assert rules[0].content_id == rules[1].content_id
    assert rules[0].mapping == rules[1].mapping


def test_the_rules_of_this_checkout_are_laid_out() -> None:
    """As they would be written anew."""
    for text in TEXTS[:-1]:
        assert text == out(text)
