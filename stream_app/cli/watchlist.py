"""``stream-app watchlist``: what rules have put on watch lists, as it lies on their topic."""

import sys

import click
import msgspec

from stream_app.cli.environment import settings
from stream_app.cli.screen import Screen, moment, one_line
from stream_app.cli.waiting import reach
from stream_app.kafka.watchlists import entries_on
from stream_app.service import parts


@click.command(name="watchlist")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; times are milliseconds since 1970.")
def command(name: str | None, *, as_json: bool) -> None:
    """Show the entries of the watch list NAME, or of all of them.

    An entry is there for events from before the time shown as its end. Those that have ended are shown too, until
    Kafka removes them.
    """
    given = settings()
    screen = Screen()
    connection = parts.connection(given)
    reach(connection)
    found = entries_on(connection, parts.names(given).watchlists)
    for entry, listing in sorted(found.items(), key=lambda each: (each[0].name, each[0].customer, str(each[0].value))):
        if name not in {None, entry.name}:
            continue
        if as_json:
            fields = {"list": entry.name, "customer": entry.customer, "value": entry.value}
            fields |= {"time": listing.time, "until": listing.until}
            sys.stdout.buffer.write(msgspec.json.encode(fields) + b"\n")
        else:
            said = f"customer {one_line(entry.customer)}  {moment(listing.time)} to {moment(listing.until)}"
            screen.out.print(f"{one_line(entry.name)}  {one_line(entry.value)}  {said}")
