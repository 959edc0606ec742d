"""Query text goes in, tokens come out: every character that is not a blank belongs to exactly one token.

Decision: the lexer is total. What it cannot read is a token too, of kind ``BAD``; the parser, which knows what was
expected there, makes the error. Keywords are words here, since only the parser knows where a word may be one.
"""

from __future__ import annotations

import re
from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """What a token is."""

    STRING = "a quoted string"
    NUMBER = "a number"
    ADDRESS = "an IP address"
    GROUP = "a group"
    WATCH_LIST = "a watch list"
    WORD = "a name"
    SYMBOL = "a symbol"
    BAD = "what no token begins with"
    END = "the end of the query"


class Token(Struct, frozen=True):
    """A piece of the query's text, ``start`` to ``end`` (half-open, in characters); ``END`` alone is empty."""

    kind: Kind
    text: str
    start: int
    end: int


# A string ends at the first quote that no escaping backslash precedes. Bare literals are told from arithmetic by their
# form: 10.0.0.0/8 and fe80::/10 are one token, a/b are three. What runs on into a letter or a point is bad as a whole.
_TOKEN = re.compile(
    r"""
    (?P<STRING> " (?: [^"\\] | \\. )* " )
  | (?P<GROUP> [Gg][Rr][Oo][Uu][Pp] @ [A-Za-z0-9_.\-]+ )
  | (?P<WATCH_LIST> [Ww][Aa][Tt][Cc][Hh][Ll][Ii][Ss][Tt] @ [A-Za-z0-9_.\-]+ )
  | (?P<ADDRESS> (?: [0-9A-Fa-f]* : [0-9A-Fa-f:.]* | [0-9]+ (?: \.[0-9]+ ){3} ) (?: / [0-9]+ )? ) (?! [\w.:@] )
  | (?P<NUMBER> [0-9]+ (?: \.[0-9]+ )? ) (?! [\w.:@] )
  | (?P<WORD> [A-Za-z_] [A-Za-z0-9_]* ) (?! [\w:@] )
  | (?P<SYMBOL> != | >= | <= | [=<>(),+\-*/] )
  | (?P<BAD> " .* | [\w.:@]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenise(text: str) -> tuple[Token, ...]:
    """Split a query into its tokens; the last one is ``END``, at the text's end."""
    tokens = []
    for match in _TOKEN.finditer(text):
        if not match.group().isspace():
            kind = Kind[match.lastgroup or "BAD"]
            tokens.append(Token(kind, match.group(), match.start(), match.end()))
    tokens.append(Token(Kind.END, "", len(text), len(text)))
    return tuple(tokens)
