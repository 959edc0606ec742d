"""Watch lists as they stand: what incidents put on them goes in, whether an event's value is on one comes out.

A list belongs to a customer. An entry that was added at ``a`` to be kept for ``keep`` is there for an event of time
``t`` if ``t - a < keep``: also for one before ``a``, once the entry is known. The value was suspicious then too, and
the entry comes after its incident in any case. Adding again renews: the addition with the latest time counts.

Decision: one thread writes and one other reads, without a lock. The reader only looks up single keys of dictionaries
and the writer only sets and removes single keys, which Python does as a whole, and what stands there is never changed:
an event sees an entry or does not.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from stream_app.language.reading import text_of
from stream_app.language.values import Event, Value
from stream_app.sysmon.normalise import DEFAULT_CUSTOMER

if TYPE_CHECKING:
    from stream_app.language.environment import Read

DEFAULT_KEEP = 2_592_000
"""Seconds for which an entry stays where its rule does not say: 30 days."""

_NO_CUSTOMER = str(DEFAULT_CUSTOMER)

_Form = dict[Hashable, dict[str | None, tuple[tuple[Value, int], ...]]]
"""For what values read as, by customer: each value that reads so, with its end (ms)."""


class Filling(Struct, frozen=True):
    """What a rule puts on a list when it makes an incident: the value of an incident attribute, for ``keep`` ms."""

    name: str
    attribute: str
    keep: int


class Listing(Struct, frozen=True, gc=False):
    """One entry: added at ``time``, there for events before ``until``, ms."""

    time: int
    until: int


class WatchLists:
    """The lists of these names, which are all that rules fill. What is said of another list is passed over."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.timestamp = 0
        """Kafka's timestamp (ms) of the record that is asked about: the time of an event that does not say one."""
        self.named: Mapping[str, _List] = {name: _List(self) for name in sorted(names)}
        """As filters know them."""

    def __len__(self) -> int:
        return sum(len(each.entries) for each in self.named.values())

    def add(self, name: str, customer: str, value: Value, listing: Listing) -> None:
        """Put a value on a list, unless it was put there later than that. An empty one is none."""
        if name in self.named and value != "":
            self.named[name].add(customer, value, listing)

    def remove(self, name: str, customer: str, value: Value) -> None:
        """Take a value off a list."""
        if name in self.named:
            self.named[name].remove(customer, value)

    def added(self, name: str, customer: str, value: Value) -> int | None:
        """Give when (ms) a value was last put on a list; None if it is not there."""
        listing = self.named[name].entries.get((customer, value)) if name in self.named else None
        return None if listing is None else listing.time

    def forget(self, time: int) -> None:
        """Drop the entries that are there for no event of ``time`` (ms) or after."""
        for each in self.named.values():
            each.forget(time)

    def clear(self) -> None:
        """Drop all entries."""
        for each in self.named.values():
            each.clear()


class _List:
    """One list: its entries by (customer, value), and by each form in which filters compare."""

    def __init__(self, lists: WatchLists) -> None:
        self._lists = lists
        self.entries: dict[tuple[str, Value], Listing] = {}
        self._forms: dict[Read, _Form] = {}

    def reader(self, read: "Read", *, event_clock: bool) -> Callable[[Hashable, Event], bool]:
        """Give the test of a filter; see :class:`stream_app.language.environment.WatchList`."""
        lists, form = self._lists, self._form(read)

        def listed(key: Hashable, event: Event) -> bool:
            found = form.get(key)
            if found is None:  # nearly always
                return False
            spellings = found.get(_customer_of(event))
            if spellings is None:
                return False
            time = event.received
            if event_clock:
                created = event.created
                time = time if created is None else created
            time = lists.timestamp if time is None else time
            return any(time < until for _, until in spellings)

        return listed

    def add(self, customer: str, value: Value, listing: Listing) -> None:
        """Put a value on the list, unless it was put there later."""
        known = self.entries.get((customer, value))
        if known is None or known.time <= listing.time:
            self.entries[customer, value] = listing
            for read, form in self._forms.items():
                _spell(form, read(value), customer, value, listing.until)

    def remove(self, customer: str, value: Value) -> None:
        """Take a value off the list."""
        if self.entries.pop((customer, value), None) is not None:
            for read, form in self._forms.items():
                _spell(form, read(value), customer, value, None)

    def forget(self, time: int) -> None:
        """Drop the entries that end at ``time`` (ms) or before."""
        for customer, value in [where for where, listing in self.entries.items() if listing.until <= time]:
            self.remove(customer, value)

    def clear(self) -> None:
        """Drop all entries."""
        self.entries.clear()
        for form in self._forms.values():
            form.clear()

    def _form(self, read: "Read") -> _Form:
        if read not in self._forms:
            form = self._forms[read] = {}
            for (customer, value), listing in self.entries.items():
                _spell(form, read(value), customer, value, listing.until)
        return self._forms[read]


def _spell(form: _Form, key: Hashable | None, customer: str, value: Value, until: int | None) -> None:
    """Set until when (ms) a value is there that reads as ``key``; None: it is not."""
    if key is None:
        return
    customers = form.get(key, {})
    spellings = tuple([each for each in customers.get(customer, ()) if each[0] != value])
    if until is not None:
        form.setdefault(key, {})[customer] = (*spellings, (value, until))
    elif spellings:
        customers[customer] = spellings
    elif len(customers) > 1:
        del customers[customer]
    else:
        del form[key]


def _customer_of(event: Event) -> str | None:
    """Give the customer as matches and incidents name it."""
    customer = event.get("phCustId")
    return _NO_CUSTOMER if customer is None else text_of(customer)
