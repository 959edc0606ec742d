"""An event becomes matches: one for each enabled rule whose filter wants it. Goes in: rulebook, record, event.

Decision: the time of a match is decided here, once, and travels with it. It is the receive time (phRecvTime), as
FortiSIEM "uses this time in all its analytics": what the agent's header says, else Kafka's timestamp. A rule with
``event_clock`` takes System/TimeCreated where the record carries it.
"""

from typing import TYPE_CHECKING

from stream_app.engine.expense import TooExpensive
from stream_app.engine.key import canonical, encode_key
from stream_app.engine.match import VERSION, Match, Origin
from stream_app.sysmon.normalise import DEFAULT_CUSTOMER

if TYPE_CHECKING:
    from stream_app.engine.record import Record
    from stream_app.rulebook.rule import Rulebook
    from stream_app.sysmon.normalise import Event


def receive_time(record: "Record", event: "Event") -> int:
    """Give when the event was received, integer milliseconds since 1970. The stream's time is made of these."""
    return record.timestamp if event.received is None else event.received


def detect(rulebook: "Rulebook", record: "Record", event: "Event") -> list[tuple[bytes, Match]]:
    """Give (key, match) for each enabled rule that wants the event, in the rulebook's order; often an empty list."""
    attributes = event.attributes
    found: list[tuple[bytes, Match]] = []
    for rule in rulebook.rules.values():
        subpattern = rule.subpattern
        try:
            if not rule.enabled or not subpattern.predicate(attributes):
                continue
        except TooExpensive as expense:
            expense.rule = rule.id
            raise
        time = receive_time(record, event)
        if rule.event_clock and event.created is not None:
            time = event.created
        customer = str(canonical(attributes.get("phCustId", DEFAULT_CUSTOMER)))
        group = tuple([canonical(attributes.get(name)) for name in subpattern.group_by])
        origin = Origin(record.topic, record.topic_id, record.partition, record.offset)
        found.append((encode_key(rule.id, customer, group), Match(VERSION, rule.id, customer, group, time, origin)))
    return found
