"""What comes of one match, or of a move of the stream's time, and what every kind of row asks of a match's place."""

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.match import Origin
from stream_app.engine.rejection import Rejection
from stream_app.engine.row import Row, Source

FOREVER = 2**63
"""A stream time behind all others, ms."""


class Observed(Struct, frozen=True, gc=False):
    """The row to keep, and the incidents to send. ``repeated``: had been counted before.

    ``late`` and ``full`` are counted nowhere: the match came too late, or its row would be larger than its rule allows.
    ``suppressed`` names the triggers that made nothing, since an exception of the rule holds, and the events that
    decided nothing, since too many combinations would have to be looked at.
    """

    row: Row
    incidents: tuple[Incident, ...]
    late: bool = False
    repeated: bool = False
    full: bool = False
    suppressed: tuple[Rejection, ...] = ()


def source_of(sources: tuple[Source, ...], origin: Origin) -> int:
    """Find the match's source partition in the row; its length for one that the row does not know."""
    for index, source in enumerate(sources):
        if source.partition == origin.partition and source.topic_id == origin.topic_id:
            return index
    return len(sources)


def moved(row: Row, position: int) -> Row:
    """Give the row at a position, if that is further than its own."""
    return row if position <= row.position else replace(row, position=position)
