"""Secrets come from the environment and files alone: what is on a command line, everybody on the machine sees."""

from collections.abc import Iterator

import click

from stream_app.cli.main import cli
from stream_app.service.settings import settings_table


def options(command: click.Command, where: click.Context) -> Iterator[str]:
    """Give every option and argument of a command and of those below it."""
    yield from (name for each in command.params for name in (each.name or "", *each.opts))
    if isinstance(command, click.Group):
        for name in command.list_commands(where):
            below = command.get_command(where, name)
            assert below is not None
            yield from options(below, click.Context(below, where))


def test_no_command_takes_a_secret_as_an_option() -> None:
    """Neither a setting that is secret nor anything that sounds like one."""
    found = {each.strip("-").replace("-", "_") for each in options(cli, click.Context(cli))}
    assert {"apply", "principal", "json"} <= found
    secrets = {row.field for row in settings_table() if row.secret}
    assert set() == found & secrets
    assert [] == [each for each in found if any(word in each for word in ("password", "secret", "token"))]
