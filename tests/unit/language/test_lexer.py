"""Tokens: where one ends and the next begins."""

from __future__ import annotations

import pytest

from stream_app.language.lexer import Kind, tokenise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1", [("a", Kind.WORD), ("=", Kind.SYMBOL), ("1", Kind.NUMBER)]),
        ("a>=1.5", [("a", Kind.WORD), (">=", Kind.SYMBOL), ("1.5", Kind.NUMBER)]),
        ("a!=10.0.0.0/8", [("a", Kind.WORD), ("!=", Kind.SYMBOL), ("10.0.0.0/8", Kind.ADDRESS)]),
        ("::1/128", [("::1/128", Kind.ADDRESS)]),
        ("fe80::/10)", [("fe80::/10", Kind.ADDRESS), (")", Kind.SYMBOL)]),
        ("a/b-1", [("a", Kind.WORD), ("/", Kind.SYMBOL), ("b", Kind.WORD), ("-", Kind.SYMBOL), ("1", Kind.NUMBER)]),
        ("Group@PH_SYS-1.x,", [("Group@PH_SYS-1.x", Kind.GROUP), (",", Kind.SYMBOL)]),
        ("group@x", [("group@x", Kind.GROUP)]),
        ("WatchList@bad-hosts.1)", [("WatchList@bad-hosts.1", Kind.WATCH_LIST), (")", Kind.SYMBOL)]),
        ("watchlist@x", [("watchlist@x", Kind.WATCH_LIST)]),
        (r'"a\"b" x', [(r'"a\"b"', Kind.STRING), ("x", Kind.WORD)]),
        (r'"a\\" x', [(r'"a\\"', Kind.STRING), ("x", Kind.WORD)]),
        ('"a\nb"', [('"a\nb"', Kind.STRING)]),
        ('a "b', [("a", Kind.WORD), ('"b', Kind.BAD)]),
        ("443abc", [("443abc", Kind.BAD)]),
        ("1.2.3", [("1.2.3", Kind.BAD)]),
        ("a~b", [("a", Kind.WORD), ("~", Kind.BAD), ("b", Kind.WORD)]),
        ("café", [("café", Kind.BAD)]),
        ("\u00a0a\t", [("a", Kind.WORD)]),
        ("", []),
    ],
)
def test_text_splits_into_tokens(text: str, expected: list[tuple[str, Kind]]) -> None:
    """Bare literals are one token each, and what begins no token is a bad one."""
    assert [*expected, ("", Kind.END)] == [(token.text, token.kind) for token in tokenise(text)]


def test_a_token_knows_where_it_stands() -> None:
    """A token's place is counted in characters of the text."""
    assert [(1, 2), (3, 5), (6, 7), (8, 8)] == [(token.start, token.end) for token in tokenise(" a >= b ")]
