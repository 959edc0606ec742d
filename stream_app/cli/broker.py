"""``stream-app broker``: a real Apache Kafka on this machine, to try things on."""

import signal
import socket
import threading
from pathlib import Path

import click
from msgspec.structs import replace

from stream_app.cli.environment import settings
from stream_app.cli.failure import Failure
from stream_app.kafka.admin import create_topics
from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker, LocalBrokerUnavailable
from stream_app.service import parts
from stream_app.service.settings import PREFIX


@click.command(name="broker")
@click.option("--port", default=9092, show_default=True, type=click.IntRange(1, 65535), help="Port on 127.0.0.1.")
@click.option(
    "--folder",
    default="data/broker",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it keeps its records; remove it to begin anew.",
)
def command(port: int, folder: Path) -> None:
    """Run Apache Kafka until Ctrl-C, with our topics on it.

    The first start downloads it, about 45 MB.
    """
    alone = replace(settings(), replication=1, min_insync=1)
    _refuse_taken(port)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    click.echo("Starting Apache Kafka …", err=True)
    with LocalBroker(folder.absolute(), port) as broker:
        for name, done in create_topics(Connection(bootstrap_servers=broker.bootstrap_servers), parts.topics(alone)):
            click.echo(f"{name}: {done}", err=True)
        click.echo(f"{PREFIX}BOOTSTRAP_SERVERS={broker.bootstrap_servers}")
        while not ended.wait(0.5):
            if broker.process is None or broker.process.poll() is not None:
                raise LocalBrokerUnavailable(f"Apache Kafka ended by itself: see {broker.folder / 'kafka.log'}")
    click.echo("Stopped.", err=True)


def _refuse_taken(port: int) -> None:
    """Refuse a port on which something listens: it would be taken for the broker that is started here."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Failure(
                f"port {port} of 127.0.0.1 is taken ({error.strerror}): choose another with --port"
            ) from error
