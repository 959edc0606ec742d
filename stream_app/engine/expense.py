"""What is raised in the middle of a record that takes too long, whoever watches the time; the core itself has no clock.

Decision: an exception, since only that leaves a pattern that is being searched for. It may come up anywhere in what is
pure: nothing there may be half done for the next record.
"""


class TooExpensive(Exception):
    """A record has taken more CPU time than one may. ``spent`` and ``allowed`` are integer milliseconds."""

    def __init__(self, spent: int, allowed: int) -> None:
        super().__init__(spent, allowed)
        self.spent = spent
        self.allowed = allowed
        self.rule: str | None = None
        """The id of the rule that was being tested, where it was one."""

    def __str__(self) -> str:
        where = "" if self.rule is None else f" in the filter of {self.rule}"
        return f"given up after {self.spent} ms{where}, allowed are {self.allowed}"
