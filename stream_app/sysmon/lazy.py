"""Attributes that are read when somebody asks for them: a record's fields in, attributes one by one out.

Decision: an attribute is what ``fill`` would have made of the whole record, or the same refusal, but only the fields
that it comes from are looked at. So a field that no rule looks at costs nothing, and cannot get a record refused.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, cast

from msgspec import Struct
from msgspec.structs import astuple

from stream_app.language.values import Value
from stream_app.sysmon.json_shapes import decode_json
from stream_app.sysmon.readings import INT64, MISSING, Table, Writer, by_products, fill, text_of, write_number

Look = Callable[[str], object]
"""A field's name -> its value, None where the record has none."""

Derive = Callable[["Admitted"], Value | None]
"""Makes a value of what else is known of the event, before the table is asked."""


class Source(Struct, frozen=True, gc=False):
    """A field that an attribute may come from, and how it is written."""

    field: str
    target: str
    write: Writer | None


Sources = Mapping[str, tuple[Source, ...]]


def sources_of(table: Table, attributes: Iterable[str]) -> Sources:
    """Give, for each of these attributes, the fields of a table that it may come from; none for many of them."""
    found: dict[str, tuple[Source, ...]] = dict.fromkeys(attributes, ())
    for field, targets in table.items():
        for target, write in targets:
            for name in (target, *by_products(target, write)):
                if name in found:
                    found[name] = (*found[name], Source(field, target, write))
    return found


class Plan(Struct, frozen=True):
    """How the attributes of one kind of event are read."""

    constants: Mapping[str, Value]
    """What every event of the kind has."""
    sources: Sources
    """Every attribute that may be asked for."""
    simple: Mapping[str, tuple[str, str, Writer | None]]
    """Those of them that one field alone makes: a :class:`Source` taken apart, since each look at it costs."""
    derived: Mapping[str, Derive]
    received: Callable[["Admitted"], int | None]
    created: Callable[["Admitted"], int | None]

    @classmethod
    def of(
        cls,
        constants: Mapping[str, Value],
        sources: Sources,
        derived: Mapping[str, Derive],
        received: Callable[["Admitted"], int | None],
        created: Callable[["Admitted"], int | None],
    ) -> Self:
        """Make a plan."""
        simple = {name: astuple(of[0]) for name, of in sources.items() if len(of) == 1 and name not in derived}
        return cls(constants, sources, simple, derived, received, created)


class Admitted(dict[str, Value | None]):
    """An event that somebody may want: attribute -> value, None for an absent one, each read at its first look-up.

    A look-up raises Unreadable, and KeyError for an attribute that nobody had said to want. It is made of its plan's
    constants, and has no constructor of its own, which would cost more than all else here; ``whole`` is what all fields
    are found in, in their order, ``base`` the attributes that fields may overwrite.
    """

    __slots__ = ("base", "look", "plan", "wanted", "whole")

    wanted: Any
    """What the gate was told of its event type."""
    plan: Plan
    look: Look
    whole: bytes | Mapping[str, object]
    base: Mapping[str, Value]

    get = dict.__getitem__  # type: ignore[assignment]  # an absent attribute is None, and looked for when asked for

    @property
    def received(self) -> int | None:
        """When FortiSIEM's agent or FortiSIEM itself received it, ms since 1970; None where the record does not say."""
        return self.plan.received(self)

    @property
    def created(self) -> int | None:
        """System/TimeCreated, or the shape's own clock for it, ms since 1970; None where the record does not say."""
        return self.plan.created(self)

    def __missing__(self, name: str) -> Value | None:
        simple = self.plan.simple.get(name)
        if simple is not None:
            field, target, write = simple
            held = self.look(field)
            if type(held) is str and held not in MISSING:
                if write is None:
                    self[name] = held
                    return held
                self[name] = self.base.get(name)
                write(self, target, held)
                return self[name]
            if type(held) is int and write is write_number and -INT64 <= held < INT64:  # as it would be read as text
                self[name] = held
                return held
            if held is None:
                value = self[name] = self.base.get(name)
                return value
        return self._read(name)

    def _read(self, name: str) -> Value | None:
        derive = self.plan.derived.get(name)
        if derive is not None:
            value = derive(self)
            if value is not None:
                self[name] = value
                return value
        found: Source | None = None
        text = ""
        for source in self.plan.sources[name]:
            held = self.look(source.field)
            read = held if type(held) is str and held not in MISSING else text_of(source.field, held)
            if read is None:
                continue
            if found is not None:
                return self._the_last(name)
            found, text = source, read
        self[name] = self.base.get(name)
        if found is not None:
            if found.write is None:
                self[name] = text
            else:
                found.write(self, found.target, text)
        return self[name]

    def _the_last(self, name: str) -> Value | None:
        """Read an attribute that several fields of this record fill: the last of them counts."""
        fields = self.whole
        if isinstance(fields, bytes):
            fields = cast("Mapping[str, object]", decode_json(fields))
        table = {source.field: ((source.target, source.write),) for source in self.plan.sources[name]}
        attributes: dict[str, Value] = {}
        fill(attributes, fields, table)
        value = self[name] = attributes.get(name, self.base.get(name))
        return value
