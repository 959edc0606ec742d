"""``stream-app state``: what workers know of groups and incidents, made anew from the source."""

import sys

import click
import msgspec

from stream_app.cli.environment import settings
from stream_app.cli.failure import Failure
from stream_app.cli.moments import Since
from stream_app.cli.screen import Screen, counted, moment, one_line
from stream_app.cli.waiting import reach
from stream_app.kafka.group import GroupBusy
from stream_app.kafka.rebuilding import Plan, Rebuild
from stream_app.kafka.recovery import RecoveryFailed
from stream_app.service import parts

SHOWN = 20
"""Incidents that are shown one by one."""


@click.group(name="state")
def command() -> None:
    """Make state anew."""


@command.command()
@click.option("--since", type=Since(), required=True, help="From when on records are read again: a time, or 12h, 7d.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Incidents that are open, as one JSON object a line.")
@click.option("--wait", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds for workers to leave.")
def rebuild(*, since: int, yes: bool, dry_run: bool, as_json: bool, wait: float) -> None:
    """Forget every window and incident, and have workers read the source again from a time on.

    Stop all workers first; started again, they count from there. An incident whose first trigger is read again has the
    same id, and the revisions that it had: readers that keep the highest miss nothing, unless rules have changed and
    it now has fewer triggers than it had. One that began before is left open under its id, and what goes on of it is a
    new incident: both are listed. Go back further than the oldest open incident, its window and the lateness, and none
    is left.
    """
    given = settings()
    connection = parts.connection(given)
    reach(connection)
    screen = Screen()
    try:
        with screen.progress("rows", None, "rows read") as bar:
            rebuilding = Rebuild(connection, parts.names(given), since, lambda rows: bar.advance(records=rows))
            plan = rebuilding.plan()
        _show(screen, plan, since, as_json=as_json)
        if dry_run:
            return
        if not yes:
            click.confirm("Forget all of it, and read again?", abort=True, err=True)
        rebuilding.run(plan, wait, screen.say)
    except (GroupBusy, RecoveryFailed) as error:
        raise Failure(str(error)) from error
    screen.say("done: start the workers")


def _show(screen: Screen, plan: Plan, since: int, *, as_json: bool) -> None:
    left = [each for each in plan.standing if not each.again]
    if as_json:
        for each in plan.standing:
            sys.stdout.buffer.write(msgspec.json.encode(each) + b"\n")
        sys.stdout.flush()
    again = counted(plan.records, "record")
    screen.say(f"{counted(plan.rows, 'row')} to forget, {again} to read again, from {moment(since)} on")
    if plan.incomplete:
        numbers = ", ".join(map(str, plan.incomplete))
        screen.say(f"the source holds nothing older in partition {numbers}: what was there is not counted", "yellow")
    screen.say(f"open: {len(plan.standing) - len(left):,} incidents are made again, {len(left):,} are left as they are")
    for each in left[:SHOWN]:
        screen.say(f"  left: {each.incident_id}  {one_line(each.rule)}  first seen {moment(each.first_seen)}", "yellow")
    if len(left) > SHOWN:
        screen.say(f"  and {len(left) - SHOWN:,} more: --json gives all")
