"""Every metric of a worker, in one table: what it is called, what it counts, its unit and labels, where it is read.

Decision: documentation, dashboard and alerts are held to this table by tests, and nothing else knows a name.
"""

from collections.abc import Callable

from msgspec import Struct

from stream_app.kafka.counters import Delays
from stream_app.service.readings import (
    Reading,
    Seen,
    behind,
    build,
    by_partition,
    by_rule,
    by_schema,
    joins,
    number,
    of_partitions,
    of_recoveries,
    of_times,
    one,
    rejected,
    rule_set,
    said,
    sizes,
    stream_time,
    suppressed,
)

PLACE = ("topic", "partition")
COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"


class Metric(Struct, frozen=True):
    """One row of the table. ``read`` gives its series; of a histogram, the delays that it shows."""

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    help: str
    read: Reading | Callable[[Seen], Delays]


def _counter(name: str, unit: str, labels: tuple[str, ...], words: str, read: Reading) -> Metric:
    return Metric(name, COUNTER, unit, labels, words, read)


def _gauge(name: str, unit: str, labels: tuple[str, ...], words: str, read: Reading) -> Metric:
    return Metric(name, GAUGE, unit, labels, words, read)


def _delays(name: str, words: str, read: Callable[[Seen], Delays]) -> Metric:
    return Metric(name, HISTOGRAM, "seconds", (), words, read)


METRICS = (
    _gauge("stream_app_alive", "", (), "1 while offsets move or nothing lags, else 0", said("alive")),
    _gauge("stream_app_ready", "", (), "1 once rows are recovered and partitions are read", said("ready")),
    _gauge("stream_app_build_info", "", ("version", "python"), "1, with the version that runs", build),
    _counter("stream_app_records_total", "records", (), "Sysmon records read", number("records")),
    _counter(
        "stream_app_records_passed_total",
        "records",
        (),
        "Sysmon records that matched, or could not be read",
        number("passed"),
    ),
    _counter("stream_app_matches_sent_total", "matches", (), "matches put on the matches topic", number("matches")),
    _counter(
        "stream_app_matches_chained_total",
        "matches",
        (),
        "matches of incidents, put there for rules that read them",
        number("chained"),
    ),
    _counter(
        "stream_app_matches_total",
        "matches",
        ("rule",),
        "matches taken from the matches topic, repeated ones too",
        by_rule("matches_of"),
    ),
    _counter(
        "stream_app_matches_repeated_total",
        "matches",
        (),
        "matches that had been counted before a restart, and were answered again",
        number("repeated"),
    ),
    _counter(
        "stream_app_incidents_total",
        "incidents",
        ("rule",),
        "incident records sent: created, updated, cleared",
        by_rule("incidents_of"),
    ),
    _counter(
        "stream_app_incidents_handed_total",
        "incidents",
        ("schema",),
        "incident records sent, by what they are written as",
        by_schema("handed"),
    ),
    _counter(
        "stream_app_incidents_shadow_total",
        "incidents",
        (),
        "incident records of rules in shadow, sent to their topic",
        number("shadowed"),
    ),
    _counter("stream_app_watchlist_entries_total", "entries", (), "entries put on watch lists", number("listed")),
    _counter(
        "stream_app_rejected_total",
        "records",
        ("reason",),
        "records on the rejected topic that were not counted",
        rejected,
    ),
    _counter(
        "stream_app_suppressed_total",
        "records",
        ("reason",),
        "records on the rejected topic that were counted and made no incident",
        suppressed,
    ),
    _counter(
        "stream_app_late_total",
        "matches",
        ("partition",),
        "matches that came too late, by source partition",
        by_partition("late"),
    ),
    _counter(
        "stream_app_early_total",
        "matches",
        ("partition",),
        "matches of a time that is still to come, by source partition",
        by_partition("early"),
    ),
    _gauge(
        "stream_app_reject_streak_records",
        "records",
        (),
        "records in a row that could not be read, up to now",
        number("reject_streak"),
    ),
    _counter(
        "stream_app_reject_streaks_total",
        "streaks",
        (),
        "streaks of rejections that became as long as the setting allows",
        number("reject_streaks"),
    ),
    _counter(
        "stream_app_gap_records_total",
        "records",
        (),
        "records that retention removed before they were read",
        number("gap"),
    ),
    _delays(
        "stream_app_read_delay_seconds",
        "from a record's timestamp to its reading; of each poll the last record",
        lambda seen: seen.counters.read_delays,
    ),
    _delays(
        "stream_app_incident_delay_seconds",
        "from the receive time of a match to the acknowledgement of the incident it made",
        lambda seen: seen.counters.incident_delays,
    ),
    _gauge(
        "stream_app_committed_offset",
        "offset",
        PLACE,
        "next offset to read after a restart",
        of_partitions(lambda each: each.committed),
    ),
    _gauge(
        "stream_app_end_offset",
        "offset",
        PLACE,
        "offset of the next record to come",
        of_partitions(lambda each: each.end),
    ),
    _gauge(
        "stream_app_lag_records",
        "records",
        PLACE,
        "records that are not committed yet",
        of_partitions(lambda each: each.lag),
    ),
    _gauge(
        "stream_app_stuck_seconds",
        "seconds",
        PLACE,
        "time of lag without a commit",
        of_partitions(lambda each: each.stuck_s),
    ),
    _gauge(
        "stream_app_event_loop_silent_seconds", "seconds", (), "time since the event loop last ran", said("silent_s")
    ),
    _gauge(
        "stream_app_unacknowledged_records",
        "records",
        (),
        "records sent and not acknowledged yet",
        lambda seen: one(seen.unsent),
    ),
    _gauge(
        "stream_app_stream_time_timestamp_seconds",
        "seconds",
        ("partition",),
        "the stream's time, by matches partition",
        of_times(stream_time),
    ),
    _gauge(
        "stream_app_stream_behind_seconds",
        "seconds",
        ("partition",),
        "how far the stream's time is behind the clock, by matches partition",
        of_times(behind),
    ),
    _gauge(
        "stream_app_stream_slowest_partition",
        "partition",
        ("partition",),
        "number of the source partition that holds the stream's time back, by matches partition",
        of_times(lambda each, _now: each.held_back_by),
    ),
    _gauge("stream_app_state_rows", "rows", ("table", "partition"), "rows held; on disk an estimate", sizes(0)),
    _gauge(
        "stream_app_state_bytes",
        "bytes",
        ("table", "partition"),
        "bytes of keys and rows in memory, or of RocksDB's files and buffers",
        sizes(1),
    ),
    _counter(
        "stream_app_rows_expired_total", "rows", (), "rows removed because their time had passed", number("expired")
    ),
    _counter(
        "stream_app_rows_near_limit_total",
        "rows",
        (),
        "rows written that take over four fifths of their limit",
        number("near_limit"),
    ),
    _counter(
        "stream_app_rows_stale_total",
        "rows",
        (),
        "rows of an older owner that recovery put right",
        number("stale_rows"),
    ),
    _gauge(
        "stream_app_processes", "processes", (), "processes that connections can be joined with", number("processes")
    ),
    _counter(
        "stream_app_process_joins_total",
        "events",
        ("outcome",),
        "connections and processes, by what became of them",
        joins,
    ),
    _counter(
        "stream_app_rebalances_total",
        "rebalances",
        (),
        "assignments of partitions to this worker",
        number("rebalances"),
    ),
    _counter(
        "stream_app_recoveries_total",
        "recoveries",
        ("table",),
        "recoveries that came to their end",
        of_recoveries("number"),
    ),
    _counter(
        "stream_app_recovery_records_total",
        "records",
        ("table",),
        "changelog records read by recoveries",
        of_recoveries("rows"),
    ),
    _counter(
        "stream_app_recovery_seconds_total", "seconds", ("table",), "time spent in recoveries", of_recoveries("seconds")
    ),
    _gauge(
        "stream_app_recovery_last_seconds",
        "seconds",
        ("table",),
        "time that the last recovery took",
        of_recoveries("last"),
    ),
    _gauge(
        "stream_app_recovery_running_seconds",
        "seconds",
        ("table",),
        "time for which a recovery has been running; 0: none is",
        of_recoveries("running"),
    ),
    _gauge("stream_app_rule_set_info", "", ("id",), "1, with the id of the rule set that runs", rule_set),
    _gauge("stream_app_rules", "rules", (), "rules that run", number("rules")),
    _gauge(
        "stream_app_rule_set_loaded_timestamp_seconds",
        "seconds",
        (),
        "when the rule set that runs was loaded, in seconds since 1970",
        number("rule_set_at"),
    ),
    _counter(
        "stream_app_rule_sets_loaded_total",
        "rule sets",
        (),
        "rule sets that began to run while the worker did",
        number("rule_sets_loaded"),
    ),
    _counter(
        "stream_app_rule_sets_refused_total",
        "rule sets",
        (),
        "rule sets that were refused while the one before ran on",
        number("rule_sets_refused"),
    ),
    _counter(
        "stream_app_rules_rubbish_total",
        "records",
        (),
        "records of the rules topic that are none of ours",
        number("rules_rubbish"),
    ),
)
"""The table. Every name begins with ``stream_app_``, what only grows ends in ``_total``."""
