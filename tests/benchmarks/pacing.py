"""``python -m tests.benchmarks.pacing``: a forwarder of so many records a second, in a process of its own.

Goes in: broker, topic, a file of keyed records, records a second, seconds; comes out: one line of JSON. Decision: what
is due is sent each millisecond, stamped with the moment in which it is handed to the client, so that waiting in the
client (up to 5 ms of linger) is in the latency. It never sends less to go easy on a slow broker: what it could not send
in time it says.
"""

import sys
import time
from pathlib import Path

import msgspec
from confluent_kafka import Producer
from msgspec import Struct

from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import producer_settings
from tests.benchmarks.records import Made

TICK = 0.001
MOST = 1_000_000
"""Records that may wait in the client."""


class Paced(Struct, frozen=True):
    """What was sent. ``began`` is in ms since 1970, ``seconds`` is how long the sending took."""

    sent: int
    matches: int
    began: int
    seconds: float


def pace(servers: str, topic: str, made: list[Made], rate: float, seconds: float) -> Paced:
    """Send records, again from the first after the last, until the time is over and all are acknowledged."""
    settings = producer_settings(Connection(bootstrap_servers=servers))
    producer = Producer({**settings, "queue.buffering.max.messages": MOST})
    producer.list_topics(topic, timeout=10)
    sent = matches = 0
    began, start = int(time.time() * 1000), time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        for _ in range(sent, int(passed * rate)):
            each = made[sent % len(made)]
            producer.produce(topic, each.value, each.key, timestamp=int(time.time() * 1000))
            matches += each.matches
            sent += 1
        producer.poll(0)
        time.sleep(TICK)
    took = time.perf_counter() - start
    if producer.flush(60):
        raise TimeoutError("not everything was acknowledged")
    return Paced(sent, matches, began, took)


def save(path: Path, made: list[Made]) -> None:
    """Write the file that a process of this module reads."""
    path.write_bytes(msgspec.msgpack.encode(made))


if __name__ == "__main__":
    _, where, source, file, a_second, for_seconds = sys.argv
    lot = msgspec.msgpack.decode(Path(file).read_bytes(), type=list[Made])
    sys.stdout.buffer.write(msgspec.json.encode(pace(where, source, lot, float(a_second), float(for_seconds))))
