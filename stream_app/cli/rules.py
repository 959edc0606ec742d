"""``stream-app rules``: a folder of rules, read as a worker reads it."""

from pathlib import Path

import click
import msgspec

from stream_app.cli import (
    rules_coverage,
    rules_diff,
    rules_explain,
    rules_export,
    rules_fmt,
    rules_import,
    rules_lint,
    rules_new,
    rules_publish,
    rules_schema,
    rules_status,
    rules_test,
)
from stream_app.cli.environment import settings
from stream_app.cli.screen import counted
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.accepted import ACCEPTED, read_accepted
from stream_app.rulebook.cases import CASES, load_cases
from stream_app.rulebook.document import parse_document, read_text
from stream_app.service import parts


@click.group(name="rules")
def command() -> None:
    """Look at rules, take them over from other systems, and give them to those."""


for each in (
    rules_test.test,
    rules_coverage.coverage,
    rules_lint.lint,
    rules_explain.command,
    rules_diff.command,
    rules_new.new,
    rules_fmt.fmt,
    rules_schema.schema,
    rules_import.command,
    rules_export.command,
    rules_publish.command,
    rules_status.command,
):
    command.add_command(each)


@command.command()
@click.argument("folder", required=False)
def check(folder: str | None) -> None:
    """Read every rule, its cases and what it accepts in FOLDER (default: STREAM_APP_RULES); print every mistake.

    A warning is no mistake: the rule runs, but a record may take long in it. A note says why a rule costs more than
    others do.
    """
    given = settings()
    given = msgspec.structs.replace(given, rules=folder) if folder else given
    problems: list[Diagnostic] = []
    warnings: list[Diagnostic] = []
    notes: list[Diagnostic] = []
    rules, cases, lists = 0, 0, set[str]()
    try:
        read = parts.rulebook(given).rules.values()
        rules = len(read)
        lists.update(filling.name for rule in read for filling in rule.watch_lists)
        asked = [subpattern for rule in read for subpattern in rule.subpatterns]
        warnings.extend(warning for subpattern in asked for warning in subpattern.filter.hazards)
        notes.extend(note for subpattern in asked for note in subpattern.notes)
        notes.extend(note for rule in read if rule.join is not None for note in rule.join.notes)
    except LanguageError as error:
        problems.extend(error.diagnostics)
    for path in sorted(Path(given.rules).glob("*/*.toml")):
        try:
            cases += len(load_cases(path)) if path.name == CASES else 0
            if path.name == ACCEPTED:
                read_accepted(parse_document(path.as_posix(), read_text(path)))
        except LanguageError as error:
            problems.extend(error.diagnostics)
    if problems:
        raise LanguageError(problems)
    for kind, said in (("warning", warnings), ("note", notes)):
        for each in sorted(said, key=lambda each: (each.path, each.line, each.column)):
            click.echo(msgspec.structs.replace(each, message=f"{kind}: {each.message}").render(), err=True)
    noted = f", {counted(len(warnings), 'warning')}" if warnings else ""
    listed = f", {counted(len(lists), 'watch list')}" if lists else ""
    read_all = f"{counted(rules, 'rule')} and {counted(cases, 'case')} read{listed}"
    click.echo(f"{given.rules}: {read_all}, nothing wrong{noted}")
