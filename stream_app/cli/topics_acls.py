"""``stream-app topics acls``: the least rights of each role, shown, as commands for Kafka's own tool, or given."""

import click
from rich.console import Console
from rich.table import Table

from stream_app.cli.environment import settings
from stream_app.cli.waiting import reach
from stream_app.kafka.acls import commands, grouped, rights
from stream_app.kafka.rights import grant
from stream_app.kafka.topics import ROLES
from stream_app.service import parts


@click.command(name="acls")
@click.option("--role", type=click.Choice(ROLES), help="Only what this role needs.")
@click.option("--principal", metavar="User:NAME", help="Print the calls of kafka-acls.sh that give it these rights.")
@click.option("--apply", "give", is_flag=True, help="Give them to the principal now; you must be an administrator.")
def command(role: str | None, principal: str | None, *, give: bool) -> None:
    """Show the least rights that workers, commands, the operator's commands, forwarders and the SOAR need.

    Names are those of the settings. The SOAR also needs READ on the group that it reads with, whose name is its own.
    """
    given = settings()
    found = [right for right in rights(parts.topics(given), given.app_id) if role in {None, right.role}]
    if principal is None:
        if give:
            raise click.UsageError("--apply needs --principal")
        table = Table("role", "resource", "name", "operations", "what for")
        for row in grouped(found):
            table.add_row(*row)
        Console(width=None if click.get_text_stream("stdout").isatty() else 200).print(table)
        return
    if not principal.startswith("User:") or principal == "User:":
        raise click.UsageError(f"--principal is {principal!r}: it must be User:NAME, as the broker knows it")
    if role is None:
        raise click.UsageError("--principal needs --role: no one principal should have the rights of all")
    if not give:
        for line in commands(found, principal, given.bootstrap_servers):
            click.echo(line)
        return
    connection = parts.connection(given)
    reach(connection)
    grant(connection, principal, found)
    click.echo(f"{len(found)} rights given to {principal}")
