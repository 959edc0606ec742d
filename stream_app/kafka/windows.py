"""Matches and progress of one partition → rows and incidents: the windows side of a worker.

Decision: a batch is folded in memory, in parts, and each writes one row per key that it touched, then the clock, last:
a clock at a position promises that every row up to it stands before it in the changelog. Time comes from the log alone,
so that a worker that reads the same offsets again decides the same again.
"""

from collections.abc import Callable, Sequence

from confluent_kafka import Message

from stream_app.engine.chain import Chain
from stream_app.engine.flood import decode_flood, of_flood, summaries
from stream_app.engine.floods import Floods, held_back
from stream_app.engine.key import PROGRESS_KEY, BadKey, decode_key, edition_of, encode_key
from stream_app.engine.match import SMALL, BadMatch, Match, decode_match, has_form, is_keyed, too_large
from stream_app.engine.observe import (
    advance,
    current,
    due_at,
    expires_at,
    full_detail,
    hurries,
    observe,
    suppressed,
    wake_at,
)
from stream_app.engine.observed import Observed
from stream_app.engine.rejection import FULL, TOO_LARGE, Rejection
from stream_app.engine.row import Row, decode_row, encode_row
from stream_app.engine.stream_time import BadProgress, decode_progress, encode_clock
from stream_app.kafka.batch import Batch, Passed
from stream_app.kafka.counters import Counters
from stream_app.kafka.detecting import record_of
from stream_app.kafka.outlets import Outlets
from stream_app.kafka.placing import Placing
from stream_app.kafka.progress import wall_clock
from stream_app.kafka.recovery import Rows
from stream_app.kafka.rows import RowPartitions
from stream_app.kafka.sender import Headers
from stream_app.kafka.telling import Telling
from stream_app.kafka.topics import Names
from stream_app.kafka.window_rows import WindowRows, recovered, rule_of
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.rule import MARK, Rule

BAD_MATCH = "not a match"
UNKNOWN_RULE = "unknown rule"

EARLY = 60_000
"""Milliseconds that a match's time may be ahead of the wall clock before it is named: no result depends on it."""
FOLD = 250
"""Matches that are folded at once: the rows of a thousand do not stay in a processor's cache until they are written,
and cost half as much again."""
CROWD = 1_000
"""Events held in a row above which a match takes long (10 ms in the fullest row): the worker shows that it runs."""


class Windows:
    """Folds batches. ``settled`` gives the committed offset of a matches partition: rows above it are not removed."""

    def __init__(
        self,
        editions: Editions,
        names: Names,
        held: RowPartitions,
        counters: Counters,
        *,
        placing: Placing,
        outlets: Outlets,
        settled: Callable[[int], int],
    ) -> None:
        self.editions = editions
        self.capped = bool(editions.capped)
        self.placing = placing
        self.chain = Chain(editions.rulebook)
        """Of the rules that run."""
        self.names = names
        self.held = held
        self.counters = counters
        self.outlets = outlets
        self.settled = settled
        self._partitions: dict[int, WindowRows] = {}

    def handle(self, batch: Batch) -> None:
        """Count a batch's matches, move time, send incidents, write what changed."""
        if batch.voided:
            return
        state = self._partitions[batch.tp.partition]
        if state.changes != self.editions.changes:
            state.recall(self.editions)
        received: list[int] = []
        for at in range(0, len(batch.records), FOLD):
            fold = _Fold(self, batch, state, received)
            fold.answer_again()
            fold.take(batch.records[at : at + FOLD])
            fold.end()
        self.counters.settle(batch, received)

    def times(self) -> dict[int, tuple[int | None, int | None]]:
        """Give, by matches partition, the stream's time (ms) and the source partition that holds it back.

        For any thread; either is None while it is not known.
        """
        return {number: (state.clock.time, state.clock.slowest) for number, state in [*self._partitions.items()]}

    def prepare(self, number: int, rows: Rows) -> int:
        """Take the rows of a partition as they were recovered: its clock, and when to look at each row.

        Gives the highest position. Reads every row: for a thread, before the partition's first batch.
        """
        state, highest = recovered(self.editions, rows)
        kept = self.held.numbers
        self._partitions = {each: kept_state for each, kept_state in self._partitions.items() if each in kept}
        self._partitions[number] = state
        return highest

    def learned(self) -> None:
        """Take note of editions that have become known."""
        self.capped = bool(self.editions.capped)
        self.placing.place_by(self.editions)

    def missing(self, batch: Batch) -> set[str]:
        """Give the editions that a batch's matches name and that are not known."""
        names: set[str] = set()
        for message, _, _ in batch.records:
            try:
                names.add(edition_of(message.key() or b""))
            except BadKey:  # progress, and what is to be rejected
                continue
        return {name for name in names if MARK in name and name not in self.editions}

    def strange(self) -> set[str]:
        """Give the editions that rows are of and that are not known."""
        keys = (key for state in self._partitions.values() for key in state.strange)
        return {edition_of(key) for key in keys if of_flood(key) is None}

    def rule(self, key: bytes) -> Rule | None:
        """Give the rule of a row; None for the clock, and for a rule that is not known."""
        return rule_of(self.editions, key)


class _Fold:
    """A part of a batch on its way: the rows that it touched, decoded once, and the incidents that were not sent yet.

    ``received`` gathers the times of the matches that made incidents.
    """

    def __init__(self, windows: Windows, batch: Batch, state: WindowRows, received: list[int]) -> None:
        self._windows = windows
        self._counters = windows.counters
        self._batch = batch
        self._state = state
        if state.since is None:
            state.since = batch.offset
        self._out = Telling(windows, batch, state.since)
        self._rows: dict[bytes, tuple[Rule, Row | None, Row | None]] = {}
        """By key: the rule, the row as it is now (None: to be removed), and as it was when it was first looked at."""
        self._floods = Floods(state.rows.get, state.agenda)
        self._clock = state.clock
        self._position = -1
        self._rules: list[str] = []
        self._received = received
        self._ahead = wall_clock() + EARLY

    def answer_again(self) -> None:
        """Send again the incidents of rows that reflect what is read again now: the crash may have come before them."""
        recent, self._state.recent = self._state.recent, []
        for position, key in recent:
            rule = self._windows.rule(key) if position >= self._batch.offset else None
            value = self._state.rows.get(key)
            if rule is not None and value is not None:
                self._again(rule, key, value)
                self._batch.beat()

    def _again(self, rule: Rule, key: bytes, value: bytes) -> None:
        """Send again what a row has said."""
        flood = of_flood(key)
        if flood is not None:
            self._out.send(summaries(rule, flood.customer, decode_flood(value)))
            return
        where, row = decode_key(key), decode_row(value)
        self._out.send(current(rule, where, row), again=True)
        self._out.name(suppressed(rule, where, row))
        if rule.caps is not None:
            self._out.name(held_back(rule, row, self._batch.offset))

    def take(self, records: Sequence[Passed]) -> None:
        """Take records of the matches topic, in the order of their offsets."""
        touched, stored, traces = self._rows, self._state.rows.get, self._state.traces
        since, now = self._clock.trail[-1] if self._clock.trail else (0, None)
        for message, _, _ in records:
            position, key = message.offset() or 0, message.key() or b""
            self._position = position
            if key == PROGRESS_KEY:
                self._move(message, position)
                since, now = self._clock.trail[-1] if self._clock.trail else (0, None)
                continue
            met = touched.get(key)
            data = stored(key) if met is None else None
            found = self._read(message, key, known=met is not None or data is not None)
            if found is None:
                continue
            rule, match = found
            if met is not None:
                _, row, before = met
            else:
                row = before = None if data is None else decode_row(data)
            time = now if position >= since else self._clock.time_at(position)
            observed = observe(rule, row, match, position, time)
            if rule.caps is not None:
                observed = self._admit(rule, match.customer, key, observed, time)
            touched[key] = rule, observed.row, before
            trace = None
            if traces.waiting or message.headers():
                trace = traces.follow(key, message, said=bool(observed.incidents))
            if observed.incidents:
                self._say(rule, match, observed, trace)
            if observed.suppressed or observed.repeated or observed.late or observed.full:
                self._note(rule, match, observed, time)
            if len(observed.row.held) > CROWD:
                self._batch.beat()

    def _move(self, message: Message, position: int) -> None:
        """Take a progress record."""
        try:
            self._clock = self._clock.after(decode_progress(message.value() or b""), position)
        except BadProgress as error:
            self._out.reject(Rejection.of(record_of(message, ""), BAD_MATCH, str(error)))
        if self._windows.capped:  # where batches end must not decide what comes first
            self._pass()

    def _read(self, message: Message, key: bytes, *, known: bool) -> tuple[Rule, Match] | None:
        """Read a match, and give it with its rule; None for what was rejected. ``known`` is a key that has a row."""
        data = message.value() or b""
        try:
            match = decode_match(data)
        except BadMatch as error:
            self._out.reject(Rejection.of(record_of(message, ""), BAD_MATCH, str(error)))
            return None
        own = known and is_keyed(key, data)  # encoding it anew is dear
        if not own and key != encode_key(match.rule, match.customer, match.group):
            self._out.reject(Rejection.of(record_of(message, ""), BAD_MATCH, "the key is not the match's own"))
            return None
        if len(key) > SMALL and (unfit := too_large(key, match)):  # left there by a worker of an earlier version
            self._out.reject(Rejection.of_match(match, TOO_LARGE, unfit))
            return None
        rule = self._windows.editions.get(match.rule)
        if rule is None or (rule.edition != match.rule and not has_form(match, rule)):
            self._out.reject(Rejection.of(record_of(message, ""), UNKNOWN_RULE, f"no rule {match.rule} is loaded here"))
            return None
        self._rules.append(rule.id)
        if match.time > self._ahead:
            self._counters.early[match.origin.partition] += 1
        return rule, match

    def _say(self, rule: Rule, match: Match, observed: Observed, trace: Headers | None) -> None:
        """Send the incidents that a match made, and note since when it waits where its time is that of its receipt."""
        self._out.send(observed.incidents, again=observed.repeated, trace=trace)
        if not (observed.repeated or rule.event_clock):
            self._received.append(match.time)

    def _note(self, rule: Rule, match: Match, observed: Observed, time: int | None) -> None:
        """Say what became of a match that was not just counted."""
        self._out.name(observed.suppressed)
        self._counters.repeated += observed.repeated
        if observed.late:
            self._counters.late[match.origin.partition] += 1
            self._out.reject(Rejection.late(match, rule.lateness, time))
        if observed.full:
            self._out.reject(Rejection.of_match(match, FULL, full_detail(rule, observed.row)))

    def end(self) -> None:
        """Do what time has made due, then send what is left, and write rows and, last, the clock."""
        if self._clock is not self._state.clock and not self._windows.capped:
            self._pass()
        self._out.flush()
        self._counters.take(self._rules)
        # in front of all rows: of what is at rest, it must know every verdict
        written: dict[bytes, bytes | None] = self._floods.written(self._position)
        agenda, near = self._state.agenda, 0
        for key, (rule, row, before) in self._rows.items():
            if row is None:
                written[key] = None
            else:
                written[key] = data = encode_row(row)
                near += len(data) * 5 > rule.row_limit * 4
                if key not in agenda or hurries(before, row):
                    agenda.put(key, wake_at(rule, row))
        self._counters.near_limit += near
        if self._clock is not self._state.clock:
            written[PROGRESS_KEY] = encode_clock(self._clock)
            self._state.clock = self._clock
        self._windows.held.write(self._batch, written, self._position)

    def _pass(self) -> None:
        """Do what time has made due; of rules with caps in an order that does not depend on what was done before."""
        reached = self._clock.time
        if reached is None:
            return
        due = [key for _, key in self._state.agenda.take(reached)]
        if self._windows.capped:
            due.sort(key=self._turn)
        for key in due:
            self._look(key, reached)

    def _turn(self, key: bytes) -> tuple[int, bytes]:
        """Give when it is a row's turn, of those that have become due: in the order of what waits in them."""
        rule = self._windows.rule(key)
        row = None if rule is None or rule.caps is None or of_flood(key) else self._row(key)
        due = None if rule is None or row is None else due_at(rule, row)
        return (-1 if due is None else due, key)

    def _admit(self, rule: Rule, customer: str, key: bytes, observed: Observed, time: int | None) -> Observed:
        """Let the caps of a rule judge what was made."""
        observed = self._floods.admit(rule, customer, observed, self._position, time)
        self._state.agenda.put(key, wake_at(rule, observed.row))
        return observed

    def _row(self, key: bytes) -> Row | None:
        touched = self._rows.get(key)
        if touched is not None:
            return touched[1]
        stored = self._state.rows.get(key)
        return None if stored is None else decode_row(stored)

    def _look(self, key: bytes, time: int) -> None:
        """Decide what is due in a row; remove one that has expired, once what it stands for is committed."""
        rule, flood = self._windows.rule(key), of_flood(key)
        settled = self._windows.settled(self._batch.tp.partition)
        if rule is not None and flood is not None:
            self._out.send(self._floods.look(rule, flood.customer, time, self._position, settled))
            return
        row, where = self._row(key), decode_key(key)
        if row is None or rule is None:
            return
        observed = advance(rule, where, row, time, self._position)
        if rule.caps is not None:
            observed = self._admit(rule, where.customer, key, observed, time)
        self._out.send(observed.incidents, trace=self._state.traces.take(key) if observed.incidents else None)
        self._out.name(observed.suppressed)
        if time > expires_at(rule, observed.row) and observed.row.position < settled:
            self._rows[key] = rule, None, row
            self._counters.expired += 1
        elif observed.row is not row:
            self._rows[key] = rule, observed.row, row
        else:
            self._state.agenda.put(key, wake_at(rule, row))
