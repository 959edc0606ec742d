"""``python -m tests.faults``: real Kafka, worker processes, a live producer, faults, and an oracle. See --help."""

import random
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path

import click
import msgspec

from tests.faults.ground import Ground, cluster, single
from tests.faults.kinds import KINDS, SECONDS
from tests.faults.load import Load
from tests.faults.oracle import Verdict
from tests.faults.stage import Stage

SHORT = {"kill": (1, 2), "terminate": (1, 2), "freeze": (1, 1), "broker": (1, 1)}
LONG = {
    "none": (1, 2),
    "kill": (12, 9),
    "take-over": (3, 2),
    "terminate": (4, 4),
    "join-leave": (4, 6),
    "slow-recovery": (3, 6),
    "freeze": (6, 4),
    "broker": (5, 4),
    "never-committed": (3, 3),
    "discard": (2, 3),
    "cluster": (2, 2),
}
"""Kind to (runs, faults a run)."""

HINDERED = {"discard": "tests.faults.discarding", "slow-recovery": "tests.faults.recovering"}
"""Kinds whose workers are the product with one thing made worse."""


class Row(msgspec.Struct):
    """The sum of one kind's runs."""

    kind: str
    runs: int = 0
    faults: int = 0
    records: int = 0
    matches: int = 0
    missing: int = 0
    extra: int = 0
    wrong: int = 0
    duplicates: int = 0
    recovery: list[float] = msgspec.field(default_factory=list)
    broken: int = 0
    """Runs that could not be judged."""

    def add(self, verdict: Verdict) -> None:
        """Add one run."""
        self.runs += 1
        self.faults += len(verdict.recovery)
        self.recovery += verdict.recovery
        for name in ("records", "matches", "missing", "extra", "wrong", "duplicates"):
            setattr(self, name, getattr(self, name) + getattr(verdict, name))

    def cells(self) -> list[str]:
        """Give the row as the table shows it."""
        waits = f"{statistics.median(self.recovery):.1f} / {max(self.recovery):.1f}" if self.recovery else "-"
        numbers = (self.runs, self.faults, self.records, self.matches, self.missing, self.extra, self.wrong)
        kind = f"{self.kind} ({self.broken} not judged)" if self.broken else self.kind
        return [kind, *map(str, numbers), str(self.duplicates), waits]


HEAD = ["kind", "runs", "faults", "records", "matches", "missing", "extra", "wrong", "repeats", "wait s (median / max)"]


def run(kind: str, stage: Stage, seed: int, times: int, rate: int) -> Verdict:
    """Do one run of a kind."""
    chance = random.Random(seed)
    load = Load(stage.connection, stage.names.sysmon, seed, rate, SECONDS[kind] * times + 3)
    try:
        for _ in range(2):
            stage.worker()
        if kind != "never-committed":
            stage.ready()
        load.start()
        KINDS[kind](stage, chance, times)
        load.finish()
        verdict = stage.audit(load)
        if not verdict.good:
            click.echo(f"{stage.name}: see {stage.trace(load)}", err=True)
        return verdict
    finally:
        stage.close()


def staged(kind: str, number: int, ground: Ground, folder: Path) -> Stage:
    """Set a run up: every third goes through the round trip, every fourth has 32 partitions, every second RocksDB."""
    name = f"{kind}-{number}"
    return Stage(
        ground,
        folder / name,
        name,
        partitions=32 if number % 4 == 3 else 4,
        slow=number % 3 == 2,
        module=HINDERED.get(kind, "stream_app"),
        settings={"store": "rocksdb" if number % 2 else "memory"},
    )


def table(rows: list[Row]) -> str:
    """Give a table in Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


@click.command()
@click.option(
    "--long", "long_form", is_flag=True, help="All kinds, many runs, under two hours; without it a short form."
)
@click.option("--kinds", default="", help=f"Only these, with commas: {', '.join(KINDS)}.")
@click.option("--seed", type=int, default=None, help="Repeat a run's choices; without it a new seed, which is printed.")
@click.option("--rate", default=400, show_default=True, help="Records a second.")
@click.option("--folder", type=click.Path(path_type=Path), default=None, help="Where logs go and stay.")
def main(long_form: bool, kinds: str, seed: int | None, rate: int, folder: Path | None) -> None:  # noqa: FBT001 - click
    """Kill, pause, restart and move workers and brokers, and count what came out against what went in.

    Ends with 1 if a match is missing, counted twice, or told in two ways, or a run could not be judged; logs stay.
    """
    seed = random.SystemRandom().randrange(1 << 30) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix="faults-")) if folder is None else folder.absolute()
    if folder.is_dir() and any(folder.iterdir()):
        raise click.BadParameter(
            f"{folder} is not empty: what an earlier run left there would count", param_hint="--folder"
        )
    plan = LONG if long_form else SHORT
    wanted = {kind: plan.get(kind, (1, 2)) for kind in (kinds.split(",") if kinds else plan)}
    click.echo(f"seed {seed}, logs in {folder}", err=True)
    chance = random.Random(seed)
    rows = []
    for kind, (runs, times) in wanted.items():
        ground = cluster(folder / "cluster") if kind == "cluster" else single(folder / f"kafka-{kind}")
        row = Row(kind)
        rows.append(row)
        try:
            ground.start()
            for number in range(runs):
                began, run_seed = time.monotonic(), chance.randrange(1 << 30)
                stage = staged(kind, number, ground, folder)
                try:
                    verdict = run(kind, stage, run_seed, times, rate)
                except Exception:  # noqa: BLE001 - the other runs are still worth having
                    row.broken += 1
                    click.echo(f"{stage.name}: {traceback.format_exc()}", err=True)
                    continue
                row.add(verdict)
                click.echo(f"{stage.name}: {verdict} in {time.monotonic() - began:.0f} s", err=True)
        finally:
            ground.stop()
    click.echo(table(rows))
    sys.exit(any(row.missing or row.extra or row.wrong or row.broken for row in rows))


if __name__ == "__main__":
    main()
