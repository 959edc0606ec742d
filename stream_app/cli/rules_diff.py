"""``stream-app rules diff``: two folders of rules over the same records: which incidents a change adds or removes."""

from collections.abc import Iterator
from typing import Any

import click
import msgspec
from confluent_kafka import KafkaException
from msgspec.structs import replace
from rich.text import Text

from stream_app.cli.environment import settings
from stream_app.cli.failure import WRONG, Failure
from stream_app.cli.files import FileUnreadable
from stream_app.cli.inputs import source, topic_options
from stream_app.cli.screen import Screen, counted, moment, one_line
from stream_app.engine.compare import Altered, Comparison, Outcome, RuleIncidents, compare
from stream_app.engine.detect import STAGES
from stream_app.kafka.admin import KafkaUnavailable
from stream_app.kafka.guard import Guard
from stream_app.kafka.ranges import RangeUnreadable
from stream_app.service import parts

_DIFFERENT = 1
_ADDED, _REMOVED, _ALTERED = "green", "red", "yellow"


@click.command(name="diff")
@click.argument("old")
@click.argument("new")
@click.option("--over", "files", multiple=True, metavar="DATA", help="Records to play; may be given again.")
@topic_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--late", "time_moves", is_flag=True, help="Move the stream's time with the records, as replay does.")
@click.option("--process-context", "context", is_flag=True, help="Join connections with the event 1 of their process.")
def command(  # noqa: PLR0913 - one for each option
    old: str,
    new: str,
    *,
    files: tuple[str, ...],
    as_json: bool,
    time_moves: bool,
    context: bool,
    **asked: Any,  # noqa: ANN401 - the options that name a part of a topic
) -> None:
    """Play DATA through the rules in the folders OLD and NEW, and say which incidents differ.

    DATA is whatever replay reads, and so is --topic. An incident is the same one in both if its rule, attributes and
    first trigger are; it is altered if its counts, times, severity or status differ then. Rules that were added,
    removed or changed are named too: "content" is what decides.

    The status is 0 where all incidents are the same, 1 where some differ, 2 where there is nothing to compare: wrong
    usage, rules that cannot run, data that cannot be read.

    The keys of the JSON: same, records, added_rules, removed_rules, changed_rules (id, what), incidents (rule, added,
    removed, altered (incident, changes: field to [old, new]), same: how many), total ([old, new]), rejected (reason to
    [old, new]). Of an incident: id, customer, first, last, severity, status, count, events, attributes.
    """
    given = settings()
    given = replace(given, process_context=context or given.process_context)
    before, after = (parts.rulebook(replace(given, rules=folder)) for folder in (old, new))
    screen = Screen(json=as_json)
    try:
        with (
            source(files, given, screen, **asked) as read,
            screen.progress("comparing", read.total) as bar,
            Guard(given.record_budget_ms, *STAGES),
        ):
            records = (placed.record for placed in read.records(bar))
            sources = read.sources if time_moves else None
            found = compare(before, after, records, sources=sources, joining=parts.joining(given))
    except (FileUnreadable, RangeUnreadable, KafkaUnavailable) as error:
        raise Failure(str(error), WRONG) from error  # 1 says that something differs
    except KafkaException as error:
        raise Failure(f"Kafka: {error.args[0].str()}", WRONG) from error
    screen.result(msgspec.json.encode(found), lambda: comparison_text(found))
    if not found.same:
        raise click.exceptions.Exit(_DIFFERENT)


def comparison_text(found: Comparison) -> Text:
    """Lay out what differs: rules, then incidents by rule, then how many there are."""
    lines = [*_rules(found)]
    for each in found.incidents:
        lines += _incidents(each)
    for reason, (old, new) in found.rejected.items():
        lines.append(Text(f"rejected, {one_line(reason)}: {old:,} -> {new:,}", _ALTERED))
    old, new = found.total
    same = "the same" if found.same else "not the same"
    lines.append(
        Text(f"{counted(found.records, 'record')}, {counted(old, 'incident')} before, {new:,} after: {same}", "bold")
    )
    return Text("\n").join(lines)


def _rules(found: Comparison) -> Iterator[Text]:
    for rule in found.added_rules:
        yield Text(f"+ rule {rule}", _ADDED)
    for rule in found.removed_rules:
        yield Text(f"- rule {rule}", _REMOVED)
    for changed in found.changed_rules:
        yield Text(f"~ rule {changed.id}: {', '.join(changed.what)}", _ALTERED)


def _incidents(of: RuleIncidents) -> Iterator[Text]:
    numbers = f"{len(of.added):,} added, {len(of.removed):,} removed, {len(of.altered):,} altered, {of.same:,} the same"
    yield Text(of.rule, "bold").append(f"  {numbers}", "not bold")
    for one in of.removed:
        yield _line("-", one, _REMOVED)
    for one in of.added:
        yield _line("+", one, _ADDED)
    for altered in of.altered:
        yield _line("~", altered.incident, _ALTERED)
        yield from _changes(altered)


def _line(sign: str, one: Outcome, style: str) -> Text:
    values = ", ".join(f"{one_line(name)} {one_line(value)}" for name, value in one.attributes.items())
    text = Text(f"  {sign} {moment(one.first)}  count {one.count}, {counted(one.events, 'event')}", style)
    return text.append(f"  {values}", "dim").append(f"  {one.id}", "dim")


def _changes(altered: Altered) -> Iterator[Text]:
    for name, (old, new) in altered.changes.items():
        shown = [
            moment(value) if name in {"first", "last"} and isinstance(value, int) else one_line(value)
            for value in (old, new)
        ]
        yield Text(f"      {one_line(name)}: {shown[0]} -> {shown[1]}")
