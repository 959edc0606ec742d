"""Letters that are the same when case does not count."""

from __future__ import annotations

import re
import sys
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from stream_app.language.folding import fold

CASED = [
    letter
    for letter in map(chr, range(sys.maxunicode + 1))
    if len({letter, letter.lower(), letter.upper(), letter.title(), letter.casefold()}) > 1
]


def test_two_letters_are_the_same_exactly_if_re_says_so() -> None:
    """For every character that has a case, ``fold`` and ``re.IGNORECASE`` give the same company."""
    same = defaultdict(set)
    for letter in CASED:
        same[fold(letter)].add(letter)
    everything = "".join(CASED)
    companies = [set(re.findall(re.escape(letter), everything, re.IGNORECASE)) for letter in CASED]
    assert len(CASED) > 2800
    assert [same[fold(letter)] for letter in CASED] == companies


def test_folding_keeps_the_length_of_every_letter() -> None:
    """A text is as long after folding as before, so that its parts stay where they are."""
    assert ["".join(CASED)] == [text for text in ["".join(CASED)] if len(fold(text)) == len(text)]


@given(st.text("aAiIsSkK\u0130\u0131\u017f\u212a\u03a3\u03c3\u03c2\u00df\ufb05 ."), st.text("iIsk\u03c3\u03a3\u0130"))
def test_searching_folded_text_is_what_re_does(text: str, part: str) -> None:
    """A part is found in folded text exactly where ``re.IGNORECASE`` finds it."""
    found = re.search(re.escape(part), text, re.IGNORECASE)
    assert (found.start() if found else -1) == fold(text).find(fold(part))


def test_folding_twice_changes_nothing() -> None:
    """Folded text stands for itself."""
    folded = fold("".join(CASED))
    assert folded == fold(folded)
