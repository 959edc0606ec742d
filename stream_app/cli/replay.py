"""``stream-app replay``: records through the rules; the incidents are those that workers would make."""

import time
from collections.abc import Iterator
from typing import Any

import click
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.inputs import Source, source, topic_options
from stream_app.cli.screen import Bar, Screen, counted
from stream_app.engine.detect import STAGES
from stream_app.engine.joined import Replayed
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.handoff.cut import UNBOUNDED
from stream_app.handoff.formats import FORMATS, NATIVE
from stream_app.kafka.guard import Guard
from stream_app.service import parts

SHOWN = 20
"""Rejections that are shown one by one unless all are asked for."""


@click.command(name="replay")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@topic_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it would lie on the incidents topic.")
@click.option(
    "--as",
    "schema",
    type=click.Choice([form.name for form in FORMATS]),
    help="As a SOAR has it: what would lie on the topic of this format, one record a line.",
)
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
    schema: str | None,
    folder: str | None,
    time_moves: bool,
    partitions: int | None,
    context: bool,
    all_rejected: bool,
    **asked: Any,  # noqa: ANN401 - the options that name a part of a topic
) -> None:
    """Run the records in FILE…, or of a part of a topic, through the rules.

    FILE is JSON lines, XML, an event log of Windows (EVTX), or gzip of any; a folder is all files in it; - is standard
    input. What of an event log is damaged is told and left out. --topic takes records of Kafka with their timestamps:
    all partitions, or one, between offsets or times.
    """
    given = settings()
    given = replace(
        given,
        rules=folder or given.rules,
        partitions=partitions or given.partitions,
        process_context=context or given.process_context,
    )
    joining = parts.joining(given)
    rulebook = parts.rulebook(given)
    screen = Screen(json=as_json or schema is not None)
    form = next((each for each in FORMATS if each.name == schema), NATIVE)
    tally = Tally()
    began = time.monotonic()
    with source(files, given, screen, **asked) as read, screen.progress("replaying", read.total) as bar:
        sources = read.sources if time_moves else None
        feed = Feed(read, bar)
        with Guard(given.record_budget_ms, *STAGES):
            for found in replay(rulebook, feed.records(), sources=sources, tally=tally, joining=joining):
                if not isinstance(found, Rejection):
                    screen.incident(form.to_bytes(found, UNBOUNDED))
                elif all_rejected or sum(tally.rejected.values()) <= SHOWN:
                    rule = f" for {found.rule}" if found.rule else ""
                    read_ahead = joining is not None and joining.wait
                    place = f"{found.partition}@{found.offset}" if read_ahead else feed.place
                    screen.say(f"{place}: rejected{rule}: {found.reason}: {found.detail}", "red")
    if tally.joins is not None:
        screen.say(said_of_joins(tally.joins))
    screen.say(said(tally, time.monotonic() - began))


class Feed:
    """The records of a source; ``place`` is where the last one stands."""

    def __init__(self, source: Source, bar: Bar) -> None:
        self._source, self._bar = source, bar
        self.place = ""

    def records(self) -> Iterator[Record]:
        """Give the records in their order."""
        for each in self._source.records(self._bar):
            self.place = each.place
            yield each.record


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
