"""Words of a deployment file in, the command that they mean out."""

import importlib

import click

from stream_app.cli.main import COMMANDS


def resolve(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """Give the command that words mean, and the words that are left for it; None where there is none."""
    if words[0] not in COMMANDS:
        return None, words
    command: click.Command = importlib.import_module(f"stream_app.cli.{words[0]}").command
    rest = words[1:]
    while isinstance(command, click.Group):
        inner = command.commands.get(rest[0]) if rest else None
        if inner is None:
            return (command, rest) if command.invoke_without_command else (None, words)
        command, rest = inner, rest[1:]
    return command, rest
