"""``stream-app demo``: the whole product on a broker inside this process, over a small scene or a file of one's own."""

import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import click
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.files import size_of
from stream_app.cli.screen import Screen
from stream_app.cli.stage import Stage
from stream_app.cli.workers import WorkerProcess
from stream_app.kafka.embedded import PARTITIONS, EmbeddedBroker
from stream_app.service import parts
from stream_app.service.settings import Settings

SCENE = Path(__file__).with_name("scene.jsonl")
"""A morning on an analyst's laptop and a scanner on a build server, made up."""


@click.command(name="demo")
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as it lies on the incidents topic.")
def command(file: str | None, *, as_json: bool) -> None:
    """Play a scene, or the records in FILE, and show each incident as it comes.

    FILE holds JSON lines or XML, gzip of either, of any size; - is standard input. Nothing stays behind.
    """
    given = settings()
    parts.worker_options(given)
    parts.rulebook(given)  # what is wrong with the rules is said here, not in the worker's log
    screen = Screen(json=as_json)
    source = file or str(SCENE)
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        with TemporaryDirectory(prefix="stream-app-") as folder, EmbeddedBroker() as broker:
            shown = _demonstration(given, broker.bootstrap_servers, Path(folder))
            screen.say("A broker runs inside this process; a worker is starting …", "dim")
            with (
                Stage(parts.connection(shown), parts.names(shown), parts.topics(shown), PARTITIONS, screen) as stage,
                WorkerProcess(shown, Path(folder) / "worker.log") as worker,
            ):
                with screen.progress("playing", size_of([source])) as bar:
                    stage.play(source, worker, bar)
                screen.say(stage.summary)
    finally:
        signal.signal(signal.SIGTERM, before)
    if stage.lost:
        raise click.exceptions.Exit(1)


def _demonstration(given: Settings, servers: str, folder: Path) -> Settings:
    """Give the settings of the demonstration's worker: the user's rules and options, on the embedded broker.

    Decision: it says every change of an incident, the moment it comes.
    """
    fresh = Settings()
    return replace(
        given,
        bootstrap_servers=servers,
        security_protocol=fresh.security_protocol,
        sasl_mechanism="",
        sasl_username="",
        sasl_password="",
        ssl_ca_location="",
        ssl_certificate_location="",
        ssl_key_location="",
        ssl_key_password="",
        partitions=PARTITIONS,
        replication=1,
        min_insync=1,
        data_dir=str(folder),
        drained="hold",
        update_interval_s=0,  # its time stands still at the end: what were held back would never be said
        commit_interval_s=0.1,
        log_level="warning",
        log_format="text",
        instance_id="",
    )


def _leave(_signal: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)
