"""``python -m tests.benchmarks recovery``: rows a second that a worker reads back from a changelog partition."""

import tempfile
import time
from pathlib import Path

import click
import msgspec

from stream_app.engine.row import row_position
from stream_app.kafka.connection import Connection
from stream_app.kafka.local import LocalBroker
from stream_app.kafka.producing import produce
from stream_app.kafka.recovery import Recovered, recover
from tests.brokers import fresh_topics

ROW_BYTES = 180
"""About what the seed rule's row takes after many matches."""


@click.command()
@click.option("--rows", default=300_000, show_default=True, help="Rows in one partition, each of a key of its own.")
def main(rows: int) -> None:
    """Fill a changelog partition with rows as large as the seed rule's, and read it as a recovery does."""
    with LocalBroker(Path(tempfile.mkdtemp(prefix="recovery-"))) as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = fresh_topics(connection, "recovery", partitions=1)
        encode = msgspec.msgpack.Encoder().encode
        padding = "x" * ROW_BYTES
        produce(connection, names.changelog, ((b"%096d" % n, encode((1, n, padding)), None) for n in range(rows)))
        settings = {**connection.librdkafka(), "group.id": "recovery", "enable.auto.commit": False}
        state = Recovered(dict[bytes, bytes](), 0)
        began, cpu = time.perf_counter(), time.process_time()
        recover(settings, names.changelog, 0, state, row_position, lambda: False)
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    click.echo(
        f"{len(state.rows)} rows in {took:.2f} s: {rows / took:,.0f} rows/s, {cpu / rows * 1e6:.1f} µs CPU a row"
    )
