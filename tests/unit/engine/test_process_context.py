"""Connections are completed from the start of their process: what rules see, what is kept, and for how long."""

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.detect import Detector
from stream_app.engine.process import GRACE, NAME_LIMIT
from stream_app.engine.process_context import (
    CONNECTS,
    ENDS,
    SLACK,
    STARTS,
    Involved,
    Joining,
    Joins,
    Processes,
    involving,
    part_of,
)
from stream_app.engine.screen import Screen
from stream_app.language.compile import EVERYTHING
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.lazy import Admitted
from stream_app.sysmon.parts import Unreadable

START, CONNECT, END = (
    "Win-Sysmon-1-Create-Process",
    "Win-Sysmon-3-Network-Connect-IPv4",
    "Win-Sysmon-5-Process-Terminated",
)
GUIDS = ("5E1C0B7A-9D2F-65BA-1A0C-000000003100", "5e1c0b7a-9d2f-65ba-1b0c-000000003100")
ZERO = "00000000-0000-0000-0000-000000000000"
T0 = 1_700_000_000_000
AGE = 20 * GRACE

Read = Callable[[bytes], Admitted | None]


@pytest.fixture(scope="module")
def read(rule_of: Callable[..., Rule]) -> Read:
    """Give what reads a record as a worker does that joins, with a rule that wants every connection."""
    rule = rule_of()
    return Detector(Rulebook({rule.id: rule}), context=True).read


def record(
    event_type: str, time: int = 0, guid: str | None = GUIDS[0], host: str | None = "pc", **more: object
) -> bytes:
    """Give a record that FortiSIEM has normalised, received at T0 + ``time``."""
    named = {"eventType": event_type, "phRecvTime": T0 + time, "procGUID": guid, "hostName": host, **more}
    return json.dumps(named).encode()


def start(time: int = 0, **more: object) -> bytes:
    """Give the event 1 of a process."""
    return record(START, time, **{"command": "a.py", "parentProcName": "b.exe", **more})  # type: ignore[arg-type]  # by name


class Partition:
    """One source partition over a dict, as one worker after the other reads it."""

    def __init__(self, read: Read, age: int = AGE) -> None:
        self.read, self.age = read, age
        self.rows: dict[bytes, bytes] = {}
        self.joins = Joins()
        self.restart()

    def restart(self) -> None:
        """Begin with what is at rest."""
        self.processes = Processes("T", self.rows, self.joins, Joining(age=self.age))

    def take(self, value: bytes, offset: int, now: int | None = None) -> Admitted:
        """Take a record."""
        event = self.read(value)
        assert event is not None
        self.processes.take(event, offset, T0, now)
        return event

    def texts(self, value: bytes, offset: int) -> tuple[object, object]:
        """Take a record, and give the texts that rules see then."""
        event = self.take(value, offset)
        return event["command"], event["parentProcName"]

    def store(self, end: int, settled: int) -> dict[bytes, bytes | None]:
        """Store what has changed."""
        changed = self.processes.changes(end, settled)
        for key, row in changed.items():
            if row is None:
                del self.rows[key]
            else:
                self.rows[key] = row
        return changed


def test_a_connection_gets_what_it_lacks(read: Read) -> None:
    """The start's command and parent, at rest or not; what the connection says itself stands."""
    partition = Partition(read)
    partition.take(start(), 0)
    assert ("a.py", "b.exe") == partition.texts(record(CONNECT, guid=f"{{{GUIDS[0].lower()}}}"), 1)
    partition.store(2, 0)
    assert ("own", "b.exe") == partition.texts(record(CONNECT, command="own"), 2)
    assert ("a.py", "own") == partition.texts(record(CONNECT, parentProcName="own"), 3)
    assert Joins(joined=3, learned=1) == partition.joins


@pytest.mark.parametrize(
    "other",
    [
        {"guid": GUIDS[1]},
        {"guid": ZERO},
        {"guid": None},
        {"host": "pd"},
        {"host": None},
        {"phCustId": 2},
        {"host": "h" * (NAME_LIMIT + 1)},
    ],
)
def test_another_process_is_not_joined(read: Read, other: dict[str, object]) -> None:
    """Another process, host or customer, no GUID, and the GUID of zeros, which many processes share."""
    partition = Partition(read)
    partition.take(start(), 0)
    partition.take(start(guid=ZERO), 1)
    assert (None, None) == partition.texts(record(CONNECT, **other), 3)  # type: ignore[arg-type]  # by name
    assert (0, 1, 1) == (partition.joins.joined, partition.joins.unknown, partition.joins.learned)


def test_a_process_is_over_a_while_after_its_end(read: Read) -> None:
    """Up to the grace after its event 5, by the time of both; an end of nobody known is of no use."""
    partition = Partition(read)
    partition.take(record(END), 0)
    partition.take(start(), 1)
    partition.take(record(END, GRACE), 2)
    assert ("a.py", "b.exe") == partition.texts(record(CONNECT, 2 * GRACE), 3)
    assert (None, None) == partition.texts(record(CONNECT, 2 * GRACE + 1), 4)
    assert 2 == partition.joins.learned


def test_times_are_the_receive_time_else_kafka_s_and_never_of_the_future(read: Read) -> None:
    """A record without a time of its own has Kafka's; one that is ahead of the clock moves time no further than it."""
    partition = Partition(read)
    value = json.dumps({"eventType": START, "procGUID": GUIDS[0], "hostName": "pc"}).encode()
    partition.take(value, 0)
    assert T0 == partition.processes.time
    partition.take(start(50, guid=GUIDS[1]), 1, now=T0 + 40)
    assert T0 + 40 == partition.processes.time
    partition.take(start(45), 2, now=T0 + 60)
    assert T0 + 45 == partition.processes.time


def test_rows_go_when_their_time_has_passed_and_all_that_was_read_is_committed(read: Read) -> None:
    """A process that has ended is removed once nothing that is read again could need it."""
    partition = Partition(read)
    partition.take(start(), 0)
    partition.take(record(END, 1), 1)
    assert 1 == len(partition.store(2, 0)) == len(partition.rows)
    last = GRACE + SLACK + 1
    partition.take(record(CONNECT, last), 2)
    assert {} == partition.store(3, 3)
    partition.take(record(CONNECT, last + 1), 3)
    assert {} == partition.store(4, 3)
    assert {} == partition.store(4, 3)
    (removed,) = partition.store(4, 4).values()
    assert removed is None
    assert ({}, 1) == (partition.rows, partition.joins.expired)


def test_a_process_whose_end_was_never_heard_of_goes_with_its_age(read: Read) -> None:
    """It is found up to its age, and its row stays a while longer; one that is begun again meanwhile stays."""
    partition = Partition(read)
    partition.take(start(), 0)
    partition.take(start(guid=GUIDS[1]), 1)
    partition.store(2, 0)
    assert ("a.py", "b.exe") == partition.texts(record(CONNECT, AGE), 2)
    assert (None, None) == partition.texts(record(CONNECT, AGE + 1), 3)
    partition.take(record(CONNECT, AGE + SLACK + 1), 4)
    partition.store(5, 0)
    partition.take(record(END, AGE + SLACK, guid=GUIDS[1]), 5)
    partition.store(5, 5)
    assert (1, 1) == (len(partition.rows), partition.joins.expired)
    partition.store(6, 6)
    assert 1 == len(partition.rows)


def test_what_is_due_early_is_looked_at_again(read: Read) -> None:
    """A process that was due and went on, before or after it was found to be due, is removed at its own time."""
    partition = Partition(read)
    partition.take(start(), 0)
    partition.take(record(END), 1)
    partition.store(2, 0)
    partition.take(start(GRACE + SLACK), 2)  # begun again: not over before its age
    partition.store(3, 0)
    partition.take(record(CONNECT, GRACE + SLACK + 1), 3)
    assert {} == partition.store(4, 4)
    partition.take(record(CONNECT, AGE + SLACK + 1), 4)
    partition.store(5, 4)
    partition.take(record(END, AGE + SLACK), 5)
    partition.store(6, 6)
    partition.take(record(CONNECT, AGE + GRACE + 2 * SLACK + 1), 6)
    partition.store(7, 7)
    assert ({}, 1) == (partition.rows, partition.joins.expired)


def test_rows_of_a_topic_that_was_made_anew_go_at_once(read: Read) -> None:
    """Their offsets are of another topic: none is found, each is removed, and the highest position is not theirs."""
    partition = Partition(read)
    partition.take(start(), 7)
    partition.store(8, 0)
    partition.processes = Processes("U", partition.rows, partition.joins, Joining(age=AGE))
    assert -1 == partition.processes.highest
    assert (None, None) == partition.texts(record(CONNECT), 0)
    partition.store(1, 1)
    assert {} == partition.rows
    partition.take(start(), 9)
    partition.store(10, 0)
    assert 9 == Processes("U", partition.rows, partition.joins, Joining(age=AGE)).highest


def test_a_row_that_was_removed_twice_over_is_removed_once(read: Read) -> None:
    """A key that became due again while it waited to be removed counts once."""
    partition = Partition(read)
    partition.take(start(), 0)
    partition.take(record(END), 1)
    partition.store(2, 0)
    partition.take(record(CONNECT, GRACE + SLACK + 1), 2)
    partition.store(3, 0)
    partition.take(record(END, 1), 3)  # a repeated end: the row is written again, and put on the agenda again
    for settled in (0, 3, 4):
        partition.store(4, settled)
    assert ({}, 1) == (partition.rows, partition.joins.expired)


def test_what_cannot_be_read_is_refused(read: Read) -> None:
    """A command that is a list is no command: the record is rejected, and nothing is learned of it."""
    partition = Partition(read)
    with pytest.raises(Unreadable):
        partition.take(start(command=["a"]), 0)
    assert Joins() == partition.joins


def test_the_gate_lets_in_what_is_needed(rule_of: Callable[..., Rule]) -> None:
    """Starts and ends pass whatever the rules want; connections that no rule wants do not."""
    wanting, unwanting = Screen([(rule_of(), 0)]), Screen([])
    asked = involving(lambda event_type: wanting if "22" in event_type or "IPv4" in event_type else unwanting)
    assert not asked("Win-Sysmon-3-Network-Connect-IPv6")
    assert wanting is asked("Win-Sysmon-22-DNS-Query")
    found = [asked(event_type) for event_type in (START, CONNECT, END)]
    assert [STARTS, CONNECTS, ENDS] == [each.part for each in found if isinstance(each, Involved)]
    assert asked(START) is asked(START)
    parts = [
        part_of(each) for each in ("Linux-Sysmon-1-Create-Process", "Win-Sysmon-10-ProcessAccess", "Win-Security-1")
    ]
    assert [STARTS, None, None] == parts


def test_without_the_option_no_more_is_let_in(rule_of: Callable[..., Rule]) -> None:
    """A detector that does not join leaves a start that no rule wants."""
    rule = rule_of()
    filter_ = replace(EVERYTHING, kind=lambda event: event["eventType"] == CONNECT, kind_text="connections")
    rulebook = Rulebook({rule.id: replace(rule, subpattern=replace(rule.subpattern, filter=filter_))})
    assert [None, None] == [Detector(rulebook).read(each) for each in (start(), record(END))]
    assert [True, True] == [Detector(rulebook, context=True).read(each) is not None for each in (start(), record(END))]


class Step(NamedTuple):
    """An event of a partition, and what its worker does then."""

    what: str
    guid: int
    jitter: int
    then: str


steps = st.builds(
    Step,
    st.sampled_from([START, CONNECT, CONNECT, END]),
    st.integers(0, 1),
    st.integers(0, GRACE // 2),
    st.sampled_from(["nothing", "handle", "commit", "crash"]),
)


def defined(values: list[tuple[Step, int]], offset: int) -> bool:
    """Say from the events before it whether a connection finds its process."""
    step, time = values[offset]
    before = [(each, when) for each, when in values[:offset] if each.guid == step.guid]
    begun = [when for each, when in before if each.what == START]
    if not begun:
        return False
    last = max(place for place, (each, _) in enumerate(before) if each.what == START)
    ended = [when for each, when in before[last:] if each.what == END]
    return time <= (ended[0] + GRACE if ended else begun[0] + AGE)


@given(st.lists(steps, max_size=25), st.integers(1, GRACE))
def test_crashes_change_no_answer(read: Read, plan: list[Step], apart: int) -> None:
    """Read ahead, stored and committed late, begun again from what is committed: each connection is answered as the
    events before it say, as often as it is read.
    """  # noqa: D205 - one sentence
    once = {(step.what, step.guid): at for at, step in reversed([*enumerate(plan)])}
    plan = [step for at, step in enumerate(plan) if CONNECT == step.what or at == once[step.what, step.guid]]
    values = [(step, at * apart + step.jitter) for at, step in enumerate(plan)]
    partition = Partition(read)
    offset = handled = committed = 0
    crashes = {at for at, step in enumerate(plan) if step.then == "crash"}
    while offset < len(plan):
        step, time = values[offset]
        found = partition.texts(
            start(time, guid=GUIDS[step.guid]) if step.what == START else record(step.what, time, GUIDS[step.guid]),
            offset,
        )
        if step.what == CONNECT:
            assert (("a.py", "b.exe") if defined(values, offset) else (None, None)) == found
        offset += 1
        if step.then in ("handle", "commit"):
            partition.store(offset, committed)
            handled = offset
        if step.then == "commit":
            committed = handled
        if offset - 1 in crashes:
            crashes.remove(offset - 1)
            offset = committed
            partition.restart()
