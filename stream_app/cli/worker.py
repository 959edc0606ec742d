"""``stream-app worker``: the rules, run for ever on a Kafka."""

import logging
import logging.config
from functools import partial

import click

from stream_app.cli.environment import SettingsCommand, settings
from stream_app.cli.failure import Failure
from stream_app.cli.waiting import FOREVER, reach
from stream_app.kafka.app import run_worker
from stream_app.kafka.certificates import check_files
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.facts import TopicsMissing
from stream_app.kafka.ingest import IngestApp
from stream_app.kafka.rights import behind, check_rights
from stream_app.kafka.sources import NoRules
from stream_app.kafka.topics import WORKER
from stream_app.service import parts
from stream_app.service.health import Health
from stream_app.service.logs import catch_strays, logging_config, worker_name
from stream_app.service.probes import ProbesUnavailable

log = logging.getLogger(__name__)


@click.command(name="worker", cls=SettingsCommand)
def command() -> None:
    """Read Sysmon records, correlate them, write incidents, until SIGTERM.

    Start as many workers as the topics have partitions; they share the work and take over from one another. A worker
    does not start with a rule that is wrong, or without a right that it needs. While no broker answers it tries again,
    for ever.
    """
    given = settings()
    published = given.rules_from == "topic"
    rules = None if published else parts.rules(given)  # what is wrong with a folder is said before anything else
    options = parts.worker_options(given)
    check_files(options.connection)
    outlets = parts.outlets(options.names)
    form = logging_config(given.log_level, given.log_format, worker_name(given.instance_id))
    logging.config.dictConfig(form)  # Faust does it again, but not before a broker answers
    catch_strays()
    try:
        with Health(parts.health_options(given)) as health:
            reach(options.connection, FOREVER, log.warning)
            # of published rules nobody knows which lists those will use that are still to come
            rights = parts.needed_rights(given, WORKER, lists=rules is None or rules.rulebook.lists is not None)
            check_rights(options.connection, rights)

            def on_app(app: IngestApp) -> None:
                app.ingest.failure.explain = partial(behind, connection=options.connection, wanted=rights)
                health.watch(app)

            status = run_worker(options, rules or parts.rules(given), outlets, given.log_level, form, on_app)
    except (TopicsMissing, TopicUnread, NoRules, ProbesUnavailable) as error:
        raise Failure(str(error)) from error
    raise click.exceptions.Exit(status)
