"""What the console knows, and who watches it: batches and looks in, events for each reader out. For one event loop."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct

from stream_app.engine.incident import CREATE
from stream_app.service.console.feed import Batch
from stream_app.service.console.figures import Figures
from stream_app.service.console.held import Incidents
from stream_app.service.console.probe import Look
from stream_app.service.console.view import Filter, View

MOST_INCIDENTS = 10_000
MOST_BYTES = 96 << 20
MOST_ROWS = 500
MOST_STREAMS = 16
MOST_RULES = 20_000
"""Rules that are counted; ids beyond them are not (whoever writes incidents could invent some)."""


class Fired(Struct):
    """What was read of a rule since the console was started."""

    rule: str
    incidents: int = 0
    """Those that were created."""
    records: int = 0
    open: int = 0
    """Of the incidents that are held."""
    last: int | None = None
    """ms since 1970 of its newest trigger."""


class Reader:
    """One stream: its list, and what has changed for it."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.changed = asyncio.Event()
        self.rules: set[str] = set()
        self.news: dict[str, bytes] = {}
        """The newest of each kind of event that is no list."""


class Watch:
    """Incidents, figures, and the readers of both."""

    def __init__(
        self, *, incidents: int = MOST_INCIDENTS, bytes_held: int = MOST_BYTES, streams: int = MOST_STREAMS
    ) -> None:
        self.incidents = Incidents(incidents, bytes_held)
        self.figures = Figures()
        self.fired: dict[str, Fired] = {}
        self.trouble = ""
        self.behind = -1
        self.unread = 0
        self._streams = streams
        self._readers: set[Reader] = set()
        self.over = False
        """Whether streams are to end."""

    @property
    def full(self) -> bool:
        """Whether nobody else may watch now."""
        return len(self._readers) >= self._streams

    @contextmanager
    def reading(self, wanted: Filter) -> Iterator[Reader]:
        """Give a reader for as long as the block lasts."""
        reader = Reader(View(self.incidents, wanted, MOST_ROWS))
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """Let every stream end."""
        self.over = True
        for reader in self._readers:
            reader.changed.set()

    def take(self, batch: Batch, behind: int) -> None:
        """Take incidents; ``behind`` is how many of the old ones are still to be read."""
        found, unread = batch
        now = int(time.time() * 1000)
        changed: list[str] = []
        for each in found:
            touched = self.incidents.take(each)
            if not touched:
                continue
            changed += touched
            row = each.row
            self.figures.record(row.at, max(0, row.at - row.last) if row.activity == CREATE else None, now)
            fired = self.fired.get(row.rule)
            if fired is None and len(self.fired) < MOST_RULES:
                fired = self.fired[row.rule] = Fired(row.rule)
            if fired is not None:
                fired.records += 1
                fired.incidents += row.activity == CREATE
                fired.last = row.last if fired.last is None else max(row.last, fired.last)
        rules = {each.row.rule for each in found}
        for reader in self._readers:
            reader.view.note(changed)
            reader.rules |= rules
            reader.changed.set()
        self.unread += unread
        if behind != self.behind or unread:
            self.behind = behind
            self._tell("state", self.state())

    def look(self, look: Look) -> None:
        """Take what the probe found."""
        self.trouble = look.trouble
        latest = self.figures.look(int(time.time() * 1000), look.lags)
        self._tell("state", self.state())
        self._tell("figures", msgspec.json.encode(latest))

    def state(self) -> bytes:
        """Give how the console stands, as JSON."""
        return msgspec.json.encode(
            {
                "trouble": self.trouble,
                "behind": self.behind,
                "held": len(self.incidents),
                "forgotten": self.incidents.forgotten,
                "unread": self.unread,
                "now": int(time.time() * 1000),
            }
        )

    def count(self, rule: str) -> dict[str, Any]:
        """Give what was read of a rule."""
        fired = self.fired.get(rule) or Fired(rule)
        fired.open = self.incidents.open.get(rule, 0)
        return msgspec.structs.asdict(fired)

    def _tell(self, kind: str, data: bytes) -> None:
        for reader in self._readers:
            reader.news[kind] = data
            reader.changed.set()
