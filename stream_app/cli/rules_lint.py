"""``stream-app rules lint``: what looks wrong in rules that run."""

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from stream_app.cli.failure import FAILED
from stream_app.cli.files import read_records, size_of
from stream_app.cli.rulefolder import chosen, folder_argument, loaded, rule_option
from stream_app.cli.screen import Screen, counted
from stream_app.engine.share import Sample
from stream_app.rulebook.accepted import accepted_beside, left
from stream_app.rulebook.findings import CODES, MOST_EVENTS, Finding
from stream_app.rulebook.lint import lint as linted
from stream_app.rulebook.load import Loaded

_EXPLAINED = "\b\nCodes:\n" + "\n".join(f"  {code}  {title}" for code, title in CODES.items())


@click.command(epilog=_EXPLAINED)
@folder_argument
@rule_option
@click.option(
    "--sample",
    "samples",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False),
    help="A file of records, as `replay` reads them: filters that want most of it are told of. May be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
def lint(folder: str | None, rules: tuple[str, ...], samples: tuple[str, ...], *, as_json: bool) -> None:
    """Look for what is probably not meant in FOLDER's rules (default: STREAM_APP_RULES), which all run.

    A finding has a code, a place, a reason and a mend. What is right as it is stands in accepted.toml beside the rule:
    [[accept]] with code, reason and, to narrow it, attribute or text. What is accepted and not found is a finding too.
    """
    read = loaded(folder)
    asked = chosen(read, rules)
    accepted = accepted_beside({rule_id: read.documents[rule_id] for rule_id in asked})
    found = [*linted(read, asked), *(_sampled(read, asked, samples) if samples else ())]
    findings = [*left(found, accepted, [code for code in CODES if samples or code != MOST_EVENTS])]
    if as_json:
        click.echo(msgspec.json.encode({"rules": asked, "findings": [_plain(each) for each in findings]}))
    else:
        for each in findings:
            click.echo(each.render())
        noted = sum(map(len, accepted.values()))
        click.echo(f"{counted(len(asked), 'rule')}: {counted(len(findings), 'finding')}, {noted} accepted")
    if findings:
        raise click.exceptions.Exit(FAILED)


def _sampled(read: Loaded, rules: Iterable[str], samples: tuple[str, ...]) -> Iterable[Finding]:
    """Count what filters want of the records of the files."""
    sample = Sample(read, rules)
    done = 0
    screen = Screen()
    with screen.progress("reading", size_of(samples)) as bar:
        for path in samples:
            for record in read_records(path, screen.say):
                sample.take(record.value)
                bar.advance(done + record.read)
            done += Path(path).stat().st_size
    return sample.findings()


def _plain(finding: Finding) -> dict[str, object]:
    """Give a finding as plain values."""
    at = finding.diagnostic
    return {
        "code": finding.code,
        "rule": finding.rule,
        "path": at.path,
        "line": at.line,
        "column": at.column,
        "reason": at.message,
        "mend": finding.mend,
        "attribute": finding.attribute,
        "text": finding.text,
    }
