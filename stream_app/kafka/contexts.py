"""Process context on Kafka: the processes of the source partitions that are ours, learned as records are screened.

Decision: what is learned of a record is used at once, since the next record may be its connection, and stored with the
batch that the record is in: its offset is committed only when the row's changelog record is acknowledged. So the rows
that a crash leaves behind may be ahead of the committed offset or behind what was learned, and either gives the same
answers to what is read again (engine/process.py).
"""

from collections.abc import Callable

from confluent_kafka import Message

from stream_app.engine.process_context import Involved, Joining, Processes
from stream_app.kafka.batch import Batch
from stream_app.kafka.counters import Counters
from stream_app.kafka.detecting import Found
from stream_app.kafka.progress import wall_clock
from stream_app.kafka.recovery import Rows
from stream_app.kafka.rows import RowPartitions
from stream_app.sysmon.lazy import Admitted

LEARNED: Found = ()
"""What the screen says of a record that no rule wants and whose process is to be stored."""


class NotTogether(Exception):
    """A source partition is read without the processes of its hosts."""


class Contexts:
    """``settled`` gives the committed offset of a source partition, ``fail`` ends the worker."""

    def __init__(
        self,
        joining: Joining,
        topic_id: str,
        held: RowPartitions,
        counters: Counters,
        *,
        settled: Callable[[int], int],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._joining = joining
        self._topic_id = topic_id
        self._held = held
        self._counters = counters
        self._settled = settled
        self._fail = fail
        self._partitions: dict[int, Processes] = {}

    def prepare(self, number: int, rows: Rows) -> int:
        """Take the rows of a partition as they were recovered; gives the highest position.

        Reads every row: for a thread, before the partition's first record is screened.
        """
        processes = Processes(self._topic_id, rows, self._counters.context, self._joining)
        kept = self._held.numbers
        self._partitions = {each: state for each, state in self._partitions.items() if each in kept}
        self._partitions[number] = processes
        return processes.highest

    def take(self, message: Message, event: Admitted) -> Found | None:
        """Complete a connection, or learn of a process: then its record must be handed on. Raises Unreadable."""
        if event.wanted.__class__ is not Involved:
            return None
        number = message.partition() or 0
        processes = self._partitions.get(number)
        if processes is None:
            error = NotTogether(
                f"{message.topic()}/{number} was assigned without its processes: every worker of a group must have the "
                "same STREAM_APP_PROCESS_CONTEXT; stop all, start all"
            )
            self._fail(error)
            raise error
        learned = processes.take(event, message.offset() or 0, message.timestamp()[1], wall_clock())
        return LEARNED if learned else None

    def handle(self, batch: Batch) -> None:
        """Store what was learned of a batch's records, and remove what is over."""
        if batch.voided:
            return
        number, end = batch.tp.partition, batch.end[0]
        changed = self._partitions[number].changes(end, self._settled(number))
        if changed:
            self._held.write(batch, changed, end - 1)
        self._counters.processes = self._held.size
