"""``stream-app incidents``: the incidents topic, or that of rules in shadow, read as it grows."""

import click

from stream_app.cli.environment import settings
from stream_app.cli.following import show
from stream_app.cli.screen import Screen
from stream_app.service import parts


@click.command(name="incidents")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it lies on the topic.")
@click.option("--all", "from_beginning", is_flag=True, help="Begin with what the topic already holds.")
@click.option("--shadow", is_flag=True, help="Those of rules in shadow instead.")
def command(*, as_json: bool, from_beginning: bool, shadow: bool) -> None:
    """Show each incident as it comes, until Ctrl-C."""
    given = settings()
    screen = Screen(json=as_json)
    names = parts.names(given)
    topic = names.shadow if shadow else names.incidents
    show(parts.connection(given), topic, screen.incident, from_beginning=from_beginning)
