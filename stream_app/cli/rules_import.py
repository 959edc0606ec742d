"""``stream-app rules import``: rules of other systems become rule files, or are refused by name."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import click
import msgspec
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.failure import FAILED, WRONG, Failure, writing
from stream_app.cli.landing import Folder, Landed, keep, land
from stream_app.cli.screen import Screen, counted, one_line
from stream_app.cli.sources import PAGE, XML, files, imported, is_sigma, rules_of, sigma_rules_of
from stream_app.exchange.imported import (
    Choices,
    Imported,
    Reason,
    Refused,
    reads_incidents,
    with_watch_lists,
)
from stream_app.rulebook.declared import ATTRIBUTES
from stream_app.rulebook.ruleset import GROUPS
from stream_app.service import parts

_PATH = click.Path(path_type=Path)
_THERE = click.Path(path_type=Path, exists=True)


@click.command(name="import")
@click.argument("sources", nargs=-1, required=True, type=_THERE)
@click.option("-o", "--out", required=True, type=_PATH, help="Folder of rules; those that are in it stay.")
@click.option(
    "--placeholders",
    type=_THERE,
    help='Values for what Sigma rules expand: TOML, a list for each name, as in admins = ["root", "a*"].',
)
@click.option("--report", type=_PATH, help="Write the report to this file too, as JSON.")
@click.option("--groups", multiple=True, type=_THERE, help="A group's file (NAME.toml), or a folder of them.")
@click.option(
    "--bare-mix",
    type=click.Choice(["and", "or"]),
    help="Where AND and OR stand side by side without parentheses, this one binds tighter; without it such a rule is "
    "refused.",
)
@click.option(
    "--ids",
    type=click.Choice(["rule", "event-type"]),
    default="rule",
    show_default=True,
    help="What becomes a rule's id: its own, or the eventType of its incidents, which other rules may read.",
)
@click.option("--note-source/--no-note-source", default=None, help="Say at a file's head where its rule came from.")
@click.option("--ignore", "ignored", multiple=True, help="Leave out XML elements or attributes of this name.")
@click.option("--replace", "overwrite", is_flag=True, help="Overwrite rules that have an imported rule's id.")
@click.option(
    "--declare",
    is_flag=True,
    help="Declare the attributes that nobody here knows, as strings in OUT/attributes.toml, instead of refusing the "
    "rules that name them: an event has one where a field of its own bears that name.",
)
@click.option("--keep-refused", type=_PATH, help="Write rules that the loader refuses here, with the reasons.")
def command(  # noqa: PLR0913 - one for each option
    sources: tuple[Path, ...],
    *,
    out: Path,
    report: Path | None,
    groups: tuple[Path, ...],
    placeholders: Path | None,
    bare_mix: Literal["and", "or"] | None,
    ids: Literal["rule", "event-type"],
    note_source: bool | None,
    ignored: tuple[str, ...],
    overwrite: bool,
    declare: bool,
    keep_refused: Path | None,
) -> None:
    """Make rule files of FortiSIEM's rule XML, of its catalogue's pages (text or HTML) and of Sigma's rules.

    SOURCES are files, or folders of them. Sigma's (YAML) need the extra sigma; all that are named together may be
    about one another.

    Every good rule is written to OUT, in a folder of its own; every other is named with its place and the reason, and
    the exit status is 1. Texts stay as they are. Where XML notes its source, pages do not, unless you say so.
    """
    if keep_refused is not None and keep_refused.resolve().is_relative_to(out.resolve()):
        raise click.UsageError("--keep-refused lies in --out, where the loader would read it")
    given = Choices(bare_mix=bare_mix, ids=ids, ignored=frozenset(ignored))
    choices = {
        XML: replace(given, note_source=note_source is not False),
        PAGE: replace(given, note_source=note_source is True),
    }
    found, others = files(sources)
    if not found:
        raise Failure("no rule XML, no rule page and no rule of Sigma's in what was named", WRONG)
    expanded = _placeholders(placeholders)
    read: list[Imported | Refused] = []
    with Screen().progress("Reading rules", None, "rules") as bar:
        of_sigma = dict.fromkeys(filter(is_sigma, found))
        if of_sigma:
            read += sigma_rules_of(of_sigma, expanded, bar.advance)
        for path in (each for each in found if each not in of_sigma):
            rules = rules_of(path, choices)
            read += rules
            bar.advance(records=len(rules))
        defaults = parts.defaults(settings())
        folder = Folder.of(out, defaults)
        offered = _groups(groups, out / GROUPS)
        ready, refused = _prepared(read, folder, offered)
        with writing():
            landed = land(ready, folder, offered, defaults, overwrite=overwrite, declare=declare)
    landed.refused += refused
    _say(landed, len(found), out)
    with writing():
        if keep_refused is not None:
            keep(landed.rejected, keep_refused)
        if report is not None:
            report.write_bytes(msgspec.json.format(msgspec.json.encode(_told(landed, others))) + b"\n")
    if landed.refused:
        raise SystemExit(FAILED)


def _placeholders(path: Path | None) -> dict[str, list[str]]:
    """Read the values of placeholders."""
    if path is None:
        return {}
    try:
        return msgspec.toml.decode(path.read_bytes(), type=dict[str, list[str]])
    except msgspec.MsgspecError as error:
        raise click.UsageError(f"--placeholders {path}: {error}") from error


def _groups(named: Iterable[Path], there: Path) -> dict[str, Path]:
    """Give the groups that were offered, by name; those that are there already must say the same."""
    found = [each for path in named for each in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]
    for path in found:
        if path.suffix != ".toml":
            raise click.UsageError(f"--groups {path}: a group's file is NAME.toml")
        own = there / path.name
        if own.exists() and own.read_bytes() != path.read_bytes():
            raise click.UsageError(f"--groups {path}: {own} is there already and says otherwise")
    return {path.stem: path for path in found}


def _prepared(
    read: Sequence[Imported | Refused], folder: Folder, groups: Mapping[str, Path]
) -> tuple[list[Imported], list[Refused]]:
    """Settle what one rule cannot know: which groups are watch lists, and whose incidents are read."""
    refused = [each for each in read if isinstance(each, Refused)]
    ready = []
    event_types = {each.event_type: each.rule.id for each in imported(read) if each.event_type}
    filled = {each.name for found in imported(read) for each in found.rule.watch_list} | folder.lists_filled()
    for each in imported(read):
        reads = reads_incidents(each.rule, event_types)
        if reads:
            said = ", ".join(f"{name} (here {event_types[name]})" for name in reads)
            why = f"reads incidents by an eventType that they do not have here: {said}; import with --ids event-type"
            refused.append(Refused(each.origin, (Reason(each.origin.line, why),)))
        else:
            ready.append(with_watch_lists(each, filled - set(groups)))
    return ready, refused


def _in_order(refused: Iterable[Refused]) -> list[Refused]:
    return sorted(refused, key=lambda each: (each.origin.file, each.origin.line))


def _say(landed: Landed, read: int, out: Path) -> None:
    """Print what became of the rules: refused and changed ones each, what was left out by its name."""
    for refused in _in_order(landed.refused):
        for reason in refused.reasons:
            place = replace(refused.origin, line=reason.line)
            click.echo(f"refused: {one_line(place)}: {one_line(reason.why)}")
    for found, _ in landed.imported:
        for change in found.changed:
            click.echo(f"changed: {one_line(found.origin)}: {one_line(change)}")
    if landed.declared:
        click.echo(f"declared, as strings, in {out / ATTRIBUTES}: {', '.join(sorted(landed.declared))}")
    left_out = _left_out(landed)
    if left_out:
        said = ", ".join(f"{name} ({count:,})" for name, count in left_out.items())
        click.echo(f"left out, for it decides nothing here: {one_line(said)}")
    changed = sum(bool(found.changed) for found, _ in landed.imported)
    click.echo(
        f"{out}: {counted(len(landed.imported), 'rule')} imported, {len(landed.refused):,} refused, "
        f"{changed:,} changed, of {counted(read, 'file')}"
    )


def _left_out(landed: Landed) -> dict[str, int]:
    return dict(Counter(name for found, _ in landed.imported for name in found.left_out).most_common())


def _told(landed: Landed, others: Iterable[Path]) -> dict[str, object]:
    """Give the report as plain data."""
    return {
        "imported": [
            {**_place(found), "path": path.as_posix(), "changed": found.changed, "left_out": found.left_out}
            for found, path in landed.imported
        ],
        "refused": [{**_place(refused), "reasons": refused.reasons} for refused in _in_order(landed.refused)],
        "declared": sorted(landed.declared),
        "left_out": _left_out(landed),
        "passed_over": [path.as_posix() for path in others],
    }


def _place(found: Imported | Refused) -> dict[str, object]:
    return {"id": found.origin.rule, "file": found.origin.file, "line": found.origin.line}
