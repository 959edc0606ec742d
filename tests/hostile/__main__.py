"""``python -m tests.hostile``: records that nobody should send, through a worker on real Kafka. See --help."""

import random
import sys
import tempfile
from pathlib import Path

import click

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker
from tests.hostile.run import Outcome, Stalled, run


def told(outcome: Outcome) -> str:
    """Give a run's numbers for a person."""
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in outcome.reasons.items())
    seeds = "real captures and records of our own" if outcome.real else "records of our own: no captures here"
    return "\n".join(
        (
            f"{outcome.sent:,} records sent ({outcome.size / 1e6:,.0f} MB), made of {seeds}",
            f"{outcome.read:,} read + {outcome.rejected:,} rejected = {outcome.read + outcome.rejected:,}",
            f"on the rejected topic: {reasons}",
            f"{outcome.matches:,} matches = {outcome.counted:,} counted + {outcome.late:,} late",
            f"{outcome.incidents:,} incidents",
            f"{outcome.seconds:,.0f} s, the longest without a commit {outcome.longest_wait:.1f} s",
            f"{outcome.memory / 1e6:,.0f} MB of memory at most in the worker",
            f"0 crashes, 0 stalls, {outcome.wrong:,} discrepancies",
        )
    )


@click.command()
@click.option("--records", default=1_000_000, show_default=True, help="How many to send.")
@click.option("--seed", type=int, default=None, help="Repeat a run's records; without it a new seed, which is printed.")
@click.option("--folder", type=click.Path(path_type=Path), default=None, help="Where broker and logs go and stay.")
def main(records: int, seed: int | None, folder: Path | None) -> None:
    """Send records that are cut, nested, huge, mistyped and worse, and account for each of them.

    Every one is read or is on the rejected topic with its reason, as `normalise` says of its bytes; offsets are
    committed to the end, and incidents count every match. Ends with 1 on any discrepancy, a crash or a stall.
    """
    seed = random.SystemRandom().randrange(1 << 30) if seed is None else seed
    folder = folder or Path(tempfile.mkdtemp(prefix="hostile-"))
    click.echo(f"seed {seed}, logs in {folder}", err=True)
    with LocalBroker(folder / "kafka") as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        try:
            outcome = run(
                connection, folder, "hostile", count=records, seed=seed, say=lambda text: click.echo(text, err=True)
            )
        except Stalled as error:
            click.echo(str(error), err=True)
            sys.exit(1)
    click.echo(told(outcome))
    for line in outcome.said:
        click.echo(line)
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main()
