"""The brokers and workers of one run, and what can be done to them."""

import time
from pathlib import Path

import msgspec

from stream_app.kafka.following import follow
from tests.brokers import everything, fresh_topics, settings_of
from tests.faults.ground import Ground
from tests.faults.load import Load
from tests.faults.oracle import Verdict, Wire
from tests.workers import WorkerProcess

SESSION = 6.0
"""Seconds: a worker that is silent for so long has lost its partitions."""


class Stage:
    """One run: topics of its own, workers, a load. ``faults`` are the moments (wall clock, s) of what was done."""

    def __init__(  # noqa: PLR0913 - what a run varies
        self,
        ground: Ground,
        folder: Path,
        name: str,
        *,
        partitions: int = 4,
        slow: bool = False,
        module: str = "stream_app",
        settings: dict[str, str] | None = None,
    ) -> None:
        self.ground = ground
        self.connection = ground.connection
        replication = len(ground.brokers)
        self.names = fresh_topics(self.connection, name, partitions, replication)
        self.name = name
        self.faults: list[float] = []
        self.workers: list[WorkerProcess] = []
        self._begun = 0
        self._folder = folder
        self._settings = settings_of(ground.slow if slow else self.connection, self.names, partitions)
        self._settings |= {"log_level": "info", **(settings or {})}
        self._module = module
        folder.mkdir(parents=True, exist_ok=True)

    def worker(self) -> WorkerProcess:
        """Start one more worker, with a name that stays."""
        self._begun += 1
        name = f"worker-{self._begun}"
        self.workers.append(WorkerProcess(self._folder, name, self._settings | {"instance_id": name}, self._module))
        return self.workers[-1]

    def ready(self, timeout: float = 60.0) -> None:
        """Wait until every worker has said that it reads. Raises TimeoutError.

        Asking the broker for the group's state would do as well, but for librdkafka 2.16, which was seen to abort on it
        while a cluster chooses the group's coordinator.
        """
        deadline = time.monotonic() + timeout
        while not all(f" reads {self.names.sysmon}" in worker.said() for worker in self.workers):
            self.keep_alive()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name}: some worker did not come to read")

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

    def trace(self, load: Load) -> Path:
        """Leave what is needed to find a loss: for each group that is off, where its records and matches lie.

        The workers' logs, beside it, say which incarnation read from which offset on.
        """
        wire = Wire()
        for message in everything(self.connection, self.names.incidents):
            wire.take(message)
        off = {group for group, count in load.truth.items() if wire.counts.get(group, 0) != count}
        found: dict[str, dict[str, object]] = {
            str(group): {"sent": load.truth[group], "counted": wire.counts.get(group, 0), "records": [], "matches": []}
            for group in off
        }
        for topic, where in ((self.names.sysmon, "records"), (self.names.matches, "matches")):
            for message in everything(self.connection, topic):
                value = message.value() or b""
                for group in off:
                    if b"python" in value and all(part.encode() in value for part in group):
                        places = found[str(group)][where]
                        assert isinstance(places, list)
                        places.append(f"{message.partition()}@{message.offset()}")
        path = self._folder / "trace.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        return path

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
