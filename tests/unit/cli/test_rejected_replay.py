"""Options of ``stream-app rejected replay`` that would have no effect are refused, before any broker is asked."""

from click.testing import CliRunner

from stream_app.cli.main import cli


def test_a_rule_alone_chooses_nothing() -> None:
    """What one rule refused was counted by the others: it is replayed only where that is asked for."""
    done = CliRunner().invoke(cli, ["rejected", "replay", "--rule", "PH_Rule_SIGMA_1774"])
    assert (2, True) == (done.exit_code, "add --even-counted" in done.stderr), done.output
