"""The end of a command that did not do what was asked: a message that says what to do, and a status."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

FAILED = 1
"""Something outside failed: a broker, a file, a process."""

WRONG = 2
"""What was asked for is wrong: usage, settings, rules."""


class Failure(click.ClickException):
    """Ends the command with its message on standard error and its status."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = status

    def show(self, file: IO[Any] | None = None) -> None:
        """Write the message."""
        click.echo(f"stream-app: {self.message}", file=file, err=file is None)


@contextmanager
def writing() -> Iterator[None]:
    """Turn what the machine does not let be written, or read on the way, into the end of the command."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{error.filename}: {error.strerror}") from error
