"""A record becomes matches: one for each enabled rule whose filter wants it. Rulebook in, then records; matches out.

A rule with several subpatterns makes one for each of its keys: see ``serving``.

Decision: the time of a match is decided here, once, and travels with it. It is the receive time (phRecvTime), as
FortiSIEM "uses this time in all its analytics": what the agent's header says, else Kafka's timestamp. A rule with
``event_clock`` takes System/TimeCreated where the record carries it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from stream_app.engine.expense import TooExpensive
from stream_app.engine.key import canonical, encode_key
from stream_app.engine.match import Match, decode_match, encode_keyed, encode_origin, encode_place
from stream_app.engine.process_context import READS, involving
from stream_app.engine.screen import Asked, Screen
from stream_app.engine.serving import served, serving
from stream_app.language.compile import EVENT_TYPE
from stream_app.sysmon.event_type import usual_types
from stream_app.sysmon.gate import Gate, kept
from stream_app.sysmon.normalise import DEFAULT_CUSTOMER
from stream_app.sysmon.shapes import MAX_BYTES

if TYPE_CHECKING:
    from stream_app.engine.record import Record
    from stream_app.language.values import Event, Value
    from stream_app.rulebook.rule import Rule, Rulebook

_NO_CUSTOMER = str(DEFAULT_CUSTOMER)


def receive_time(record: "Record", event: "Event") -> int:
    """Give when the event was received, integer milliseconds since 1970. The stream's time is made of these."""
    received = event.received
    return record.timestamp if received is None else received


class Detector:
    """A rulebook's enabled rules, made ready to look at records of at most ``max_bytes`` bytes.

    With ``context`` the events that process context needs are let in too, whatever the rules want; what they carry is
    then :class:`~stream_app.engine.process_context.Involved`.
    """

    def __init__(self, rulebook: "Rulebook", max_bytes: int = MAX_BYTES, *, context: bool = False) -> None:
        rules = [rule for rule in rulebook.rules.values() if rule.enabled]
        self._lists = rulebook.lists
        self._asked = [(rule, number) for rule in rules for number in range(len(rule.subpatterns))]
        subpatterns = [rule.subpatterns[number] for rule, number in self._asked]
        self._kinds = {each.filter.kind_text: each.filter.kind for each in subpatterns}
        self._screens: dict[Value | None, Screen] = {}
        self._by_kinds: dict[frozenset[str], Screen] = {}
        read = {name for each in subpatterns for name in (*each.filter.reads, *each.group_by, *each.carries)}
        read.update(name for rule in rules if rule.join is not None for name in rule.join.carries)
        asked: Callable[[str], object] = self._screen
        if context:
            asked, read = involving(self._screen), read | READS
        self.read = Gate(asked, {*read, "phCustId"}, max_bytes, rulebook.declared).read
        """Reads a record (bytes) as far as rules want it; None where none does. Raises Unreadable.

        What the event carries (``wanted``) is the :class:`Screen` of its type.
        """
        for event_type in usual_types():
            self._screen(event_type)  # now, since it takes long and a record has little time

    def wanting(self, event: "Event") -> list["Rule"]:
        """Give the rules that want an event, in the rulebook's order. Raises Unreadable, TooExpensive."""
        asked = self._screen(event.get(EVENT_TYPE)).wanting(event)
        return [*{rule.id: rule for rule, _ in asked}.values()]

    def detect(self, record: "Record", event: "Event") -> list[tuple[bytes, Match]]:
        """Give (key, match) for each rule that wants the event. Raises Unreadable; TooExpensive has what was found."""
        place = encode_place(record.topic, record.topic_id, record.partition)
        if self._lists is not None:
            self._lists.timestamp = record.timestamp
        try:
            asked = self._screen(event.get(EVENT_TYPE)).wanting(event)
            found = matches(asked, event, record.timestamp, place, record.offset)
        except TooExpensive as expense:
            expense.found = matches(expense.wanting, event, record.timestamp, place, record.offset)
            raise
        return [(key, decode_match(value)) for key, value in found]

    def _screen(self, event_type: "Value | None") -> Screen:
        """Find the rules that want a type of event; many types are wanted by the same ones."""
        screen = self._screens.get(event_type)
        if screen is None:
            said: Mapping[str, Value] = {} if event_type is None else {EVENT_TYPE: event_type}
            kinds = frozenset(text for text, kind in self._kinds.items() if kind(said))
            screen = self._by_kinds.get(kinds)
            if screen is None:
                asked = [
                    (rule, number) for rule, number in self._asked if rule.subpatterns[number].filter.kind_text in kinds
                ]
                screen = Screen(asked)
                kept(self._by_kinds, kinds, screen)
            kept(self._screens, event_type, screen)
        return screen


def matches(
    asked: Sequence[Asked], event: "Event", timestamp: int, place: bytes, offset: int
) -> list[tuple[bytes, bytes]]:
    """Give (key, match), as bytes, of a record for each of these subpatterns, which want its event.

    Matches of rules with several subpatterns, one for each of their keys, come behind those of all others.

    ``timestamp`` is Kafka's, ``place`` the record's partition (:func:`encode_place`).
    """
    found: list[tuple[bytes, bytes]] = []
    get = event.get
    said = get("phCustId")
    customer = _NO_CUSTOMER if said is None else str(said if said.__class__ is int else canonical(said))
    received = event.received
    if received is None:
        received = timestamp
    origin = encode_origin(place, offset)
    joint = False
    for rule, _ in asked:
        if rule.join is not None:
            joint = True
            continue
        time = received
        if rule.event_clock:
            created = event.created
            time = received if created is None else created
        group = tuple(
            [
                value if (value := get(name)).__class__ is str or value is None else canonical(value)
                for name in rule.subpattern.group_by
            ]
        )
        key = encode_key(rule.edition, customer, group)
        carries = rule.subpattern.carries
        brought = tuple([canonical(get(name)) for name in carries]) if carries else None
        found.append((key, encode_keyed(key, time, origin, brought)))
    if joint:
        for rule, mask in served(asked):
            created = event.created if rule.event_clock else None
            time = received if created is None else created
            found += [
                (key, encode_keyed(key, time, origin, brought)) for key, brought in serving(rule, mask, customer, get)
            ]
    return found


STAGES: tuple[Callable[..., object], ...] = (Gate.read, Screen.wanting, matches)
"""The functions that work on a record, or on a part of it, each call on one: what takes too long in one may be broken
off at any point, since none of them leaves anything half done."""
