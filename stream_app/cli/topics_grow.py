"""``stream-app topics grow``: more partitions for matches and their changelog, with every row at its new place."""

import click

from stream_app.cli.environment import settings
from stream_app.cli.failure import Failure
from stream_app.cli.screen import Screen
from stream_app.cli.waiting import reach
from stream_app.kafka.admin import add_partitions, admin_client, partitions_in
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import GroupBusy, NotDrained, require_no_members
from stream_app.kafka.growing import Grow, GrowRefused
from stream_app.kafka.recovery import RecoveryFailed
from stream_app.kafka.sources import NoRules
from stream_app.rulebook.editions import id_of
from stream_app.service import parts
from stream_app.service.settings import Settings

SHOWN = 10
"""Rules that are named."""


@click.command(name="grow")
@click.option("--partitions", type=click.IntRange(1, 1000), required=True, help="How many there are to be.")
@click.option(
    "--source",
    is_flag=True,
    help="The sysmon topic instead, which has no state by partition. A forwarder that keys records by host then sends "
    "some hosts' records elsewhere, in no order with those that still lie where they were; time waits until each "
    "partition was heard of.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds for workers to leave.")
def grow(*, partitions: int, source: bool, dry_run: bool, wait: float) -> None:
    """Give matches and the changelog more partitions, and move every row to where its key then belongs.

    Stop all workers, run `topics drain`, then this, set STREAM_APP_PARTITIONS for all workers, start them. Counts and
    incidents go on as they were. Broken off, run it again: until it is done no worker starts. Kafka cannot take
    partitions away.
    """
    given = settings()
    connection = parts.connection(given)
    reach(connection)
    screen = Screen()
    try:
        if source:
            _grow_source(connection, given, partitions, screen, dry_run=dry_run, wait=wait)
        else:
            _grow_state(connection, given, partitions, screen, dry_run=dry_run, wait=wait)
    except (GrowRefused, GroupBusy, NotDrained, RecoveryFailed, TopicUnread, NoRules) as error:
        raise Failure(str(error)) from error


def _grow_state(  # noqa: PLR0913 - the options
    connection: Connection, given: Settings, partitions: int, screen: Screen, *, dry_run: bool, wait: float
) -> None:
    with screen.progress("rows", None, "rows read") as bar:
        growing = Grow(
            connection,
            parts.names(given),
            parts.editions(given),
            partitions,
            screen.say,
            lambda rows: bar.advance(records=rows),
        )
        if growing.resumed:
            screen.say("taking up a grow that was broken off")
        counted = growing.survey() if dry_run else growing.run(wait)
    if counted.foreign:
        rules = ", ".join(sorted({id_of(edition) for edition in counted.foreign})[:SHOWN])
        screen.say(
            f"{counted.foreign.total():,} rows are of rules that are not loaded here ({rules}): if workers load them, "
            "and one has a [flood], its incidents begin anew. Run this with the rules of the workers",
            "yellow",
        )
    would = "would move" if dry_run else "moved"
    click.echo(f"{growing.before} → {growing.after} partitions: {counted.live:,} rows, {counted.moves:,} {would}")
    if not dry_run and given.partitions != growing.after:
        click.echo(f"now set STREAM_APP_PARTITIONS={growing.after} for every worker, and start them")


def _grow_source(  # noqa: PLR0913 - the options
    connection: Connection, given: Settings, partitions: int, screen: Screen, *, dry_run: bool, wait: float
) -> None:
    client, topic = admin_client(connection), given.sysmon_topic
    before = partitions_in(client, topic)
    if given.process_context:
        raise GrowRefused(
            f"a process is kept in the partition of its host's records, which the forwarder chooses: grow {topic} with "
            "STREAM_APP_PROCESS_CONTEXT=false, delete the changelog of processes, and make it anew with `stream-app "
            "topics create`. Connections of processes that started before are then not joined"
        )
    if partitions <= before:
        raise GrowRefused(f"{topic} has {before} partitions; Kafka only adds some")
    if not dry_run:
        require_no_members(client, given.app_id, wait, screen.say)
        add_partitions(client, topic, partitions)
    click.echo(f"{topic}: {before} → {partitions} partitions{' would be made' if dry_run else ''}")
