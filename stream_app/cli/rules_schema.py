"""``stream-app rules schema``: the JSON schema of rule files, for editors."""

import click
import msgspec

from stream_app.rulebook.schema import rule_schema


@click.command()
def schema() -> None:
    """Print the JSON schema of a rule file, by which an editor completes keys and checks values while one types."""
    click.echo(schema_text(), nl=False)


def schema_text() -> str:
    """Give the schema as it lies in the package."""
    return msgspec.json.format(msgspec.json.encode(rule_schema()), indent=2).decode() + "\n"
