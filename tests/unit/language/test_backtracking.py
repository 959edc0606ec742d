"""How long ``re`` can take: a power of the length, or exponential."""

import pytest

from stream_app.language.backtracking import is_exponential, power
from stream_app.language.regextree import tree_of


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", 1),
        ("abc", 1),
        ("^a.*b", 1),
        ("(^a|^b).*c", 1),
        ("^a|b", 1),
        ("(?:)*a", 2),
        ("a.*b", 2),
        ("^a.*b.*c", 2),
        (r"\s*\s*\s*x", 4),
        ("^(?:(?!x).)*y", 1),
        ("^(?!.*x)(?=.*y).*z", 1),
        ("^a*+b", 1),
        ("^a?b?c?d?e?f?g", 0),
        ("^[ab]{0,3}c", 0),
        ("^a?b?c?d?e?f?g?h", 1),
        ("^a{0,200}b", 1),
        ("^(a{0,9}){0,9}b", 4),
        ("^(.*a){20}", 20),
        (r"^(.*)\1.*x", 2),
    ],
)
def test_power(pattern: str, expected: int) -> None:
    """Every beginning, and every way in which repetitions can share a text."""
    assert expected == power(tree_of(pattern, ignore_case=True))


@pytest.mark.parametrize(
    "pattern",
    [
        *("(a+)+$", "(a|a)*$", "(a|aa)+$", "(a*)*b", "(.*a){20}", "(a?b?)*c", "(x+x+)+y", r"^(\w+\s?)*$", "(a|b|ab)*c"),
        *(
            "(ab|a|b)*c",
            "(?:a|){30}b",
            "((ab)+c?)+d",
            r"(\w|\d\w?)+x",
            "(?=(a+)+$)",
            "(?>(a+)+b)",
            r"(\d+)*\1x",
        ),
        "(.a|b.)*c" + "[0-9]" * 60 + ".*.*",
    ],
)
def test_an_exponential_form_is_seen(pattern: str) -> None:
    """The same text leads through a repetition in two ways."""
    assert is_exponential(tree_of(pattern, ignore_case=False))


@pytest.mark.parametrize(
    "pattern",
    [
        *("a+", "(ab|cd)*e", "([^,]*,)*x", "(a|b)*c", r"\s*\s*\s*x", "(?:(?!x).)*y", "(?>a+)+b", "(a+b)+", "(a|a){2}b"),
        *(r"(\w+\s)*$", "(a|b)?c*", "(?:ab?)*c", "(a{2})*b", "[0-9]" * 61 + ".*"),
    ],
)
def test_a_form_that_is_not_exponential_is_not_called_so(pattern: str) -> None:
    """Polynomial at most."""
    assert not is_exponential(tree_of(pattern, ignore_case=False))
