"""The rows of one matches partition, and what is kept beside them: its clock, when to look at each, what to say again.

Goes in: rows as they were recovered, and the editions of rules that are known; comes out: all that follows from them.
Decision: a row of an edition that is not known stays as it is, and is remembered: its edition may become known later.
"""

from heapq import nlargest

from msgspec import Struct, field

from stream_app.engine.agenda import Agenda
from stream_app.engine.correlate import REACH
from stream_app.engine.flood import decode_flood, of_flood
from stream_app.engine.flood import wake_at as flood_wake_at
from stream_app.engine.key import PROGRESS_KEY, decode_key
from stream_app.engine.observe import wake_at
from stream_app.engine.row import decode_row, row_position
from stream_app.engine.stream_time import Clock, decode_clock
from stream_app.kafka.recovery import Rows
from stream_app.kafka.tracing import Traces
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.rule import Rule


class WindowRows(Struct):
    """One partition. All but ``since`` and ``traces`` is derived from the rows."""

    clock: Clock
    agenda: Agenda
    rows: Rows
    recent: list[tuple[int, bytes]] = []
    """(position, key) of the rows whose incidents may not have got out; they are sent again with the first batch."""
    strange: list[bytes] = []
    """The keys of rows whose edition is not known; a rule may stand in for it."""
    changes: int = 0
    """Of the editions that were known when ``strange`` was made."""
    since: int | None = None
    """The first offset that was read; what lies below it is settled."""
    traces: Traces = field(default_factory=Traces)

    def recall(self, editions: Editions) -> None:
        """Look at the rows whose edition was not known, after others have become known."""
        self.changes, strange, self.strange = editions.changes, self.strange, []
        for key in strange:
            value = self.rows.get(key)
            if value is not None:
                self.attend(editions, key, value)

    def attend(self, editions: Editions, key: bytes, value: bytes) -> None:
        """Put a row on the agenda, where its rule is known."""
        name, rule = named(key), rule_of(editions, key)
        if rule is not None:
            flood = of_flood(key)
            time = wake_at(rule, decode_row(value)) if flood is None else flood_wake_at(rule, decode_flood(value))
            self.agenda.put(key, time)
        if name is not None and name not in editions:
            self.strange.append(key)


def recovered(editions: Editions, rows: Rows) -> tuple[WindowRows, int]:
    """Take rows as they were recovered; gives the highest position too. Reads every row."""
    stored = rows.get(PROGRESS_KEY)
    clock = Clock.new(0) if stored is None else decode_clock(stored)
    state = WindowRows(clock=clock, agenda=Agenda(), rows=rows, changes=editions.changes)
    highest = clock.position
    for key, value in rows.items():
        position = row_position(value)
        highest = max(highest, position)
        state.recent.append((position, key))
        if len(state.recent) > 2 * REACH:
            state.recent = nlargest(REACH, state.recent)
        state.attend(editions, key, value)
    return state, highest


def named(key: bytes) -> str | None:
    """Give what a row's key names: an edition, or the id of a rule whose caps it counts; None for the clock."""
    return None if key == PROGRESS_KEY else (of_flood(key) or decode_key(key)).rule


def rule_of(editions: Editions, key: bytes) -> Rule | None:
    """Give the rule of a row; None for the clock, and for a rule that is not known."""
    name = named(key)
    return None if name is None else editions.get(name)
