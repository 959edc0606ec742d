"""A week of ever-new keys, and clocks that are wrong: state stays flat, and only the host that is wrong is touched."""

from collections.abc import Iterator

import msgspec
import pytest

from stream_app.engine.rejection import decode_rejection
from stream_app.kafka.progress import wall_clock
from stream_app.rulebook.rule import Rulebook
from tests.corpus import seed_rulebook
from tests.faults.load import record
from tests.unit.kafka.cluster import MATCHES, NAMES, Cluster, Sent

HOUR = 3_600_000
DAY = 24 * HOUR
YEAR = 365 * DAY
START = 1_750_000_000_000
PYTHON = r"C:\Python311\python.exe"
AN_HOUR = 40
"""New keys in each hour."""


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    """Give the seed rule, which groups by what nearly always differs."""
    return seed_rulebook()


def turn(cluster: Cluster, time: int) -> None:
    """Read all there is; then all source partitions have come to ``time``."""
    for _ in range(2):
        for place in sorted({place for place in cluster.logs.logs if place[0] in {NAMES.sysmon, NAMES.matches}}):
            cluster.take(place, 1 << 30)
        cluster.say(0, time)


def at_rest(cluster: Cluster) -> int:
    """Give how many keys a compacted changelog holds a value for."""
    newest = {
        (number, stored.key()): stored.value()
        for number in range(MATCHES)
        for stored in cluster.logs.logs[NAMES.changelog, number]
    }
    return sum(value is not None for value in newest.values())


def week(cluster: Cluster) -> Iterator[int]:
    """Play a week, hour by hour; give how many keys are at rest at the end of each day."""
    for hour in range(7 * 24):
        time = START + hour * HOUR
        for number in range(AN_HOUR):
            value = record(f"h{number}", f"10.{hour}.0.{number}", PYTHON, number)
            cluster.logs.append((NAMES.sysmon, 0), b"", value, None, time)
        turn(cluster, time)
        if hour % 24 == 23:
            yield at_rest(cluster)


def test_a_week_of_ever_new_keys_is_a_flat_line(rulebook: Rulebook) -> None:
    """Rows go a day and the lateness after their last event: what a day leaves is there at its end, and no more."""
    cluster = Cluster(rulebook, [], 1, 1)
    assert [24 * AN_HOUR + MATCHES] + [25 * AN_HOUR + MATCHES] * 6 == list(week(cluster))
    (worker,) = cluster.workers
    assert sum(len(worker.windows.held.rows(number)) for number in range(MATCHES)) == at_rest(cluster)
    assert 6 * 24 * AN_HOUR - AN_HOUR == worker.counters.expired


def connections(host: str, *times: int) -> list[Sent]:
    """Give a connection of a host at each of these times (ms)."""
    return [Sent(0, time, record(host, "203.0.113.1", PYTHON, 1)) for time in times]


def test_a_host_whose_clock_jumps_touches_no_other(rulebook: Rulebook) -> None:
    """An hour back it is late and named, a year ahead it is early and counted in its own time; a metric names where."""
    now = wall_clock()
    cluster = Cluster(rulebook, connections("good", now), 1, 1)
    turn(cluster, now)
    for sent in (*connections("back", now - HOUR), *connections("ahead", now + YEAR), *connections("good", now + 1)):
        cluster.logs.append((NAMES.sysmon, 0), b"", sent.value, None, sent.timestamp)
    turn(cluster, now + 1)  # a record of the future moves time no further than now: see progress.py
    told = [msgspec.json.decode(each.value()) for n in range(MATCHES) for each in cluster.logs.logs[NAMES.incidents, n]]
    seen = {(each["hostName"], each["activity"], each["count"], each["incidentLastSeen"]) for each in told}
    expected = {("good", "create", 1, now), ("good", "update", 2, now + 1), ("ahead", "create", 1, now + YEAR)}
    assert expected == seen
    rejected = [decode_rejection(each.value() or b"") for each in cluster.logs.logs[NAMES.rejected, 0]]
    rejected += [decode_rejection(each.value() or b"") for n in (1, 2) for each in cluster.logs.logs[NAMES.rejected, n]]
    assert [("late", 0, 1)] == [(each.reason, each.partition, each.offset) for each in rejected]
    counted = cluster.workers[0].counters.as_dict()
    assert (1, 1) == (counted["late.0"], counted["early.0"])
