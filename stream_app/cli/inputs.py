"""Where a replay takes its records from: files, folders, standard input, or a part of a topic. Options in, records out.

Decision: a record of a file is placed as a producer would place it; one of a topic keeps its partition, offset and
timestamp, so that incidents name the records that workers name.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import click
from msgspec import Struct

from stream_app.cli.feed import addressed
from stream_app.cli.files import files_in, size_of
from stream_app.cli.screen import Bar, Screen
from stream_app.cli.waiting import reach
from stream_app.engine.record import Record
from stream_app.kafka.admin import topic_ids
from stream_app.kafka.partition import partition_of
from stream_app.kafka.ranges import Range, RangeReader
from stream_app.rulebook.periods import milliseconds
from stream_app.service import parts
from stream_app.service.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])


class Placed(Struct, frozen=True):
    """A record and what it is called: ``path:line``, or ``topic/partition@offset``."""

    place: str
    record: Record


class Source(Struct, frozen=True):
    """Records to play, from ``sources`` source partitions; ``total`` is what their bar counts up to, where known."""

    records: Callable[[Bar], Iterator[Placed]]
    sources: int
    total: int | None


class Moment(click.ParamType):
    """A time: ISO 8601 with an offset, or milliseconds since 1970."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's signature
        """Give integer milliseconds since 1970."""
        if isinstance(value, int) or value.isdigit():
            return int(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(f"{value!r} is no time such as 2026-03-02T09:00:00Z or 1772442000000", param, ctx)
        return milliseconds(moment)


_MOMENT = Moment()
_OPTIONS = (
    click.option("--topic", help="Take the records of a topic instead of files."),
    click.option("--partition", type=click.IntRange(0), help="Of the topic: this partition alone."),
    click.option(
        "--from-offset", type=click.IntRange(0), help="Of the topic: begin with this offset, in each partition."
    ),
    click.option("--to-offset", type=click.IntRange(0), help="Of the topic: end before this offset."),
    click.option("--since", type=_MOMENT, help="Of the topic: only records that are not older than this."),
    click.option("--until", type=_MOMENT, help="Of the topic: only records that are older than this."),
)


def topic_options(function: F) -> F:
    """Give a command the options that name a part of a topic; it hands them to :func:`source`."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@contextmanager
def source(
    files: tuple[str, ...], given: Settings, screen: Screen, topic: str | None, **asked: int | None
) -> Iterator[Source]:
    """Open what was asked for. Raises UsageError, FileUnreadable, RangeUnreadable, KafkaUnavailable, KafkaException."""
    if topic is None:
        used = [name for name, value in asked.items() if value is not None]
        if used or not files:
            raise click.UsageError(
                f"--{used[0].replace('_', '-')} without --topic" if used else "name files, or --topic"
            )
        files = files_in(files)
        yield Source(lambda bar: _of_files(files, given, screen, bar), given.partitions, size_of(files))
        return
    if files:
        raise click.UsageError("name files, or --topic, not both")
    connection = parts.connection(given)
    reach(connection)
    topic_id = topic_ids(connection, [topic])[topic]
    with RangeReader(connection, Range(topic=topic, **asked)) as reader:
        for missing in reader.missing:
            screen.say(f"{topic}: warning: {missing}", "yellow")
        yield Source(lambda bar: _of_topic(reader, topic, topic_id, bar), max(1, len(reader.ends)), reader.total)


def _of_files(files: tuple[str, ...], given: Settings, screen: Screen, bar: Bar) -> Iterator[Placed]:
    """Give the records in the order of the files, placed in partitions."""
    offsets: Counter[int] = Counter()
    for each in addressed(files, lambda said: screen.say(said, "yellow")):
        partition = partition_of(each.key, given.partitions)
        bar.advance(each.record.read)
        record = Record(given.sysmon_topic, partition, offsets[partition], each.timestamp, each.record.value)
        offsets[partition] += 1
        yield Placed(each.record.place, record)


def _of_topic(reader: RangeReader, topic: str, topic_id: str, bar: Bar) -> Iterator[Placed]:
    """Give the records of a part of a topic."""
    for done, message in enumerate(reader.records(), 1):
        partition, offset = int(message.partition() or 0), int(message.offset() or 0)
        bar.advance(done)
        record = Record(topic, partition, offset, max(1, message.timestamp()[1]), message.value(), topic_id)
        yield Placed(f"{topic}/{partition}@{offset}", record)
