"""A batch: what passed the screen in one partition since the last one, settled as a whole.

Decision: one Faust event carries a batch, since a Faust event costs 100 to 150 µs wherever it goes and a record must
not. A batch is settled when its ``with`` block was left without an exception **and** everything sent in it is
acknowledged. Faust's own ack is not used: it also acks what it skips in a rebalance, what it cancels, what raised.
"""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, cast

import faust
from confluent_kafka import KafkaError, KafkaException, Message
from faust.types import TP

from stream_app.kafka.sender import Delivered, DeliveryFailed, Outgoing, Sender

Passed = tuple[Message, Any, int]
"""A record that passed the screen; what the screen found in it (its exception, where it raised); the latest timestamp,
in ms, of all records of the partition up to it, passed or not. One is made of each match twice, which a class makes
dear."""


class BatchSchema(faust.Schema[Any, Any]):
    """The transport hands over finished batches: there is nothing to decode."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's signature
        """Give the key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:  # noqa: ANN401, ARG002 - Faust's signature
        """Give the batch as it is."""
        return message.value


class Batch:
    """Records of one partition in the order of their offsets. No await inside the ``with`` block."""

    __slots__ = (
        "_outstanding",
        "_sender",
        "born",
        "end",
        "handled",
        "offset",
        "on_settled",
        "records",
        "size",
        "tp",
        "voided",
    )

    def __init__(self, sender: Sender, tp: TP, records: list[Passed], size: int) -> None:
        self.tp = tp
        self.records = records
        self.size = size
        (first, _, _), (last, _, newest) = records[0], records[-1]
        self.offset = cast("int", first.offset())
        self.end = cast("int", last.offset()) + 1, newest
        """Offset behind the last record, and the newest timestamp (ms) up to it."""
        self.handled = self.voided = False
        self.born = time.monotonic()
        self.on_settled: Callable[[], None] | None = None
        """Called once all that the batch stands for is out, if its partition is still ours then."""
        self._sender = sender
        self._outstanding = 0

    def __enter__(self) -> Self:
        self._sender.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.handled = not self.voided  # one that was taken back while its agent waited stands for nothing
        else:
            self._sender.fail(error)  # Faust would log it and go on: a whole batch lost

    def beat(self) -> None:
        """Show that the process runs, in work that holds the event loop long."""
        self._sender.serve()

    def void(self) -> None:
        """Take back what no agent has begun: its partition is being given away, another worker will read it."""
        if not self.handled:
            self.records = []
            self.voided = True

    @property
    def state(self) -> str:
        """What a stalled batch waits for, for a person."""
        return f"{self._outstanding} acknowledgements are missing" if self.handled else "its agent has not handled it"

    @property
    def settled(self) -> bool:
        """Whether all that the batch stands for is out."""
        return self.handled and not self._outstanding

    def send(self, topic: str, value: bytes | None, key: bytes | None = None) -> None:
        """Queue one record; the batch is not settled before all replicas have it. Raises WorkerFailed."""
        self._sender.send(topic, value, key, self.delivered)
        self._outstanding += 1

    def send_all(self, topic: str, records: Sequence[Outgoing], partition: int = -1) -> None:
        """Queue records in their order, each as :meth:`send` does; ``partition`` -1 is that of their keys."""
        self._sender.send_all(topic, records, self.delivered, partition=partition)
        self._outstanding += len(records)

    def log(self, topic: str, records: Sequence[Outgoing], partition: int, delivered: Delivered) -> None:
        """Queue a table's records for one partition; ``delivered`` hears of the last, and must tell :meth:`delivered`.

        The producer is idempotent, gapless and without time-outs: a partition has a prefix of what was sent to it, so
        the last one's acknowledgement is that of all before it. Each acknowledgement that is asked for costs a call.
        """
        self._sender.send_all(topic, records[:-1], None, partition=partition)
        self._sender.send_all(topic, records[-1:], delivered, partition=partition)
        self._outstanding += min(1, len(records))

    def delivered(self, error: KafkaError | None, message: Message) -> None:
        """Take one acknowledgement; a failed one ends the worker and leaves the batch unsettled."""
        if error is None:
            self._outstanding -= 1
        else:
            reason = DeliveryFailed(f"a record for {message.topic()} could not be sent: {error.str()}")
            reason.__cause__ = KafkaException(error)
            self._sender.fail(reason)
