"""What a function's text can never be: an operand and a text in, why it never equals or holds that text out.

Decision: ASCII letters and blanks only are judged, of which it is certain what Python's ``lower``, ``upper`` and
``strip`` leave.
"""

from __future__ import annotations

from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from stream_app.language.reading import number_of
from stream_app.language.syntax import Call, Number

if TYPE_CHECKING:
    from stream_app.language.syntax import Operand

_MISSING = {"TO_LOWER": (ascii_uppercase, "capitals"), "TO_UPPER": (ascii_lowercase, "small letters")}
_CUT = {"TRIM": str.strip, "LTRIM": str.lstrip, "RTRIM": str.rstrip}


def unlike(operand: Operand, text: str, *, ignore_case: bool, part: bool) -> str | None:
    """Say why an operand never equals ``text``, or with ``part`` never holds it; None where it may."""
    match operand:
        case Call("TO_LOWER" | "TO_UPPER" as function) if not ignore_case and set(_MISSING[function][0]) & set(text):
            return f"{function} leaves no {_MISSING[function][1]}, and this rule tells them apart"
        case Call("TRIM" | "LTRIM" | "RTRIM" as function) if not part and _CUT[function](text) != text:
            return f"{function} leaves no blanks there"
        case Call("SUB_STR", (_, _, Number(count))) if not number_of(count) % 1 and len(text) > max(
            number_of(count), 0
        ):
            return f"SUB_STR gives at most {count} characters, this is {len(text)}"
        case _:
            return None
