"""``python -m tests.benchmarks.reading``: the yardstick, a process of its own that reads a topic and keeps nothing.

Goes in: what to do, broker, topic, number of records, shape; comes out: one line of JSON on standard output. Decision:
CPU is counted from before the partitions are assigned, since librdkafka fetches ahead on threads of its own.
"""

import resource
import subprocess
import sys
import time

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from msgspec import Struct

from tests.benchmarks.seed_rule import decoder, wanted

BATCH = 5000
PATIENCE = 30.0
"""Seconds without a record after which the run is given up."""


class Read(Struct, frozen=True):
    """One run: CPU of the whole process and time in seconds, memory in bytes."""

    records: int
    matches: int
    cpu: float
    seconds: float
    peak: int


def read(what: str, bootstrap_servers: str, topic: str, count: int, shape: str) -> Read:
    """Run it in a process of its own. Raises CalledProcessError with what it said."""
    words = [sys.executable, "-m", "tests.benchmarks.reading", what, bootstrap_servers, topic, str(count), shape]
    done = subprocess.run(words, check=True, capture_output=True, timeout=600)
    return msgspec.json.decode(done.stdout, type=Read)


def run(what: str, bootstrap_servers: str, topic: str, count: int, shape: str) -> Read:
    """Read ``count`` records from the beginning: ``raw`` does nothing with them, ``decode`` asks the rule by hand."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": "bench",  # assign() wants one; the group is not joined
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    decode = decoder(shape)
    got = matches = 0
    began, cpu, heard = time.perf_counter(), _cpu(), time.monotonic()
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    while got < count:
        messages = consumer.consume(BATCH, 0.05)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > PATIENCE:
            raise TimeoutError(f"{topic}: {got} of {count} records came")
        got += len(messages)
        if what == "decode":
            for message in messages:
                if wanted(decode(message.value() or b"")):
                    matches += 1
    result = Read(got, matches, _cpu() - cpu, time.perf_counter() - began, _peak())
    consumer.close()
    return result


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


if __name__ == "__main__":
    _, what_to_do, servers, source, number, shape_of_it = sys.argv
    sys.stdout.buffer.write(msgspec.json.encode(run(what_to_do, servers, source, int(number), shape_of_it)))
