"""Reaching a broker from the command line: each attempt that fails is a line, the last one the error."""

import math
from collections.abc import Callable

import click

from stream_app.kafka.admin import wait_for_broker
from stream_app.kafka.connection import Connection

FOREVER = math.inf


def on_stderr(reason: str) -> None:
    """Show why an attempt failed."""
    click.echo(f"stream-app: {reason}", err=True)


def reach(connection: Connection, seconds: float = 10.0, say: Callable[[str], None] = on_stderr) -> None:
    """Wait until a broker answers; ``say`` is told of each new reason. Raises KafkaUnavailable after ``seconds``."""
    said = ""
    for reason in wait_for_broker(connection, seconds):
        if reason != said:
            say(f"{reason} Trying again …")
            said = reason
