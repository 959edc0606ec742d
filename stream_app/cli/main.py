"""``stream-app``: one word chooses a command, and every failure ends in one line that says what to do.

Exit status: 0 done; 1 something outside failed (a broker, a file); 2 what was asked for is wrong (usage, settings,
rules). Decision: errors that a person can mend are named here, with their status; any other is a defect and keeps its
stack trace.
"""

import importlib
import sys

import click
from confluent_kafka import KafkaException

from stream_app.cli.failure import FAILED, WRONG, Failure
from stream_app.cli.files import FileUnreadable
from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.certificates import CertificatesUnusable
from stream_app.kafka.local import LocalBrokerUnavailable
from stream_app.kafka.ranges import RangeUnreadable
from stream_app.kafka.rights import RightsMissing
from stream_app.kafka.watchlists import WatchListsUnread
from stream_app.language.diagnostics import LanguageError
from stream_app.service.settings import SettingsError

COMMANDS = (
    "demo",
    "doctor",
    "worker",
    "topics",
    "rules",
    "replay",
    "produce",
    "incidents",
    "rejected",
    "state",
    "watchlist",
    "console",
    "broker",
)
"""In the order in which a newcomer meets them; each is the module of that name in this package."""

_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (SettingsError, WRONG, "settings that cannot be"),
    (CertificatesUnusable, WRONG, ""),
    (LanguageError, WRONG, "rules that cannot run"),
    (FileUnreadable, FAILED, ""),
    (KafkaUnavailable, FAILED, ""),
    (RightsMissing, FAILED, ""),
    (RangeUnreadable, FAILED, ""),
    (WatchListsUnread, FAILED, ""),
    (LocalBrokerUnavailable, FAILED, ""),
)


class Commands(click.Group):
    """Loads a command's module when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the commands in their order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Give the command of a name, None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"stream_app.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run, and turn what a person can mend into a line and a status."""
        try:
            return super().invoke(ctx)
        except KafkaException as error:
            raise Failure(f"Kafka: {error.args[0].str()}", FAILED) from error
        except tuple(kind for kind, _, _ in _STATUS) as error:
            status, title = next((status, title) for kind, status, title in _STATUS if isinstance(error, kind))
            raise Failure(f"{title}:\n{error}" if title else str(error), status) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="stream_app", prog_name="stream-app")
def cli() -> None:
    """FortiSIEM correlation rules on Kafka: Sysmon records in, incidents out."""


def main() -> None:
    """Run the command line with this process's arguments; ends the process."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a record may hold any character
    cli(prog_name="stream-app")
