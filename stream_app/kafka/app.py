"""The worker: a Faust app of two agents. Goes in: options and a rulebook; comes out: an app, or a run until its end.

Decision: the agents only hand a batch to its stage. Every decision is the engine's; delivery, offsets and the changelog
are the transport's; which partitions are ours is Faust's.
"""

import gc
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import faust
from faust.types import TP
from msgspec import Struct

from stream_app.engine.detect import STAGES
from stream_app.engine.process import process_position
from stream_app.engine.process_context import Joining
from stream_app.engine.rejection import VALUE_LIMIT
from stream_app.engine.row import row_position
from stream_app.kafka.batch import BatchSchema
from stream_app.kafka.changing import Changing, Makes
from stream_app.kafka.connection import Connection
from stream_app.kafka.contexts import Contexts
from stream_app.kafka.counters import Counters
from stream_app.kafka.detecting import Detecting
from stream_app.kafka.facts import TopicFacts, ask_topics
from stream_app.kafka.failure import Failure
from stream_app.kafka.guard import Guard
from stream_app.kafka.handover import Handover
from stream_app.kafka.ingest import Ingest, IngestApp
from stream_app.kafka.outlets import Outlets
from stream_app.kafka.placing import Placing
from stream_app.kafka.progress_timer import add_progress
from stream_app.kafka.reader import Limits
from stream_app.kafka.rocks import RocksRows
from stream_app.kafka.screening import screen_of
from stream_app.kafka.sources import Rules
from stream_app.kafka.statuses import Teller
from stream_app.kafka.streak import Streak
from stream_app.kafka.swapping import PATIENCE, Swapping
from stream_app.kafka.table import RowTable, row_table
from stream_app.kafka.topics import MESSAGE_BYTES, PROCESSES, TABLE, Names
from stream_app.kafka.watchlists import Follower
from stream_app.kafka.windows import Windows
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.rule import Rulebook

if TYPE_CHECKING:
    from stream_app.kafka.transport import Consumer

log = logging.getLogger(__name__)


class WorkerOptions(Struct, frozen=True, kw_only=True):
    """Everything about a worker that is no rule. Times are in seconds where the name says so, else in ms."""

    connection: Connection
    names: Names = Names()
    partitions: int = 4
    """Of the matches topic and the changelog."""
    max_record_bytes: int = 1_000_000
    record_budget_ms: int = 500
    """CPU time after which a record is given up and rejected; 0: never."""
    rejected_value_bytes: int = VALUE_LIMIT
    drained: str = "follow"
    """``follow``: time moves on, also without records. ``hold``: it stands still, for playing old records."""
    progress_interval_s: float = 1.0
    session_timeout_s: float = 8.0
    heartbeat_interval_s: float = 2.0
    commit_interval_s: float = 1.0
    instance_id: str = ""
    """A name that stays with this worker over restarts: static membership, so that a restart moves no partition."""
    name: str = "worker"
    """What it calls itself where it says which rules it runs: no other one's."""
    data_dir: Path = Path(".stream-app")
    store: str = "memory"
    """``memory`` or ``rocksdb``: where rows are kept beside the changelog."""
    limits: Limits = Limits()
    reject_streak: int = 1000
    """Records rejected one after another that are an error by themselves."""
    stop_at_streak: bool = False
    """Whether such a streak ends the worker; else all of it goes to the rejected topic."""
    joining: Joining | None = None
    """How connections are joined with their processes; None where they are not."""
    draining: bool = False
    """Whether the source is left alone, and only what lies on the matches topic is counted."""


def create_app(options: WorkerOptions, rules: Rules, facts: TopicFacts, outlets: Outlets) -> IngestApp:
    """Make the Faust app; nothing is connected before it starts. ``outlets`` are the hand-off."""
    names, counters, failure = options.names, Counters(), Failure()
    counters.run(rules.set, len(rules.rulebook.enabled))
    streak = Streak(options.reject_streak, counters, failure.set if options.stop_at_streak else None)
    app = IngestApp(names.app_id, **_faust_settings(options))
    app.ingest = Ingest(
        connection=options.connection,
        screens={},
        limits=options.limits,
        counters=counters,
        failure=failure,
        handover=Handover(options.connection, names.sysmon, rules.set),
        counted=names.sysmon,
        sender_settings=_no_larger(outlets.small(facts.limits)),
    )
    schema = BatchSchema()
    sysmon = app.topic(names.sysmon, schema=schema)
    matches = app.topic(names.matches, schema=schema)
    table = row_table(app, TABLE, options.partitions, row_position, _disk(options, "rows", facts.changelog_id))
    contexts = _contexts(app, options, facts)
    screen = partial(
        screen_of, topic_id=facts.sysmon_id, max_bytes=options.max_record_bytes, streak=streak, contexts=contexts
    )
    first = screen(rules.rulebook)
    app.ingest.screens = {names.matches: None} if options.draining else {names.sysmon: first, names.matches: None}
    editions = Editions(rules.rulebook)
    placing = Placing(editions, options.partitions)
    detecting = Detecting(names, facts.sysmon_id, counters, placing, options.rejected_value_bytes)

    def settled(partition: int) -> int:
        return cast("Consumer", app.consumer).committed(TP(names.matches, partition))

    held, told = table.partitions_held, outlets.within(facts.limits, facts.absent)
    windows = Windows(editions, names, held, counters, placing=placing, outlets=told, settled=settled)
    table.source, table.prepare = names.matches, windows.prepare
    app.times = windows.times
    makes = Makes(load=rules.load, screen=screen, lists=partial(_followed, app, options))
    swapping = _swapping(app, options, Changing(rules, makes, first, _teller(options, facts)), windows)

    @app.agent(sysmon)
    async def detect(batches: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Turn the records that passed the screen into matches, keyed by group."""
        async for batch in batches:
            with batch:
                detecting.handle(batch)
                if contexts is not None:
                    contexts.handle(batch)

    @app.agent(matches)
    async def observe(batches: Any) -> None:  # noqa: ANN401 - Faust's stream
        """Count matches in the rows of their keys, and send incidents."""
        async for batch in batches:
            await swapping.known(batch)
            with batch:
                windows.handle(batch)

    _add_warnings(app, outlets.small(facts.limits), facts.absent, names.rejected)
    if options.drained == "follow":
        add_progress(
            app,
            names,
            every=options.progress_interval_s,
            partitions=options.partitions,
            source_id=facts.sysmon_id,
            sources=facts.sysmon_partitions,
        )
    return app


def _teller(options: WorkerOptions, facts: TopicFacts) -> Teller | None:
    """Give what tells others which rules run, where there is a topic for it."""
    return Teller(options.connection, options.names.status, options.name) if facts.status else None


def _swapping(app: IngestApp, options: WorkerOptions, changing: Changing, windows: Windows) -> Swapping:
    """Let the rules change while the worker runs."""
    app.changing = changing
    patience = min(PATIENCE, options.limits.stall / 4)
    swapping = Swapping(app, options.names.sysmon, windows, changing, warn=_warn, patience=patience)
    app.ingest.handover.find = swapping.find
    app.task(swapping.run)
    return swapping


def _followed(app: IngestApp, options: WorkerOptions, rulebook: Rulebook) -> Follower | None:
    """Read the watch lists of a rulebook to their end, and follow them. Raises WatchListsUnread."""
    if rulebook.lists is None:
        return None
    follower = Follower(
        options.connection,
        options.names.watchlists,
        rulebook.lists,
        times=app.times,
        lateness=max(rule.lateness for rule in rulebook.enabled),
        fail=app.ingest.failure.set,
    )
    follower.start()
    return follower


def _contexts(app: IngestApp, options: WorkerOptions, facts: TopicFacts) -> Contexts | None:
    """Declare the table of processes, which has a partition for each of the source's; None where none are joined."""
    if options.joining is None:
        return None
    sysmon = options.names.sysmon
    disk = _disk(options, PROCESSES, facts.processes_id)
    table = row_table(app, PROCESSES, facts.sysmon_partitions, process_position, disk)
    contexts = Contexts(
        options.joining,
        facts.sysmon_id,
        table.partitions_held,
        app.ingest.counters,
        settled=lambda partition: cast("Consumer", app.consumer).committed(TP(sysmon, partition)),
        fail=app.ingest.failure.set,
    )
    table.source, table.prepare = sysmon, contexts.prepare
    return contexts


def _disk(options: WorkerOptions, name: str, topic_id: str) -> Callable[[int], RocksRows] | None:
    """Give what opens a partition's rows of the changelog with this id."""
    if options.store == "memory":
        return None
    folder = options.data_dir / name
    return lambda partition: RocksRows(folder / str(partition), topic_id)


def _faust_settings(options: WorkerOptions) -> dict[str, Any]:
    return {
        "broker": ";".join(f"rdkafka://{server}" for server in options.connection.bootstrap_servers.split(",")),
        "broker_credentials": options.connection.faust_credentials(),
        "broker_client_id": options.connection.client_id,
        "broker_session_timeout": options.session_timeout_s,
        "broker_heartbeat_interval": options.heartbeat_interval_s,
        "broker_request_timeout": max(30.0, options.session_timeout_s + 5),
        "broker_rebalance_timeout": options.session_timeout_s,  # who is not back by then has lost its partitions
        "broker_commit_interval": options.commit_interval_s,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": options.instance_id or None,
        "store": "memory://",  # Faust's own store stays empty: rows are kept by table.py
        "datadir": str(options.data_dir),
        "Table": RowTable,
        "table_standby_replicas": 0,
        "topic_partitions": options.partitions,
        "topic_allow_declare": False,  # topics are made by `topics create`, as declared
        "topic_disable_leader": True,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "stream_recovery_delay": 0.0,
        "stream_wait_empty": False,
        "web_enabled": False,
    }


def _warn(rulebook: Rulebook) -> None:
    """Say what the rules' authors should know; not before the start, when the log is not set up."""
    for rule in rulebook.enabled:
        said = [each for subpattern in rule.subpatterns for each in subpattern.filter.hazards]
        for warning in (*said, *(() if rule.join is None else rule.join.notes)):
            log.warning("%s:%d:%d: %s", warning.path, warning.line, warning.column, warning.message)


def _no_larger(small: Sequence[tuple[str, int]]) -> dict[str, object]:
    """Give what keeps lots of records as small as the topic takes that takes least: brokers judge the lot."""
    return {"batch.size": min(limit for _, limit in small)} if small else {}


def _add_warnings(app: IngestApp, small: Sequence[tuple[str, int]], absent: Sequence[str], rejected: str) -> None:
    @app.task  # type: ignore[untyped-decorator]  # Faust's
    async def warn() -> None:
        """Say once which topics take less than a worker may send, or nothing."""
        for topic in absent:
            log.error(
                "topic %s does not exist: incidents are not told there, but named on %s as 'topic missing'; make it "
                "with `stream-app topics create`, then restart the workers, or empty its setting",
                topic,
                rejected,
            )
        for topic, limit in small:
            log.warning(
                "topic %s takes records of %d bytes: an incident that is larger is cut to fit, or is rejected; "
                "set its max.message.bytes to %d to have them whole",
                topic,
                limit,
                MESSAGE_BYTES,
            )


LOOKS_FOR_CYCLES = (50_000, 20, 100)
"""When Python looks for garbage in cycles. Next to nothing that a record makes is in one, and by default it looks so
often that a match costs a tenth more."""


def run_worker(
    options: WorkerOptions,
    rules: Rules,
    outlets: Outlets,
    log_level: str = "warning",
    logging_config: dict[str, Any] | None = None,
    on_app: Callable[[IngestApp], None] | None = None,
) -> int:
    """Run until SIGTERM or SIGINT; gives the exit status.

    Raises KafkaUnavailable, TopicsMissing or WatchListsUnread before the start.

    ``logging_config`` is for ``logging.config.dictConfig``; None is Faust's own, at ``log_level``. ``on_app`` is given
    the app before it starts, to look at it from another thread.
    """
    app = create_app(options, rules, ask_topics(options, lists=rules.rulebook.lists is not None), outlets)
    app.changing.start()
    if on_app is not None:
        on_app(app)
    worker = faust.Worker(
        app, loglevel=log_level, logging_config=logging_config, redirect_stdouts=False, quiet=True, daemon=True
    )
    worker.spinner = None
    gc.freeze()  # rules and code stay: there is nothing to be found among them
    gc.set_threshold(*LOOKS_FOR_CYCLES)
    try:
        with Guard(options.record_budget_ms, *STAGES):
            worker.execute_from_commandline()
    except SystemExit as ending:
        status = ending.code if isinstance(ending.code, int) else 1
    else:
        status = 0
    app.changing.stop()
    sys.stdout.flush()
    return status
