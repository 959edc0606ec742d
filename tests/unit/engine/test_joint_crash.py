"""A worker dies in the middle of a rule with several subpatterns and another reads again: rows and incidents."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.match import WITH_VALUES, Match, Origin
from stream_app.engine.observe import current, suppressed
from stream_app.engine.row import decode_row
from stream_app.engine.stream_time import VERSION, Clock, Progress, Reading, decode_clock, encode_clock
from stream_app.handoff.native import to_bytes
from stream_app.rulebook.rule import Rule
from tests.unit.engine.joint_scenes import rule_of, rules
from tests.unit.engine.test_crash import KEY, Worker

LOGS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 6),
        st.integers(-8, 0),
        st.frozensets(st.integers(0, 4), min_size=1),
        st.tuples(st.sampled_from(("a", "b", None)), st.sampled_from(("u", "v")), st.sampled_from((1, 2, None))),
        st.booleans(),
    ),
    max_size=20,
)


def log_of(raw: list[tuple], subpatterns: int) -> list[Match | Progress]:
    """Give what lies on one matches partition: matches of two source partitions, and their progress."""
    log: list[Match | Progress] = []
    offsets, times = [0, 0], [0, 0]
    for partition, step, jitter, serves, values, tells in raw:
        times[partition] += step
        mask = sum({1 << number % subpatterns for number in serves})
        origin = Origin("sysmon", "T", partition, offsets[partition])
        time = max(0, times[partition] + jitter)
        log.append(Match(WITH_VALUES, "PH_Rule_Test", "1", (), time, origin, (*values, mask)))
        if tells:
            log.append(Progress(VERSION, 2, (Reading("T", partition, offsets[partition], times[partition]),)))
        offsets[partition] += 1
    return log


def whole(rule: Rule, log: list[Match | Progress]) -> Worker:
    """Let one worker read all of it."""
    worker = Worker(rule, Clock.new(2))
    for offset, entry in enumerate(log):
        worker.read(offset, entry)
    return worker


@settings(max_examples=max(150, settings.default.max_examples), deadline=None)
@given(data=st.data(), raw=LOGS, negated=st.booleans(), clear=st.booleans(), final=st.booleans())
def test_restart(data: st.DataObject, raw: list[tuple], *, negated: bool, clear: bool, final: bool) -> None:
    """Wherever commit and crash lie: the same rows at the same offsets, no incident lost, none with other bytes."""
    drawn = data.draw(rules(negated=negated, clear=clear, turning=True))
    final = final or negated
    interval, lateness = data.draw(st.sampled_from((0, 5, 100))), data.draw(st.integers(0, 10))
    rule = rule_of(drawn.spec, keyed=False, lateness=lateness, final=final, update_interval=interval)
    log = log_of(raw, len(drawn.spec.patterns))
    crashed = data.draw(st.integers(0, len(log)))
    committed = data.draw(st.integers(0, crashed))
    written = data.draw(st.integers(committed, crashed))
    once = whole(rule, log)
    at_rest = {offset: row for offset, row in once.rows.items() if offset < written}
    clock = Clock.new(2)
    for offset, entry in enumerate(log[: data.draw(st.integers(committed, crashed))]):
        clock = clock.after(entry, offset) if isinstance(entry, Progress) else clock
    again = Worker(rule, decode_clock(encode_clock(clock)))
    if at_rest:
        again.row = decode_row(at_rest[max(at_rest)])
        assert () == suppressed(rule, KEY, again.row)
        if again.row.position >= committed:
            again.sent += [(committed, incident) for incident in current(rule, KEY, again.row)]
    for offset in range(committed, len(log)):
        again.read(offset, log[offset])
    assert {offset: late for offset, late in once.late.items() if offset >= committed} == again.late
    for offset, row in again.rows.items():
        if offset >= written:
            assert once.rows[offset] == row
    states = {(i.incident_id, i.revision): to_bytes(i) for _, i in whole(replace(rule, update_interval=0), log).sent}
    second = {(i.incident_id, i.revision): to_bytes(i) for _, i in again.sent}
    assert second.items() <= states.items()
    reached = {i.incident_id: i.revision for offset, i in once.sent}
    settled = {i.incident_id: i.revision for offset, i in once.sent if offset < committed}
    for incident_id, revision in reached.items():
        if settled.get(incident_id) != revision:
            assert revision <= max(told for each, told in second if each == incident_id)
