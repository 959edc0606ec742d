"""What stands behind an incident: the records that it names, read from their topic, and what its rule says of them.

Decision: only records that an incident names, on topics of ours, are read: whoever can write an incident must not be
able to have any topic of the cluster shown. Decision: rules are asked in a process of their own, whose main thread a
:class:`Guard` watches: a pattern that takes for ever ends there, and the page goes on.
"""

import os
import re
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

import msgspec
from msgspec import Struct

from stream_app.engine.detect import STAGES
from stream_app.engine.explain import Given, explain
from stream_app.engine.process_context import Joining
from stream_app.engine.record import Record
from stream_app.kafka.connection import Connection
from stream_app.kafka.detecting import record_of
from stream_app.kafka.guard import Guard
from stream_app.kafka.ranges import Range, RangeReader
from stream_app.language.explain import Explainer
from stream_app.rulebook.rule import Rulebook
from stream_app.service import parts
from stream_app.service.settings import Settings

MOST_RECORDS = 20
"""Of an incident's records that are read for the page."""
MOST_CHARACTERS = 65_536
"""Of a record that are shown."""

_PLACE = re.compile(r"(?P<topic>[A-Za-z0-9._-]{1,249})/(?P<partition>\d{1,9})@(?P<offset>\d{1,18})\Z")


class Evidence(Struct, frozen=True, kw_only=True):
    """A record that an incident names. ``unread`` says why there is nothing else of it."""

    place: str
    unread: str = ""
    timestamp: int = 0
    size: int = 0
    text: str = ""
    whole: bool = True
    """Whether the text is all of the record."""


def records(connection: Connection, places: list[str], topics: frozenset[str]) -> list[tuple[Evidence, Record | None]]:
    """Read the records of these places, those on other topics left aside. Raises KafkaException."""
    return [_read(connection, place, topics) for place in places[:MOST_RECORDS]]


def _read(connection: Connection, place: str, topics: frozenset[str]) -> tuple[Evidence, Record | None]:
    found = _PLACE.match(place)
    if found is None or found["topic"] not in topics:
        return Evidence(place=place, unread="this is no place on the topic of records"), None
    partition, offset = int(found["partition"]), int(found["offset"])
    asked = Range(topic=found["topic"], partition=partition, from_offset=offset, to_offset=offset + 1)
    with RangeReader(connection, asked) as reader:
        for message in reader.records():
            record = record_of(message, "")
            value = record.value or b""
            text = value[: MOST_CHARACTERS * 4].decode("utf-8", "replace")
            whole = len(text) <= MOST_CHARACTERS and len(value) <= MOST_CHARACTERS * 4
            shown = Evidence(
                place=place, timestamp=record.timestamp, size=len(value), text=text[:MOST_CHARACTERS], whole=whole
            )
            return shown, record
        return Evidence(place=place, unread="; ".join(reader.missing) or "there is no record any more"), None


class Rules:
    """The rules, in a process that answers one question at a time. Made with the first question."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: ProcessPoolExecutor | None = None

    def explain(self, rule: str, given: list[tuple[str, Record]], patience: float) -> bytes:
        """Give the JSON list of what a rule says of records. Raises TimeoutError, LookupError for no such rule."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), _load, (self._settings,))
        try:
            return self._pool.submit(_explained, rule, given).result(patience)
        except LookupError:
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._pool is not None:
            for process in list(self._pool._processes.values()):  # noqa: SLF001 - 3.11 has no public way to end it
                process.kill()
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


class _Loaded:
    """The process's rulebook."""

    rulebook: Rulebook
    joining: Joining | None
    budget: int


def _load(settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ours = parts.rules(settings)
    ours.source.close()
    _Loaded.rulebook = ours.rulebook
    _Loaded.joining = parts.joining(settings)
    _Loaded.budget = settings.record_budget_ms


def _explained(rule: str, given: list[tuple[str, Record]]) -> bytes:
    if rule not in _Loaded.rulebook.rules:
        raise LookupError(rule)
    wanted = [Given(place, record) for place, record in given]
    with Guard(_Loaded.budget, *STAGES, Explainer.explain):
        found = list(explain(_Loaded.rulebook, rule, wanted, sources=None, joining=_Loaded.joining))
    return msgspec.json.encode(found)


def _end_with_parent() -> None:
    """End with the parent however it ended: a pool's process would wait for its next question for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
    os._exit(0)
