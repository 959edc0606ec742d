"""A folder of rules as its author's commands read it: with the settings of workers, but every change is said.

Decision: cases show each decision, so the setting for records of one incident is left aside; a rule's own is not.
"""

from pathlib import Path

import click
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.rulebook.load import Loaded, load_folder
from stream_app.rulebook.rulefile import Defaults
from stream_app.service import parts


def author_defaults() -> Defaults:
    """Give the options of rules that do not set their own. Raises SettingsError."""
    return replace(parts.defaults(settings()), update_interval=0)


def folder_of(given: str | None) -> str:
    """Give the folder that is meant: STREAM_APP_RULES where none is given. Raises SettingsError."""
    return given or settings().rules


def loaded(folder: str | None) -> Loaded:
    """Load the folder. Raises LanguageError with all that is wrong in it."""
    return load_folder(Path(folder_of(folder)), author_defaults())


def chosen(read: Loaded, rules: tuple[str, ...]) -> tuple[str, ...]:
    """Give the ids of the rules that are asked for, all where none is. Raises UsageError for one that is not there."""
    for rule_id in rules:
        if rule_id not in read.rulebook.rules:
            raise click.UsageError(f"no rule {rule_id!r}; there are {', '.join(sorted(read.rulebook.rules))}")
    return tuple(rule_id for rule_id in sorted(read.rulebook.rules) if not rules or rule_id in rules)


folder_argument = click.argument("folder", required=False)
rule_option = click.option("--rule", "rules", multiple=True, metavar="ID", help="Only this rule; may be given again.")
