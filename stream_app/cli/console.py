"""``stream-app console``: a page that shows incidents as they come, why they came, and how the workers stand."""

import asyncio
import logging.config

import click

from stream_app.cli.environment import SettingsCommand, settings
from stream_app.cli.failure import Failure
from stream_app.service.console.access import is_loopback
from stream_app.service.console.running import ConsoleUnavailable, hours_ago, run_console
from stream_app.service.logs import logging_config


@click.command(name="console", cls=SettingsCommand)
@click.option(
    "--since",
    "hours",
    type=click.FloatRange(0, 24 * 366),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="Begin with the incidents of so many hours; the newest 10,000 of them are held.",
)
@click.option("--all", "from_beginning", is_flag=True, help="Begin with what the topic holds, however old.")
def command(*, hours: float, from_beginning: bool) -> None:
    """Serve a page with incidents live, until Ctrl-C.

    It listens on STREAM_APP_CONSOLE_HOST and STREAM_APP_CONSOLE_PORT, and asks for STREAM_APP_WEB_TOKEN if that is set.
    Nothing can be changed through it. It joins no group, so there may be several.
    """
    given = settings()
    logging.config.dictConfig(logging_config(given.log_level, given.log_format))
    if not given.web_token and not is_loopback(given.console_host):
        said = (
            f"stream-app: everyone who reaches {given.console_host}:{given.console_port} can read incidents and their"
        )
        click.echo(f"{said} records: set STREAM_APP_WEB_TOKEN", err=True)
    try:
        asyncio.run(run_console(given, None if from_beginning else hours_ago(hours), _began))
    except ConsoleUnavailable as error:
        raise Failure(str(error)) from error


def _began(address: str) -> None:
    click.echo(f"watch it on {address}")
