"""``stream-app topics drained`` and ``drain``: wait until workers have done what lies there; do what they left."""

import time

import click
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.failure import Failure
from stream_app.cli.screen import Screen
from stream_app.cli.waiting import reach
from stream_app.kafka.admin import admin_client
from stream_app.kafka.app import run_worker
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.draining import DrainWatch, until_done
from stream_app.kafka.facts import TopicsMissing
from stream_app.kafka.group import GroupBusy, require_no_members
from stream_app.kafka.sources import NoRules
from stream_app.service import parts
from stream_app.service.logs import logging_config

EVERY = 0.5
"""Seconds between two looks at a running group."""

_TIMEOUT = click.option(
    "--timeout", type=click.FloatRange(1), default=300.0, show_default=True, help="Seconds after which it gives up."
)


@click.command(name="drained")
@_TIMEOUT
def drained(*, timeout: float) -> None:
    """Wait until the workers have read and counted what lies on the topics now.

    Status 0 when they have, 1 when they have not in time. What comes meanwhile is not waited for, so forwarders may go
    on. For all matches to be counted, with nothing left, see `drain`.
    """
    given = settings()
    connection = parts.connection(given)
    reach(connection)
    screen, deadline, said = Screen(), time.monotonic() + timeout, ""
    for left in until_done(connection, parts.names(given)):
        line = f"{left.topic}: {left.records:,} to do"
        if line != said:
            screen.say(line)
            said = line
        if left.records:
            if time.monotonic() > deadline:
                raise Failure(f"not done in {timeout:.0f} s: {line}; is a worker running?")
            time.sleep(EVERY)
    click.echo("done: all that lay there is read and counted")


@click.command(name="drain")
@_TIMEOUT
@click.option("--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds for workers to leave.")
def drain(*, timeout: float, wait: float) -> None:
    """Count the matches that stopped workers have left, and read no further record of the source.

    What must be done before `topics grow`. It is a worker in itself, with the workers' settings and rules: it writes
    incidents, commits, and ends when the matches topic is counted to its end.
    """
    given = settings()
    options = replace(parts.worker_options(given), draining=True, joining=None, instance_id="")
    reach(options.connection)
    screen = Screen()
    try:
        require_no_members(admin_client(options.connection), given.app_id, wait, screen.say)
        log = logging_config("warning", given.log_format)
        with DrainWatch(
            options.connection, options.names, timeout, lambda left: screen.say(f"{left:,} to do")
        ) as watch:
            status = run_worker(options, parts.rules(given), parts.outlets(options.names), "warning", log, watch.watch)
    except (TopicsMissing, TopicUnread, NoRules, GroupBusy) as error:
        raise Failure(str(error)) from error
    if status:
        raise click.exceptions.Exit(status)
    if not watch.done:
        raise Failure(f"{options.names.matches} was not counted to its end in {timeout:.0f} s")
    click.echo(f"{options.names.matches} is counted to its end")
