"""The formats that an incident can be handed off in, as one declared table."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from stream_app.engine.incident import Incident
from stream_app.handoff import cef, ecs, fortisoar, native, ocsf, thehive
from stream_app.handoff.mapping import Field


class Format(Struct, frozen=True):
    """One format. ``version`` is its schema's, which a header of each record says too.

    ``to_bytes`` takes an incident and how many bytes may come of it; what cannot be cut to that is longer.
    """

    name: str
    title: str
    version: str
    to_bytes: Callable[[Incident, int], bytes]
    source: str = ""
    """What its mapping was written from."""
    fields: Sequence[Field] = ()
    fixed: Mapping[str, Any] = MappingProxyType({})
    observables: Mapping[str, object] = MappingProxyType({})
    """Attribute: the kind of observable that it becomes."""


NATIVE = Format("native", "FortiSIEM's fields", str(native.SCHEMA), native.to_bytes)

FORMATS = (
    Format(
        "ocsf",
        "OCSF Detection Finding",
        ocsf.VERSION,
        ocsf.to_bytes,
        ocsf.SOURCE,
        ocsf.FIELDS,
        ocsf.FIXED,
        {name: kind for name, (_, kind) in ocsf.OBSERVABLES.items()},
    ),
    Format("ecs", "Elastic Common Schema", ecs.VERSION, ecs.to_bytes, ecs.SOURCE, ecs.FIELDS, ecs.FIXED),
    Format(
        "thehive",
        "TheHive alert",
        thehive.VERSION,
        thehive.to_bytes,
        thehive.SOURCE,
        thehive.FIELDS,
        thehive.FIXED,
        thehive.OBSERVABLES,
    ),
    Format(
        "fortisoar",
        "FortiSOAR alert",
        fortisoar.VERSION,
        fortisoar.to_bytes,
        fortisoar.SOURCE,
        fortisoar.FIELDS,
        fortisoar.FIXED,
    ),
    Format("cef", "CEF", cef.VERSION, cef.to_bytes, cef.SOURCE, cef.FIELDS, cef.FIXED),
)
"""Beside the native one, each of which has a topic of its own."""
