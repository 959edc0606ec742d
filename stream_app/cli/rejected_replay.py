"""``stream-app rejected replay``: rejected records, put on the sysmon topic again."""

import click

from stream_app.cli.environment import settings
from stream_app.cli.moments import Since
from stream_app.cli.screen import Screen, counted
from stream_app.cli.waiting import reach
from stream_app.kafka.replaying import Replay, Wanted
from stream_app.service import parts


@click.command(name="replay")
@click.option("--reason", help="Only what was rejected for this reason, such as 'not json'.")
@click.option("--rule", help="Only what one rule's match was rejected for: the rule's id. Needs --even-counted.")
@click.option("--since", type=Since(), help="Only what was rejected since: a time, or 12h, 7d.")
@click.option(
    "--even-counted",
    is_flag=True,
    help="Also records that one rule refused (late, row full, suppressed …): the others have counted them, and count "
    "them once more.",
)
@click.option(
    "--timestamps",
    type=click.Choice(["now", "recorded"]),
    default="now",
    show_default=True,
    help="A record's time: now, so that it counts in the windows of now; or its own, to which it may be too late.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
def replay(  # noqa: PLR0913 - one for each option
    *,
    reason: str | None,
    rule: str | None,
    since: int | None,
    even_counted: bool,
    timestamps: str,
    dry_run: bool,
) -> None:
    """Put rejected records on the sysmon topic again, for workers to read, once what was wrong is mended.

    Each is taken from its place on the topic, or, where that is gone, from what was kept of it, and goes to the same
    partition with the header `replayed-from`. What was replayed is on the rejected topic as `replayed`, and is not
    replayed again; one that is rejected anew can be, by its new place. For rules with the event clock its time is
    that of the event, for others that it is received. What a late record would have made of the windows of its own time
    is for `stream-app replay --topic`.
    """
    if rule and not even_counted:
        raise click.UsageError("--rule names what one rule refused and others have counted: add --even-counted")
    given = settings()
    connection = parts.connection(given)
    reach(connection)
    screen = Screen()
    wanted = Wanted(
        reason=reason, rule=rule, since=since, even_counted=even_counted, keep_time=timestamps == "recorded"
    )
    with screen.progress("rejections", None, "rejections read") as bar:
        fates = Replay(connection, parts.names(given), wanted, bar.advance).run(dry=dry_run)
    for fate, number in sorted(fates.items()):
        click.echo(f"{counted(number, 'record')} {fate}")
    if not fates:
        click.echo("nothing that was asked for was rejected")
