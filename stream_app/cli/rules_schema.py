"""``stream-app rules schema``: the JSON schema of rule files, for editors."""

from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from stream_app.rulebook.declared import ATTRIBUTES, read_declared
from stream_app.rulebook.document import parse_document, read_text
from stream_app.rulebook.schema import rule_schema


@click.command()
@click.option(
    "--rules",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of rules: the attributes that its attributes.toml declares are known too.",
)
def schema(folder: Path | None) -> None:
    """Print the JSON schema of a rule file, by which an editor completes keys and checks values while one types."""
    path = None if folder is None else folder / ATTRIBUTES
    there = path is not None and path.exists()
    declared = read_declared(parse_document(path.as_posix(), read_text(path))) if path and there else {}
    click.echo(schema_text(declared), nl=False)


def schema_text(declared: Iterable[str] = ()) -> str:
    """Give the schema; without declared attributes it lies in the package."""
    return msgspec.json.format(msgspec.json.encode(rule_schema(declared)), indent=2).decode() + "\n"
