"""What the transport is given, and the Faust app that carries it.

Decision: the transport knows Kafka and Faust, and of rules only that a screen is a function: whoever makes the app says
which topics are read and what is wanted of them.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import faust
from msgspec import Struct

from stream_app.kafka.connection import LOGGER, Connection
from stream_app.kafka.counters import Counters
from stream_app.kafka.failure import Failure
from stream_app.kafka.handover import Handover
from stream_app.kafka.reader import Limits, Screen

if TYPE_CHECKING:
    from stream_app.kafka.changing import Changing


class Ingest(Struct, kw_only=True):
    """Topics, screens and bounds of one worker, and where its failures and counters go."""

    connection: Connection
    screens: dict[str, Screen | None]
    """Topic to screen; None passes every record."""
    limits: Limits = Limits()
    counters: Counters
    failure: Failure
    handover: Handover
    """Of the source's screen."""
    counted: str = ""
    """The topic whose records count as read and passed."""
    drain: float = 5.0
    """Seconds that a revoke waits for the batches that agents have."""
    sender_settings: dict[str, object] = {}


class IngestApp(faust.App):
    """A Faust app that carries its :class:`Ingest`."""

    ingest: Ingest
    times: Callable[[], Mapping[int, tuple[int | None, int | None]]]
    """By matches partition, the stream's time (ms) and the source partition that holds it back; for any thread."""

    changing: "Changing"
    """What says which rules run."""

    def _crash(self, reason: BaseException) -> None:
        """End the process also where Faust's own services crash: their orderly stop was seen to hang."""
        self.ingest.failure.set(reason)
        super()._crash(reason)


def reading_settings(ingest: Ingest, group: str) -> dict[str, Any]:
    """Give the settings of a consumer that is given its partitions and offsets, and commits nothing itself."""
    return {
        **ingest.connection.librdkafka(),
        "group.id": group,  # assign() wants one; librdkafka does not join the group
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # retention that overtook the committed offset must never be a silent jump
        "isolation.level": "read_committed",
        "check.crcs": True,
        "enable.partition.eof": True,  # the only word of an end behind markers, and of what the cleaner removed
        "fetch.wait.max.ms": 50,
        "queued.max.messages.kbytes": 8192,  # more of it costs memory, and cold caches, and is not read faster
        "fetch.queue.backoff.ms": 5,  # the default of 1000 would stall a full queue for a second
        "log_level": 3,
        "logger": LOGGER,
    }
