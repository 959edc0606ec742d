"""What is raised in the middle of a record that takes too long, whoever watches the time; the core itself has no clock.

Decision: an exception, since only that leaves a pattern that is being searched for. It may come up anywhere in what is
pure: nothing there may be half done for the next record.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream_app.engine.screen import Asked


class TooExpensive(Exception):
    """A record has taken more CPU time than one may. ``spent`` and ``allowed`` are integer milliseconds."""

    def __init__(self, spent: int, allowed: int) -> None:
        super().__init__(spent, allowed)
        self.spent = spent
        self.allowed = allowed
        self.rules: tuple[str, ...] = ()
        """Ids of the rules that could not be asked: the one that was busy, and those that may take as long. None: the
        record itself could not be read in time."""
        self.wanting: Sequence[Asked] = ()
        """The other subpatterns that want the event."""
        self.found: Sequence[tuple[bytes, bytes]] = ()
        """Their matches: (key, match), as bytes."""

    def __str__(self) -> str:
        return f"given up after {self.spent} ms, allowed are {self.allowed}"
