"""Liveness: observations in, verdict out, with a clock of the test's own."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from stream_app.service.liveness import LONGEST_STEP, NAMED, Liveness, Observation, Standing, starting

STALL = 10.0


def standing(committed: int, end: int | None, low: int | None = 0) -> Standing:
    """Give a partition of which the broker says that it begins at ``low``."""
    return Standing(committed=committed, low=None if end is None else low, end=end)


def judged(looks: Iterable[dict[str, Standing]], **more: object) -> Liveness:
    """Give the verdict after looks that are a second apart."""
    verdict = starting(STALL, 0.0)
    for at, partitions in enumerate(looks, start=1):
        verdict = verdict.after(Observation(at=float(at), partitions=partitions, **more))  # type: ignore[arg-type]  # of a test
    return verdict


def test_a_worker_that_nobody_has_looked_at_is_alive() -> None:
    """Before the first look there is nothing to say."""
    verdict = starting(STALL, 5.0)
    assert (True, "", 5.0) == (verdict.alive, verdict.why, verdict.since)


def test_lag_without_a_commit_is_dead_after_the_stall_and_not_a_second_before() -> None:
    """The first look begins to count; ten seconds later the worker is dead, since then and for that reason."""
    looks = [{"sysmon/0": standing(40, 52)}] * 11
    assert judged(looks[:10]).alive
    verdict = judged(looks)
    assert (False, 11.0) == (verdict.alive, verdict.since)
    assert "sysmon/0: nothing was committed for 10 s at offset 40, lag 12" == verdict.why


def test_the_time_before_the_lag_does_not_count() -> None:
    """Lag begins with the look that sees it, not with the one before."""
    idle, lagging = {"sysmon/0": standing(40, 40)}, {"sysmon/0": standing(40, 52)}
    assert judged([idle] + [lagging] * 10).alive
    assert not judged([idle] + [lagging] * 11).alive


def test_no_lag_and_no_movement_is_alive() -> None:
    """A worker that has read everything has nothing to commit."""
    assert judged([{"sysmon/0": standing(40, 40)}] * 100).alive


def test_any_commit_within_the_stall_is_life() -> None:
    """A worker that is behind and moves, however slowly, is alive."""
    assert judged([{"sysmon/0": standing(at // 9, 1000)} for at in range(100)]).alive


def test_one_partition_that_stands_still_among_moving_ones_is_dead() -> None:
    """What others read does not help the one that nobody reads."""
    verdict = judged([{"sysmon/0": standing(at, 1000), "sysmon/1": standing(3, 1000)} for at in range(30)])
    assert not verdict.alive
    assert verdict.why.startswith("sysmon/1: ")


def test_records_that_retention_removed_are_no_lag() -> None:
    """An idle partition of which the old records are gone, and of which none was ever committed, has no lag."""
    assert judged([{"sysmon/0": standing(0, 100, low=100)}] * 100).alive
    assert not judged([{"sysmon/0": standing(0, 100, low=99)}] * 100).alive


def test_a_topic_made_anew_is_no_lag() -> None:
    """A committed offset behind the end is less than no lag."""
    assert judged([{"sysmon/0": standing(500, 10)}] * 100).alive


def test_a_broker_that_does_not_answer_kills_nobody() -> None:
    """While the lag is not known the worker is alive, the reason says so, and the clock begins anew."""
    lagging, silent = {"sysmon/0": standing(40, 52)}, {"sysmon/0": standing(40, None)}
    verdict = judged([lagging] * 9 + [silent] * 50)
    assert (True, "no broker says where sysmon/0 end, so their lag is not known") == (verdict.alive, verdict.why)
    assert judged([lagging] * 9 + [silent] + [lagging] * 9).alive
    assert not judged([lagging] * 9 + [silent] + [lagging] * 11).alive


def test_who_is_dead_stays_dead_while_the_broker_is_silent_and_lives_again_with_a_commit() -> None:
    """Silence proves nothing; a commit does."""
    dead = [{"sysmon/0": standing(40, 52)}] * 11
    verdict = judged([*dead, {"sysmon/0": standing(40, None)}])
    assert not verdict.alive
    assert verdict.why.startswith("sysmon/0: nothing was committed for 10 s at offset 40, lag unknown; no broker")
    revived = judged([*dead, {"sysmon/0": standing(41, 52)}])
    assert (True, "", 12.0) == (revived.alive, revived.why, revived.since)


def test_a_rebalance_hides_no_stall() -> None:
    """A partition that comes back with the offset that it went with goes on counting; with another one it begins."""
    lagging: dict[str, Standing] = {"sysmon/0": standing(40, 52)}
    assert not judged([*([lagging] * 6 + [{}]) * 3, lagging]).alive
    assert judged([lagging] * 9 + [{}] + [{"sysmon/0": standing(41, 52)}] * 9).alive


def test_a_worker_with_nothing_to_do_is_alive() -> None:
    """There may be more workers than partitions."""
    assert judged([{}] * 100).alive


def test_a_recovery_that_reads_on_is_life() -> None:
    """Offsets stand still while a long changelog is read; that is no stall, unless the reading stops too."""
    verdict = starting(STALL, 0.0)
    for at in range(1, 60):
        partitions = {"matches/0": standing(40, 52)}
        verdict = verdict.after(Observation(at=float(at), partitions=partitions, recovered=min(at, 40)))
        assert (at < 50) == verdict.alive


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """A process that was frozen for an hour wakes up alive."""
    lagging = {"sysmon/0": standing(40, 52)}
    verdict = starting(STALL, 0.0).after(Observation(at=1.0, partitions=lagging))
    verdict = verdict.after(Observation(at=3600.0, partitions=lagging))
    assert verdict.alive
    assert LONGEST_STEP == verdict.tracks["sysmon/0"].stuck


def test_a_worker_that_is_ending_is_dead_at_once() -> None:
    """Its failure is the reason."""
    verdict = judged([{}], failed="a record could not be sent")
    assert (False, "it is ending: a record could not be sent") == (verdict.alive, verdict.why)


def test_a_hung_event_loop_is_named() -> None:
    """The reason says for how long the loop has not run, and only where a partition stands still."""
    looks = [{"sysmon/0": standing(40, 52)}] * 11
    assert judged(looks, silent=71.0).why.endswith("; the event loop has not run for 71 s")
    assert "" == judged(looks[:5], silent=71.0).why


def test_many_partitions_are_counted_not_listed() -> None:
    """A reason names three partitions."""
    verdict = judged([{f"sysmon/{n}": standing(1, 9) for n in range(32)}] * 20)
    assert NAMED == verdict.why.count("nothing was committed")
    assert verdict.why.endswith("; 29 more partitions stand still")
    unknown = judged([{f"sysmon/{n}": standing(1, None) for n in range(32)}])
    assert "sysmon/0, sysmon/1, sysmon/2 and 29 more end" in unknown.why


LOOKS = st.lists(
    st.tuples(
        st.sampled_from([0.25, 1.0, 3.0, 20.0]),  # seconds since the look before
        st.sampled_from([0, 0, 0, 1]),  # records committed since
        st.sampled_from([0, 0, 1]),  # records that came since
        st.sampled_from([True, True, True, False]),  # whether the broker says the end
    ),
    max_size=60,
)


@given(looks=LOOKS)
def test_the_verdict_is_that_of_the_whole_history(looks: list[tuple[float, int, int, bool]]) -> None:
    """Dead is who had known lag at one offset for the stall's watched seconds, until it moves or has no lag."""
    verdict, now, committed, end = starting(STALL, 0.0), 0.0, 5, 8
    history: list[tuple[float, int, int | None]] = []
    for step, moved, came, told in looks:
        now, end = now + step, end + came
        committed = min(end, committed + moved)
        history.append((step, committed, end if told else None))
        verdict = verdict.after(Observation(at=now, partitions={"p": standing(committed, end if told else None)}))
        assert dead(history) != verdict.alive


def dead(history: list[tuple[float, int, int | None]]) -> bool:
    """Say from the whole history whether its worker is dead: does any unbroken stretch of lag last long enough."""
    for begin in range(len(history)):
        watched, offset = 0.0, history[begin][1]
        tail = history[begin:]
        first_silence = next((n for n, (_, _, end) in enumerate(tail) if end is None), len(tail))
        if any(committed != offset or end == committed for _, committed, end in tail):
            continue
        watched = sum(min(step, LONGEST_STEP) for step, _, _ in tail[1:first_silence])
        if watched >= STALL:
            return True
    return False
