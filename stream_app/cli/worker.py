"""``stream-app worker``: the rules, run for ever on a Kafka."""

import logging
import logging.config

import click

from stream_app.cli.environment import SettingsCommand, settings
from stream_app.cli.failure import Failure
from stream_app.cli.waiting import FOREVER, reach
from stream_app.kafka.app import TopicsMissing, run_worker
from stream_app.service import parts
from stream_app.service.health import Health
from stream_app.service.logs import catch_strays, logging_config, worker_name
from stream_app.service.probes import ProbesUnavailable

log = logging.getLogger(__name__)


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
    form = logging_config(given.log_level, given.log_format, worker_name(given.instance_id))
    logging.config.dictConfig(form)  # Faust does it again, but not before a broker answers
    catch_strays()
    try:
        with Health(parts.health_options(given)) as health:
            reach(options.connection, FOREVER, log.warning)
            status = run_worker(options, rulebook, outlets, given.log_level, form, health.watch)
    except (TopicsMissing, ProbesUnavailable) as error:
        raise Failure(str(error)) from error
    raise click.exceptions.Exit(status)
