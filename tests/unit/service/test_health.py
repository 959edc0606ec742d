"""Health, probes and stacks, each without a worker."""

import asyncio
import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from stream_app.kafka.connection import Connection
from stream_app.service.health import BLIND, LOOK, Health, HealthOptions
from stream_app.service.probes import Probes, ProbesUnavailable
from stream_app.service.stacks import stacks

NOBODY = Connection(bootstrap_servers="127.0.0.1:9")
WANTED = "s3cret"


def ask(address: tuple[str, int], path: str, authorization: str = "") -> tuple[int, bytes]:
    """Give status and body of a GET."""
    asked = http.client.HTTPConnection(*address, timeout=5)
    asked.request("GET", path, headers={"Authorization": authorization} if authorization else {})
    answer = asked.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_probe_answers_yes_or_no_with_the_report(host: str) -> None:
    """200 or 503, whatever follows a question mark; any other path is none of ours and is told what there is."""
    try:
        probes = Probes(host, 0, {"live": lambda: (True, b'{"a":1}'), "ready": lambda: (False, b'{"a":2}')})
    except ProbesUnavailable:
        if host == "127.0.0.1":
            raise
        pytest.skip("this machine has no IPv6")
    with probes:
        assert (200, b'{"a":1}') == ask(probes.address, "/live?verbose=1")
        assert (503, b'{"a":2}') == ask(probes.address, "/ready")
        status, said = ask(probes.address, "/state")
        assert (404, True) == (status, b"/live, /ready" in said)


def test_metrics_are_for_those_with_the_token() -> None:
    """A supervisor's probe bears no secret and gets its status alone; a scrape bears it and gets everything."""
    health = Health(HealthOptions(connection=NOBODY))
    answers = {"live": health._live, "ready": health._ready, "metrics": health._metrics}
    with Probes("127.0.0.1", 0, answers, WANTED) as probes:
        assert [(200, b""), (503, b"")] == [ask(probes.address, path) for path in ("/live", "/ready")]
        assert [401, 401] == [ask(probes.address, "/metrics", given)[0] for given in ("", f"Bearer {WANTED[:-1]}")]
        status, said = ask(probes.address, "/metrics", f"Bearer {WANTED}")
        assert (200, True) == (status, b"\nstream_app_ready 0.0\n" in said)
        assert b'"why":"it is starting"' in ask(probes.address, "/live", f"Bearer {WANTED}")[1]
    assert WANTED not in repr(HealthOptions(connection=NOBODY, token=WANTED))


def test_an_answer_that_fails_is_logged_in_one_record(caplog: pytest.LogCaptureFixture) -> None:
    """What goes wrong in a request goes to the log like everything else, and the next request is answered."""
    with Probes("127.0.0.1", 0, {"live": lambda: (1 / 0 > 1, b""), "ready": lambda: (True, b"")}) as probes:
        with pytest.raises(http.client.BadStatusLine):
            ask(probes.address, "/live")
        assert 200 == ask(probes.address, "/ready")[0]
    assert ["a request of"] == [record.getMessage()[:12] for record in caplog.records]


def test_an_address_that_is_taken_is_refused_by_name() -> None:
    """The worker does not start without the probes it was told to have."""
    with Probes("127.0.0.1", 0, {}) as first:
        port = first.address[1]
        with pytest.raises(ProbesUnavailable, match=f"cannot listen on 127.0.0.1:{port}"):
            Probes("127.0.0.1", port, {})


def test_a_worker_that_waits_for_its_broker_is_alive_and_not_ready(tmp_path: Path) -> None:
    """Before there is an app the file is written, in a folder that is made for it, and says so."""
    file = tmp_path / "made" / "health.json"
    with Health(HealthOptions(connection=NOBODY, file=str(file))):
        deadline = time.monotonic() + 30
        while not file.exists():
            assert time.monotonic() < deadline
            threading.Event().wait(LOOK / 10)
    report: dict[str, Any] = json.loads(file.read_bytes())
    assert (True, False, "it is starting", {}) == tuple(
        report[each] for each in ("alive", "ready", "why", "partitions")
    )
    assert [file] == list(file.parent.iterdir())


def test_a_file_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full or missing disk is an error of the log, not the end of the worker."""
    (tmp_path / "file").touch()
    health = Health(HealthOptions(connection=NOBODY, file=str(tmp_path / "file" / "below")))
    for _ in range(3):
        health._look()
    assert 1 == len(caplog.records)
    assert "the health file cannot be written" in caplog.text


def test_a_report_that_nobody_renews_is_no_life() -> None:
    """If the thread that looks is gone, the probes say so."""
    health = Health(HealthOptions(connection=NOBODY))
    health._looked -= BLIND + 1
    for well, body in (health._live(), health._ready()):
        assert not well
        assert json.loads(body)["why"].startswith("nobody has looked at the worker for 1")
        assert not json.loads(body)["alive"]
    assert b"\nstream_app_alive 0.0\n" in health._metrics()[1]


def test_the_file_of_a_dead_worker_grows_old(tmp_path: Path) -> None:
    """Its content is new, its time is that of the last sign of life."""
    file = tmp_path / "health.json"
    health = Health(HealthOptions(connection=NOBODY, file=str(file)))
    health._alive_at = 1_000_000.0
    health._write(file)
    assert 1_000_000.0 == file.stat().st_mtime


def test_stacks_show_every_other_thread_and_every_task() -> None:
    """A thread that waits and a task that waits are named with the function in which they do."""
    begun, release = threading.Event(), threading.Event()

    async def waits_as_a_task() -> None:
        await asyncio.get_running_loop().run_in_executor(None, release.wait)

    async def run() -> None:
        task = asyncio.create_task(waits_as_a_task(), name="mine")
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        loops.append(asyncio.get_running_loop())
        begun.set()
        await task

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()), name="the-loop")
    thread.start()
    try:
        assert begun.wait(30)
        shown = stacks(loops[0])
        assert "thread the-loop (" in shown
        assert "task mine: <coroutine object" in shown
        assert "in waits_as_a_task" in shown
        assert f"in {test_stacks_show_every_other_thread_and_every_task.__name__}\n" not in shown
    finally:
        release.set()
        thread.join()
