"""``python -m tests.benchmarks``: what a record costs, beside a raw loop and beside naive Faust. See --help."""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker, LocalBrokerUnavailable
from tests.benchmarks.bench import WARM_UP, Bench
from tests.benchmarks.machine import ROOT, machine
from tests.benchmarks.records import SHAPES, SIZE, Made, Mix, records
from tests.benchmarks.results import DECODE, NAIVE, OURS, RAW, Result, as_json, table, threads
from tests.benchmarks.sampling import summary
from tests.benchmarks.standing import COMMIT_INTERVAL, RunFailed, Used

if TYPE_CHECKING:
    from tests.benchmarks.reading import Read

USUAL = 0.01
"""The match rate of job J, at which the yardsticks, naive Faust and the profile run too."""

KEPT = ROOT / ".bench"


YARDSTICKS = {RAW: "raw", DECODE: "decode"}


def make(count: int, shape: str, rate: float) -> list[Made]:
    """Make the records of one match rate, and before them those that warm a worker up."""
    start = int(time.time() * 1000) - count // 10
    warm = records(WARM_UP, Mix(shape=shape, rate=max(rate, USUAL), seed=1, start=start))
    return [*warm, *records(count, Mix(shape=shape, rate=rate, start=start))]


def say(text: str) -> None:
    """Tell how far it is, beside the table."""
    click.echo(text, err=True)


def measure(bench: Bench, count: int, naive_count: int, rates: list[float], repeats: int) -> list[Result]:
    """Measure everything, the kinds in turn within each repeat, so that a slow minute meets all of them."""
    naive: list[Used] = []
    read: dict[str, list[Read]] = {title: [] for title in YARDSTICKS}
    worked: dict[float, list[Used]] = {rate: [] for rate in rates}
    for number in range(repeats):
        made = make(count, bench.shape, USUAL)
        for title, found in zip(
            YARDSTICKS, bench.yardsticks(f"raw-{number}", made, [*YARDSTICKS.values()]), strict=True
        ):
            read[title].append(found)
        if naive_count:
            naive.append(bench.naive(f"naive-{number}", made[: WARM_UP + naive_count]))
        say(f"{number + 1} of {repeats}: yardsticks done")
        for place, rate in enumerate(rates):
            if rate != USUAL:
                made.clear()  # at most one lot in memory
                made = make(count, bench.shape, rate)
            worked[rate].append(bench.worker(f"worker-{number}-{place}", made))
            say(f"{number + 1} of {repeats}: {rate:.1%} done")
    return [
        *(Result(what=title, rate=None, runs=runs) for title, runs in read.items()),
        *([Result(what=NAIVE, rate=USUAL, runs=naive)] if naive else []),
        *(Result(what=OURS, rate=rate, runs=runs) for rate, runs in worked.items()),
    ]


def report(results: list[Result], facts: dict[str, str], shape: str) -> str:
    """Give the table, what it ran on, and what its numbers are."""
    lines = [table(results), "", ", ".join(f"{name} {value}" for name, value in facts.items()), ""]
    lines.append(
        f"{shape} records of {SIZE} bytes, 4 partitions. CPU is of the whole process, user and system, from the first "
        "record to the last commit, start-up not in it; medians. A run ends when every record is read, every match "
        f"counted, every incident out and every offset committed (each {COMMIT_INTERVAL} s, which is in records/s)."
    )
    ours = [each for each in results if each.what == OURS]
    lines += [f"By thread at {each.rate or 0:.1%}, CPU µs/record: {threads(each)}." for each in ours]
    return "\n".join(lines)


def profile(bench: Bench, count: int, rate: float, kept: Path) -> str:
    """Say where our worker's time goes, and keep the stacks for a flame graph."""
    used, stacks = bench.profile(f"profile-{rate * 1000:.0f}", make(count, bench.shape, rate))
    kept.write_bytes(stacks.read_bytes())
    return (
        f"\nWhere the main thread's time goes at {rate:.1%} matches (stacks for a flame graph: {kept}):\n\n"
        f"{summary(kept.read_text().splitlines())}\n\n"
        f"By thread, CPU µs/record: {threads(Result(what=OURS, rate=rate, runs=[used]))}."
    )


@click.command()
@click.option("--records", "count", type=click.IntRange(1000), default=300_000, show_default=True, help="Of each run.")
@click.option(
    "--naive-records", type=click.IntRange(0), default=20_000, show_default=True, help="0: without naive Faust."
)
@click.option(
    "--rate", "percents", type=click.FloatRange(0, 100), multiple=True, default=(0.1, 1, 10, 100), show_default=True,
    help="Percent of the records that match; may be given several times.",
)  # fmt: skip
@click.option("--repeats", type=click.IntRange(0), default=3, show_default=True, help="Runs of each kind; 0: none.")
@click.option("--shape", type=click.Choice(SHAPES), default=SHAPES[0], show_default=True, help="Of the records.")
@click.option(
    "--json", "path", type=click.Path(path_type=Path), help="Where all goes for programs.  [default: .bench/…]"
)
@click.option(
    "--profile", "profiled", type=click.FloatRange(0, 100), multiple=True, metavar="PERCENT",
    help="Also say where our worker's time goes at this match rate, in one more run; may be given several times.",
)  # fmt: skip
def main(  # noqa: PLR0913 - an option each
    *,
    count: int,
    naive_records: int,
    percents: tuple[float, ...],
    repeats: int,
    shape: str,
    path: Path | None,
    profiled: tuple[float, ...],
) -> None:
    """Measure CPU per record of job J on a real Kafka on this machine: records in, incidents out, offsets committed.

    The same records go through a loop that does nothing, the same with the seed rule by hand, stock Faust, and our
    worker. Prints a table in Markdown; needs Linux. Ends with 1 if a run did not do all of its work.
    """
    KEPT.mkdir(exist_ok=True)
    path = path or KEPT / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, LocalBroker(Path(folder) / "kafka") as broker:
            connection = Connection(bootstrap_servers=broker.bootstrap_servers)
            bench = Bench(connection=connection, folder=Path(folder), shape=shape)
            if repeats:
                facts = machine()
                results = measure(bench, count, naive_records, [percent / 100 for percent in percents], repeats)
                path.write_bytes(as_json(results, {**facts, "shape": shape, "bytes": SIZE}))
                click.echo(report(results, facts, shape))
                say(f"written to {path}")
            for percent in profiled:
                click.echo(profile(bench, count, percent / 100, KEPT / f"profile-{percent:g}.stacks"))
    except (RunFailed, LocalBrokerUnavailable) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
