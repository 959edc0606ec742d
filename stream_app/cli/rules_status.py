"""``stream-app rules status``: what each worker runs, and whether all run what was published last."""

import sys
import time

import click
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from stream_app.cli.environment import settings
from stream_app.cli.failure import FAILED, Failure
from stream_app.cli.screen import counted, moment, one_line
from stream_app.cli.waiting import reach
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.publishing import catalogue_on
from stream_app.kafka.statuses import GONE, SILENT, Standing, Told, told_on
from stream_app.service import parts


class _Fleet(Struct, frozen=True):
    """What there is to show. ``published`` is the set that was published last; empty where workers read a folder."""

    published: str
    workers: dict[str, Standing]
    silent: list[str]
    gone: list[str]
    """Those of the silent that are no difference any more."""
    differences: list[str]
    rules: dict[str, dict[str, str]]
    """By rule and worker: its edition, and what it does."""


@click.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; times are milliseconds since 1970.")
@click.option("--rules", "each_rule", is_flag=True, help="Show each rule too, not only those that differ.")
def command(*, as_json: bool, each_rule: bool) -> None:
    """Show the set of rules that each worker runs, what it refused, and the rules in which workers differ.

    Status 1 where workers differ, one has refused a set, one has been silent for up to an hour, or none runs.
    """
    given = settings()
    connection, names = parts.connection(given), parts.names(given)
    reach(connection)
    try:
        told = told_on(connection, names.status)
        published = ""
        if any(each.report.source == f"topic {names.rules}" for each in told.workers.values()):
            sets = catalogue_on(connection, names.rules).sets
            published = sets[0].id if sets else ""
    except TopicUnread as error:
        raise Failure(str(error)) from error
    fleet = judged(told, published, int(time.time() * 1000))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(fleet) + b"\n")
    else:
        _show(fleet, each_rule=each_rule)
    if fleet.differences:
        raise click.exceptions.Exit(FAILED)


def judged(told: Told, published: str, now: int) -> _Fleet:
    """Compare what workers say; ``now`` is in ms."""
    silent = sorted(name for name, each in told.workers.items() if now - each.at > SILENT)
    gone = [name for name in silent if now - told.workers[name].at > GONE]
    heard = {name: each for name, each in sorted(told.workers.items()) if name not in silent}
    sets = {each.report.set for each in heard.values()}
    rules: dict[str, dict[str, str]] = {}
    for name, states in sorted(told.rules.items()):
        for rule, (edition, does) in states.items() if name in heard else ():
            rules.setdefault(rule, {})[name] = f"{edition} {does}"
    found = [] if heard else ["no worker says that it runs"]
    if len(sets) > 1:
        found.append(f"workers run {len(sets)} different sets: {', '.join(sorted(sets))}")
    found += [f"rule {rule} differs between workers" for rule in sorted(rules) if _differs(rules[rule], heard)]
    for name, each in heard.items():
        refused = each.report.refused
        if refused is not None:
            found.append(f"{name} has refused {refused.set}, and runs {each.report.set}")
        elif published and each.report.set != published:
            found.append(f"{name} runs {each.report.set}, published last is {published}")
    found += [
        f"{name} has said nothing for {(now - told.workers[name].at) // 1000} s" for name in silent if name not in gone
    ]
    return _Fleet(published, heard, silent, gone, found, rules)


def _differs(states: dict[str, str], heard: dict[str, Standing]) -> bool:
    return len(set(states.values())) > 1 or len(states) < len(heard)


def _show(fleet: _Fleet, *, each_rule: bool) -> None:
    console = Console(width=None if click.get_text_stream("stdout").isatty() else 160)
    table = Table("worker", "set", "since", "rules", "from", "refused")
    for name, each in fleet.workers.items():
        report, refused = each.report, each.report.refused
        why = "" if refused is None else f"{refused.set}: {one_line(refused.problems[0])}"
        table.add_row(one_line(name), report.set, moment(report.since), str(report.rules), report.source, why)
    console.print(table)
    rules = Table("rule", "worker", "edition")
    for rule, states in sorted(fleet.rules.items()):
        same = len(states) == len(fleet.workers) and len(set(states.values())) == 1
        if each_rule and same:
            rules.add_row(one_line(rule), "all", next(iter(states.values())))
        elif not same:
            for name in fleet.workers:
                rules.add_row(one_line(rule), one_line(name), states.get(name, "not there"))
    if rules.row_count:
        console.print(rules)
    for name in fleet.gone:
        click.echo(
            f"{one_line(name)} has said nothing for more than {GONE // 60_000} minutes: taken to be no more", err=True
        )
    for said in fleet.differences:
        click.echo(one_line(said), err=True)
    if not fleet.differences:
        which = f"set {next(iter(fleet.workers.values())).report.set}"
        click.echo(f"{counted(len(fleet.workers), 'worker')}, all with {which}")
