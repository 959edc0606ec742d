"""One benchmark run on a broker: each measurement in processes and on topics of its own, which are removed after it."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from stream_app.kafka.admin import admin_client, create_topics
from stream_app.kafka.connection import Connection
from stream_app.kafka.topics import Names, Topic, declare
from tests.benchmarks import naive
from tests.benchmarks.reading import Read, read
from tests.benchmarks.records import Made
from tests.benchmarks.sampling import SampledWorker
from tests.benchmarks.standing import COMMIT_INTERVAL, RunFailed, Standing, Subject, Used, measure, put
from tests.brokers import fresh_topics, settings_of
from tests.workers import WorkerProcess

WARM_UP = 2000
"""Records that a worker has handled before it is measured; what they match has been through every stage."""

SETTINGS = {
    "commit_interval_s": str(COMMIT_INTERVAL),
    "session_timeout_s": "300",  # it is held still while its topic is filled
    "lateness_s": "86400",  # records are made before the run: on a slow machine, too, none may be late
}


class Bench(Struct, frozen=True, kw_only=True):
    """A broker, a folder for logs, a shape of records; ``patience`` is the most seconds that one run may take."""

    connection: Connection
    folder: Path
    shape: str
    patience: float = 600.0

    def worker(self, name: str, made: list[Made]) -> Used:
        """Measure our worker over all but the first records, which warm it up."""
        names = fresh_topics(self.connection, name)
        with self._removing(name), WorkerProcess(self.folder, name, self._settings(names)) as worker:
            return self._measure(worker, names, made)

    def profile(self, name: str, made: list[Made]) -> tuple[Used, Path]:
        """Run our worker as :meth:`worker` does, and find out where its time goes: gives the collapsed stacks too."""
        names = fresh_topics(self.connection, name)
        with self._removing(name), SampledWorker(self.folder, name, self._settings(names)) as worker:
            used = self._measure(worker, names, made)
            worker.terminate()
            return used, worker.stacks

    def yardsticks(self, name: str, made: list[Made], whats: Sequence[str]) -> list[Read]:
        """Read the same records without Faust, once for each of ``whats`` (reading.py)."""
        names = Names(app_id=name, sysmon=f"{name}-sysmon")
        source = next(each for each in declare(names) if each.name == names.sysmon)
        create_topics(self.connection, (source,))
        with self._removing(name):
            put(self.connection, names.sysmon, made)
            servers = self.connection.bootstrap_servers
            return [read(what, servers, names.sysmon, len(made), self.shape) for what in whats]

    def naive(self, name: str, made: list[Made]) -> Used:
        """Measure the naive app as :meth:`worker` does ours."""
        source, between, out = f"{name}-sysmon", naive.matches_topic(name), naive.out_topic(name)
        create_topics(self.connection, [_plain(topic) for topic in (source, between, out)])
        log = self.folder / f"{name}.log"
        words = [sys.executable, "-m", "tests.benchmarks.naive", name, self.connection.bootstrap_servers]
        with self._removing(name), log.open("ab") as said:
            process = subprocess.Popen([*words, source, self.shape], stdout=said, stderr=said)
            try:
                subject = Subject(
                    process=process,
                    log=log,
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

    def _settings(self, names: Names) -> dict[str, str]:
        return settings_of(self.connection, names) | SETTINGS

    def _measure(self, worker: WorkerProcess, names: Names, made: list[Made]) -> Used:
        subject = Subject(
            process=worker.process,
            log=worker.log,
            standing=Standing(self.connection, names.app_id),
            source=names.sysmon,
            between=names.matches,
            out=names.incidents,
        )
        used = measure(subject, self.connection, made[:WARM_UP], made[WARM_UP:], self.patience)
        rejected = sum(subject.standing.ends(names.rejected).values())
        if rejected:
            raise RunFailed(f"{rejected} records were rejected")
        return used

    @contextmanager
    def _removing(self, name: str) -> Iterator[None]:
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
        key="a text",
        codec="JSON",
        partitions=naive.PARTITIONS,
        replication=1,
        cleanup_policy="delete",
    )
