"""``python -m tests.benchmarks``: what records cost, beside a raw loop and beside naive Faust. See --help."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import msgspec

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker, LocalBrokerUnavailable
from tests.benchmarks import compare, context, importing, latency, page, recovery, running, scale, screening
from tests.benchmarks.bench import Bench
from tests.benchmarks.datasets import DATA, REAL, DataMissing, have_real
from tests.benchmarks.flame import flame
from tests.benchmarks.jobs import JOB_J, USUAL, Job, JobType, Lots, usual_jobs
from tests.benchmarks.machine import ROOT, machine, place
from tests.benchmarks.records import SHAPES
from tests.benchmarks.results import OURS, Result, as_json, threads
from tests.benchmarks.rulesets import FROM_OUTSIDE, RULES, SEED
from tests.benchmarks.sampling import summary
from tests.benchmarks.standing import RunFailed

KEPT = ROOT / ".bench"
CLEAN = {"log.retention.check.interval.ms": "5000", "log.segment.delete.delay.ms": "1000"}
"""A long run removes records while it sends others, and a topic that is removed frees the disk at once."""
SCREENED = ("seed", FROM_OUTSIDE, "generated-1000", "sigma-1872")
PACED = {False: 200_000, True: 1}
"""Records that are sent at a rate, again and again."""
COMPARED = ("fortisiem:seed:1", "nxlog:seed", "nxlog:converted-72")

records_option = click.option(
    "--records", type=click.IntRange(1000), default=300_000, show_default=True, help="Generated ones of each run."
)
real_option = click.option(
    "--real-records", type=click.IntRange(1000), default=120_000, show_default=True, help="Real ones of each run."
)
budget_option = click.option(
    "--budget", default=4.0, show_default=True,
    help="Seconds of screening that a run may take: where many rules make records dear it gets fewer of them.",
)  # fmt: skip
json_option = click.option(
    "--json", "path", type=click.Path(path_type=Path), help="Where all goes for programs.  [default: .bench/…]"
)


def say(text: str) -> None:
    """Tell how far it is, beside the table."""
    click.echo(text, err=True)


def kept(kind: str, path: Path | None, content: bytes) -> None:
    """Write what was measured where it was asked for, or among the others."""
    KEPT.mkdir(exist_ok=True)
    path = path or KEPT / f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_bytes(content)
    say(f"written to {path}")


@contextmanager
def ground() -> Iterator[tuple[Bench, Path]]:
    """Give a broker and a folder; what goes wrong with a run is said in a line."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as folder,
            LocalBroker(Path(folder) / "kafka", config=CLEAN) as broker,
        ):
            connection = Connection(bootstrap_servers=broker.bootstrap_servers)
            yield Bench(connection=connection, folder=Path(folder)), Path(folder) / "rules"
    except (RunFailed, LocalBrokerUnavailable, DataMissing) as error:
        raise click.ClickException(str(error)) from error


@click.group()
def main() -> None:
    """Measure what records cost, on a real Kafka on this machine or without any. Needs Linux."""


@main.command()
@click.option(
    "--job", "jobs", type=JobType(), multiple=True,
    help="What a worker does, such as fortisiem:seed:1 or nxlog:sigma-1872; several.  [default: all]",
)  # fmt: skip
@records_option
@real_option
@budget_option
@click.option(
    "--naive-records", type=click.IntRange(0), default=20_000, show_default=True, help="0: without naive Faust."
)
@click.option(
    "--latency-seconds", type=click.FloatRange(0), default=15.0, show_default=True,
    help="Of each of three shares of capacity; 0: without latency.",
)  # fmt: skip
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True, help="Runs of each kind.")
@json_option
def run(  # noqa: PLR0913 - an option each
    *,
    jobs: tuple[Job, ...],
    records: int,
    real_records: int,
    budget: float,
    naive_records: int,
    latency_seconds: float,
    repeats: int,
    path: Path | None,
) -> None:
    """Measure workers: records in, incidents out, offsets committed, beside loops that only read.

    The same records go through a loop that does nothing, one with the seed rule by hand, stock Faust, and our worker;
    then the time from record to incident, as the command latency has it. Prints tables in Markdown.
    Ends with 1 if a run did not do all of its work.
    """
    usual, without = usual_jobs()
    if not jobs and without:
        say(without)
    with ground() as (bench, rules):
        facts = machine()
        lots = Lots(rules, {False: records, True: real_records}, budget)
        plan = running.Plan(jobs=jobs or usual, repeats=repeats, naive=naive_records)
        results = running.measure(bench, lots, plan, say)
        click.echo(running.report(results, facts))
        late = None
        if latency_seconds:
            course, job = latency.Course(seconds=latency_seconds), Job(SHAPES[1], SEED, USUAL)
            late = latency.measure(bench, Lots(rules, PACED, 0.0), job, course, say)
            click.echo(f"\n{late.report()}")
    kept("run", path, as_json(results, {**facts, "latency": late}))


@main.command()
@click.option("--rules", multiple=True, type=click.Choice(RULES), default=RULES, help="Several.  [default: all]")
@click.option("--data", multiple=True, type=click.Choice(DATA), default=DATA, help="Several.  [default: all]")
@click.option("--records", type=click.IntRange(500), default=20_000, show_default=True, help="Of each kind of data.")
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="The best of them counts.")
@click.option("--budget", default=1.5, show_default=True, help="Seconds of a cell's round; a dear one sees less.")
@json_option
def screen(  # noqa: PLR0913 - an option each
    *, rules: tuple[str, ...], data: tuple[str, ...], records: int, rounds: int, budget: float, path: Path | None
) -> None:
    """Measure the screen alone, in this process and without Kafka: µs of CPU a record, rules x data.

    It is what most records cost; use it to judge a change in seconds. Real data is left out where it is missing.
    """
    if not have_real():
        say("without real data, which lies beside the checkout in ../shared/data")
        data = tuple(each for each in data if each not in REAL)
        rules = tuple(each for each in rules if each != FROM_OUTSIDE)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            cells, loading = screening.measure(
                rules, data, screening.Extent(records=records, rounds=rounds, budget=budget), Path(folder), say
            )
    except DataMissing as error:
        raise click.ClickException(str(error)) from error
    facts = machine()
    kept("screen", path, screening.as_json(cells, loading, facts))
    click.echo(f"{screening.table(cells, loading)}\n\nCPU µs/record, {place(facts)}.")
    click.echo(screening.matched(cells))


@main.command()
@click.option("--job", type=JobType(), default=str(JOB_J[1]), show_default=True, help="What the worker does.")
@records_option
@real_option
@budget_option
def profile(*, job: Job, records: int, real_records: int, budget: float) -> None:
    """Say where a worker's time goes, by function, and leave a flame graph in .bench/."""
    KEPT.mkdir(exist_ok=True)
    with ground() as (bench, rules):
        lots = Lots(rules, {False: records, True: real_records}, budget)
        made = lots.of(job)
        used, stacks = bench.profile("profile", made, lots.rules(job), lots.said(job, made))
        lines = stacks.read_text().splitlines()
    name = KEPT / f"profile-{str(job).replace(':', '-')}"
    name.with_suffix(".stacks").write_text("\n".join(lines) + "\n")
    name.with_suffix(".html").write_text(flame(lines, f"{job}, main thread"))
    result = Result(what=OURS, data=job.data, rules=job.rules, rate=job.rate, runs=[used])
    click.echo(f"Where the main thread's time goes, {job}:\n\n{summary(lines)}\n")
    click.echo(f"{result.cost:.2f} CPU µs/record (the sampling in it); by thread: {threads(result)}.")
    click.echo(f"Flame graph: {name.with_suffix('.html')}, stacks for other viewers: {name.with_suffix('.stacks')}")


@main.command("latency")
@click.option("--seconds", default=20.0, show_default=True, help="Of each level.")
@click.option("--rate", default=1.0, show_default=True, help="Percent of the records that match.")
@click.option(
    "--capacity", type=click.FloatRange(1), help="Records a second that a worker can do.  [default: measured first]"
)
@click.option(
    "--share",
    "percents",
    multiple=True,
    default=[each * 100 for each in latency.SHARES],
    show_default=True,
    help="Percent of capacity; several.",
)
@click.option("--soak", metavar="MINUTES", type=click.FloatRange(0.1), help="Also run so long at the last share.")
@json_option
def latencies(  # noqa: PLR0913 - an option each
    *, seconds: float, rate: float, capacity: float | None, percents: tuple[float, ...], soak: float | None,
    path: Path | None,
) -> None:  # fmt: skip
    """Measure ms from a record's timestamp to its incident's arrival, at shares of capacity; and memory over a run.

    Capacity is what a worker does with records that lie ready (flat:seed); the producer is not running then, and on a
    machine with two cores it competes with worker and broker: look at what was reached.
    """
    course = latency.Course(seconds=seconds, shares=[each / 100 for each in percents], capacity=capacity, soak=soak)
    with ground() as (bench, rules):
        facts = machine()
        found = latency.measure(bench, Lots(rules, PACED, 0.0), Job(SHAPES[1], SEED, rate / 100), course, say)
    kept("latency", path, msgspec.json.encode({**facts, "latency": found}))
    click.echo(f"{found.report()}\n\n{place(facts)}.")


@main.command("page")
@click.option("--seconds", default=20.0, show_default=True, help="Of sending.")
@click.option("--rate", default=1.0, show_default=True, help="Percent of the records that match.")
@click.option(
    "--capacity",
    type=click.FloatRange(1),
    help="Records a second that a worker can do; half is sent.  [default: measured first]",
)
@json_option
def shown(*, seconds: float, rate: float, capacity: float | None, path: Path | None) -> None:
    """Measure ms from a record's timestamp until its incident is on the console's page, at half of capacity.

    A browser that shares its cores with all the others may get no turn: say a lower --capacity then.
    """
    page.need_chromium()
    job = Job(SHAPES[1], SEED, rate / 100)
    with ground() as (bench, rules):
        facts, lots = machine(), Lots(rules, PACED, 0.0)
        made, folder = list(lots.of(job)), lots.rules(job)
        if capacity is None:
            used = bench.worker("capacity", made, folder)
            capacity = used.records / used.seconds
            say(f"capacity: {capacity:,.0f} records/s")
        found = page.measure(bench, made, folder, capacity / 2, seconds)
    kept("page", path, msgspec.json.encode({**facts, "page": found}))
    click.echo(f"{page.report(found)}\n\n{job}, {place(facts)}.")


@main.command("scale")
@click.option("--job", type=JobType(), default=str(JOB_J[1]), show_default=True, help="What the workers do.")
@records_option
@real_option
@budget_option
@click.option("--repeats", type=click.IntRange(1), default=2, show_default=True, help="Runs of each size.")
@json_option
def sizes(  # noqa: PLR0913 - an option each
    *, job: Job, records: int, real_records: int, budget: float, repeats: int, path: Path | None
) -> None:
    """Measure one worker and two on 4, 16 and 64 partitions, and say what a load needs; deploy/SIZING.md quotes it."""
    with ground() as (bench, rules):
        facts = machine()
        lots = Lots(rules, {False: records, True: real_records}, budget)
        found = scale.measure(bench, lots.of(job), lots.rules(job), repeats, say)
    kept("scale", path, scale.as_json(found, facts))
    click.echo(f"{scale.table(found)}\n\n{job}, {place(facts)}.")
    click.echo(f"\n{scale.needs_table(scale.needs(found))}")


@main.command("compare")
@click.argument("base")
@click.option("--job", "jobs", type=JobType(), multiple=True, help="What a worker does; several.  [default: three]")
@click.option(
    "--rules", multiple=True, type=click.Choice(RULES), default=SCREENED, show_default=True, help="Of the screen alone."
)
@click.option("--match-only", is_flag=True, help="Only the screen, without Kafka.")
@click.option("--repeats", type=click.IntRange(1), default=4, show_default=True, help="Turns of each side.")
@records_option
@real_option
@budget_option
def side_by_side(  # noqa: PLR0913 - an option each
    *,
    base: str,
    jobs: tuple[Job, ...],
    rules: tuple[str, ...],
    match_only: bool,
    repeats: int,
    records: int,
    real_records: int,
    budget: float,
) -> None:
    """Compare this checkout with the commit BASE, in alternation: ratios below 1 say that this one is faster.

    Benchmark, rules and installed packages are this checkout's for both; only the package comes from the commit.
    """
    words = ["--rounds", "2", "--records", "10000", "--budget", "0.6", "--data", "fortisiem"]
    words += [word for each in REAL for word in ("--data", each)] + [
        word for each in rules for word in ("--rules", each)
    ]
    with tempfile.TemporaryDirectory(prefix="base-") as temporary:
        folder = Path(temporary)
        sides = [folder, ROOT]
        try:
            name = compare.extract(base, folder)
            pairs = compare.turns([partial(compare.screens, each, folder, words) for each in sides], repeats, say)
        except (compare.NoRevision, RunFailed) as error:
            raise click.ClickException(str(error)) from error
        if not match_only:
            with ground() as (bench, written):
                lots = Lots(written, {False: records, True: real_records}, budget)
                usual = [each for each in usual_jobs()[0] if str(each) in COMPARED]
                workers = compare.Workers(bench, lots, jobs or usual)
                pairs += compare.turns([partial(workers.run, each) for each in sides], repeats, say)
    facts = machine()
    kept("compare", None, msgspec.json.encode({**facts, "base": name, "pairs": pairs}))
    click.echo(f"{compare.table(pairs, name, facts['commit'])}\n\nCPU µs/record, {place(facts)}.")


main.add_command(recovery.main, "recovery")
main.add_command(context.main, "context")
main.add_command(importing.main, "import")

if __name__ == "__main__":
    main()
