"""``stream-app worker``: the rules, run for ever on a Kafka."""

import click

from stream_app.cli.environment import SettingsCommand, settings
from stream_app.cli.failure import Failure
from stream_app.cli.waiting import FOREVER, reach
from stream_app.kafka.app import TopicsMissing, run_worker
from stream_app.service import parts
from stream_app.service.health import Health
from stream_app.service.logs import logging_config
from stream_app.service.probes import ProbesUnavailable


@click.command(name="worker", cls=SettingsCommand)
def command() -> None:
    """Read Sysmon records, correlate them, write incidents, until SIGTERM.

    Start as many workers as the topics have partitions; they share the work and take over from one another. A worker
    does not start with a rule that is wrong. While no broker answers it tries again, for ever.
    """
    given = settings()
    rulebook = parts.rulebook(given)
    options = parts.worker_options(given)
    outlets = parts.outlets(options.names)
    log = logging_config(given.log_level, given.log_format)
    try:
        with Health(parts.health_options(given)) as health:
            reach(options.connection, FOREVER)
            status = run_worker(options, rulebook, outlets, given.log_level, log, health.watch)
    except (TopicsMissing, ProbesUnavailable) as error:
        raise Failure(str(error)) from error
    raise click.exceptions.Exit(status)
