"""``stream-app rules fmt``: rule files in one order and spacing."""

from pathlib import Path

import click

from stream_app.cli.failure import FAILED, Failure
from stream_app.cli.rulefolder import folder_argument, folder_of
from stream_app.cli.screen import counted
from stream_app.language.diagnostics import Diagnostic, LanguageError
from stream_app.rulebook.document import parse_document, read_text
from stream_app.rulebook.layout import laid_out


@click.command()
@folder_argument
@click.option("--check", is_flag=True, help="Change nothing; end with status 1 if a file is laid out otherwise.")
def fmt(folder: str | None, *, check: bool) -> None:
    """Lay out the rule files of FOLDER (default: STREAM_APP_RULES): keys and tables in order, one blank line between.

    Comments and values, queries among them, stay as they are written. Rules need not be right, but TOML.
    """
    problems: list[Diagnostic] = []
    changed: dict[Path, str] = {}
    files = [path for path in sorted(Path(folder_of(folder)).glob("*/*.toml")) if path.stem == path.parent.name]
    for path in files:
        try:
            document = parse_document(path.as_posix(), read_text(path))
        except LanguageError as error:
            problems += error.diagnostics
            continue
        text = laid_out(document)
        if text != document.text:
            changed[path] = text
    if problems:
        raise LanguageError(problems)
    for path, text in changed.items():
        click.echo(path.as_posix())
        if not check:
            _write(path, text)
    verb = "would be laid out anew" if check else "laid out anew"
    click.echo(f"{len(changed)} of {counted(len(files), 'rule file')} {verb}", err=True)
    if check and changed:
        raise click.exceptions.Exit(FAILED)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror}") from error
