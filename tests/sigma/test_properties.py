"""Any text with wildcards, with any of the modifiers that take one, matches what a plain reading of Sigma says."""

import re
import warnings
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from sigma.types import SigmaString, SpecialChars

from stream_app.exchange.imported import Imported, Refused
from stream_app.exchange.sigma_terms import writable
from stream_app.language.compile import compile_filter
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.parser import parse
from stream_app.sysmon.readings import MISSING
from tests.sigma.corpus import ENVIRONMENT, imported

PIECES = st.sampled_from(
    ("a", "B", "*", "?", "\\", "\\*", "\\?", ".", "'", '"', "-", "%", "\n", "[", "^", "|", " ", "é")
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
MODIFIERS = st.sampled_from(
    ((), ("contains",), ("startswith",), ("endswith",), ("contains", "all"), ("contains", "cased"))
)


def matched(value: str, text: str, modifiers: Sequence[str]) -> bool:
    """Match one value: wildcards as Sigma reads them, everything else letter by letter."""
    parts = [
        ".*"
        if part is SpecialChars.WILDCARD_MULTI
        else "."
        if part is SpecialChars.WILDCARD_SINGLE
        else re.escape(str(part))
        for part in SigmaString(value).s
    ]
    before = ".*" if {"contains", "endswith"} & set(modifiers) else ""
    behind = ".*" if {"contains", "startswith"} & set(modifiers) else ""
    flags = re.DOTALL if "cased" in modifiers else re.DOTALL | re.IGNORECASE
    return re.fullmatch(before + "".join(parts) + behind, text, flags) is not None


@given(st.lists(TEXTS, min_size=1, max_size=3), TEXTS | st.text(max_size=4), MODIFIERS, st.booleans())
def test_texts_match_as_sigma_reads_them(
    values: list[str],
    text: str,
    modifiers: tuple[str, ...],
    negated: bool,  # noqa: FBT001 - drawn by Hypothesis
) -> None:
    """Positive and negated, one value and several, whatever characters are in them."""
    values = [value for value in values if value not in MISSING] or ["a"]
    document = {
        "title": "a",
        "logsource": {"category": "process_creation"},
        "detection": {
            "selection": {"|".join(("CommandLine", *modifiers)): values},
            "condition": "not selection" if negated else "selection",
        },
    }
    (found,) = imported(document)
    assert isinstance(found, Imported)
    query = found.rule.pattern["Filter"].query
    compiled = compile_filter(parse(query), ENVIRONMENT, Place.of(query))
    every = all if "all" in modifiers else any
    expected = every(matched(value, text, modifiers) for value in values)
    event = {"eventType": "Win-Sysmon-1-Create-Process", "command": text}
    assert (expected is not negated) is compiled(event)
    assert writable(query)


REGEXES = st.lists(
    st.sampled_from(
        (
            "a",
            "B",
            ".",
            "*",
            "+",
            "?",
            "|",
            "(",
            ")",
            "[^",
            "]",
            '"',
            "'",
            "'''",
            '\\"',
            "\\\\",
            "\\",
            "^",
            "$",
            "\n",
            "\t",
            "\x00",
            "é",
            "\\d",
        )
    ),
    max_size=7,
).map("".join)


@given(REGEXES, TEXTS | st.sampled_from(("a'''b", '"a"', "\x00\t", "ab\n")), st.sets(st.sampled_from("ims")))
def test_regular_expressions_mean_what_they_did(pattern: str, text: str, flags: set[str]) -> None:
    """However they have to be written in a rule file; those that are none are refused."""
    key = "|".join(("CommandLine", "re", *sorted(flags)))
    selection = {"selection": {key: pattern}, "condition": "selection"}
    (found,) = imported({"title": "a", "logsource": {"category": "process_creation"}, "detection": selection})
    known = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            expected = re.compile(pattern, sum((known[flag] for flag in flags), re.NOFLAG)).search(text) is not None
    except re.error:
        assert isinstance(found, Refused)
        return
    assert isinstance(found, Imported)
    query = found.rule.pattern["Filter"].query
    assert writable(query)
    problem = ""
    try:
        compiled = compile_filter(parse(query), ENVIRONMENT, Place.of(query))
    except LanguageError as error:
        problem = f"{error}"
    if problem:
        assert "read differently elsewhere" in problem
        return
    assert expected is compiled({"eventType": "Win-Sysmon-1-Create-Process", "command": text})
