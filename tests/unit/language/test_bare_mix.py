"""Parentheses that are written into a mix of AND and OR, and nothing else that is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.language.bare_mix import Tight, parenthesise_aggregate, parenthesise_query
from stream_app.language.parser import parse
from stream_app.language.printer import to_text


@pytest.mark.parametrize(
    ("tight", "text", "expected"),
    [
        ("and", "a=1 AND b=2 OR c=3", "(a=1 AND b=2) OR c=3"),
        ("or", "a=1 AND b=2 OR c=3", "a=1 AND (b=2 OR c=3)"),
        ("and", "a=1 or b=2 and  c=3 and d=4 or e=5", "a=1 or (b=2 and  c=3 and d=4) or e=5"),
        ("or", "a=1 or b=2 and c=3 or d=4", "(a=1 or b=2) and (c=3 or d=4)"),
        ("and", 'x=1 AND (a=1 AND b="OR" OR c=3)', 'x=1 AND ((a=1 AND b="OR") OR c=3)'),
        ("and", "a=1 AND (b=2 OR c=3 AND d=4) OR e=5", "(a=1 AND (b=2 OR (c=3 AND d=4))) OR e=5"),
        ("and", "IF(a=1 AND b=2 OR c=3, 1, 2) = 1", "IF((a=1 AND b=2) OR c=3, 1, 2) = 1"),
        ("and", "a=1 AND b=2", "a=1 AND b=2"),
        ("and", "a=1 AND AND", "a=1 AND AND"),
    ],
)
def test_parentheses_are_written_in(tight: Tight, text: str, expected: str) -> None:
    """Around each run of the tighter operator where both stand side by side, at every depth; nowhere else."""
    assert expected == parenthesise_query(text, tight)


def test_an_aggregate_is_read_alike() -> None:
    """The same holds for a constraint over aggregates."""
    text = "COUNT(*) >= 1 AND SUM(a) > 2 OR MAX(b) = 3"
    assert "(COUNT(*) >= 1 AND SUM(a) > 2) OR MAX(b) = 3" == parenthesise_aggregate(text, "and")


@given(st.lists(st.sampled_from(["AND", "OR"]), min_size=1, max_size=6), st.booleans())
def test_the_reading_is_the_one_that_was_asked_for(words: list[str], tight_and: bool) -> None:  # noqa: FBT001 - drawn
    """What comes out can be read, and as Python reads it where AND binds tighter, or the other way round."""
    names = [f"a{index}" for index in range(len(words) + 1)]
    text = f"{names[0]}=1" + "".join(f" {word} {name}=1" for word, name in zip(words, names[1:], strict=True))
    written = to_text(parse(parenthesise_query(text, "and" if tight_and else "or")))
    swapped = {"AND": "and", "OR": "or"} if tight_and else {"AND": "or", "OR": "and"}
    for bits in range(1 << len(names)):
        values = {name: bool(bits >> index & 1) for index, name in enumerate(names)}
        flat = " ".join(
            part
            for word, name in zip(["", *words], names, strict=True)
            for part in (swapped.get(word, ""), f"{name if tight_and else 'not ' + name}")
        )
        expected = eval(flat, {}, dict(values))  # noqa: S307 - made of names and two words above
        expected = expected if tight_and else not expected
        own = eval(written.replace(" = 1", "").replace("AND", "and").replace("OR", "or"), {}, dict(values))  # noqa: S307 - as above
        assert expected == own
