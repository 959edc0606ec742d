"""``stream-app rules export``: a folder of rules as another system's file."""

import sys
import tomllib
from pathlib import Path

import click
import msgspec
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.failure import FAILED, writing
from stream_app.cli.landing import Folder
from stream_app.cli.screen import counted, one_line
from stream_app.exchange.fortisiem_export import export_xml
from stream_app.rulebook.text import RuleText, head_comments, rule_text
from stream_app.service import parts

_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command(name="export")
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--fortisiem-xml", is_flag=True, required=True, help="Write FortiSIEM's rule XML.")
@click.option("-o", "--out", type=_PATH, help="Write to this file, not to standard output.")
@click.option("--report", type=_PATH, help="Write to this file what was left out and refused, as JSON.")
def command(folder: Path | None, *, fortisiem_xml: bool, out: Path | None, report: Path | None) -> None:  # noqa: ARG001 - the only form
    """Write every rule of FOLDER (default: STREAM_APP_RULES) as FortiSIEM's rule XML.

    ``rules import`` makes the same rule files of it again. What such XML cannot hold is named on standard error; a rule
    whose meaning it cannot hold is not written, and the exit status is 1.
    """
    given = settings()
    path = folder or Path(given.rules)
    found = Folder.of(path, parts.defaults(given)).files
    data, told = export_xml(_rule(found[rule_id]) for rule_id in sorted(found, key=lambda rule_id: found[rule_id]))
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        with writing():
            out.write_bytes(data)
    for each in told:
        where = found[each.id].as_posix()
        if each.refused:
            click.echo(f"refused: {where}: {one_line(each.refused)}", err=True)
        for name in each.left_out:
            click.echo(f"left out: {where}: {one_line(name)}", err=True)
    refused = sum(bool(each.refused) for each in told)
    click.echo(f"{path}: {counted(len(told) - refused, 'rule')} exported, {refused:,} refused", err=True)
    if report is not None:
        with writing():
            report.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    if refused:
        raise SystemExit(FAILED)


def _rule(path: Path) -> RuleText:
    text = path.read_text(encoding="utf-8")
    return replace(rule_text(tomllib.loads(text)), comments=head_comments(text))
