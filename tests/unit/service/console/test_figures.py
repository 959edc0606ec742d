"""Lag, rate and latency as a small history."""

from stream_app.service.console.figures import MOST_VALUES, Figures, percentile, total

MINUTE = 60_000


def test_a_percentile_is_the_least_value_that_so_many_are_no_greater_than() -> None:
    """Of a hundred values, of one, of none, in any order."""
    values = list(range(100, 0, -1))
    assert (50, 99, 100, 1) == tuple(percentile(values, each) for each in (50, 99, 100, 0))
    assert (7, None) == (percentile([7], 99), percentile([], 50))


def test_a_lag_is_the_sum_of_what_is_known() -> None:
    """None where nothing is known, which is not nothing."""
    assert (5, 2, None, None) == (total({0: 2, 1: 3}), total({0: 2, 1: None}), total({0: None}), total({}))


def test_a_look_says_what_came_since_the_last_one() -> None:
    """The rate is by time passed; a latency that an update has not does not count as one."""
    figures = Figures(span=60)
    first = figures.look(0, {"t": {0: 4}})
    assert (0.0, None, {"t": 4}) == (first.point.rate, first.point.p50, first.point.lag)
    for latency in (10, 30, None, 20):
        figures.record(1000, latency, 1000)
    second = figures.look(2000, {"t": {0: None}})
    assert (2.0, 20, 30, {"t": None}) == (second.point.rate, second.point.p50, second.point.p99, second.point.lag)
    assert (3, 20, 30) == (second.latency.incidents, second.latency.p50, second.latency.p99)
    third = figures.look(4000, {})
    assert (0.0, None, 20) == (third.point.rate, third.point.p50, third.latency.p50)
    assert third is figures.latest
    assert [0, 2000, 4000] == [each.at for each in figures.history]


def test_percentiles_forget_what_is_older_than_their_span() -> None:
    """Five minutes ago is over."""
    figures = Figures(span=300)
    figures.record(0, 1000, 0)
    figures.record(4 * MINUTE, 10, 4 * MINUTE)
    assert 1000 == figures.look(4 * MINUTE, {}).latency.p99
    assert (1, 10) == ((late := figures.look(6 * MINUTE, {}).latency).incidents, late.p99)


def test_records_of_long_ago_are_no_rate_and_no_latency() -> None:
    """What lay on the topic before the console was started says nothing of now."""
    figures = Figures(span=60)
    figures.look(10 * MINUTE, {})
    for _ in range(1000):
        figures.record(0, 5, 10 * MINUTE)
    found = figures.look(11 * MINUTE, {})
    assert (0.0, None, 0) == (found.point.rate, found.point.p50, found.latency.incidents)


def test_the_history_and_the_values_are_bounded() -> None:
    """So many points, so many latencies, the newest."""
    figures = Figures(points=3)
    for number in range(MOST_VALUES + 10):
        figures.record(number, number, number)
    for at in range(5):
        figures.look(MOST_VALUES + at, {})
    assert 3 == len(figures.history)
    assert figures.latest is not None
    assert MOST_VALUES == figures.latest.latency.incidents
