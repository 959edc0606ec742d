"""Which engine runs a pattern, and what is said of one that may take long."""

import re

import pytest

from stream_app.language.diagnostics import Place
from stream_app.language.engines import engine_of, hazards
from stream_app.language.linear import Linear
from stream_app.language.parser import parse


@pytest.mark.parametrize(
    ("pattern", "engine"),
    [
        ("a[0-9]b", re.Pattern),
        (r"^cmd(\.exe)?$", re.Pattern),
        ("^a.*[0-9]$", re.Pattern),
        ("a.*[0-9]", Linear),
        ("(a+)+$", Linear),
        (r"\bpowershell\b.*-e[nc]*\s", Linear),
        ("a.*(?=b)", re.Pattern),
        ("a(?=b)", re.Pattern),
    ],
)
def test_the_engine_of_a_pattern(pattern: str, engine: type) -> None:
    """``re`` runs what it runs in linear time; RE2 what it can of the rest."""
    assert isinstance(engine_of(pattern, ignore_case=True).pattern, engine)


@pytest.mark.parametrize(
    ("pattern", "hazard"),
    [
        ("a(?=b)", None),
        ("^(?!.*a).*b", None),
        ("(a+)+$", None),
        (
            r"x.*(?<=b)\d",
            "the time for this pattern can grow with the square of the text's length: it needs re, for a look-behind",
        ),
        (
            r"(.)\1.*a.*b",
            "the time for this pattern can grow with the cube of the text's length: it needs re, for a back-reference",
        ),
        (
            r"(.)\1.*a.*b.*c",
            "the time for this pattern can grow with power 4 of the text's length: it needs re, for a back-reference",
        ),
        (
            r"(.)\1.*a.*b.*c.*d",
            "this pattern can take for ever on a text that was made for it: it needs re, for a back-reference",
        ),
        ("(a+)+(?!b)", "this pattern can take for ever on a text that was made for it: it needs re, for a look-ahead"),
    ],
)
def test_what_is_said_of_a_pattern(pattern: str, hazard: str | None) -> None:
    """Nothing of one that runs in linear time; stronger words for an exponential form."""
    assert hazard == engine_of(pattern, ignore_case=True).hazard


def test_a_pattern_too_deep_to_be_looked_into_runs_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's stack may end in the walk of a tree that ``re`` could still compile."""

    def too_deep(text: str, *, ignore_case: bool) -> None:
        raise RecursionError(text, ignore_case)

    monkeypatch.setattr("stream_app.language.engines.tree_of", too_deep)
    engine = engine_of("too-deep[0-9]", ignore_case=True)
    assert engine.pattern.search("too-deep1") is not None
    assert engine.hazard == (
        "this pattern can take for ever on a text that was made for it: it is too deep to be looked into"
    )
    engine_of.cache_clear()


def test_hazards_stand_where_the_pattern_does() -> None:
    """Every pattern of a filter, also the one of EXTRACT, which is harder to run; plain ones are left out."""
    query = (
        'command REGEXP "a.*b" AND command NOT REGEXP "(a+)+(?=b)" '
        'AND EXTRACT(command, "(a*)*b") = "a" AND EXTRACT(LEN(command), "a") IS NULL AND LEN(procName) > 2'
    ).replace("EXTRACT(LEN(command)", "EXTRACT(TO_LOWER(command)")
    found = list(hazards(parse(query), Place.of(query), ignore_case=True))
    assert [query.index("(a+)+") + 1, query.index("(a*)*") + 1] == sorted(each.column for each in found)
