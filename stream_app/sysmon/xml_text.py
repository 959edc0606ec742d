"""XML's rules for characters and references, as far as the fast reading of events needs them.

Goes in: text between two tags. Comes out: what it means, or None. Decision: None says "not sure", never "wrong": what
is not plainly right here goes to the safe parser (``xml_tree``), which alone refuses.
"""

import re

BLANKS = b"\t\n\r"
"""The controls that XML allows."""

_NOT_CONTROLS = bytes(range(0x20, 0x100))
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_NUMBER = re.compile("#(?:([0-9]{1,7})|x([0-9a-fA-F]{1,6}))")
_LAST_CODE = 0x10FFFF


def controls(text: str) -> bytes | None:
    """Give the controls in a text, in order: some of BLANKS; None where it holds a character that XML forbids."""
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    found = data.translate(None, _NOT_CONTROLS)
    if found and found.translate(None, BLANKS):
        return None
    return None if "\ufffe" in text or "\uffff" in text else found


def unescape(text: str) -> str | None:
    """Put characters for references; None where one is not XML's own five, nor the number of an allowed character."""
    pieces = text.split("&")
    for index, piece in enumerate(pieces[1:], 1):
        name, semicolon, after = piece.partition(";")
        character = _NAMED.get(name) or _numbered(name)
        if not semicolon or character is None:
            return None
        pieces[index] = character + after
    return "".join(pieces)


def _numbered(name: str) -> str | None:
    number = _NUMBER.fullmatch(name)
    if number is None:
        return None
    code = int(number[1]) if number[1] else int(number[2], 16)
    character = chr(code) if code <= _LAST_CODE else "\0"
    return None if controls(character) is None else character
