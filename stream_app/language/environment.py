"""What a filter may name and how it compares: everything that its meaning needs beside its own text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from stream_app.language.tables import LookupTable
    from stream_app.language.values import AttributeType, Event, Value

    Read = Callable[[Value], Hashable | None]
    """Gives the form in which a value is compared, None for one that has no such form."""


class WatchList(Protocol):
    """A named list of values that come and go while filters run."""

    def reader(self, read: Read, *, event_clock: bool) -> Callable[[Hashable, Event], bool]:
        """Give the test of one filter: whether what an event has, in that form, is on the list at the event's time."""


class Environment(Struct, frozen=True):
    """The attributes with their types, and the sets and tables beside the rules.

    ``groups`` maps the name after ``Group@`` to its members as text, addresses and networks among them; ``ignore_case``
    says that no comparison and no pattern distinguishes case. ``watch_lists`` has the lists that some rule fills; they
    are asked at the time that ``event_clock`` says: when an event was received, or when it happened.
    """

    vocabulary: Mapping[str, AttributeType]
    groups: Mapping[str, tuple[str, ...]] = {}
    tables: Mapping[str, LookupTable] = {}
    ignore_case: bool = True
    watch_lists: Mapping[str, WatchList] = {}
    event_clock: bool = False
