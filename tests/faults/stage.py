"""The brokers and workers of one run, and what can be done to them."""

import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from stream_app.kafka.connection import Connection
from stream_app.kafka.following import follow
from stream_app.kafka.local import LocalBroker
from tests.brokers import fresh_topics, settings_of
from tests.faults.load import Load
from tests.faults.oracle import Verdict, Wire
from tests.workers import WorkerProcess

SESSION = 6.0
"""Seconds: a worker that is silent for so long has lost its partitions."""


class Stage:
    """One run: topics of its own, workers, a load. ``faults`` are the moments (wall clock, s) of what was done."""

    def __init__(  # noqa: PLR0913 - what a run varies
        self,
        broker: LocalBroker,
        folder: Path,
        name: str,
        *,
        partitions: int = 4,
        worker_connection: Connection | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.broker = broker
        self.connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        self.names = fresh_topics(self.connection, name, partitions)
        self.faults: list[float] = []
        self.workers: list[WorkerProcess] = []
        self._folder = folder
        self._settings = settings_of(worker_connection or self.connection, self.names, partitions) | (settings or {})
        folder.mkdir(parents=True, exist_ok=True)

    def worker(self) -> WorkerProcess:
        """Start one more worker, with a name that stays."""
        name = f"worker-{len(self.workers) + 1}"
        self.workers.append(WorkerProcess(self._folder, name, self._settings | {"instance_id": name}))
        return self.workers[-1]

    def ready(self, timeout: float = 60.0) -> None:
        """Wait until the group is stable with all workers in it. Raises TimeoutError."""
        admin, deadline = (
            AdminClient({"bootstrap.servers": self.connection.bootstrap_servers}),
            time.monotonic() + timeout,
        )
        group, wanted = self.names.app_id, len(self.workers)
        while time.monotonic() < deadline:
            found = admin.describe_consumer_groups([group], request_timeout=10)[group].result()
            with_partitions = [each for each in found.members if each.assignment.topic_partitions]
            if found.state == ConsumerGroupState.STABLE and len(with_partitions) == wanted:
                return
        raise TimeoutError(f"{group}: {wanted} workers did not come to own partitions")

    def fault(self) -> None:
        """Note that something is done now."""
        self.faults.append(time.time())

    def keep_alive(self) -> None:
        """Start again whichever worker has ended, as systemd or Kubernetes would."""
        for worker in self.workers:
            if not worker.alive:
                worker.restart()

    def close(self) -> None:
        """End every worker."""
        for worker in self.workers:
            worker.kill()

    def settle(self, load: Load, patience: float) -> Wire:
        """Read incidents until all that must come has come, or ``patience`` seconds have passed."""
        wire, deadline = Wire(), time.monotonic() + patience
        quiet = 0

        def done() -> bool:
            nonlocal quiet
            self.keep_alive()
            quiet = quiet + 1 if wire.complete(load.truth) else 0
            return quiet > 15 or time.monotonic() > deadline

        for message in follow(self.connection, self.names.incidents, from_beginning=True, stop=done):
            wire.take(message)
        return wire

    def audit(self, load: Load, patience: float = 60.0) -> Verdict:
        """Wait for the end of the run, kill every worker, recover in a new one, count once more, and judge."""
        self.settle(load, patience)
        self.close()
        self.workers.clear()
        self.worker()
        load.one_of_each()
        verdict = self.settle(load, patience).verdict(load.truth, self.faults)
        verdict.records = load.sent
        return verdict


Fault = Callable[[Stage], None]
