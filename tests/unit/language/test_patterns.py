"""Patterns as plain text, where that is exact."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from stream_app.language.folding import fold
from stream_app.language.patterns import (
    Literals,
    Part,
    PatternProblem,
    Plain,
    Sequence,
    compile_pattern,
    plain_of,
)


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
        (".*?.*abc.*?", Literals((), (), (), ("abc",))),
        (".*abc$", Literals((), (), ("abc", "abc\n"), ())),
        ("^abc$", Literals(("abc", "abc\n"), (), (), ())),
        (r"^abc\Z", Literals(("abc",), (), (), ())),
        (r".*abc\Z", Literals((), (), ("abc",), ())),
        (r"abc.*\Z", Literals((), (), (), ("abc",))),
        (r"a\Z|b$", Literals((), (), ("a", "b", "b\n"), ())),
        (r"\\Z", Literals((), (), (), (r"\Z",))),
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
    assert Plain(expected, ()) == plain_of(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("a.b", "a*", "ab+", "a?", "a{2}", ".+a", ".*+a", "a.*b", "a|b.", "[ab]", "[a|b]", "(a)", "(a|b)"),
        *("(?i)a", "a^b", "a$b", "^^a", "a$$", "}", r"\d", r"a\b", r"\n", r"\A"),
    ],
)
def test_any_other_pattern_stays_a_pattern(pattern: str) -> None:
    """What is not certainly plain text, nor a sequence of it, is left to an engine."""
    plain = plain_of(pattern)
    assert plain is None or plain.sequences


@given(
    st.lists(st.sampled_from(("a", "b", r"\.", ".", "*", "^", "$", r"\Z", "|", "\\\\", r"\$", ".*", "\n", "?"))).map(
        "".join
    ),
    st.text("abAB.$\\\n", max_size=6),
)
def test_a_reduced_pattern_matches_what_the_pattern_matches(pattern: str, text: str) -> None:
    """For every pattern that reduces, both forms agree about every text."""
    try:
        compiled = compile_pattern(pattern, ignore_case=False)
    except PatternProblem:
        return
    plain = plain_of(pattern)
    literals = None if plain is None or plain.sequences else plain.literals
    if literals is not None:
        expected = compiled.search(text) is not None
        found = text in literals.equal or text.startswith(literals.begins) or text.endswith(literals.ends)
        assert expected == (found or any(part in text for part in literals.contains))
        assert literals.match_empty == (compiled.search("") is not None)


_PIECES = ("a", "b", "A", "s", "\u017f", r"\.", ".*", ".*?", ".+", ".+?", ".*+", "^", "$", "|", "\n", "?", ".")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a.*b", Sequence((Part(0, "a"), Part(0, "b")), at_start=False, at_end=False)),
        ("^a.*b$", Sequence((Part(0, "a"), Part(0, "b")), at_start=True, at_end=True)),
        (r".*a\..*?b.+c.*", Sequence((Part(0, "a."), Part(0, "b"), Part(1, "c")), at_start=False, at_end=False)),
        ("^.+a", Sequence((Part(0, ""), Part(1, "a")), at_start=True, at_end=False)),
        (r"a.*b\Z", Sequence((Part(0, "a"), Part(0, "b")), at_start=False, at_end=True, newline=False)),
        ("a.+.*.+?$", Sequence((Part(0, "a"), Part(2, "")), at_start=False, at_end=True)),
    ],
)
def test_literals_with_anything_between_them_are_a_sequence(pattern: str, expected: Sequence) -> None:
    """Each part is found behind the one before it."""
    assert Plain(Literals((), (), (), ()), (expected,)) == plain_of(pattern)


def test_a_sequence_may_be_one_alternative() -> None:
    """The form that the converted rules hold."""
    plain = plain_of(r"\\MEGAsyncSetup32_.*RC\.exe$|\\MEGAsync\.exe$")
    assert plain is not None
    assert ("\\MEGAsync.exe", "\\MEGAsync.exe\n") == plain.literals.ends
    assert ["\\MEGAsyncSetup32_"] == [sequence.longest for sequence in plain.sequences]


@given(
    st.one_of(
        st.lists(st.sampled_from(_PIECES)),
        st.lists(st.sampled_from(("a", "b", "s", ".*", ".*?", ".+", "|", "$", "^")), min_size=3),
    ).map("".join),
    st.text("abAsS\u017f.\n", max_size=8),
    st.booleans(),
)
def test_plain_parts_match_what_the_pattern_matches(pattern: str, text: str, ignore_case: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """For every pattern that reduces, all of its parts together agree with ``re`` about every text."""
    try:
        compiled = compile_pattern(pattern, ignore_case=ignore_case)
    except PatternProblem:
        return
    plain = plain_of(pattern)
    if plain is None:
        return
    change = fold if ignore_case else str
    expected = compiled.search(text) is not None
    text = change(text)
    equal, begins, ends, contains = (tuple(map(change, literals)) for literals in astuple(plain.literals))
    found = text in equal or text.startswith(begins) or text.endswith(ends) or any(part in text for part in contains)
    sequences = [sequence.map(change) for sequence in plain.sequences]
    assert expected == (found or any(sequence.finder()(text) for sequence in sequences))
    assert all(sequence.longest in text for sequence in sequences if sequence.finder()(text))


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
