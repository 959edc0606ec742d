"""Which letters are the same when case does not count: text goes in, text comes out that is equal for equal texts.

Decision: two characters are the same exactly if ``re.IGNORECASE`` says so, one character at a time: ``=``, ``IN``,
``CONTAIN`` and ``REGEXP`` cannot disagree, and a pattern without metacharacters can be looked for as plain text. So
``İ``, ``ı`` and ``i`` are one letter, ``ſ`` is ``s``, the Kelvin sign is ``k``, all sigmas are one, and ``ß`` is not
``ss``, since a text never changes its length.
"""

from __future__ import annotations

# Lower-case letters that share their capital, as Unicode has them and as re.IGNORECASE reads them; the first of each
# stands for all. A test compares this table with re over every character that has a case.
_SAME = (
    "iı", "sſ", "μµ", "ι\u0345\u1fbe", "\u0390\u1fd3", "\u03b0\u1fe3", "βϐ", "εϵ", "θϑ", "κϰ", "πϖ", "ρϱ",
    "σς", "φϕ", "в\u1c80", "д\u1c81", "о\u1c82", "с\u1c83", "т\u1c84\u1c85", "ъ\u1c86", "ѣ\u1c87",
    "\ua64b\u1c88", "ṡẛ", "\ufb06\ufb05",
)  # fmt: skip

_STANDS_FOR = str.maketrans({letter: same[0] for same in _SAME for letter in same[1:]})


def fold(text: str) -> str:
    """Give the text that stands for all texts that differ from ``text`` in case only; as long as ``text``."""
    if text.isascii():
        return text.lower()
    # str.lower() makes two characters of U+0130 alone, and its sigma depends on what follows: both are levelled here
    return text.replace("\u0130", "i").lower().translate(_STANDS_FOR)
