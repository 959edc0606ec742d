"""``stream-app rules explain``: why a rule fired or not, for each event of files, as a replay plays them."""

import tomllib
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.explained import explained_text
from stream_app.cli.failure import WRONG, Failure
from stream_app.cli.inputs import Placed, source, topic_options
from stream_app.cli.screen import Screen
from stream_app.engine.detect import STAGES
from stream_app.engine.explain import Given, explain
from stream_app.engine.record import Record
from stream_app.engine.rejection import BadRejection, Rejection, decode_rejection
from stream_app.kafka.guard import Guard
from stream_app.language.explain import Explainer
from stream_app.rulebook.rule import Rulebook
from stream_app.service import parts


@click.command(name="explain")
@click.argument("rule")
@click.option("--event", "files", multiple=True, metavar="FILE", help="The events; may be given again.")
@topic_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for each event.")
@click.option("--rules", "folder", help="Folder of the rules; default: STREAM_APP_RULES.")
@click.option("--matching", is_flag=True, help="Only the events that the rule matches.")
@click.option("--late", "time_moves", is_flag=True, help="Move the stream's time with the records, as replay does.")
@click.option(
    "--partitions", type=click.IntRange(1, 1000), help="Source partitions to play; default: STREAM_APP_PARTITIONS."
)
@click.option(
    "--process-context",
    "context",
    is_flag=True,
    help="Join connections with the event 1 of their process; default: STREAM_APP_PROCESS_CONTEXT.",
)
def command(  # noqa: PLR0913 - one for each option
    rule: str,
    *,
    files: tuple[str, ...],
    as_json: bool,
    folder: str | None,
    matching: bool,
    time_moves: bool,
    partitions: int | None,
    context: bool,
    **asked: Any,  # noqa: ANN401 - the options that name a part of a topic
) -> None:
    """Say why RULE (its id, or its folder's name) fired or not on the events in FILE.

    FILE is whatever replay reads, and so is --topic; or what was rejected, as stream-app rejected --json prints it and
    as it lies on its topic. Several events are played one after the other: each finds in its window those before it.

    \b
    For each event:
      the filter of every pattern as a tree: each comparison with its answer, what it saw, and whether the terms before
      it had left the answer open; what is grouped by, and what a match brings along; the rule's exceptions;
      then, for each key of its match: what became of it (triggers, counted, waits, late, repeated, row full, refused),
      the window that ends with it, the aggregate constraint with what it measures; of several patterns which occur and
      which are missing; the incidents that were made or changed, whether a record was sent, and if not why not;
      and what lies on the rejected topic because of it.

    \b
    The keys of the JSON: place, rule, matches, unread, time, event_type, note, patterns (name, holds, filter, group,
    brings), exceptions (place, reason, holds, in_period, when, of), standings (customer, key, verdict, late_by,
    lateness, decided_at, begin, end, count, events, group, patterns, ways, combinations, exceptions, incidents, note),
    rejected (reason, detail), by_time (incidents that came since time has passed). A part of a filter: text, start,
    end, holds, asked, joins, parts, seen (name, value, misread), member. Times are milliseconds since 1970, null is
    absent, and what is empty is left out.
    """  # noqa: D301 - click takes \b as a mark
    given = settings()
    given = replace(
        given,
        rules=folder or given.rules,
        partitions=partitions or given.partitions,
        process_context=context or given.process_context,
    )
    rulebook = parts.rulebook(given)
    rule_id = _named(rule, rulebook, Path(given.rules))
    screen = Screen(json=as_json)
    with (
        source(files, given, screen, **asked) as read,
        screen.progress("explaining", read.total) as bar,
        Guard(given.record_budget_ms, *STAGES, Explainer.explain),
    ):
        records = map(_given, read.records(bar))
        sources = read.sources if time_moves else None
        for each in explain(rulebook, rule_id, records, sources=sources, joining=parts.joining(given)):
            if each.matches or each.by_time or not matching:
                screen.result(msgspec.json.encode(each), partial(explained_text, each))
    if not rulebook.rules[rule_id].enabled:
        screen.say(f"{rule_id} is not enabled: explained as if it were", "yellow")


def _named(rule: str, rulebook: Rulebook, folder: Path) -> str:
    """Give the id of the rule that was asked for, by its id or its folder. Raises Failure."""
    if rule in rulebook.rules:
        return rule
    files = {path.stem: path for path in sorted(folder.glob("*/*.toml")) if path.stem == path.parent.name}
    if rule in files:
        return str(tomllib.loads(files[rule].read_text(encoding="utf-8"))["id"])
    near = get_close_matches(rule, [*rulebook.rules, *files], 1)
    raise Failure(f"no rule {rule!r} in {folder}" + (f"; did you mean {near[0]!r}?" if near else ""), WRONG)


def _given(placed: Placed) -> Given:
    """Give a record as it is; of what was rejected, its record."""
    rejection = _rejection(placed.record.value or b"")
    return Given(placed.place, placed.record) if rejection is None else _rejected(rejection, placed.place)


def _rejection(value: bytes) -> Rejection | None:
    """Read a line of the rejected topic; None for what is none."""
    if not value.startswith(b"{") or b'"reason"' not in value:
        return None
    try:
        return decode_rejection(value)
    except BadRejection:
        return None


def _rejected(rejection: Rejection, place: str) -> Given:
    """Give the record that was rejected, as far as the rejection carries it."""
    where = f"{rejection.topic}/{rejection.partition}@{rejection.offset}"
    fetch = (
        f"which is explained with --topic {rejection.topic} --partition {rejection.partition} "
        f"--from-offset {rejection.offset} --to-offset {rejection.offset + 1}"
    )
    rule = f" for {rejection.rule}" if rejection.rule else ""
    note = f"{where} was rejected{rule}: {rejection.reason}: {rejection.detail}"
    unread = ""
    if not rejection.value:
        unread = f"this rejection carries no bytes of its record, {fetch}"
    elif rejection.truncated:
        unread = f"only {len(rejection.value):,} of its {rejection.size:,} bytes were kept of a record {fetch}"
    record = Record(
        rejection.topic,
        rejection.partition,
        rejection.offset,
        rejection.timestamp,
        rejection.value,
        rejection.topic_id,
    )
    return Given(place, record, note, unread)
