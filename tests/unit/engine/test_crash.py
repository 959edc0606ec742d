"""A worker dies and another reads again: the chain from the matches' offsets to the bytes of rows and incidents."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.key import Key
from stream_app.engine.match import Match
from stream_app.engine.observe import advance, current, due_at, observe
from stream_app.engine.row import Row, decode_row, encode_row, row_position
from stream_app.engine.stream_time import (
    VERSION,
    Clock,
    Progress,
    Reading,
    decode_clock,
    encode_clock,
)
from stream_app.handoff.native import to_bytes
from stream_app.rulebook.rule import Rule

KEY = Key("PH_Rule_Test", "1", ("pc1",))


class Worker(Struct):
    """What a windows worker holds for one key of one partition, and what it has sent and written, by offset."""

    rule: Rule
    clock: Clock
    row: Row | None = None
    sent: list[tuple[int, Incident]] = []
    rows: dict[int, bytes] = {}
    late: dict[int, bool] = {}

    def read(self, offset: int, entry: Match | Progress) -> None:
        """Handle one record of the matches topic."""
        if isinstance(entry, Progress):
            self.clock = self.clock.after(entry, offset)
            time = self.clock.time_at(offset)
            due = None if self.row is None else due_at(self.rule, self.row)
            if self.row is None or due is None or time is None or time < due:
                return
            observed = advance(self.rule, KEY, self.row, time, offset)
        else:
            observed = observe(self.rule, self.row, entry, offset, self.clock.time_at(offset))
            self.late[offset] = observed.late
        self.row = observed.row
        self.rows[offset] = encode_row(observed.row)
        self.sent += [(offset, incident) for incident in observed.incidents]


@st.composite
def logs(draw: st.DrawFn, match_of: Callable[..., Match]) -> list[Match | Progress]:
    """Draw what lies on one matches partition: matches of two source partitions, and their progress; no resends."""
    log: list[Match | Progress] = []
    offsets, times = [0, 0], [0, 0]
    for partition, step, jitter, tells in draw(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12), st.integers(-20, 0), st.booleans()), max_size=30)
    ):
        times[partition] += step
        log.append(match_of(max(0, times[partition] + jitter), offsets[partition], partition))
        if tells:
            reading = Reading("T", partition, offsets[partition], times[partition])
            log.append(Progress(VERSION, 2, (reading,)))
        offsets[partition] += 1
    return log


RULES = {
    "constraint": st.sampled_from((">= 1", ">= 2", "> 2", "= 1", "< 3", "!= 2")),
    "final": st.booleans(),
    "window": st.integers(1, 15),
    "lateness": st.integers(0, 15),
    "clear_after": st.integers(0, 30),
    "update_interval": st.sampled_from((0, 0, 1, 5, 20, 100)),
}


def _whole(rule: Rule, log: list[Match | Progress]) -> Worker:
    worker = Worker(rule, Clock.new(2))
    for offset, entry in enumerate(log):
        worker.read(offset, entry)
    return worker


def _states(rule: Rule, log: list[Match | Progress]) -> dict[tuple[str, int], bytes]:
    """Give every state that the incidents of a log come through, as it is said where every change is."""
    whole = _whole(replace(rule, update_interval=0), log)
    return {(i.incident_id, i.revision): to_bytes(i) for _, i in whole.sent}


@settings(max_examples=200, deadline=None)
@given(data=st.data(), **RULES)
def test_restart(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], data: st.DataObject, **options: object
) -> None:
    """Wherever commit and crash lie: the same rows at the same offsets, no incident lost, none with other bytes."""
    rule = rule_of(**options)
    log = data.draw(logs(match_of))
    crashed = data.draw(st.integers(0, len(log)))
    committed = data.draw(st.integers(0, crashed))
    written = data.draw(st.integers(committed, crashed))
    whole = _whole(rule, log)
    at_rest = {offset: row for offset, row in whole.rows.items() if offset < written}
    clock = Clock.new(2)
    for offset, entry in enumerate(log[: data.draw(st.integers(committed, crashed))]):
        clock = clock.after(entry, offset) if isinstance(entry, Progress) else clock
    again = Worker(rule, decode_clock(encode_clock(clock)))
    if at_rest:
        again.row = decode_row(at_rest[max(at_rest)])
        if again.row.position >= committed:
            again.sent += [(committed, incident) for incident in current(rule, KEY, again.row)]
    for offset in range(committed, len(log)):
        again.read(offset, log[offset])
    assert {offset: late for offset, late in whole.late.items() if offset >= committed} == again.late
    for offset, row in again.rows.items():
        if offset >= written:
            assert whole.rows[offset] == row
    second = {(i.incident_id, i.revision): to_bytes(i) for _, i in again.sent}
    assert second.items() <= _states(rule, log).items()
    reached = {i.incident_id: i.revision for offset, i in whole.sent}
    settled = {i.incident_id: i.revision for offset, i in whole.sent if offset < committed}
    for incident_id, revision in reached.items():
        if settled.get(incident_id) != revision:
            assert revision <= max(told for each, told in second if each == incident_id)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), **RULES)
def test_newer_row(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], data: st.DataObject, **options: object
) -> None:
    """Each write of a row says a higher position than the one before it, and says it without being read whole."""
    whole = _whole(rule_of(**options), data.draw(logs(match_of)))
    assert list(whole.rows) == [row_position(row) for row in whole.rows.values()]
    assert sorted(whole.rows) == list(whole.rows)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), **RULES)
def test_detect_restart(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match], data: st.DataObject, **options: object
) -> None:
    """A detect worker that starts again sends a stretch of matches twice: nothing is counted twice, nothing changes."""
    rule = rule_of(**options)
    log = data.draw(logs(match_of))
    again = data.draw(st.integers(0, len(log)))
    since = data.draw(st.integers(0, again))
    resent: list[Match | Progress] = [entry for entry in log[since:again] if isinstance(entry, Match)]
    once, twice = _whole(rule, log), _whole(rule, log[:again] + resent + log[again:])
    first = {(i.incident_id, i.revision): to_bytes(i) for _, i in once.sent}
    second = {(i.incident_id, i.revision): to_bytes(i) for _, i in twice.sent}
    assert first.items() <= second.items() <= _states(rule, log).items()
    assert options["update_interval"] or first == second
    assert [late for late in once.late.values() if late] == [late for late in twice.late.values() if late]
