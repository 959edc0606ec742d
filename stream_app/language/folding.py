"""Which letters are the same when case does not count: text goes in, text comes out that is equal for equal texts.

Decision: two characters are the same exactly if ``re.IGNORECASE`` says so, one character at a time: ``=``, ``IN``,
``CONTAIN`` and ``REGEXP`` cannot disagree, and a pattern without metacharacters can be looked for as plain text. So the
dotted capital I (U+0130) and the dotless i (U+0131) are an i, the long s (U+017F) is an s, the Kelvin sign (U+212A) is
a k, all sigmas are one letter; a sharp s (U+00DF) is not ss, since a text never changes its length.
"""

from __future__ import annotations

# Lower-case letters that share their capital, as Unicode has them and as re.IGNORECASE reads them; the first of each
# stands for all. A test compares this table with re over every character that has a case.
_SAME = (
    (0x69, 0x131),
    (0x73, 0x17F),
    (0x3BC, 0xB5),
    (0x3B9, 0x345, 0x1FBE),
    (0x390, 0x1FD3),
    (0x3B0, 0x1FE3),
    (0x3B2, 0x3D0),
    (0x3B5, 0x3F5),
    (0x3B8, 0x3D1),
    (0x3BA, 0x3F0),
    (0x3C0, 0x3D6),
    (0x3C1, 0x3F1),
    (0x3C3, 0x3C2),
    (0x3C6, 0x3D5),
    (0x432, 0x1C80),
    (0x434, 0x1C81),
    (0x43E, 0x1C82),
    (0x441, 0x1C83),
    (0x442, 0x1C84, 0x1C85),
    (0x44A, 0x1C86),
    (0x463, 0x1C87),
    (0xA64B, 0x1C88),
    (0x1E61, 0x1E9B),
    (0xFB06, 0xFB05),
)

_STANDS_FOR = {letter: same[0] for same in _SAME for letter in same[1:]}


def fold(text: str) -> str:
    """Give the text that stands for all texts that differ from ``text`` in case only; as long as ``text``."""
    if text.isascii():
        return text.lower()
    # str.lower() makes two characters of U+0130 alone, and its sigma depends on what follows: both are levelled here
    return text.replace("\u0130", "i").lower().translate(_STANDS_FOR)
