"""A record taken apart: what every shape is reduced to before Sysmon's fields become attributes.

Decision: a shape says where things are and nothing more. What a value means is decided once, after this, so that the
same event gives the same attributes whatever carried it.
"""

from collections.abc import Mapping

from msgspec import Struct

from stream_app.language.values import Value

NO_FIELDS: Mapping[str, object] = {}


class Unreadable(Exception):
    """A record that cannot be read exactly. ``reason`` is one of few stable words, ``detail`` says what was seen."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Parts(Struct, frozen=True, kw_only=True):
    """Times are integer milliseconds since 1970, None where the shape has none that can be trusted to be UTC."""

    shape: str
    event_id: object
    provider: str = ""
    channel: str = ""
    computer: str = ""
    fields: Mapping[str, object] = NO_FIELDS
    """Sysmon's fields as the shape typed them: strings, numbers, booleans, null."""
    message: str = ""
    """The rendered text, read only for an EventType that a forwarder overwrote."""
    received: int | None = None
    created: int | None = None
    recorded: int | None = None
    header: Mapping[str, Value] = {}
    """Attributes that the carrier itself gives, ready as they are."""
