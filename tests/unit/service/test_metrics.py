"""What a scrape shows of what a worker has counted."""

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream_app.kafka.counters import Counters, Delays, Recoveries
from stream_app.service.exposition import Exposition
from stream_app.service.readings import Seen
from stream_app.service.report import PartitionReport, Report, TimeReport

Series = dict[tuple[str, ...], float]


def report(**fields: object) -> Report:
    """Give a report of a worker that is well."""
    well: dict[str, object] = {"alive": True, "ready": True, "since": 0, "at": 0, "why": "", "stall_s": 60.0}
    return Report(**{**well, **fields})  # type: ignore[arg-type]  # fields are the struct's own


def scrape(seen: Seen) -> dict[str, Series]:
    """Give the values of our series by name and by their labels' values, in the order of the labels' names."""
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(Exposition(lambda: seen).text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def counted(counters: Counters, **fields: object) -> dict[str, Series]:
    """Give what is shown of some counters."""
    return scrape(Seen(now=1_000.0, report=report(**fields), counters=counters))


def test_rules_beyond_the_bound_are_counted_together() -> None:
    """Five hundred rules have a label each, the others share one, and the sum is right."""
    counters = Counters()
    counters.matches_of.update(f"rule-{at}" for at in range(600))
    counters.matches_of.update(["rule-599", "rule-0"])
    found = counted(counters)["stream_app_matches_total"]
    assert (501, 2, 101, 602) == (len(found), found[("rule-0",)], found[("other",)], sum(found.values()))


def test_a_rule_may_be_called_anything() -> None:
    """Quotes, line ends and other alphabets in a rule's id are text of a label."""
    name = 'a "rule"\n\\ with \u05d0'
    counters = Counters()
    counters.incidents_of[name] += 3
    assert {(name,): 3.0} == counted(counters)["stream_app_incidents_total"]


def test_what_was_counted_and_made_no_incident_is_no_rejection() -> None:
    """Both lie on the rejected topic; only one of them is something to look into."""
    counters = Counters()
    counters.rejected.update({"not json": 2, "late": 1, "flood": 5, "suppressed": 7, "too many combinations": 1})
    found = counted(counters)
    assert {("not json",): 2.0, ("late",): 1.0} == found["stream_app_rejected_total"]
    assert {("flood",): 5.0, ("suppressed",): 7.0, ("too many combinations",): 1.0} == found[
        "stream_app_suppressed_total"
    ]


def test_what_no_broker_says_is_not_shown() -> None:
    """An unknown end is no series rather than a zero, which would say that nothing lags."""
    partitions = {
        "a/b/0": PartitionReport(committed=5, end=9, lag=4, stuck_s=1.5),
        "sysmon/1": PartitionReport(committed=7, end=None, lag=None, stuck_s=0.0),
    }
    times = {0: TimeReport(time=400_000, held_back_by=3), 1: TimeReport(time=None, held_back_by=None)}
    found = counted(Counters(), partitions=partitions, times=times)
    assert {("0", "a/b"): 5.0, ("1", "sysmon"): 7.0} == found["stream_app_committed_offset"]
    assert {("0", "a/b"): 4.0} == found["stream_app_lag_records"]
    assert {("0",): 600.0} == found["stream_app_stream_behind_seconds"]
    assert {("0",): 3.0} == found["stream_app_stream_slowest_partition"]


def test_state_is_shown_by_table_and_partition() -> None:
    """Rows and bytes."""
    found = scrape(Seen(now=0.0, report=report(), counters=Counters(), sizes={"rows": {0: (3, 500)}}, unsent=4))
    assert ({("0", "rows"): 3.0}, {("0", "rows"): 500.0}) == (
        found["stream_app_state_rows"],
        found["stream_app_state_bytes"],
    )
    assert {(): 4.0} == found["stream_app_unacknowledged_records"]


def test_a_rule_set_has_a_name_once_one_runs() -> None:
    """Before that there is no series, so that a worker that starts differs from nobody."""
    counters = Counters()
    assert "stream_app_rule_set_info" not in counted(counters)
    counters.rule_set, counters.rule_set_at, counters.rules = "abc", 1_700_000_000.0, 7
    found = counted(counters)
    assert ({("abc",): 1.0}, {(): 7.0}) == (found["stream_app_rule_set_info"], found["stream_app_rules"])
    assert {(): 1_700_000_000.0} == found["stream_app_rule_set_loaded_timestamp_seconds"]


@pytest.mark.parametrize(
    ("ages", "buckets"),
    [
        ([], {}),
        ([0, 10, 11], {"0.01": 2, "0.025": 3, "+Inf": 3}),
        ([-5_000], {"0.01": 1, "+Inf": 1}),
        ([3_600_000, 3_600_001, 20], {"0.01": 0, "0.025": 1, "3600.0": 2, "+Inf": 3}),
    ],
)
def test_a_delay_lies_in_the_buckets_that_are_not_below_it(ages: list[int], buckets: dict[str, int]) -> None:
    """A bucket holds what took as long as its bound or less, as Prometheus has it; what is to come took no time."""
    counters = Counters()
    counters.incident_delays.add([1_000_000_000 - age for age in ages], 1_000_000_000)
    found = counted(counters)["stream_app_incident_delay_seconds_bucket"]
    assert buckets == {bound: found[(bound,)] for bound in buckets}
    assert len(ages) == found[("+Inf",)]


def test_delays_add_up() -> None:
    """Batch after batch; the sum is of all, in seconds."""
    delays = Delays()
    delays.add([1_000, 3_000], 4_000)
    delays.add([2_500, 9_000], 4_000)
    counters = Counters()
    counters.read_delays = delays
    found = counted(counters)
    assert ({(): 5.5}, {(): 4.0}) == (
        found["stream_app_read_delay_seconds_sum"],
        found["stream_app_read_delay_seconds_count"],
    )


def test_a_recovery_is_timed_while_it_runs_and_when_it_is_over() -> None:
    """One that a rebalance overtook counts its rows and is no recovery."""
    counters = Counters()
    recovery = counters.recoveries["rows"] = Recoveries()
    recovery.begin()
    assert recovery.running >= 0
    recovery.began = -math.inf
    assert {("rows",): math.inf} == counted(counters)["stream_app_recovery_running_seconds"]
    recovery.end(5, whole=False)
    recovery.begin()
    recovery.end(7, whole=True)
    found = counted(counters)
    assert {("rows",): 1.0} == found["stream_app_recoveries_total"]
    assert {("rows",): 12.0} == found["stream_app_recovery_records_total"]
    assert {("rows",): 0.0} == found["stream_app_recovery_running_seconds"]
    assert found["stream_app_recovery_last_seconds"] == found["stream_app_recovery_seconds_total"]
