"""State that moves to another partition: positions become those of the new one, and nothing else changes."""

from msgspec.structs import replace

from stream_app.engine.flood import Bucket, Flood, decode_flood, encode_flood, flood_key
from stream_app.engine.key import encode_key
from stream_app.engine.moving import joined, moved
from stream_app.engine.row import VERSION, Born, Episode, Held, Line, Mark, Row, Source, decode_row, encode_row
from stream_app.engine.stream_time import VERSION as CLOCK_VERSION
from stream_app.engine.stream_time import Clock, Progress, Reading

KEY = encode_key("RULE", "1", ("ws-014",))
MARK = Mark(1000, 0, 7)
BORN = Born(1000, 40, 1000, 1000, 1, 1, ())
SOURCE = Source("topic-id", "sysmon", 2, 7)


def episode(position: int, born: Born | None = None) -> Episode:
    """Give an incident that was changed last at a position."""
    return Episode(b"i" * 16, 3, 1000, 2000, 2, 2, position, (MARK,), b"", born=born)


def clock(topic_id: str, *heard: tuple[int, int, int], expected: int = 2, retired: tuple[str, ...] = ()) -> Clock:
    """Give a clock that has heard (partition, offset, time) of a topic."""
    start = Clock(CLOCK_VERSION, -1, expected, "", retired, {}, ())
    said = tuple([Reading(topic_id, *each) for each in heard])
    return start.after(Progress(CLOCK_VERSION, expected, said), 90)


def test_a_row_takes_the_position_of_its_new_place_and_keeps_all_else() -> None:
    """Counts, sources, evidence and held events stay; every offset of the matches topic is the new one."""
    held = (Held(1000, 0, 7, 0),)
    before = Row(VERSION, 41, 2000, (SOURCE,), (episode(41, BORN), episode(12)), held)
    after = decode_row(moved(KEY, encode_row(before), 5))
    born = replace(BORN, position=5)
    assert replace(before, position=5, episodes=(episode(5, born), episode(5))) == after


def test_a_row_of_several_patterns_takes_it_in_each_of_its_lines() -> None:
    """Incidents that are nested under a tuple of attributes move too."""
    before = Row(VERSION, 41, 2000, (SOURCE,), (), (), (Line(("a",), (episode(40),)),))
    after = decode_row(moved(KEY, encode_row(before), -1))
    assert replace(before, position=-1, lines=(Line(("a",), (episode(-1),)),)) == after


def test_what_caps_have_counted_moves_as_a_row_does() -> None:
    """What was told stays counted, and the summary is the same incident."""
    full = Bucket(3_600_000, 0, 5, 40, (b"i" * 16,), episode(41))
    fresh = Bucket(3_600_000, 3_600_000, 1, 41, (), None)
    before = Flood(1, 41, (full, fresh))
    after = decode_flood(moved(flood_key("RULE", "1"), encode_flood(before), 8))
    buckets = (replace(full, position=8, summary=episode(8)), replace(fresh, position=8))
    assert replace(before, position=8, buckets=buckets) == after


def test_a_new_partition_knows_of_each_source_partition_the_least_that_any_knows() -> None:
    """Where one partition has not heard the newest progress, what it has still to hear is not late in the new one."""
    found = joined([clock("t", (0, 10, 5000), (1, 20, 7000)), clock("t", (0, 12, 6000), (1, 18, 6500))], -1)
    assert (-1, 5000, {0: (10, 5000), 1: (18, 6500)}) == (found.position, found.time, found.known)


def test_a_partition_that_none_has_heard_of_holds_time() -> None:
    """Two source partitions are expected, one was heard of: there is no time yet, as in the other partitions."""
    found = joined([clock("t", (0, 10, 5000))], 3)
    assert (3, None, 2) == (found.position, found.time, found.expected)


def test_a_clock_of_a_topic_that_was_made_anew_since_is_not_followed() -> None:
    """The id that one of them has retired is not taken up again."""
    old, new = clock("old", (0, 900, 9000), (1, 900, 9000)), clock("new", (0, 1, 100), (1, 1, 200), retired=("old",))
    found = joined([old, new], -1)
    assert ("new", ("old",), 100) == (found.topic_id, found.retired, found.time)


def test_clocks_of_two_topics_give_a_clock_that_waits() -> None:
    """Nobody can say which is the newer one: progress will."""
    found = joined([clock("a", (0, 1, 100), (1, 1, 100)), clock("b", (0, 1, 100), (1, 1, 100))], -1)
    assert ("", None, 2) == (found.topic_id, found.time, found.expected)


def test_where_there_is_no_clock_there_is_none_to_join() -> None:
    """A group that never ran: the new partition has heard of nothing."""
    found = joined([], -1)
    assert ({}, None, 0) == (found.known, found.time, found.expected)
