"""What each worker runs, as it says on the status topic: a report in, a record out, and back for whoever asks.

Under ``worker/<name>`` stands, every few seconds, a worker's report; under ``rules/<name>``, when it changes, the state
of each rule. Decision: it is news, not state: nothing waits for it, and a worker whose topic is not there runs as well
without. A worker that ends in order takes its records away; one that was killed grows silent.
"""

import logging
import time
from collections.abc import Mapping

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from stream_app.kafka.changing import RulesReport
from stream_app.kafka.compacted import Compacted, place_of
from stream_app.kafka.connection import Connection
from stream_app.kafka.producing import producer_settings

log = logging.getLogger(__name__)

WORKER, RULES = "worker/", "rules/"
EVERY = 5.0
"""Seconds between two reports of a worker."""
SILENT = 20_000
"""Milliseconds after which a worker that said nothing is silent."""
GONE = 3_600_000
"""Milliseconds after which a silent worker is taken to be no more: its name may be one that nobody bears again."""

States = Mapping[str, tuple[str, str]]
"""Rule's id to its edition and what it does: enabled, disabled, shadow."""


class Standing(Struct, frozen=True, kw_only=True):
    """One worker as it said last."""

    at: int
    """ms since 1970, by the worker's clock."""
    report: RulesReport


class Teller:
    """Says what one worker runs. For one thread."""

    def __init__(self, connection: Connection, topic: str, name: str) -> None:
        self._topic = topic
        self._name = name
        self._producer = Producer({**producer_settings(connection), "message.timeout.ms": 10_000, "log_level": 0})
        self._said: RulesReport | None = None
        self._rules: States | None = None
        self._at = float("-inf")
        self._failed = False

    def say(self, report: RulesReport, rules: States) -> None:
        """Say it, where it is news or was said long ago."""
        self._producer.poll(0)
        if report is self._said and time.monotonic() - self._at < EVERY:
            return
        self._said, self._at = report, time.monotonic()
        if rules is not self._rules:
            self._rules = rules
            self._send(RULES, msgspec.json.encode(rules))
        self._send(WORKER, msgspec.json.encode(Standing(at=int(time.time() * 1000), report=report)))

    def _send(self, kind: str, value: bytes | None) -> None:
        try:
            self._producer.produce(self._topic, value, f"{kind}{self._name}", on_delivery=self._delivered)
        except (BufferError, KafkaException) as error:
            self._fail(str(error))

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._fail(error.str())

    def _fail(self, why: str) -> None:
        if not self._failed:
            self._failed = True
            log.warning("%s: `rules status` will not see this worker: %s", self._topic, why)

    def close(self) -> None:
        """Take what was said away."""
        self._send(WORKER, None)
        self._send(RULES, None)
        self._producer.flush(2)


class Told(Struct, frozen=True):
    """All that stands on the topic, by worker."""

    workers: dict[str, Standing]
    rules: dict[str, dict[str, tuple[str, str]]]


def told_on(connection: Connection, topic: str) -> Told:
    """Read what workers have said. Raises TopicUnread."""
    told, reader = Told({}, {}), Compacted(connection, topic)
    try:
        for message in reader.to_the_end():
            try:
                _take(told, message)
            except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
                log.error("%s is passed over: it is no report of a worker: %s", place_of(message), error)  # noqa: TRY400 - one line says it
    finally:
        reader.close()
    return told


def _take(told: Told, message: Message) -> None:
    key, value = (message.key() or b"").decode(), message.value()
    if key.startswith(WORKER):
        told.workers.pop(key.removeprefix(WORKER), None)
        if value is not None:
            told.workers[key.removeprefix(WORKER)] = msgspec.json.decode(value, type=Standing)
    elif key.startswith(RULES):
        told.rules.pop(key.removeprefix(RULES), None)
        if value is not None:
            told.rules[key.removeprefix(RULES)] = msgspec.json.decode(value, type=dict[str, tuple[str, str]])
    else:
        raise ValueError(f"its key {key[:80]!r} begins neither with {WORKER} nor with {RULES}")
