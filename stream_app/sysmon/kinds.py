"""What an event is by its source and its event id, and how the attributes of such events are read.

Goes in: the attributes that are wanted. Comes out: for a source and an event id, the eventType where these two decide
it, and the plans by which the attributes are read from flat JSON and from a record taken apart. Decision: a struct of
the fields that a wanted attribute may come from is made for each event id, so that decoding skips all others.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct

from stream_app.sysmon.attributes import ACTING, EVENTS
from stream_app.sysmon.event_type import FAMILIES, NETWORK, REGISTRY, SYSMON, action_of, event_type
from stream_app.sysmon.json_shapes import COMPUTERS, created_at
from stream_app.sysmon.lazy import Admitted, Derive, Plan, Sources, sources_of
from stream_app.sysmon.readings import (
    ANY_EVENT,
    MISSING,
    NONE_DECLARED,
    NORMALISED,
    TABLES,
    declaring,
    epoch,
    text_of,
)

if TYPE_CHECKING:
    from stream_app.language.values import AttributeType, Value

Decode = Callable[[bytes], Any]

TELLS_FAMILY = ("SourceIsIpv6", "srcIpAddr", "isIpv6", "destIpAddr")
"""The attributes that a connection's eventType is made of."""

_ACTION = ("EventType", "Message")
_TIMES = ("TimeCreated", "EventTime")
_RECEIVED, _CREATED = "phRecvTime", "deviceTime"


class Kind(Struct, frozen=True):
    """Events of one source and event id. ``decode`` gives flat JSON's fields that the plan ``flat`` looks at."""

    source: str
    event_id: int
    types: tuple[str, ...]
    """The eventTypes that it may have; none where it takes the event's action to tell."""
    acting: bool
    """Whether events have an action (osObjAction)."""
    decode: Decode
    flat: Plan
    apart: Plan


class Kinds:
    """Makes kinds for the attributes that are wanted; ``declared`` are those of them that an author has declared."""

    def __init__(self, attributes: Iterable[str], declared: Mapping[str, "AttributeType"] = NONE_DECLARED) -> None:
        self._attributes = frozenset(attributes)
        self._declared = declared
        self._sysmon = {event_id: self._table(event_id) for event_id in (*EVENTS, -1)}

    def kind(self, source: str, event_id: int) -> Kind:
        """Give the kind of a source's events with this id."""
        of_sysmon = source in SYSMON
        acting = of_sysmon and event_id in ACTING
        sources, decode = self._sysmon[event_id if of_sysmon and event_id in EVENTS else -1]
        constants: dict[str, Value] = {"winEventId": str(event_id), "EventID": str(event_id)}
        derived: dict[str, Derive] = {"hostName": computer, "computer": computer, _CREATED: _flat_at}
        if acting:
            derived["osObjAction"] = partial(_action, event_id)
        name = partial(event_type, source, event_id)
        return Kind(
            source=source,
            event_id=event_id,
            types=_types(source, event_id) if of_sysmon else (event_type(source, event_id, {}),),
            acting=acting,
            decode=decode,
            flat=Plan.of(constants, sources, {**derived, "eventType": name}, _never, _flat_at),
            apart=Plan.of(constants, sources, {"eventType": name}, _header_says(_RECEIVED), _header_says(_CREATED)),
        )

    def normalised(self) -> tuple[Decode, Plan]:
        """Give how events are read that FortiSIEM has normalised: each attribute under its own name."""
        sources = sources_of(declaring(NORMALISED, self._declared), self._attributes)
        received, created = _epoch(_RECEIVED), _epoch(_CREATED)
        plan = Plan.of({}, sources, {_RECEIVED: received, _CREATED: created}, received, created)
        return _decoder(sources, (_RECEIVED, _CREATED)), plan

    def _table(self, event_id: int) -> tuple[Sources, Decode]:
        acting = event_id in ACTING
        told_by = TELLS_FAMILY if event_id == NETWORK else ("osObjAction",) if acting else ()
        table = declaring(TABLES.get(event_id, ANY_EVENT), self._declared)
        sources = sources_of(table, self._attributes.union(told_by))
        return sources, _decoder(sources, (*COMPUTERS, *_TIMES, *(_ACTION if acting else ())))


def _types(source: str, event_id: int) -> tuple[str, ...]:
    if EVENTS.get(event_id) == REGISTRY:
        return ()
    name = event_type(source, event_id, {})
    return tuple(name + family for family in FAMILIES) if event_id == NETWORK else (name,)


def _never(_: Admitted) -> None:
    """Give no time."""


def _header_says(name: str) -> Callable[[Admitted], int | None]:
    """Read a time that was put in when the record was taken apart."""
    return lambda event: cast("int | None", dict.get(event, name))


def _epoch(name: str) -> Callable[[Admitted], int | None]:
    """Read a time of an event that FortiSIEM has normalised."""
    return lambda event: epoch(event.look(name))


def _flat_at(event: Admitted) -> int | None:
    return created_at(event.look)


def computer(event: Admitted) -> str | None:
    """Give the host that flat JSON names."""
    for name in COMPUTERS:
        value = event.look(name)
        if isinstance(value, str) and value not in MISSING:
            return value
    return None


def action_told(written: object) -> str | None:
    """Give the action that an event's EventType says; None where there is none, or a forwarder wrote its level."""
    action = text_of("EventType", written)
    return None if action is None or action.isupper() else action


def _action(event_id: int, event: Admitted) -> str | None:
    message = event.look("Message")
    return (
        action_told(event.look("EventType")) or action_of(event_id, message if isinstance(message, str) else "") or None
    )


def _decoder(sources: Sources, more: Iterable[str]) -> Decode:
    names = {source.field for several in sources.values() for source in several}.union(more)
    fields = [(name, Any, None) for name in sorted(names)]
    return msgspec.json.Decoder(msgspec.defstruct("Fields", fields, gc=False), float_hook=str).decode
