"""The linear engine agrees with ``re`` wherever it takes a pattern, and takes what it should."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.language.linear import Linear, NotLinear
from stream_app.language.patterns import PatternProblem, compile_pattern
from stream_app.language.regextree import Chars, tree_of

ATOMS = (
    *("a", "b", "s", "K", "i", "_", "0", ".", r"\.", r"\n", " ", r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\b"),
    *(
        "[ab]",
        "[^a]",
        "[a-z]",
        "[^A-Z]",
        r"[\w-]",
        r"[^\s]",
        r"[\d\W]",
        "(?:)",
        r"[^\w\W]",
        "^",
        "$",
        r"\A",
        r"\Z",
        "\\x7f",
    ),
)
QUANTIFIERS = ("", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,3}?", "{2,}")


CHARACTERS = "".join(c for c in map(chr, range(0x20000)) if c < "\u0500" or c.swapcase() != c or ord(c) % 61 == 0)
"""All of the alphabets that are used most, all that has a case, and some of everything else."""


def _nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    groups = st.sampled_from(("(?:{})", "({})", "(?i:{})", "(?-i:{})", "(?-s:{})"))
    parts = st.tuples(inner, st.sampled_from(QUANTIFIERS)).map("".join)
    several = st.lists(parts, min_size=1, max_size=3)
    grouped = st.builds(lambda form, body: form.replace("{}", body), groups, several.map("".join))
    either = st.builds(lambda form, branches: form.replace("{}", "|".join(branches)), groups, several)
    return st.one_of(grouped, either)


PATTERNS = st.builds(
    "".join,
    st.lists(
        st.tuples(st.recursive(st.sampled_from(ATOMS), _nested, max_leaves=6), st.sampled_from(QUANTIFIERS)).map(
            "".join
        ),
        max_size=4,
    ),
)
TEXTS = st.one_of(
    st.text("abAsSkKi_0. \n\x7f", max_size=8),
    st.text("abAsSkKi_0. \n\u017f\u212a\u0130\u0131\u00e9\u0665\u2003\u2013\u0085\U0001f600\ud800\u00b2", max_size=8),
)


def linear_of(pattern: str, *, ignore_case: bool = True, extract: bool = False) -> tuple[Linear, re.Pattern[str]]:
    """Give both engines. Raises PatternProblem or NotLinear."""
    compiled = compile_pattern(pattern, ignore_case=ignore_case)
    return Linear(tree_of(pattern, ignore_case=ignore_case), compiled, extract=extract), compiled


@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=8), st.booleans())
def test_both_engines_find_the_same(pattern: str, texts: list[str], ignore_case: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """For every pattern that is taken, and every text."""
    try:
        linear, compiled = linear_of(pattern, ignore_case=ignore_case)
    except (PatternProblem, NotLinear):
        return
    for text in texts:
        assert (compiled.search(text) is None) == (linear.search(text) is None), (pattern, text)


@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=8), st.booleans())
def test_both_engines_extract_the_same(pattern: str, texts: list[str], ignore_case: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The first group of the first match, for every pattern that is taken."""
    try:
        linear, compiled = linear_of(pattern, ignore_case=ignore_case, extract=True)
    except (PatternProblem, NotLinear):
        return
    for text in texts:
        match = compiled.search(text)
        expected = None if match is None else match.group(min(compiled.groups, 1))
        assert expected == linear.extract(text), (pattern, text)


@pytest.mark.parametrize("ignore_case", [True, False])
@pytest.mark.parametrize(
    "pattern",
    [
        r"\w",
        r"\W",
        r"\d",
        r"\D",
        r"\s",
        r"\S",
        "i",
        "k",
        "s",
        "[^i]",
        "[a-z]",
        "[^A-Z]",
        r"[\Wk]",
        r"[^\w-]",
        "(?-s:.)",
    ],
)
def test_a_set_holds_what_re_finds(pattern: str, *, ignore_case: bool) -> None:
    """Every character in question, in the sets in which ``re`` has its own ideas of case and class."""
    node = tree_of(pattern, ignore_case=ignore_case)
    assert isinstance(node, Chars)
    expected = compile_pattern(pattern, ignore_case=ignore_case).findall(CHARACTERS)
    assert expected == [character for character in CHARACTERS if character in node.chars]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(?=b)", "a look-ahead"),
        ("(?<!a)b", "a look-behind"),
        (r"(a)\1", "a back-reference"),
        ("(a)?(?(1)b|c)", "a conditional group"),
        ("(a)?(?(1)b)", "a conditional group"),
        ("(?>a)", "an atomic group"),
        ("a*+", "a possessive repetition"),
        ("a++", "a possessive repetition"),
        ("\u00e9", "a character beyond ASCII"),
        ("[a-\u00e9]", "a character beyond ASCII"),
        (r"a\B", r"\B"),
        ("(?m)^a", "^ or $ of each line"),
        ("(?m)a$", "^ or $ of each line"),
        (r"(?a)\w", "the flag a"),
        (r"(?a)\b", "the flag a"),
        ("a$b", "$ with more behind it"),
        ("(a$)*", "$ with more behind it"),
        (r"(^|\b)*", "a repetition of what may be empty"),
        ("a{1001}", "its size"),
        ("(abc){500}", "its size"),
    ],
)
def test_what_is_not_the_same_is_not_taken(pattern: str, reason: str) -> None:
    """Only ``re`` runs these; the reason is said."""
    with pytest.raises(NotLinear, match=f"^{re.escape(reason)}$"):
        linear_of(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a*)*", "a repetition of what may be empty"),
        ("(a)+", "a group in a repetition"),
        ("(a$)", "$ with more behind it"),
        ("a$", "$ with more behind it"),
    ],
)
def test_what_would_be_extracted_in_another_way_is_not_taken(pattern: str, reason: str) -> None:
    """To say if there is a match is easier than to say what a group took."""
    with pytest.raises(NotLinear, match=f"^{re.escape(reason)}$"):
        linear_of(pattern, extract=True)
    linear_of(pattern)


def test_a_text_is_left_to_re_only_where_no_stand_in_is_found() -> None:
    """A letter beyond ASCII is as good as one that the pattern does not name; of all letters there is none like it."""
    for pattern, text, expected in ((r"\b[a-f]+\b", "\u00e9 abc", True), (r"\b[a-f]+\b", "\u00e9abc", False)):
        linear = Linear(tree_of(pattern, ignore_case=True), re.compile("never, or it would be a match|"))
        assert expected == (linear.search(text) is not None)
    linear, _ = linear_of("[a-z0-9_]+x")
    assert linear.search("\u00e9x") is None
    assert linear.search("\u00e9ax") is not None


def test_a_set_without_members_never_matches() -> None:
    """It can be written, and RE2 has its own way of writing it."""
    linear, _ = linear_of(r"a.*[^\w\W]|b.*[0-9]")
    assert linear.search("a" + "".join(map(chr, range(128)))[:48]) is None
    assert linear.search("b0") is not None


def test_few_of_all_characters_are_remembered() -> None:
    """A text of ever new characters takes no memory for ever."""
    linear, _ = linear_of("a.*b.*[0-9]")
    assert linear.search("a" + "".join(map(chr, range(0x3400, 0x9000))) + "b1") is not None
    assert len(linear._stand_ins) == 4096
    assert linear.search("a\u9000b1") is not None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 100_000 + "b"),
        ("(a|aa)+$", "a" * 100_000 + "b"),
        ("(.*a){20}", "a" * 19 + "b" * 100_000),
        (r"\s*\s*\s*x", " " * 100_000),
        (r"^(\w+\s?)*$", "word " * 20_000 + "\u2013"),
    ],
)
def test_the_catastrophic_families_end(pattern: str, text: str) -> None:
    """On the linear engine they are patterns like any other, with a dash of Unicode too."""
    linear, _ = linear_of(pattern)
    assert linear.search(text) is None
