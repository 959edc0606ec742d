"""How much may be on its way through a broker that forgets."""

from hypothesis import given
from hypothesis import strategies as st

from stream_app.cli.throttle import PARTITION_BYTES, TOTAL_BYTES, Throttle
from stream_app.kafka.embedded import PARTITION_BYTES as BROKER_KEEPS


def test_the_limits_leave_the_broker_its_half() -> None:
    """A partition is filled to less than half of what the broker keeps, all together to less than one partition."""
    assert PARTITION_BYTES < BROKER_KEEPS / 2
    assert TOTAL_BYTES < BROKER_KEEPS


def test_a_full_partition_waits_for_a_commit() -> None:
    """There is no room until what was sent has been committed; another partition still has some."""
    throttle = Throttle(partition_bytes=100, total_bytes=1_000)
    throttle.sent("sysmon", 0, 0, 60)
    throttle.sent("sysmon", 0, 1, 40)
    assert (False, True) == (throttle.room("sysmon", 0, 1), throttle.room("sysmon", 1, 100))
    throttle.committed("sysmon", 0, 1)
    assert (True, False) == (throttle.room("sysmon", 0, 60), throttle.room("sysmon", 0, 61))


def test_matches_count_as_records_do() -> None:
    """What is on its way on any topic takes room from all."""
    throttle = Throttle(partition_bytes=100, total_bytes=150)
    throttle.sent("sysmon", 0, 0, 90)
    throttle.sent("matches", 3, 0, 50)
    assert (True, False) == (throttle.room("sysmon", 1, 10), throttle.room("sysmon", 1, 11))
    throttle.committed("matches", 3, 1)
    assert throttle.room("sysmon", 1, 60)


def test_a_record_larger_than_the_limit_goes_alone() -> None:
    """With nothing on its way a record of any size may be sent, so that no file can stop the play."""
    throttle = Throttle(partition_bytes=100, total_bytes=100)
    assert throttle.room("sysmon", 0, 1_000)
    throttle.sent("sysmon", 0, 0, 1_000)
    assert not throttle.room("sysmon", 1, 1)


def test_what_is_committed_before_it_is_seen_is_not_on_its_way() -> None:
    """A match that is read back after its commit takes no room."""
    throttle = Throttle(partition_bytes=100, total_bytes=100)
    throttle.committed("matches", 0, 5)
    throttle.sent("matches", 0, 4, 100)
    assert throttle.room("sysmon", 0, 100)


@given(sizes=st.lists(st.integers(0, 50), max_size=30), committed=st.integers(0, 30))
def test_room_is_what_the_uncommitted_leave(sizes: list[int], committed: int) -> None:
    """Whatever was sent and committed, exactly the rest up to the limit has room."""
    throttle = Throttle(partition_bytes=10_000, total_bytes=10_000)
    for offset, size in enumerate(sizes):
        throttle.sent("sysmon", 0, offset, size)
    throttle.committed("sysmon", 0, committed)
    left = 10_000 - sum(sizes[committed:])
    assert throttle.room("sysmon", 0, left)
    assert (left == 10_000) == throttle.room("sysmon", 0, left + 1)
