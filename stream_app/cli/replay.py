"""``stream-app replay``: files through the rules without a Kafka; the incidents are those that workers would make."""

import time
from collections import Counter
from collections.abc import Iterator

import click
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.feed import addressed
from stream_app.cli.files import size_of
from stream_app.cli.screen import Bar, Screen, counted
from stream_app.engine.detect import STAGES
from stream_app.engine.joined import Replayed
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.handoff.native import to_bytes
from stream_app.kafka.guard import Guard
from stream_app.kafka.partition import partition_of
from stream_app.service import parts

SHOWN = 20
"""Rejections that are shown one by one unless all are asked for."""


@click.command(name="replay")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it would lie on the incidents topic.")
@click.option("--rules", "folder", help="Folder of the rules; default: STREAM_APP_RULES.")
@click.option(
    "--late",
    "time_moves",
    is_flag=True,
    help="Move the stream's time with the records, as among workers, so that what comes too late is rejected. "
    "Otherwise a file is taken as a whole: captures that were joined jump back in time, and nothing is late.",
)
@click.option(
    "--partitions", type=click.IntRange(1, 1000), help="Source partitions to play; default: STREAM_APP_PARTITIONS."
)
@click.option(
    "--process-context",
    "context",
    is_flag=True,
    help="Join connections with the event 1 of their process; default: STREAM_APP_PROCESS_CONTEXT.",
)
@click.option(
    "--rejected", "all_rejected", is_flag=True, help=f"Show every rejected record, not only the first {SHOWN}."
)
def command(  # noqa: PLR0913 - one for each option
    files: tuple[str, ...],
    *,
    as_json: bool,
    folder: str | None,
    time_moves: bool,
    partitions: int | None,
    context: bool,
    all_rejected: bool,
) -> None:
    """Run the records in FILE… (JSON lines, XML, gzip of either; - is standard input) through the rules."""
    given = settings()
    given = replace(
        given,
        rules=folder or given.rules,
        partitions=partitions or given.partitions,
        process_context=context or given.process_context,
    )
    joining = parts.joining(given)
    rulebook = parts.rulebook(given)
    screen = Screen(json=as_json)
    tally = Tally()
    began = time.monotonic()
    with screen.progress("replaying", size_of(files)) as bar:
        feed = Feed(files, given.sysmon_topic, given.partitions, bar)
        sources = given.partitions if time_moves else None
        with Guard(given.record_budget_ms, *STAGES):
            for found in replay(rulebook, feed.records(), sources=sources, tally=tally, joining=joining):
                if not isinstance(found, Rejection):
                    screen.incident(to_bytes(found))
                elif all_rejected or sum(tally.rejected.values()) <= SHOWN:
                    rule = f" for {found.rule}" if found.rule else ""
                    read_ahead = joining is not None and joining.wait
                    place = f"{found.partition}@{found.offset}" if read_ahead else feed.place
                    screen.say(f"{place}: rejected{rule}: {found.reason}: {found.detail}", "red")
    if tally.joins is not None:
        screen.say(said_of_joins(tally.joins))
    screen.say(said(tally, time.monotonic() - began))


class Feed:
    """Files as records of a topic, placed in partitions as a producer would; ``place`` is where the last one stands."""

    def __init__(self, files: tuple[str, ...], topic: str, partitions: int, bar: Bar) -> None:
        self._files, self._topic, self._partitions, self._bar = files, topic, partitions, bar
        self._offsets: Counter[int] = Counter()
        self.place = ""

    def records(self) -> Iterator[Record]:
        """Give the records in the order of the files. Raises FileUnreadable."""
        for each in addressed(self._files):
            partition = partition_of(each.key, self._partitions)
            offset = self._offsets[partition]
            self._offsets[partition] += 1
            self.place = each.record.place
            self._bar.advance(each.record.read)
            yield Record(self._topic, partition, offset, each.timestamp, each.record.value)


def said_of_joins(joins: Replayed) -> str:
    """Say how many connections were joined with their processes."""
    share = f" ({joins.joined / joins.inside:.1%})" if joins.inside else ""
    return (
        f"{counted(joins.connections, 'connection')}: {joins.joined:,} joined with their process, "
        f"{joins.unknown:,} without, {joins.waited:,} waited; "
        f"of {joins.inside:,} whose process starts in these records {joins.joined:,} joined{share}"
    )


def said(tally: Tally, seconds: float) -> str:
    """Say what a replay did."""
    rejected = "".join(f", {number:,} {reason}" for reason, number in sorted(tally.rejected.items()))
    return (
        f"{counted(tally.records, 'record')} read, {counted(tally.matches, 'match')}, "
        f"{counted(tally.incidents, 'incident record')}, {sum(tally.rejected.values()):,} rejected"
        f"{f' ({rejected[2:]})' if rejected else ''}, {seconds:.1f} s"
    )
