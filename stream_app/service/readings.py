"""What was seen of a worker → the series of its metrics: label values, and a value for each.

Decision: nothing is counted here. The worker counts in plain numbers, and a scrape reads them: what nobody asks for
costs nothing.
"""

import platform
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

import msgspec
from msgspec import Struct

from stream_app.engine.rejection import FLOOD, SUPPRESSED, TOO_MANY
from stream_app.kafka.counters import Counters
from stream_app.service.report import PartitionReport, Report, TimeReport

MOST_RULES = 500
"""Rules that have a label of their own, those that were counted first; what the others count is of rule ``other``."""
OTHER = "other"

HELD_BACK = frozenset({SUPPRESSED, FLOOD, TOO_MANY})
"""Reasons that are a rule's own wish, or its limit: their records were read and counted, and made no incident."""

Samples = Iterable[tuple[tuple[str, ...], float]]


class Seen(Struct, frozen=True, kw_only=True):
    """What a scrape is made of. ``now`` is seconds since 1970."""

    now: float
    report: Report
    counters: Counters
    sizes: Mapping[str, Mapping[int, tuple[int, int]]] = {}
    """Rows and bytes by table and partition."""
    unsent: int = 0
    """Records sent that are not acknowledged."""


Reading = Callable[[Seen], Samples]


def number(field: str) -> Reading:
    """Read a counter."""
    return lambda seen: one(getattr(seen.counters, field))


def said(field: str) -> Reading:
    """Read a field of the health report."""
    return lambda seen: one(getattr(seen.report, field))


def one(value: float) -> Samples:
    """Give the only series of a metric without labels."""
    return (((), value),)


def by_rule(field: str) -> Reading:
    """Read a counter by rule, within the bound on rules."""

    def read(seen: Seen) -> Samples:
        counted = [*dict(getattr(seen.counters, field)).items()]
        named, rest = counted[:MOST_RULES], sum(each for _, each in counted[MOST_RULES:])
        return [((rule,), each) for rule, each in named] + ([((OTHER,), rest)] if rest else [])

    return read


def by_partition(field: str) -> Reading:
    """Read a counter by source partition."""
    return lambda seen: [((str(place),), each) for place, each in dict(getattr(seen.counters, field)).items()]


def by_schema(field: str) -> Reading:
    """Read a counter by the schema that incidents are written in."""
    return lambda seen: [((schema,), each) for schema, each in dict(getattr(seen.counters, field)).items()]


def rejected(seen: Seen) -> Samples:
    """Read what was not counted, by reason."""
    return _by_reason(seen, held_back=False)


def suppressed(seen: Seen) -> Samples:
    """Read what was counted and made no incident, by reason."""
    return _by_reason(seen, held_back=True)


def _by_reason(seen: Seen, *, held_back: bool) -> Samples:
    reasons = dict(seen.counters.rejected)
    return [((reason,), each) for reason, each in reasons.items() if (reason in HELD_BACK) is held_back]


def joins(seen: Seen) -> Samples:
    """Read what has become of connections and processes."""
    return [((outcome,), each) for outcome, each in msgspec.structs.asdict(seen.counters.context).items()]


def of_partitions(value: Callable[[PartitionReport], float | None]) -> Reading:
    """Read something of each partition, where it is known."""

    def read(seen: Seen) -> Samples:
        for name, each in seen.report.partitions.items():
            found, (topic, _, partition) = value(each), name.rpartition("/")
            if found is not None:
                yield (topic, partition), found

    return read


def of_times(value: Callable[[TimeReport, float], float | None]) -> Reading:
    """Read something of the stream's time in each matches partition, where it is known; it is given the clock's too."""

    def read(seen: Seen) -> Samples:
        for partition, each in seen.report.times.items():
            found = value(each, seen.now)
            if found is not None:
                yield (str(partition),), found

    return read


def stream_time(each: TimeReport, _now: float) -> float | None:
    """Give the stream's time in seconds since 1970."""
    return None if each.time is None else each.time / 1000


def behind(each: TimeReport, now: float) -> float | None:
    """Give by how many seconds it is behind the clock."""
    return None if each.time is None else now - each.time / 1000


def sizes(which: int) -> Reading:
    """Read how many rows (0) or bytes (1) a table's partition holds."""
    return lambda seen: [
        ((table, str(partition)), size[which])
        for table, partitions in seen.sizes.items()
        for partition, size in partitions.items()
    ]


def of_recoveries(field: str) -> Reading:
    """Read something of each table's recoveries."""
    return lambda seen: [((table,), getattr(each, field)) for table, each in dict(seen.counters.recoveries).items()]


def rule_set(seen: Seen) -> Samples:
    """Give the id of the rule set that runs, once one does."""
    return [((seen.counters.rule_set,), 1)] if seen.counters.rule_set else []


def build(_seen: Seen) -> Samples:
    """Give what runs."""
    return [((version("stream_app"), platform.python_version()), 1)]
