"""``stream-app rules publish``: a folder of rules, checked as a worker checks it, put on the rules topic."""

import getpass
import socket
import time
from pathlib import Path

import click
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from stream_app.cli.environment import settings
from stream_app.cli.failure import Failure
from stream_app.cli.screen import counted, moment, one_line
from stream_app.cli.waiting import reach
from stream_app.kafka.compacted import TopicUnread
from stream_app.kafka.connection import Connection
from stream_app.kafka.publishing import NotPublished, catalogue_on, publish
from stream_app.kafka.rulesets import Catalogue, SetRefused, manifest_of
from stream_app.rulebook.load import load_folder, load_set
from stream_app.rulebook.ruleset import RuleSet, read_set
from stream_app.service import parts
from stream_app.service.settings import Settings


class _Topic(Struct, frozen=True):
    connection: Connection
    name: str


@click.command(name="publish")
@click.argument("folder", required=False)
@click.option("--set", "set_id", metavar="ID", help="Not a folder, but a set that was published before: go back to it.")
@click.option("--message", default="", help="Why, for those who look at the sets later.")
@click.option("--list", "listing", is_flag=True, help="Publish nothing; show the sets that are kept.")
def command(folder: str | None, set_id: str | None, message: str, *, listing: bool) -> None:
    """Publish the rules in FOLDER (default: STREAM_APP_RULES) to all workers with STREAM_APP_RULES_FROM=topic.

    They are loaded first, by the loader of workers and with the settings here; with one mistake nothing is published.
    Workers go over to them one by one, within seconds; `stream-app rules status` shows how far they are. Ten sets are
    kept.
    """
    if folder and set_id:
        raise click.UsageError("FOLDER and --set cannot both be published")
    if listing and (folder or set_id):
        raise click.UsageError("--list publishes nothing: leave FOLDER and --set away")
    given = settings()
    rules = None if set_id or listing else _read(folder or given.rules, given)
    topic = _Topic(parts.connection(given), parts.names(given).rules)
    reach(topic.connection)
    try:
        if listing:
            _show(catalogue_on(topic.connection, topic.name))
            return
        _publish(topic, rules or _kept(topic, set_id or "", given), message or (f"back to {set_id}" if set_id else ""))
    except (TopicUnread, NotPublished, SetRefused) as error:
        raise Failure(str(error)) from error


def _read(folder: str, given: Settings) -> RuleSet:
    """Read a folder, and load what was read. Raises LanguageError with all that is wrong."""
    try:
        found = read_set(Path(folder))
    except OSError as error:
        load_folder(Path(folder), parts.defaults(given))  # says what is wrong with which file
        raise Failure(f"{error.filename}: {error.strerror}") from error
    load_set(found, Path(folder).as_posix(), parts.defaults(given))
    return found


def _kept(topic: _Topic, set_id: str, given: Settings) -> RuleSet:
    """Give a set that is kept, and load it. Raises SetRefused, LanguageError."""
    there = catalogue_on(topic.connection, topic.name)
    found = [each for each in there.sets if each.id.startswith(set_id)]
    if len(found) != 1:
        raise Failure(f"{len(found)} sets on {topic.name} begin with {set_id!r}; see `stream-app rules publish --list`")
    rules = there.whole(found[0])
    load_set(rules, parts.PUBLISHED, parts.defaults(given))
    return rules


def _publish(topic: _Topic, rules: RuleSet, message: str) -> None:
    by = f"{getpass.getuser()}@{socket.gethostname()}"
    manifest = manifest_of(rules, published_at=int(time.time() * 1000), by=by, message=message)
    done = publish(topic.connection, topic.name, rules, manifest)
    pruned = f", {counted(done.pruned_sets, 'old set')} removed" if done.pruned_sets else ""
    held = sum(data is not None for data in rules.files.values())
    click.echo(f"{topic.name}: set {rules.id} published, {counted(held, 'file')}, {done.files} of them new{pruned}")
    if done.newest != rules.id:
        raise Failure(f"set {done.newest} was published right behind it, by somebody else: that is what will run")


def _show(there: Catalogue) -> None:
    table = Table("set", "published", "by", "files", "message")
    for each in there.sets:
        said = each.manifest
        table.add_row(
            each.id, moment(said.published_at), one_line(said.by), str(len(said.files)), one_line(said.message)
        )
    Console(width=None if click.get_text_stream("stdout").isatty() else 160).print(table)
    for place, why in there.rubbish.items():
        click.echo(f"{place}: {why}", err=True)
