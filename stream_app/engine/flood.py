"""Caps on how many incidents are made: what a cap counts, at rest, and what it says of an incident that is made.

Goes in: the row of a rule and customer, and an incident as it was made; comes out: whether it is told or held back, and
the row after that. Decision: the first so many of an hour or a day (UTC, by the first trigger) are told, in the order
in which they are made on the matches partition; all of a rule and customer meet in one. What is held back is made in
its row and muted, and counted by one incident, the *summary* of the bucket that held it back (the hour's before the
day's). A summary is an incident of the rule's with ``count`` held back ones, no attributes, and an eventType that ends
in ``_FLOOD``; its id is a UUIDv5 as others are, of ``["flood", "hour" or "day"]`` for attributes and of the bucket's
start. It is cleared when its bucket is over.

Decision: a verdict is given once. All that was made up to the row's position was judged, and of each bucket the row
knows the position of the last one that was told, and the ids of those of this very position: that says of each, read
again after a crash, what was said of it, however many there were. It takes a row that is written in front of the rows
of its batch, so that no row at rest holds a verdict that this one does not know.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.incident import Incident, id_text, summary_id
from stream_app.engine.key import Key, decode_key, encode_key
from stream_app.engine.life import told_at
from stream_app.engine.row import PENDING, BadRow, Born, Episode
from stream_app.rulebook.caps import HOUR
from stream_app.rulebook.rule import Rule

VERSION = 1

_MARK = b"\xc1flood"
"""How the key of such a row begins: with the byte that begins no key of a match."""


class Bucket(Struct, frozen=True, array_like=True, gc=False):
    """An hour or a day: ``span`` ms from ``start`` on. ``told`` is how many incidents of it were."""

    span: int
    start: int
    told: int
    position: int
    """Of the last of them, -1 where there is none; ``ids`` are those of this position."""
    ids: tuple[bytes, ...]
    summary: Episode | None


class Flood(Struct, frozen=True, array_like=True, gc=False):
    """What caps have counted of a rule and customer; all up to ``position`` was judged. It begins as a row does."""

    version: int
    position: int
    buckets: tuple[Bucket, ...]


NEW = Flood(VERSION, -1, ())

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Flood)


def encode_flood(flood: Flood) -> bytes:
    """Give the bytes at rest; ``row_position`` reads them too."""
    return _encoder.encode(flood)


def decode_flood(data: bytes) -> Flood:
    """Read a flood row. Raises :class:`~stream_app.engine.row.BadRow`."""
    try:
        flood = _decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadRow(str(error)) from error
    if flood.version != VERSION:
        raise BadRow(f"flood row version {flood.version}, this worker reads {VERSION}")
    return flood


def flood_key(rule_id: str, customer: str) -> bytes:
    """Give the key of the row of a rule and customer; no match has it."""
    return _MARK + encode_key(rule_id, customer, ())


def of_flood(key: bytes) -> Key | None:
    """Give rule and customer of such a row's key; None for every other key."""
    return decode_key(key.removeprefix(_MARK)) if key.startswith(_MARK) else None


def judge(  # noqa: PLR0913, PLR0917 - an incident, and what is asked about it
    rule: Rule, customer: str, flood: Flood, one: bytes, born: Born, position: int, stream_time: int | None
) -> tuple[Flood, bool, Incident | None]:
    """Judge the incident ``one`` (its id), made at ``position``, where the stream's time is ``stream_time`` (ms).

    Gives the row then, whether it is told, and the summary, where that is to be said now.
    """
    again = position <= flood.position
    spans = rule.caps.spans if rule.caps is not None else ()
    buckets = [(_bucket(flood, span, born.first), cap) for span, cap in spans]
    holding = next((bucket for bucket, cap in buckets if _holds(bucket, cap, one, position, again=again)), None)
    if again:
        return flood, holding is None, None
    if holding is None:
        return _with(flood, *[_telling(bucket, one, position) for bucket, _ in buckets]), True, None
    summary, said = _counting(rule, customer, holding, born, position, stream_time)
    after = _with(flood, replace(holding, summary=summary))
    return after, False, _incident(rule, customer, summary) if said else None


def pass_time(  # noqa: PLR0913, PLR0917 - a row, and where time and commits stand
    rule: Rule, customer: str, flood: Flood, stream_time: int, position: int, settled: int
) -> tuple[Flood | None, tuple[Incident, ...]]:
    """Say what has become due at ``stream_time`` (ms), clear summaries whose bucket is over, and forget buckets.

    Forgotten is what no incident can fall into any more and what lies below ``settled`` on the matches topic. The row
    is None where nothing is left.
    """
    kept: list[Bucket] = []
    said: list[Incident] = []
    for bucket in flood.buckets:
        summary = bucket.summary
        if summary is not None and summary.cleared is None:
            after = _after(rule, bucket, summary, stream_time, position)
            if after is not summary:
                said.append(_incident(rule, customer, after))
                bucket = replace(bucket, summary=after)  # noqa: PLW2901 - it goes on as that
        if stream_time < _gone_at(rule, bucket) or _touched(bucket) >= settled:
            kept.append(bucket)
    return (replace(flood, buckets=tuple(kept)) if kept else None), tuple(said)


def say_all(rule: Rule, customer: str, flood: Flood) -> tuple[Flood, tuple[Incident, ...]]:
    """Say the summaries that wait to be said; clear nothing."""
    told: dict[int, Episode] = {}
    for index, bucket in enumerate(flood.buckets):
        if bucket.summary is not None and bucket.summary.flags & PENDING:
            told[index] = replace(bucket.summary, flags=0)
    buckets = [replace(each, summary=told.get(index, each.summary)) for index, each in enumerate(flood.buckets)]
    return replace(flood, buckets=tuple(buckets)), tuple([_incident(rule, customer, each) for each in told.values()])


def wake_at(rule: Rule, flood: Flood) -> int:
    """Give the stream time (ms) at which :func:`pass_time` has something to do."""
    return min(time for bucket in flood.buckets for time in _times(rule, bucket))


def summaries(rule: Rule, customer: str, flood: Flood) -> tuple[Incident, ...]:
    """Give the summaries as they stand, to be sent again after a crash."""
    return tuple([_incident(rule, customer, bucket.summary) for bucket in flood.buckets if bucket.summary is not None])


def _bucket(flood: Flood, span: int, time: int) -> Bucket:
    """Give the bucket of a time, a new one where there is none."""
    start = time // span * span
    known = (bucket for bucket in flood.buckets if bucket.span == span and bucket.start == start)
    return next(known, Bucket(span, start, 0, -1, (), None))


def _holds(bucket: Bucket, cap: int, one: bytes, position: int, *, again: bool) -> bool:
    """Tell whether a bucket holds an incident back, or did when it was judged."""
    if bucket.told < cap:
        return False
    return not again or position > bucket.position or (position == bucket.position and one not in bucket.ids)


def _telling(bucket: Bucket, one: bytes, position: int) -> Bucket:
    ids = (*bucket.ids, one) if position == bucket.position else (one,)
    return replace(bucket, told=bucket.told + 1, position=position, ids=ids)


def _counting(  # noqa: PLR0913, PLR0917 - what :func:`judge` has
    rule: Rule, customer: str, bucket: Bucket, born: Born, position: int, stream_time: int | None
) -> tuple[Episode, bool]:
    """Count one that is held back; give the summary then, and whether it is to be said now."""
    one = bucket.summary
    if one is None:
        made = summary_id(rule, customer, "hour" if bucket.span == HOUR else "day", bucket.start)
        return Episode(made, 1, born.first, born.first, 1, 1, position, (), b"", said=born.time), True
    last = max(one.last, born.time)
    told = last if one.cleared is not None else told_at(rule.update_interval, one.said, last, stream_time)
    grown = replace(
        one,
        revision=one.revision + 1,
        first=min(one.first, born.first),
        last=max(one.last, born.first),
        count=one.count + 1,
        events=one.events + 1,
        position=position,
        said=one.said if told is None else told,
        flags=PENDING if told is None else 0,
    )
    return grown, told is not None


def _after(rule: Rule, bucket: Bucket, one: Episode, stream_time: int, position: int) -> Episode:
    """Give a summary after time has come to ``stream_time``; itself where nothing is to be said."""
    if stream_time >= _over_at(rule, bucket):
        end = bucket.start + bucket.span
        return replace(one, revision=one.revision + 1, cleared=end, position=position, flags=0)
    if one.flags & PENDING and stream_time >= one.said + rule.update_interval:
        return replace(one, said=one.said + rule.update_interval, flags=0)
    return one


def _times(rule: Rule, bucket: Bucket) -> Iterator[int]:
    yield _gone_at(rule, bucket)
    one = bucket.summary
    if one is not None and one.cleared is None:
        yield _over_at(rule, bucket)
        if one.flags & PENDING:
            yield one.said + rule.update_interval


def _over_at(rule: Rule, bucket: Bucket) -> int:
    """Give the stream time at which nothing that is not late can fall into a bucket any more."""
    return bucket.start + bucket.span + rule.lateness + rule.delay + 1


def _gone_at(rule: Rule, bucket: Bucket) -> int:
    """Give the stream time at which a bucket can be forgotten: when its incidents can."""
    return _over_at(rule, bucket) + rule.quiet


def _touched(bucket: Bucket) -> int:
    return bucket.position if bucket.summary is None else max(bucket.position, bucket.summary.position)


def _with(flood: Flood, *buckets: Bucket) -> Flood:
    """Give the row with these buckets in the place of what they were, new ones last."""
    after = {(bucket.span, bucket.start): bucket for bucket in (*flood.buckets, *buckets)}
    return replace(flood, buckets=tuple(after.values()))


def _incident(rule: Rule, customer: str, summary: Episode) -> Incident:
    return Incident(id_text(summary.id), rule.summing, Key(rule.id, customer, ()), summary, ())
