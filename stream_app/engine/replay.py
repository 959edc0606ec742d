"""The whole flow without Kafka: rulebook and records in, incidents and rejections out, as they come.

The parts are those that the workers run; a dict stands for the table and a counter for the matches topic's offsets.

Decision: time goes as it goes live. A source partition's time is the highest receive time of its records so far; the
stream's time is the lowest over ``sources`` partitions, and none until each of them has had a record. A record is
judged by the time before it. What cannot be read does not move time. Files that hold several captures jump back in time
by years; what is then late is said to be late. With ``sources=None`` time stands still: nothing is late or over, and
all state is kept. A new incident is asked of the rules that read it at once, before anything else is.

Decision: the end of the records decides what waits and says what was held back, and clears nothing: an incident is over
when records have moved time far enough past it, not because a file ends.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.engine.agenda import Agenda
from stream_app.engine.chain import Chain
from stream_app.engine.detect import Detector, receive_time
from stream_app.engine.expense import TooExpensive
from stream_app.engine.flood import of_flood
from stream_app.engine.floods import Floods
from stream_app.engine.incident import Incident
from stream_app.engine.joined import Joined, Replayed
from stream_app.engine.key import decode_key
from stream_app.engine.match import Match, decode_match, too_large
from stream_app.engine.observe import advance, expires_at, finish, full_detail, observe, wake_at
from stream_app.engine.observed import Observed
from stream_app.engine.process_context import Joining
from stream_app.engine.record import Record
from stream_app.engine.rejection import EMPTY, FULL, LATE, TOO_EXPENSIVE, TOO_LARGE, Rejection
from stream_app.engine.stream_time import VERSION, Clock, Progress, Reading
from stream_app.engine.watchlist import additions, put
from stream_app.rulebook.editions import id_of
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.parts import Unreadable

if TYPE_CHECKING:
    from stream_app.engine.row import Row


EVERYTHING = 1 << 63
"""Behind every position: nothing is read again here."""


class Step(Struct, frozen=True):
    """A match that has been counted, for whoever watches a replay."""

    rule: Rule
    key: bytes
    match: Match
    before: "Row | None"
    observed: Observed
    time: int | None
    """The stream's time, ms."""


class Tally(Struct):
    """How much was replayed. ``incidents`` counts records of incidents, ``rejected`` rejections by reason."""

    records: int = 0
    matches: int = 0
    repeated: int = 0
    incidents: int = 0
    rejected: dict[str, int] = {}
    joins: Replayed | None = None
    """What became of connections, where they are joined with their processes."""

    @property
    def late(self) -> int:
        """Matches that came too late to be counted."""
        return self.rejected.get(LATE, 0)


class Ready(Struct, frozen=True):
    """A rulebook's rules, made ready to look at records and at incidents. It keeps nothing of what it was asked."""

    detector: Detector
    chain: Chain

    @classmethod
    def of(cls, rulebook: Rulebook, *, context: bool = False) -> "Ready":
        """Make it, which takes long; ``context``: for a replay with ``joining``."""
        return cls(Detector(rulebook, context=context), Chain(rulebook))


def replay(  # noqa: PLR0913 - each has a name and, but for two, a default
    rulebook: Rulebook,
    records: Iterable[Record],
    *,
    sources: int | None = 1,
    tally: Tally | None = None,
    joining: Joining | None = None,
    ready: Ready | None = None,
) -> Iterator[Incident | Rejection]:
    """Run the records through the rulebook, in their order. ``tally``, where given, is kept up to date.

    ``sources`` is how many source partitions the records come from. Watch lists are empty at first; what an incident
    puts on them is there for the records behind its own. Rules that use them play one replay at a time. Where
    ``joining`` says how, connections are joined with their processes. Who plays a rulebook often makes it ``ready``.
    """
    tally = Tally() if tally is None else tally
    joined = None
    if joining is not None:
        tally.joins = Replayed()
        joined = Joined(joining, tally.joins)
    flow = Flow(rulebook, sources, tally, joined, ready=ready)
    for record in records if joined is None else joined.delayed(records, flow.detector.read):
        yield from flow.play(record)
    yield from flow.finish()


class Flow:
    """One replay, record by record, as :func:`replay` has it. ``watching`` is told of each match as it is counted."""

    def __init__(  # noqa: PLR0913 - each has its own default
        self,
        rulebook: Rulebook,
        sources: int | None,
        tally: Tally,
        joined: Joined | None = None,
        *,
        watching: Callable[[Step], None] | None = None,
        ready: Ready | None = None,
    ) -> None:
        if rulebook.lists is not None:
            rulebook.lists.clear()
        ready = Ready.of(rulebook, context=joined is not None) if ready is None else ready
        self._tally = tally
        self._chain = ready.chain
        self._rules = {**rulebook.rules, **rulebook.editions}
        self.detector = ready.detector
        self._joined = joined
        self._watching = watching
        self._rows: dict[bytes, Row] = {}
        self._agenda = Agenda()
        self._floods = Floods(lambda _: None, self._agenda)
        self._sources = sources or 0
        self._clock = None if sources is None else Clock.new(self._sources)
        self._partitions: dict[tuple[str, str, int], int] = {}
        self._position = -1
        """The last offset of the imagined matches topic."""

    def play(self, record: Record) -> Iterator[Incident | Rejection]:
        """Take one record through the whole flow."""
        self._tally.records += 1
        for each in self._take(record):
            yield self._counted(each)

    def finish(self) -> Iterator[Incident | Rejection]:
        """Decide all that waits, and say what was held back: no more is to come."""
        for each in self._end():
            yield self._counted(each)

    def _counted(self, each: Incident | Rejection) -> Incident | Rejection:
        tally = self._tally
        if isinstance(each, Rejection):
            tally.rejected[each.reason] = tally.rejected.get(each.reason, 0) + 1
        else:
            tally.incidents += 1
            if each.revision == 1 and each.rule.lists is not None:
                for entry, listing in additions(each):
                    put(each.rule.lists, entry, listing)
        return each

    def _take(self, record: Record) -> Iterator[Incident | Rejection]:
        if record.value is None:
            yield Rejection.of(record, EMPTY, "a record without a value")
            return
        event = None
        try:
            event = self.detector.read(record.value)
            if event is not None and self._joined is not None:
                self._joined.take(record, event)
            found: Sequence[tuple[bytes, Match]] = [] if event is None else self.detector.detect(record, event)
        except Unreadable as unreadable:
            yield Rejection.of(record, unreadable.reason, unreadable.detail)
            return
        except TooExpensive as expense:
            for rule in expense.rules or (None,):
                yield Rejection.of(record, TOO_EXPENSIVE, str(expense), rule=rule)
            found = [(key, decode_match(value)) for key, value in expense.found]
        for key, match in found:
            unfit = too_large(key, match)
            if unfit:
                yield Rejection.of(record, TOO_LARGE, unfit, rule=id_of(match.rule))
                continue
            yield from self._observe(key, match)
        yield from self._tick(record, record.timestamp if event is None else receive_time(record, event))

    def _end(self) -> Iterator[Incident | Rejection]:
        for _, key in self._agenda.take():
            flood = of_flood(key)
            if flood is not None:
                yield from self._floods.finish(self._rules[flood.rule], flood.customer)
                continue
            where = decode_key(key)
            rule = self._rules[where.rule]
            observed = finish(rule, where, self._rows[key])
            observed = self._floods.admit(rule, where.customer, observed, self._position, None)
            self._rows[key] = observed.row
            yield from self._said(observed)

    def _observe(self, key: bytes, match: Match) -> Iterator[Incident | Rejection]:
        rule = self._rules[match.rule]
        time = None if self._clock is None else self._clock.time
        self._position += 1
        before = self._rows.get(key)
        observed = observe(rule, before, match, self._position, time)
        observed = self._floods.admit(rule, match.customer, observed, self._position, time)
        self._rows[key] = observed.row
        self._agenda.put(key, wake_at(rule, observed.row))
        self._tally.matches += 1
        self._tally.repeated += observed.repeated
        if self._watching is not None:
            self._watching(Step(rule, key, match, before, observed, time))
        yield from self._said(observed)
        if observed.late:
            yield Rejection.late(match, rule.lateness, time)
        if observed.full:
            yield Rejection.of_match(match, FULL, full_detail(rule, observed.row))

    def _said(self, observed: Observed) -> Iterator[Incident | Rejection]:
        """Give incidents, and behind each new one what the rules that read it make of it; then what was suppressed."""
        for each in observed.incidents:
            yield each
            if each.rule.chained and each.revision == 1 and not observed.repeated:
                asked = self._chain.ask(each)
                yield from asked.rejections
                for key, match in asked.matches:
                    yield from self._observe(key, match)
        yield from observed.suppressed

    def _tick(self, record: Record, time: int) -> Iterator[Incident | Rejection]:
        """Move the stream's time, and decide what that makes due."""
        if self._clock is None:
            return
        place = record.topic, record.topic_id, record.partition
        partition = self._partitions.setdefault(place, len(self._partitions))
        known = self._clock.known.get(partition)
        if known is not None and time <= known[1]:
            return
        self._position += 1
        reading = Reading("replay", partition, record.offset, time)
        self._clock = self._clock.after(Progress(VERSION, self._sources, (reading,)), self._position)
        reached = self._clock.time
        if reached is not None:
            for _, key in self._agenda.take(reached):
                yield from self._look(key, reached)

    def _look(self, key: bytes, time: int) -> Iterator[Incident | Rejection]:
        """Decide what is due in a row, and let go of a row that has expired."""
        flood = of_flood(key)
        if flood is not None:
            yield from self._floods.look(self._rules[flood.rule], flood.customer, time, self._position, EVERYTHING)
            return
        where = decode_key(key)
        rule = self._rules[where.rule]
        observed = advance(rule, where, self._rows[key], time, self._position)
        observed = self._floods.admit(rule, where.customer, observed, self._position, time)
        yield from self._said(observed)
        if time > expires_at(rule, observed.row):
            del self._rows[key]
            return
        self._rows[key] = observed.row
        self._agenda.put(key, wake_at(rule, observed.row))
