"""An incident that is too large for its topic: what it says goes in, the bytes of as much of it as fits come out.

Decision: what can be found elsewhere goes first, the places of the records and the texts that say attributes once more.
Only then are long texts shortened, in steps, and end with an ellipsis. What was cut says so (``cut``). Ids, counts and
times are short and stay. Whoever sends it decides what becomes of one that does not fit even so.
"""

from collections.abc import Callable
from typing import Any

Facts = dict[str, Any]
"""What an incident says, by the names of :data:`stream_app.handoff.native.FIELDS` and of its attributes."""

UNBOUNDED = 1 << 62
"""A limit that cuts nothing."""

_DERIVED = ("incidentSrc", "incidentTarget", "incidentDetail")
_STEPS = (UNBOUNDED, 8192, 1024, 128)
"""Characters that a text may have."""


def fitted(facts: Facts, limit: int, write: Callable[[Facts], bytes]) -> bytes:
    """Give what ``write`` makes of as much of an incident as makes at most ``limit`` bytes; of the least, if none."""
    data = write(facts)
    for most in _STEPS:
        if len(data) <= limit:
            break
        data = write(_cut(facts, most))
    return data


def _cut(facts: Facts, most: int) -> Facts:
    less = {name: _short(value, most) for name, value in facts.items()}
    return less | dict.fromkeys(_DERIVED, "") | {"triggeringEventList": [], "cut": True}


def _short(value: Any, most: int) -> Any:  # noqa: ANN401 - whatever an incident holds
    if isinstance(value, list):
        return [_short(each, most) for each in value]
    return f"{value[: most - 1]}…" if isinstance(value, str) and len(value) > most else value
