"""A worker as the image and the chart start it: no right of its own, and nothing to write to but two folders."""

import http.client
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from stream_app.kafka.connection import Connection
from stream_app.kafka.local import free_ports
from tests.brokers import everything, fresh_topics, settings_of
from tests.workers import WorkerProcess

TOOLS = ("unshare", "mount", "setpriv", "findmnt")
PATIENCE = 60.0

LOCKED = r"""
set -eu
mount --make-rprivate /
for folder in "$STREAM_APP_DATA_DIR" "$TMPDIR"; do mkdir -p "$folder"; mount -t tmpfs tmpfs "$folder"; done
beside=$(dirname "$STREAM_APP_DATA_DIR")/beside
mount -o remount,bind,ro "$(findmnt -no TARGET -T "$beside")"
mount -o remount,bind,ro / 2>/dev/null || true
if touch "$beside" 2>/dev/null; then echo "the file system can be written" >&2; exit 99; fi
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
"""Makes all read-only that the worker finds, but for its data and a folder for what is temporary."""


class LockedWorker(WorkerProcess):
    """A worker that may write where a container may."""

    def _start(self) -> "subprocess.Popen[bytes]":
        words = ["unshare", "--mount", "sh", "-c", LOCKED, "sh", sys.executable, "-m", "stream_app", "worker"]
        with self.log.open("ab") as log:
            return subprocess.Popen(words, env=self._environment, stdout=log, stderr=log)


def namespaces() -> None:
    """Skip, with the reason, where this machine does not let mounts be changed."""
    if os.geteuid() != 0 or not all(map(shutil.which, TOOLS)):
        pytest.skip(f"needs root and {', '.join(TOOLS)}")
    if subprocess.run(["/bin/sh", "-c", "unshare --mount true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no namespace of mounts")


def ready(port: int) -> bool:
    """Ask whether a worker reads its partitions."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        client.request("GET", "/ready")
        return client.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False


def test_a_worker_needs_nothing_but_its_data_and_a_folder_for_what_is_temporary(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all else read-only and without any right it keeps rows on disk, rejects what it must, and ends in order."""
    namespaces()
    names = fresh_topics(connection, "read-only")
    (port,) = free_ports(1)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "beside").touch()
    more = {"store": "rocksdb", "health_port": str(port), "instance_id": "read-only-0"}
    with LockedWorker(tmp_path, "read-only", settings_of(connection, names) | more) as worker:
        deadline = time.monotonic() + PATIENCE
        while not ready(port):
            assert worker.alive, worker.said()
            assert time.monotonic() < deadline, worker.said()
            threading.Event().wait(0.1)
        producer = Producer(connection.librdkafka())
        producer.produce(names.sysmon, b"no record of anything")
        producer.flush(10)
        while not everything(connection, names.rejected):
            assert worker.alive, worker.said()
            assert time.monotonic() < deadline, worker.said()
        assert 0 == worker.terminate()
