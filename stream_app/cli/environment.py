"""What a command takes from its environment, and how its help says so."""

import os

import click

from stream_app.service.settings import FILE_SUFFIX, Settings, read_settings, settings_table


def settings() -> Settings:
    """Read the settings of this process. Raises SettingsError with every mistake."""
    return read_settings(os.environ)


class SettingsCommand(click.Command):
    """A command whose help ends with every setting."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of settings behind the options."""
        with formatter.section("Settings, from the environment"):
            formatter.write_dl(
                [
                    (row.variable + (f" (or {FILE_SUFFIX})" if row.secret else ""), described(row.field))
                    for row in settings_table()
                ]
            )
        super().format_epilog(ctx, formatter)


def described(field: str) -> str:
    """Say what a setting is, what it may be and what it is when nothing is said."""
    row = next(row for row in settings_table() if row.field == field)
    default = f"; default {row.default}" if row.default else ""
    return f"{row.description} ({row.allowed}{default})"
