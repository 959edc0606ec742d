"""The stream's time: how far the slowest source partition has come. Goes in: progress records; comes out: a time.

Source partitions are read at different speeds, so the newest time seen says nothing about what is still to come; the
lowest over all source partitions does. Decision: progress is written onto the matches topic itself, into each of its
partitions, behind the matches that it speaks of. So the time at a position is a function of the matches up to it, and a
worker that reads the same positions again judges each match as it was judged before: :meth:`Clock.time_at`.
"""

import msgspec
from msgspec import Struct

VERSION = 1

TRAIL = 256
"""How many changes of time a clock remembers. At one progress record a second that is longer than any commit takes."""


class Reading(Struct, frozen=True, array_like=True, gc=False):
    """A source partition has been read to ``offset`` and its time is ``time``, ms since 1970."""

    topic_id: str
    partition: int
    offset: int
    time: int


class Progress(Struct, frozen=True, array_like=True, gc=False):
    """What one worker says of the source partitions that it owns."""

    version: int
    partitions: int
    """How many the source topic has: so many must have reported before there is a time."""
    readings: tuple[Reading, ...]


class BadProgress(Exception):
    """Bytes that are not progress of this version."""


class Clock(Struct, frozen=True, array_like=True, gc=False):
    """The time of one matches partition. ``expected`` source partitions must report before there is a time.

    It grows with a source topic that is given more partitions: time then stands still until each of them has reported.

    A topic that is made anew has another id: its time starts anew, and what is still said of the old one is ignored.
    """

    version: int
    position: int
    """Highest offset on the matches topic that this clock reflects, -1 for none."""
    expected: int
    topic_id: str
    retired: tuple[str, ...]
    known: dict[int, tuple[int, int]]
    """Source partition to (offset, time)."""
    trail: tuple[tuple[int, int | None], ...]
    """(position, time from there on), oldest first."""

    @classmethod
    def new(cls, expected: int) -> "Clock":
        """Give a clock that has heard of nothing, but knows of ``expected`` partitions (0: progress will say)."""
        return cls(VERSION, -1, expected, "", (), {}, ())

    @property
    def time(self) -> int | None:
        """The lowest time over all source partitions, ms; None until each of them has reported. It never goes back."""
        return self.trail[-1][1] if self.trail else None

    @property
    def slowest(self) -> int | None:
        """The source partition that holds time back: an unheard one first; None if nothing was heard of at all."""
        if not self.known:
            return None
        for partition in range(self.expected):
            if partition not in self.known:
                return partition
        return min(self.known, key=lambda partition: (self.known[partition][1], partition))

    def time_at(self, position: int) -> int | None:
        """Give the time as it was when the matches were read to ``position``; None if it is not known (any more)."""
        for since, time in reversed(self.trail):
            if since <= position:
                return time
        return None

    def after(self, progress: Progress, position: int) -> "Clock":
        """Give the clock after a progress record at ``position``. One at or below the clock's own changes nothing."""
        if position <= self.position:
            return self
        topic_id, retired, known, time = self.topic_id, self.retired, dict(self.known), self.time
        for reading in progress.readings:
            if reading.topic_id in retired:
                continue
            if reading.topic_id != topic_id:
                if topic_id:
                    retired = (*retired, topic_id)
                topic_id, known, time = reading.topic_id, {}, None
            offset, reached = known.get(reading.partition, (reading.offset, reading.time))
            known[reading.partition] = (max(offset, reading.offset), max(reached, reading.time))
        expected = max(self.expected, progress.partitions)
        if known and len(known) >= expected:
            lowest = min(reached for _, reached in known.values())
            time = lowest if time is None else max(time, lowest)
        trail = self.trail if time == self.time else (*self.trail, (position, time))[-TRAIL:]
        return Clock(VERSION, position, expected, topic_id, retired, known, trail)


_encoder = msgspec.msgpack.Encoder()
_progress_decoder = msgspec.msgpack.Decoder(Progress)
_clock_decoder = msgspec.msgpack.Decoder(Clock)


def encode_progress(progress: Progress) -> bytes:
    """Give the bytes that go on the matches topic under ``PROGRESS_KEY``."""
    return _encoder.encode(progress)


def decode_progress(data: bytes) -> Progress:
    """Read progress. Raises :class:`BadProgress`."""
    try:
        progress = _progress_decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadProgress(str(error)) from error
    if progress.version != VERSION:
        raise BadProgress(f"progress version {progress.version}, this worker reads {VERSION}")
    return progress


def encode_clock(clock: Clock) -> bytes:
    """Give a clock's bytes at rest. They begin like a row's, with version and position: ``row_position`` reads them."""
    return _encoder.encode(clock)


def decode_clock(data: bytes) -> Clock:
    """Read a clock. Raises :class:`BadProgress`."""
    try:
        clock = _clock_decoder.decode(data)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadProgress(str(error)) from error
    if clock.version != VERSION:
        raise BadProgress(f"clock version {clock.version}, this worker reads {VERSION}")
    return clock
