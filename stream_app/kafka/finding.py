"""What an examination finds: one value for a line that a person reads."""

from typing import Literal

from msgspec import Struct

Level = Literal["ok", "warning", "error"]


class Finding(Struct, frozen=True):
    """``about`` is what was looked at, in a word or a name; ``do`` is what to do, empty where nothing is."""

    level: Level
    about: str
    says: str
    do: str = ""


def good(about: str, says: str) -> Finding:
    """Find something as it should be."""
    return Finding("ok", about, says)


def warning(about: str, says: str, do: str) -> Finding:
    """Find something that works, but not as one may think."""
    return Finding("warning", about, says, do)


def wrong(about: str, says: str, do: str) -> Finding:
    """Find something with which workers do not work."""
    return Finding("error", about, says, do)
