"""``stream-app rejected``: the rejected topic, read as it grows: what was not counted, why, and where it lies."""

import click

from stream_app.cli.environment import settings
from stream_app.cli.following import show
from stream_app.cli.rejected_replay import replay
from stream_app.cli.screen import Screen
from stream_app.engine.rejection import BadRejection, decode_rejection
from stream_app.service import parts


@click.group(name="rejected", invoke_without_command=True)
@click.option("--reason", help="Only what was rejected for this reason, such as late, suppressed, 'not json'.")
@click.option("--rule", help="Only what one rule's match was rejected for: the rule's id.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it lies on the topic.")
@click.option("--all", "from_beginning", is_flag=True, help="Begin with what the topic already holds.")
@click.pass_context
def command(ctx: click.Context, *, reason: str | None, rule: str | None, as_json: bool, from_beginning: bool) -> None:
    """Show what was rejected, or suppressed by a rule's exception, as it comes, until Ctrl-C."""
    if ctx.invoked_subcommand is not None:
        if any((reason, rule, as_json, from_beginning)):
            raise click.UsageError(f"options of `rejected {ctx.invoked_subcommand}` stand behind it")
        return
    given = settings()
    screen = Screen(json=as_json)

    def each(value: bytes) -> None:
        try:
            rejection = decode_rejection(value)
        except BadRejection as bad:
            screen.say(f"stream-app: a record that is no rejection is left out: {bad}", "red")
            return
        if reason in {None, rejection.reason} and rule in {None, rejection.rule}:
            screen.rejection(value, rejection)

    show(parts.connection(given), parts.names(given).rejected, each, from_beginning=from_beginning)


command.add_command(replay)
