"""A record is read as far as rules want it: bytes in, an event whose attributes are read on demand, or nothing, out.

Goes in: which event types are wanted and which attributes, then records. Decision: what tells a record's kind is
decoded first, and a record of a kind that nobody wants ends there; of the others only those fields are decoded that a
wanted attribute may come from. What comes out is what ``normalise`` makes of the record. A record that is broken where
no rule looks (bytes that are no UTF-8, a list for a value) is not refused for it: it is refused where what a rule needs
cannot be read, or where it cannot be told what the record is.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET

from stream_app.language.values import AttributeType, Value
from stream_app.sysmon.event_type import action_of, event_id_of, event_type, source_of
from stream_app.sysmon.json_shapes import PROVIDERS, first, read_object
from stream_app.sysmon.kinds import Kind, Kinds, action_told
from stream_app.sysmon.lazy import Admitted, Plan
from stream_app.sysmon.parts import Parts, Unreadable
from stream_app.sysmon.readings import MISSING, NONE_DECLARED, text_of
from stream_app.sysmon.shapes import MAX_BYTES, open_record
from stream_app.sysmon.text_shapes import head_of, read_text

MOST = 4096
"""How many event types, kinds and the like are remembered at a time: records may invent them."""

BASE: Mapping[str, Value] = {"phCustId": 1}
"""What an event has that says nothing else."""

Told = tuple[object, ...]
"""What flat JSON tells of its kind: the fields :data:`_TELL_KIND`."""

_TELL_SHAPE = ("Event", "winlog", "event_id", "SyslogMessage", "eventType", "EventData", "EventID")
_TELL_KIND = (*PROVIDERS, "Channel", "EventID", "EventType")


def _teller(*names: str) -> Callable[[bytes], Any]:
    """Make a decoder of these fields alone, UNSET where a record has none."""
    fields = [(name, Any, UNSET) for name in dict.fromkeys(names)]
    return msgspec.json.Decoder(msgspec.defstruct("Head", fields, gc=False), float_hook=str).decode


class Gate:
    """Lets events in whose eventType ``wants`` answers with something that is true, which the event then carries.

    ``attributes`` are all that will be asked of an event, ``declared`` those that are no attributes of FortiSIEM's, and
    ``max_bytes`` is the most that a record may have.
    """

    def __init__(
        self,
        wants: Callable[[str], object],
        attributes: Iterable[str],
        max_bytes: int = MAX_BYTES,
        declared: Mapping[str, AttributeType] = NONE_DECLARED,
    ) -> None:
        self._asked = wants
        self._max_bytes = max_bytes
        self._makes = Kinds({*attributes, "eventType"}, declared)
        self._decode_normalised, self._normalised = self._makes.normalised()
        self._wanted: dict[str, object] = {}
        self._kinds: dict[tuple[str, int], Kind] = {}
        self._wanted_heads: dict[tuple[str, str, str], bool] = {}
        self._told: dict[Told, tuple[Kind, Plan, object] | None] = {}
        self._short, self._long = _teller(*_TELL_SHAPE), _teller(*_TELL_SHAPE, *_TELL_KIND)
        self._tell = self._short

    def read(self, value: bytes) -> Admitted | None:
        """Read a record as far as it is wanted; None if it is not. Raises Unreadable and nothing else."""
        if value[:1] == b"{" and len(value) <= self._max_bytes:
            try:
                head = self._tell(value)
                if head.Event is head.winlog is head.event_id is head.SyslogMessage is UNSET:
                    if head.eventType.__class__ is str:
                        wanted = self._wanted.get(head.eventType)
                        return None if wanted is False else self._read_normalised(value, head.eventType, wanted)
                    if head.eventType is head.EventData is UNSET is not head.EventID:
                        return self._read_flat(value, head)
            except (ValueError, RecursionError, _Unsure):
                pass  # it is refused or read as a whole: what is wrong may be where nobody looks
        opened = open_record(value, self._max_bytes)
        return self._read_text(opened) if isinstance(opened, str) else self._read_parts(read_object(opened))

    def wants(self, event_type: str) -> object:
        """Say what is wanted of events of this type, False if nothing is."""
        known = self._wanted.get(event_type)
        return kept(self._wanted, event_type, self._asked(event_type) or False) if known is None else known

    def _read_normalised(self, value: bytes, event_type: str, wanted: object) -> Admitted | None:
        self._tell = self._short
        if wanted is None:
            if event_type in MISSING:
                raise _Unsure
            wanted = self.wants(event_type)
            if wanted is False:
                return None
        event = Admitted()
        event.wanted, event.plan, event.base, event.whole = wanted, self._normalised, BASE, value
        event.look = self._decode_normalised(value).__getattribute__
        return event

    def _read_flat(self, value: bytes, head: Any) -> Admitted | None:  # noqa: ANN401 - a struct made at run time
        if self._tell is not self._long:
            self._tell = self._long  # flat records come in flocks
            head = self._long(value)
        if head.EventID.__class__ is bool or head.EventType.__class__ is bool:
            raise _Unsure  # True equals 1 where it is looked up
        told = head.SourceName, head.ProviderName, head.Provider, head.Channel, head.EventID, head.EventType
        try:
            found = self._told[told]
        except KeyError:
            found = kept(self._told, told, self._tell_kind(told))
        except TypeError as error:  # a list among them
            raise _Unsure from error
        if found is None:
            return None
        kind, plan, wanted = found
        event = Admitted(plan.constants)
        event.plan, event.base, event.whole = plan, BASE, value
        event.look = kind.decode(value).__getattribute__
        if wanted is None:
            return self._admit(event)
        event.wanted = wanted
        return event

    def _tell_kind(self, told: Told) -> tuple[Kind, Plan, object] | None:
        """Find the kind of flat JSON that tells this much, its plan, and what is wanted of it.

        Gives None where nobody can want it; nothing is known to be wanted (None) where its own fields tell.
        """
        if any(value is not UNSET and value.__class__ not in (str, int) for value in told):
            raise _Unsure
        fields = dict(zip(_TELL_KIND, told, strict=True))
        provider, channel = first(fields, *PROVIDERS), first(fields, "Channel")
        if not provider and not channel:
            raise _Unsure  # it takes the event's fields to tell
        parts = Parts(shape="flat", event_id=None, provider=provider, channel=channel)
        kind = self._kind(source_of(parts), event_id_of(fields["EventID"]))
        action = None if fields["EventType"] is UNSET else fields["EventType"]
        wanted = self._wanted_of(kind, action_told(action) if kind.acting else None)
        if wanted == [False]:
            return None
        constants = {**kind.flat.constants, "activityType": channel or None, "eventSource": provider or None}
        return kind, msgspec.structs.replace(kind.flat, constants=constants), wanted[0] if len(wanted) == 1 else None

    def _read_text(self, text: str) -> Admitted | None:
        head = head_of(text)
        if head is not None and (head.provider or head.channel):
            told = head.provider, head.channel, head.event_id
            if told not in self._wanted_heads:
                parts = Parts(shape="xml", event_id=None, provider=head.provider, channel=head.channel)
                kind = self._kind(source_of(parts), event_id_of(head.event_id))
                kept(self._wanted_heads, told, self._wanted_of(kind, None) != [False])
            if not self._wanted_heads[told]:
                return None
        return self._read_parts(read_text(text, head))

    def _read_parts(self, parts: Parts) -> Admitted | None:
        if parts.shape == "fortisiem-json":
            return self._read_apart(parts)
        event_id = event_id_of(parts.event_id)
        kind = self._kind(source_of(parts), event_id)
        action = None
        if kind.acting:
            action = action_told(parts.fields.get("EventType")) or action_of(event_id, parts.message) or None
        if self._wanted_of(kind, action) == [False]:
            return None
        event = Admitted(kind.apart.constants)
        event.plan, event.base, event.whole = kind.apart, {**BASE, **parts.header}, parts.fields
        event.look = parts.fields.get
        told = {"activityType": parts.channel, "eventSource": parts.provider, "osObjAction": action}
        told |= {"hostName": parts.computer, "computer": parts.computer}
        event.update({name: text for name, text in told.items() if text})
        times = {"phRecvTime": parts.received, "deviceTime": parts.created}
        event.update({name: time for name, time in times.items() if time is not None})
        return self._admit(event)

    def _read_apart(self, parts: Parts) -> Admitted | None:
        """Read what FortiSIEM has normalised, taken apart."""
        name = text_of("eventType", parts.fields.get("eventType"))
        if name is None:
            raise Unreadable("unknown shape", "no eventType")
        wanted = self.wants(name)
        if not wanted:
            return None
        event = Admitted()
        event.wanted, event.plan, event.base, event.whole = wanted, self._normalised, BASE, parts.fields
        event.look = parts.fields.get
        return event

    def _admit(self, event: Admitted) -> Admitted | None:
        """Give an event whose own fields tell its type; None if that is one that nobody wants."""
        event.wanted = self.wants(str(event["eventType"]))
        return None if event.wanted is False else event

    def _wanted_of(self, kind: Kind, action: str | None) -> list[object]:
        """Say what can be wanted of events of this kind, each once; that is told before their own fields are read."""
        types = kind.types
        if not types:
            if action is None:
                return [None]
            types = (event_type(kind.source, kind.event_id, {"osObjAction": action}),)
        return list({id(wanted): wanted for wanted in map(self.wants, types)}.values())

    def _kind(self, source: str, event_id: int) -> Kind:
        known = self._kinds.get((source, event_id))
        return kept(self._kinds, (source, event_id), self._makes.kind(source, event_id)) if known is None else known


class _Unsure(Exception):
    """What was decoded is not enough to tell what the record is."""


K = TypeVar("K")
V = TypeVar("V")


def kept(known: dict[K, V], key: K, value: V) -> V:
    """Remember a value, and forget all others when there are too many of them."""
    if len(known) >= MOST:
        known.clear()
    known[key] = value
    return value
