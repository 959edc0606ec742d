"""An event becomes the matches of the rules that want it."""

from collections.abc import Callable

import msgspec
import pytest

from stream_app.engine.detect import Detector, receive_time
from stream_app.engine.key import decode_key
from stream_app.engine.match import VERSION, Match, Origin, decode_match, encode_match
from stream_app.engine.record import Record
from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING
from stream_app.rulebook.rule import Rule, Rulebook, Subpattern
from stream_app.sysmon.normalise import Event

RECORD = Record("sysmon", 3, 42, 5_000, b"", "id")


def event(received: int | None = None, created: int | None = None, **attributes: str | float) -> Event:
    """Give an event of these attributes and times."""
    return Event(attributes, "flat", received, created, None)


def found(rule: Rule, an_event: Event) -> list[Match]:
    """Give the matches of one rule, each read from its bytes and said by its key."""
    pairs = Detector(Rulebook({rule.id: rule})).detect(RECORD, an_event)
    for key, match in pairs:
        where = decode_key(key)
        assert (match.rule, match.customer, match.group) == (where.rule, where.customer, where.group)
        assert match == decode_match(encode_match(match))
    return [match for _, match in pairs]


def test_match(rule_of: Callable[..., Rule]) -> None:
    """A match holds rule, customer, group in the rule's order, time, and where its record lies."""
    rule = rule_of(group_by=("hostName", "command", "destIpPort"))
    assert [Match(VERSION, "PH_Rule_Test", "7", ("pc1", None, 443), 5_000, Origin("sysmon", "id", 3, 42))] == found(
        rule, event(hostName="pc1", destIpPort=443.0, phCustId=7, extra="x")
    )


def test_only_the_wanted(rule_of: Callable[..., Rule]) -> None:
    """A rule is given the event's attributes and decides; one that is disabled is not asked."""
    base = rule_of()
    only_p = msgspec.structs.replace(EVERYTHING, rest=lambda read: read.get("procName") == "p")
    wants = Subpattern("F", "", only_p, ("hostName",), CountConstraint(">=", 1))
    rules = {
        "A": rule_of(id="A", subpattern=wants),
        "B": rule_of(id="B"),
        "C": rule_of(id="C", enabled=False),
    }
    assert base.enabled
    assert ["A", "B"] == [match.rule for _, match in Detector(Rulebook(rules)).detect(RECORD, event(procName="p"))]
    assert ["B"] == [match.rule for _, match in Detector(Rulebook(rules)).detect(RECORD, event(procName="q"))]
    assert [] == Detector(Rulebook({})).detect(RECORD, event())


@pytest.mark.parametrize(
    ("event_clock", "received", "created", "time"),
    [
        (False, None, None, 5_000),
        (False, 4_000, None, 4_000),
        (False, None, 3_000, 5_000),
        (False, 4_000, 3_000, 4_000),
        (True, 4_000, 3_000, 3_000),
        (True, None, 3_000, 3_000),
        (True, 4_000, None, 4_000),
        (True, None, None, 5_000),
        (False, 0, None, 0),
        (True, None, 0, 0),
    ],
)
def test_clock(
    rule_of: Callable[..., Rule],
    *,
    event_clock: bool,
    received: int | None,
    created: int | None,
    time: int,
) -> None:
    """Time is the receive time, Kafka's where no header says it; a rule may ask for the event's own clock."""
    (match,) = found(rule_of(event_clock=event_clock), event(received, created))
    assert time == match.time


def test_receive_time() -> None:
    """The stream's time is made of receive times: the header's, else Kafka's; never of the event's own clock."""
    assert [7, 5_000] == [receive_time(RECORD, each) for each in (event(7, 1), event(None, 1))]


def test_customers_apart(rule_of: Callable[..., Rule]) -> None:
    """Each customer has keys of its own; an event that names none is customer 1's."""
    detector = Detector(Rulebook({"PH_Rule_Test": rule_of()}))
    one, two, none = (detector.detect(RECORD, each)[0][0] for each in (event(phCustId=1), event(phCustId=2), event()))
    assert one == none
    assert one != two


def test_huge_number(rule_of: Callable[..., Rule]) -> None:
    """A number that no wire format of ours can hold is grouped by as its text."""
    (match,) = found(rule_of(group_by=("destIpPort",)), event(destIpPort=10**30))
    assert (str(10**30),) == match.group
