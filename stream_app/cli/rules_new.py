"""``stream-app rules new``: the files of a rule to begin with."""

import re
from pathlib import Path

import click

from stream_app.cli.failure import Failure
from stream_app.cli.rulefolder import folder_of
from stream_app.rulebook.cases import CASES
from stream_app.rulebook.ruleset import GROUPS, TABLES
from stream_app.rulebook.skeleton import skeleton
from stream_app.sysmon.attributes import EVENTS

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@click.command()
@click.argument("slug")
@click.option("--folder", help="The folder of rules. Default: STREAM_APP_RULES.")
@click.option("--event", "event_id", type=int, default=1, show_default=True, help="The Sysmon event it looks at.")
def new(slug: str, folder: str | None, event_id: int) -> None:
    """Write a rule to begin with, and cases that pass, into a new folder SLUG: small letters, digits and '-'."""
    if not _SLUG.fullmatch(slug) or slug in {GROUPS, TABLES}:
        raise click.UsageError(f"{slug!r} cannot be a rule's folder: take small letters and digits with '-' between")
    if event_id not in EVENTS:
        raise click.UsageError(f"Sysmon has no event {event_id}; it has {', '.join(map(str, EVENTS))}")
    path = Path(folder_of(folder)) / slug
    files = skeleton(slug, event_id)
    try:
        path.mkdir(parents=True)
        for name, text in ((f"{slug}.toml", files.rule), (CASES, files.cases)):
            (path / name).write_text(text, encoding="utf-8", newline="\n")
            click.echo((path / name).as_posix())
    except OSError as error:
        raise Failure(f"{path}: cannot be made: {error.strerror}") from error
