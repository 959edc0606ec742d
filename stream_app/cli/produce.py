"""``stream-app produce``: files of Sysmon records onto the sysmon topic, as a forwarder would send them."""

import time
from collections.abc import Iterator

import click

from stream_app.cli.environment import settings
from stream_app.cli.feed import Addressed, addressed
from stream_app.cli.files import files_in, size_of
from stream_app.cli.screen import Bar, Screen, counted
from stream_app.cli.waiting import reach
from stream_app.kafka.producing import Outgoing, produce
from stream_app.service import parts

KAFKA_TAKES = 1_000_000 - 1_000
"""Bytes of key and value that fit into one request of librdkafka by default, and onto a topic of Kafka by default."""


@click.command(name="produce")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option(
    "--timestamps",
    type=click.Choice(["now", "recorded"]),
    default="now",
    show_default=True,
    help="A record's time on the topic: now, as with a forwarder; or when it was recorded, so that windows are those "
    "of the capture and of replay. Kafka soon deletes records that are older than the topic's retention, and to "
    "workers that follow the wall clock (STREAM_APP_DRAINED) they are late.",
)
def command(files: tuple[str, ...], timestamps: str) -> None:
    """Send the records in FILE… (JSON lines, XML, EVTX, gzip; a folder; - is standard input) to the sysmon topic."""
    given = settings()
    screen = Screen()
    connection = parts.connection(given)
    reach(connection)
    files = files_in(files)
    began = time.monotonic()
    too_large: list[Addressed] = []
    with screen.progress("sending", size_of(files)) as bar:
        sent = produce(connection, parts.names(given).sysmon, _outgoing(files, timestamps, screen, bar, too_large))
    for each in too_large:
        screen.say(f"{each.record.place}: {len(each.record.value):,} bytes are more than Kafka takes: not sent", "red")
    seconds = time.monotonic() - began
    rate = f"{sent / seconds:,.0f}" if seconds else "-"
    click.echo(f"{counted(sent, 'record')} sent to {parts.names(given).sysmon} in {seconds:.1f} s, {rate}/s")
    if too_large:
        raise click.exceptions.Exit(1)


def _outgoing(
    files: tuple[str, ...], timestamps: str, screen: Screen, bar: Bar, too_large: list[Addressed]
) -> Iterator[Outgoing]:
    for each in addressed(files, screen.say):
        bar.advance(each.record.read)
        if len(each.key) + len(each.record.value) > KAFKA_TAKES:
            too_large.append(each)
        else:
            yield each.key, each.record.value, each.timestamp if timestamps == "recorded" else None
