"""``stream-app doctor``: whether this machine and a given Kafka are ready for workers, and what to do where not."""

import os
import sys

import click
import msgspec

from stream_app.cli.screen import Screen, printable
from stream_app.kafka.finding import Finding
from stream_app.kafka.topics import OPERATOR, TOOLS, WORKER
from stream_app.service.doctor import examine

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


@click.command(name="doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line: level, about, says, do.")
@click.option(
    "--write",
    is_flag=True,
    help="Write two records that say nothing to the matches topic, to compare the clocks; else nothing is written.",
)
@click.option(
    "--role",
    type=click.Choice([WORKER, TOOLS, OPERATOR]),
    default=WORKER,
    show_default=True,
    help="Whose rights the user that logs in should have: `stream-app topics acls` lists them.",
)
def command(*, as_json: bool, write: bool, role: str) -> None:
    """Examine settings, rules, this machine and the Kafka that is named, before the first run or after a change.

    A line for each thing: ok, warning or error, and what to do. Nothing is changed. Status 1 where there is an error.
    """
    screen = Screen()

    def step(what: str) -> None:
        if screen.err.is_terminal and not as_json:
            screen.say(f"looking at {what} …", "dim")

    found: list[Finding] = []
    for each in examine(os.environ, write=write, step=step, role=role):
        found.append(each)
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(each) + b"\n")
            sys.stdout.flush()
        else:
            _show(screen, each)
    errors, warnings = (sum(each.level == level for each in found) for level in ("error", "warning"))
    if not as_json:
        screen.say(f"{len(found)} things looked at: {errors} wrong, {warnings} to think about")
    if errors:
        raise click.exceptions.Exit(1)


def _show(screen: Screen, found: Finding) -> None:
    screen.out.print(f"{found.level:<8}", style=_STYLES[found.level], end="")
    screen.out.print(f"{printable(found.about)}: {printable(found.says)}")
    if found.do:
        screen.out.print(f"{'':<8}  → {printable(found.do)}")
    sys.stdout.flush()
