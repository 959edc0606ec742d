"""Where a consumer group stands, and a run of one: it is held still while its topic is filled, then let go.

Goes in: a group's processes; comes out: what they used, together, from the first record to the last commit. Decision:
SIGSTOP before the topic is filled, SIGCONT after. So neither the start nor the records that they warmed up with are in
the number, and nothing of the work is outside it.
"""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct

from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import produce
from tests.benchmarks.records import Made
from tests.benchmarks.usage import Usage, usage

COMMIT_INTERVAL = 0.25
"""Seconds; a run ends with a commit, and is not to wait long for it."""

LOOK = 0.05


class RunFailed(Exception):
    """A measured process ended, stood still, or did not do what it was measured for."""


class Used(Struct, frozen=True):
    """One run: CPU in seconds, by thread too, of all processes; time in seconds; memory of the largest in bytes."""

    records: int
    matches: int
    cpu: float
    threads: dict[str, float]
    seconds: float
    peak: int


class Standing:
    """Looks at one group. ``slack`` is how many records of a partition a client may leave uncommitted for ever."""

    def __init__(self, connection: Connection, group: str, slack: int = 0) -> None:
        self._admin = AdminClient({**connection.librdkafka(), "log_level": 0})
        self._group = group
        self._slack = slack

    def ends(self, topic: str) -> dict[int, int]:
        """Give the end offset of each partition."""
        numbers = self._admin.list_topics(topic, timeout=10).topics[topic].partitions
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # confluent-kafka's
        found = self._admin.list_offsets({TopicPartition(topic, number): latest for number in numbers})
        return {where.partition: future.result().offset for where, future in found.items()}

    def members(self) -> int:
        """Give how many members the group has, none while it is shared out anew or its coordinator is being found."""
        try:  # one that is asked before there is a coordinator is never answered: ask again soon
            found = self._admin.describe_consumer_groups([self._group], request_timeout=5)[self._group].result()
        except KafkaException:
            return 0
        return len(found.members) if found.state == ConsumerGroupState.STABLE else 0

    def has_reached(self, topic: str, ends: dict[int, int]) -> bool:
        """Say whether everything below those offsets is committed."""
        asked = [TopicPartition(topic, number) for number, end in ends.items() if end]
        if not asked:
            return True
        future = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self._group, asked)])
        found = future[self._group].result().topic_partitions or []
        return all(each.offset >= ends[each.partition] - self._slack for each in found)


class Subject(Struct, frozen=True, kw_only=True):
    """What is measured: processes of one group, and the topics on the way from records to what comes out."""

    processes: Sequence[subprocess.Popen[bytes]]
    logs: Sequence[Path]
    standing: Standing
    source: str
    between: str
    out: str
    said: int | None = None
    """How many records must come out of what is measured; None: one for each match."""

    def join(self, patience: float) -> None:
        """Wait until each process has its share. Raises RunFailed."""
        self._until(lambda: self.standing.members() == len(self.processes), time.monotonic() + patience, "the group")

    def finish(self, patience: float) -> None:
        """Wait until all that lies on the source is committed, and what it led to as well. Raises RunFailed."""
        deadline = time.monotonic() + patience
        for topic in (self.source, self.between):
            ends = self.standing.ends(topic)
            self._until(partial(self.standing.has_reached, topic, ends), deadline, topic)

    def _until(self, holds: Callable[[], bool], deadline: float, what: str) -> None:
        while not holds():
            for process, log in zip(self.processes, self.logs, strict=True):
                if process.poll() is not None:
                    raise RunFailed(f"it ended: {log.read_text(errors='replace')[-2000:]}")
                if time.monotonic() > deadline:
                    raise RunFailed(f"{what} did not get there in time: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(LOOK)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to each process."""
        for process in self.processes:
            process.send_signal(number)

    def usage(self) -> list[Usage]:
        """Say what each has used so far."""
        return [usage(process.pid) for process in self.processes]

    def emitted(self) -> int:
        """Give the number of records that came out so far."""
        return sum(self.standing.ends(self.out).values())


def put(connection: Connection, topic: str, made: Sequence[Made]) -> None:
    """Send records, and wait until they lie there."""
    produce(connection, topic, ((each.key, each.value, None) for each in made))


def measure(
    subject: Subject, connection: Connection, warm_up: Sequence[Made], load: Sequence[Made], patience: float
) -> Used:
    """Warm up, hold, fill, let go, wait for the end: at most ``patience`` seconds. Raises RunFailed.

    It is a failure too if not as many records come out as must.
    """
    subject.join(120.0)
    put(connection, subject.source, warm_up)
    subject.finish(120.0)
    emitted = subject.emitted()
    subject.signal(signal.SIGSTOP)
    try:
        put(connection, subject.source, load)
        before, began = subject.usage(), time.monotonic()
    finally:
        subject.signal(signal.SIGCONT)
    subject.finish(patience)
    after, seconds = subject.usage(), time.monotonic() - began
    matches, came = sum(each.matches for each in load), subject.emitted() - emitted
    wanted = matches if subject.said is None else subject.said
    if came != wanted:
        raise RunFailed(f"{matches} matches were sent, {came} records came out instead of {wanted}")
    threads: Counter[str] = Counter()
    for ended, started in zip(after, before, strict=True):
        threads.update({name: used - started.threads.get(name, 0.0) for name, used in ended.threads.items()})
    return Used(
        records=len(load),
        matches=matches,
        cpu=sum(each.cpu for each in after) - sum(each.cpu for each in before),
        threads=dict(threads),
        seconds=seconds,
        peak=max(each.peak for each in after),
    )
