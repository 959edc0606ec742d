"""What process context costs and what it finds, over real records and without Kafka.

Goes in: the rule that the project starts from, the real records. Comes out: µs of CPU a record of the worker's screen
with and without the option, in turns, with what storing the rows takes but for Kafka itself; and how many connections
are joined, capture by capture, since the file is several captures one behind the other that overlap in time.
"""

import gc
import time
from collections.abc import Sequence
from typing import Any, cast

import click
from confluent_kafka import Message
from faust.types import TP
from msgspec import Struct

from stream_app.engine.joined import Replayed
from stream_app.engine.process_context import Joining
from stream_app.engine.record import Record
from stream_app.engine.replay import Tally, replay
from stream_app.kafka.batch import Batch, Passed
from stream_app.kafka.contexts import Contexts
from stream_app.kafka.counters import Counters
from stream_app.kafka.recovery import Recovered
from stream_app.kafka.rows import RowPartitions
from stream_app.kafka.screening import screen_of
from stream_app.rulebook.rule import Rulebook
from tests.benchmarks.datasets import CAPTURE, DataMissing, have_real, real
from tests.benchmarks.screening import MAX_BYTES, Unread, messages_of
from tests.corpus import seed_rulebook

POLL = 1_000


class Cost(Struct):
    """µs of CPU a record, round by round."""

    off: list[float] = []
    on: list[float] = []
    rows: int = 0
    row_bytes: int = 0


class Nowhere:
    """Stands in for the producer: nothing is sent."""

    def check(self) -> None:
        """Find nothing."""

    def send_all(self, *_: object, **__: object) -> None:
        """Drop records."""


def nothing(_: object) -> None:
    """Hear of nothing."""


def once(rulebook: Rulebook, messages: Sequence[Message], *, joins: bool) -> tuple[float, dict[bytes, bytes]]:
    """Screen all messages, poll by poll; give µs a record, and the rows."""
    counters, held = Counters(), RowPartitions("changelog", nothing)
    rows: dict[bytes, bytes] = {}
    contexts = Contexts(Joining(), "topic", held, counters, settled=lambda _: 0, fail=nothing)
    for number in range(4):
        state = Recovered(rows=dict[bytes, bytes](), end=0)
        held.put(number, state)
        contexts.prepare(number, state.rows)
    screen = screen_of(rulebook, "topic", MAX_BYTES, cast("Any", Unread()), contexts if joins else None)
    gc.collect()
    began = time.process_time()
    for start in range(0, len(messages), POLL):
        passed: dict[int, list[Passed]] = {}
        for message in messages[start : start + POLL]:
            found = screen(message)
            if found is not None:
                passed.setdefault(message.partition() or 0, []).append((message, found, 0))
        if joins:
            for number, records in passed.items():
                contexts.handle(Batch(cast("Any", Nowhere()), TP("sysmon", number), records, 0))
    spent = (time.process_time() - began) / len(messages) * 1e6
    for number in range(4):
        rows.update(held.rows(number).items())
    return spent, rows


def cost(rulebook: Rulebook, messages: Sequence[Message], rounds: int) -> Cost:
    """Measure in turns."""
    found = Cost(off=[], on=[])
    for _ in range(rounds):
        found.off.append(once(rulebook, messages, joins=False)[0])
        spent, rows = once(rulebook, messages, joins=True)
        found.on.append(spent)
        found.rows, found.row_bytes = len(rows), sum(len(key) + len(row) for key, row in rows.items())
    return found


def joined(rulebook: Rulebook) -> list[Replayed]:
    """Join the connections of each capture by itself. Raises DataMissing."""
    values = [each.value for each in real("nxlog")]
    lines = CAPTURE.with_name(CAPTURE.name.replace(".jsonl.gz", ".sources.tsv")).read_text().splitlines()[1:]
    found = []
    for first, last in ((int(line.split("\t")[0]), int(line.split("\t")[1])) for line in lines):
        records = [Record("sysmon", 0, at, at, value) for at, value in enumerate(values[first - 1 : last])]
        tally = Tally()
        for _ in replay(rulebook, records, sources=None, tally=tally, joining=Joining()):
            pass
        assert tally.joins is not None
        found.append(tally.joins)
    return found


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="The best of them counts.")
@click.option("--records", type=click.IntRange(1000), default=60_000, show_default=True, help="Real ones of a round.")
def main(*, rounds: int, records: int) -> None:
    """Measure process context over real records: µs of CPU a record with and without, and who is joined."""
    if not have_real():
        raise click.ClickException(str(DataMissing("the real records are not beside the checkout")))
    rulebook = seed_rulebook()
    found = cost(rulebook, messages_of("nxlog", records), rounds)
    off, on = min(found.off), min(found.on)
    click.echo(
        f"| records | off, µs | on, µs | ratio | processes | bytes a process |\n"
        f"| --- | --- | --- | --- | --- | --- |\n"
        f"| {records:,} | {off:.2f} | {on:.2f} | {on / off:.2f} | {found.rows:,} | {found.row_bytes / found.rows:.0f} |"
    )
    each = joined(rulebook)
    inside, done = sum(one.inside for one in each), sum(one.joined for one in each)
    click.echo(
        f"\n{len(each)} captures, {sum(one.connections for one in each):,} connections, {inside:,} of a process that "
        f"starts in the capture, {done:,} of them joined ({done / inside:.1%})."
    )
