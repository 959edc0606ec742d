"""Patterns as plain text, where that is exact."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.language.patterns import Literals, PatternProblem, compile_pattern, literals_of


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("python", Literals((), (), (), ("python",))),
        (".*python.*", Literals((), (), (), ("python",))),
        ("^.*python", Literals((), (), (), ("python",))),
        ("python.*$", Literals((), (), (), ("python",))),
        (r"^C:\\x\.y", Literals((), (r"C:\x.y",), (), ())),
        ("^abc.*$", Literals((), ("abc",), (), ())),
        ("abc$", Literals((), (), ("abc", "abc\n"), ())),
        (".*abc$", Literals((), (), ("abc", "abc\n"), ())),
        ("^abc$", Literals(("abc", "abc\n"), (), (), ())),
        (r"a\$|^b\||c", Literals((), ("b|",), (), ("a$", "c"))),
        ("", Literals((), (), (), ("",))),
        (".*", Literals((), (), (), ("",))),
        ("^", Literals((), ("",), (), ())),
        ("$", Literals((), (), ("", "\n"), ())),
        ("^.*$", Literals((), (), ("", "\n"), ())),
        ("a|", Literals((), (), (), ("a", ""))),
        (r"\ \-\/", Literals((), (), (), (" -/",))),
    ],
)
def test_a_plain_pattern_reduces(pattern: str, expected: Literals) -> None:
    """Anchors and ``.*`` at the ends say where the text must stand."""
    assert expected == literals_of(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("a.b", "a*", "ab+", "a?", "a{2}", ".+a", ".*?a", ".*+a", "a.*b", "a|b.", "[ab]", "[a|b]", "(a)", "(a|b)"),
        *("(?i)a", "a^b", "a$b", "^^a", "a$$", "}", r"\d", r"a\b", r"\n", r"\A"),
    ],
)
def test_any_other_pattern_stays_a_pattern(pattern: str) -> None:
    """What is not certainly plain text is left to ``re``."""
    assert literals_of(pattern) is None


@given(
    st.lists(st.sampled_from(("a", "b", r"\.", ".", "*", "^", "$", "|", "\\\\", r"\$", ".*", "\n", "?"))).map("".join),
    st.text("abAB.$\\\n", max_size=6),
)
def test_a_reduced_pattern_matches_what_the_pattern_matches(pattern: str, text: str) -> None:
    """For every pattern that reduces, both forms agree about every text."""
    try:
        compiled = compile_pattern(pattern, ignore_case=False)
    except PatternProblem:
        return
    literals = literals_of(pattern)
    if literals is not None:
        expected = compiled.search(text) is not None
        found = text in literals.equal or text.startswith(literals.begins) or text.endswith(literals.ends)
        assert expected == (found or any(part in text for part in literals.contains))
        assert literals.match_empty == (compiled.search("") is not None)


def test_a_point_matches_a_newline() -> None:
    """Patterns are DOTALL."""
    assert compile_pattern("a.b", ignore_case=False).search("a\nb")


@pytest.mark.parametrize(("ignore_case", "expected"), [(True, True), (False, False)])
def test_case_counts_by_option(ignore_case: bool, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Case is ignored where the option says so."""
    assert expected == bool(compile_pattern("[a]b", ignore_case=ignore_case).search("AB"))


@pytest.mark.parametrize(
    ("pattern", "message", "position"),
    [
        ("ab(c", "missing ), unterminated subpattern", 2),
        ("a**", "multiple repeat", 2),
        (r"\z", r"bad escape \z", 0),
        ("x(?i)", "global flags not at the start of the expression", 1),
        ("x[[:alpha:]]", "possible nested set, which is read differently elsewhere", 2),
        ("x{99999999999}", "the repetition number is too large", 0),
        ("(" * 5000 + ")" * 5000, "too deep", 0),
    ],
)
def test_a_pattern_that_cannot_run_is_refused_with_its_place(pattern: str, message: str, position: int) -> None:
    """The position is that in the pattern's own text, where one is known."""
    with pytest.raises(PatternProblem, match=re.escape(message)) as refused:
        compile_pattern(pattern, ignore_case=True)
    assert position == refused.value.position
