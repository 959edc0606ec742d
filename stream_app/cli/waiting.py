"""Reaching a broker from the command line: each attempt that fails is a line, the last one the error."""

import math

import click

from stream_app.kafka.admin import wait_for_broker
from stream_app.kafka.connection import Connection

FOREVER = math.inf


def reach(connection: Connection, seconds: float = 10.0) -> None:
    """Wait until a broker answers. Raises KafkaUnavailable after ``seconds``."""
    said = ""
    for reason in wait_for_broker(connection, seconds):
        if reason != said:
            click.echo(f"stream-app: {reason} Trying again …", err=True)
            said = reason
