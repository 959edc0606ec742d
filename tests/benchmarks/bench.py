"""One benchmark run on a broker: each measurement in processes and on topics of its own, which are removed after it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from stream_app.kafka.admin import admin_client, create_topics
from stream_app.kafka.connection import Connection
from stream_app.kafka.topics import Names, Topic, declare
from tests.benchmarks import naive
from tests.benchmarks.machine import ROOT
from tests.benchmarks.reading import Read, read
from tests.benchmarks.records import Made
from tests.benchmarks.sampling import SampledWorker
from tests.benchmarks.standing import COMMIT_INTERVAL, RunFailed, Standing, Subject, Used, measure, put
from tests.brokers import fresh_topics, settings_of
from tests.workers import WorkerProcess

PARTITIONS = naive.PARTITIONS
WARM_UP = 2000
"""Records that a worker has handled before it is measured; what they match has been through every stage."""

SETTINGS = {
    "commit_interval_s": str(COMMIT_INTERVAL),
    "session_timeout_s": "300",  # it is held still while its topic is filled
    "lateness_s": "86400",  # records are made before the run: on a slow machine, too, none may be late
}
SHARED = {"session_timeout_s": "60"}
"""For several workers: one learns with its next heartbeat, a quarter of it, that another one has joined."""


class MeasuredWorker(WorkerProcess):
    """A worker of the package in ``product``, a folder that holds it; None: of this checkout."""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, str], product: Path | None = None) -> None:
        self._product = product
        super().__init__(folder, name, settings)

    def _start(self) -> subprocess.Popen[bytes]:
        self._environment |= instead(self._product)
        return super()._start()


def instead(product: Path | None) -> dict[str, str]:
    """Give the environment in which a Python process imports that package, and the benchmark from this checkout."""
    if product is None:
        return {}
    return {"PYTHONPATH": f"{product}{os.pathsep}{ROOT}", "PYTHONSAFEPATH": "1"}  # the second keeps "here" out


class Bench(Struct, frozen=True, kw_only=True):
    """A broker and a folder for logs; ``patience`` is the most seconds that one run may take."""

    connection: Connection
    folder: Path
    product: Path | None = None
    patience: float = 600.0

    def worker(  # noqa: PLR0913 - what is measured, and how
        self,
        name: str,
        made: Sequence[Made],
        rules: Path,
        *,
        said: int | None = None,
        workers: int = 1,
        partitions: int = PARTITIONS,
    ) -> Used:
        """Measure our worker, or several of one group, over all but the first records, which warm them up.

        ``said`` is how many records must come out; None: one for each match.
        """
        names = fresh_topics(self.connection, name, partitions)
        settings = self.settings(names, rules, partitions) | (SHARED if workers > 1 else {})
        with self.removing(name), ExitStack() as stack:
            started = [
                stack.enter_context(MeasuredWorker(self.folder, f"{name}-{number}", settings, self.product))
                for number in range(workers)
            ]
            return self._measure(started, names, made, said)

    def profile(self, name: str, made: Sequence[Made], rules: Path, said: int | None = None) -> tuple[Used, Path]:
        """Run our worker as :meth:`worker` does, and find out where its time goes: gives the collapsed stacks too."""
        names = fresh_topics(self.connection, name)
        with self.removing(name), SampledWorker(self.folder, name, self.settings(names, rules, PARTITIONS)) as worker:
            used = self._measure([worker], names, made, said)
            worker.terminate()
            return used, worker.stacks

    def yardsticks(self, name: str, made: Sequence[Made], whats: Sequence[str], shape: str) -> list[Read]:
        """Read the same records without Faust, once for each of ``whats`` (reading.py)."""
        names = Names(app_id=name, sysmon=f"{name}-sysmon")
        source = next(each for each in declare(names) if each.name == names.sysmon)
        create_topics(self.connection, (source,))
        with self.removing(name):
            put(self.connection, names.sysmon, made)
            servers = self.connection.bootstrap_servers
            return [read(what, servers, names.sysmon, len(made), shape) for what in whats]

    def naive(self, name: str, made: Sequence[Made], shape: str) -> Used:
        """Measure the naive app as :meth:`worker` does ours."""
        source, between, out = f"{name}-sysmon", naive.matches_topic(name), naive.out_topic(name)
        create_topics(self.connection, [_plain(topic) for topic in (source, between, out)])
        log = self.folder / f"{name}.log"
        words = [sys.executable, "-m", "tests.benchmarks.naive", name, self.connection.bootstrap_servers]
        with self.removing(name), log.open("ab") as said:
            process = subprocess.Popen([*words, source, shape], stdout=said, stderr=said)
            try:
                subject = Subject(
                    processes=[process],
                    logs=[log],
                    standing=Standing(
                        self.connection, name, slack=1
                    ),  # Faust's book is off by one (kafka.md section 2)
                    source=source,
                    between=between,
                    out=out,
                )
                return measure(subject, self.connection, made[:WARM_UP], made[WARM_UP:], self.patience)
            finally:
                process.kill()
                process.wait()

    def settings(self, names: Names, rules: Path, partitions: int) -> dict[str, str]:
        """Give the settings of a worker that is measured."""
        return settings_of(self.connection, names, partitions) | SETTINGS | {"rules": str(rules)}

    def _measure(self, workers: Sequence[WorkerProcess], names: Names, made: Sequence[Made], said: int | None) -> Used:
        subject = Subject(
            processes=[worker.process for worker in workers],
            logs=[worker.log for worker in workers],
            standing=Standing(self.connection, names.app_id),
            source=names.sysmon,
            between=names.matches,
            out=names.incidents,
            said=said,
        )
        used = measure(subject, self.connection, made[:WARM_UP], made[WARM_UP:], self.patience)
        rejected = sum(subject.standing.ends(names.rejected).values())
        if rejected:
            raise RunFailed(f"{rejected} records were rejected")
        return used

    @contextmanager
    def removing(self, name: str) -> Iterator[None]:
        """Remove the topics of a measurement after it: they are large."""
        try:
            yield
        finally:
            client = admin_client(self.connection)
            mine = [topic for topic in client.list_topics(timeout=10).topics if topic.startswith(f"{name}-")]
            for future in client.delete_topics(mine).values():
                future.result()


def _plain(name: str) -> Topic:
    """Declare a topic with nothing set."""
    return Topic(
        name=name,
        purpose="a benchmark's",
        writers={},
        readers={},
        key="a text",
        codec="JSON",
        partitions=PARTITIONS,
        replication=1,
        cleanup_policy="delete",
    )
