"""State that moves to another partition of the matches topic: a row, or the clocks, in; what stands there then, out.

Decision: a row moves only when every match that lay on the topic has been counted. What it did before has then got out
and is read by nobody again, so each of its positions becomes the last one before the first that its new partition will
be asked about: as if all of it had happened there. Records that were counted stay known by their source's own offsets.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from stream_app.engine.flood import Flood, decode_flood, encode_flood, of_flood
from stream_app.engine.row import Episode, Row, decode_row, encode_row
from stream_app.engine.stream_time import VERSION, Clock, Progress, Reading


def moved(key: bytes, data: bytes, position: int) -> bytes:
    """Give a row, that of a group or of a rule's caps, as it stands at ``position`` of another partition.

    -1 is the position of a partition that holds nothing yet. Raises BadRow.
    """
    if of_flood(key) is not None:
        return encode_flood(_flood_at(decode_flood(data), position))
    return encode_row(_row_at(decode_row(data), position))


def joined(clocks: Sequence[Clock], position: int) -> Clock:
    """Give the clock of a partition that is new, at ``position``, from those of the partitions that there were.

    Of each source partition it knows the least that any of them knows: what one has not heard of yet must not be late
    here. Where they do not agree on the source topic, time stands still until progress comes.
    """
    retired = tuple(sorted({each for clock in clocks for each in clock.retired}))
    ids = {clock.topic_id for clock in clocks} - {"", *retired}
    expected = max((clock.expected for clock in clocks), default=0)
    empty = Clock(VERSION, position - 1, expected, "", retired, {}, ())
    if len(ids) != 1:
        return empty
    (topic_id,) = ids
    known: dict[int, tuple[int, int]] = {}
    for clock in clocks:
        if clock.topic_id != topic_id:
            continue
        for number, (offset, time) in clock.known.items():
            least_offset, least_time = known.get(number, (offset, time))
            known[number] = min(offset, least_offset), min(time, least_time)
    readings = tuple([Reading(topic_id, number, *each) for number, each in sorted(known.items())])
    return empty.after(Progress(VERSION, expected, readings), position)


def _row_at(row: Row, position: int) -> Row:
    lines = tuple([replace(line, episodes=_at(line.episodes, position)) for line in row.lines])
    return replace(row, position=position, episodes=_at(row.episodes, position), lines=lines)


def _at(episodes: Sequence[Episode], position: int) -> tuple[Episode, ...]:
    return tuple([_episode_at(each, position) for each in episodes])


def _episode_at(one: Episode, position: int) -> Episode:
    born = None if one.born is None else replace(one.born, position=position)
    return replace(one, position=position, born=born)


def _flood_at(flood: Flood, position: int) -> Flood:
    buckets = [
        replace(
            each,
            position=position,
            summary=None if each.summary is None else _episode_at(each.summary, position),
        )
        for each in flood.buckets
    ]
    return replace(flood, position=position, buckets=tuple(buckets))
