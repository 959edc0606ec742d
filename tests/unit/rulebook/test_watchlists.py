"""Watch lists over time, beside a log of all that was ever said of them."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from stream_app.language.forms import as_address, as_folded, as_number, as_text
from stream_app.language.values import Value
from stream_app.rulebook.watchlists import Listing, WatchLists
from stream_app.sysmon.normalise import Event

FORMS = (as_text, as_folded, as_number, as_address)
VALUES: tuple[Value, ...] = ("a", "A", "b", "1", 1, 1.5, "::1", "0:0:0:0:0:0:0:1", "10.0.0.1", "")


def event(customer: Value | None = 1, received: int | None = None, created: int | None = None) -> Event:
    """Give an event that says this much."""
    attributes = {} if customer is None else {"phCustId": customer}
    return Event(attributes, "flat", received, created, None)


class Said(Struct, frozen=True):
    """One thing that was done; no listing: taken off."""

    customer: str
    value: Value
    listing: Listing | None


TIMES = st.integers(0, 20)
SAID = st.builds(
    Said,
    customer=st.sampled_from(("1", "2")),
    value=st.sampled_from(VALUES),
    listing=st.none() | st.builds(lambda time, keep: Listing(time, time + keep), TIMES, st.integers(1, 10)),
)


def listed_by_log(log: list[Said], customer: str, key: object, read: object, time: int) -> bool:
    """Read the whole log again: the latest addition of each value counts, unless it was taken off behind it."""
    for value in {said.value for said in log if said.value != ""}:
        standing: Listing | None = None
        for said in log:
            renewed = said.listing is None or standing is None or said.listing.time >= standing.time
            if renewed and (said.customer, said.value) == (customer, value):
                standing = said.listing
        if standing is not None and read(value) == key and time < standing.until:
            return True
    return False


@given(st.lists(SAID, max_size=12), TIMES, st.integers(0, 12))
@settings(max_examples=300, deadline=None)
def test_what_is_on_a_list_is_what_the_log_says(log: list[Said], time: int, late: int) -> None:
    """For every customer and form, to the millisecond, whenever a filter began to ask."""
    lists = WatchLists(["x"])
    readers = {}
    for at, said in enumerate(log):
        if at == late:
            readers = {read: lists.named["x"].reader(read, event_clock=False) for read in FORMS}
        if said.listing is None:
            lists.remove("x", said.customer, said.value)
        else:
            lists.add("x", said.customer, said.value, said.listing)
    readers = readers or {read: lists.named["x"].reader(read, event_clock=False) for read in FORMS}
    for read in FORMS:
        for customer in ("1", "2"):
            for key in {read(value) for value in VALUES} - {None}:
                asked = readers[read](key, event(customer, time))
                assert listed_by_log(log, customer, key, read, time) == asked


@given(st.lists(SAID, max_size=12), TIMES, TIMES)
@settings(max_examples=300, deadline=None)
def test_what_is_forgotten_was_over(log: list[Said], before: int, time: int) -> None:
    """Forgetting changes no answer for an event of that time or after, and keeps nothing that is over by then."""
    told, forgetting = WatchLists(["x"]), WatchLists(["x"])
    readers = [lists.named["x"].reader(as_folded, event_clock=False) for lists in (told, forgetting)]
    for said in log:
        for lists in (told, forgetting):
            lists.add("x", said.customer, said.value, said.listing or Listing(0, 1))
    forgetting.forget(before)
    for key in {as_folded(value) for value in VALUES} - {None}:
        for customer in ("1", "2"):
            first, second = (reader(key, event(customer, max(time, before))) for reader in readers)
            assert first == second
    assert all(listing.until > before for listing in forgetting.named["x"].entries.values())


def test_an_entry_is_there_until_its_time_is_over() -> None:
    """Half open at its end; an event from before the addition sees it too."""
    lists = WatchLists(["x"])
    reader = lists.named["x"].reader(as_text, event_clock=False)
    lists.add("x", "1", "pc", Listing(100, 150))
    assert [True, True, True, False] == [reader("pc", event(received=time)) for time in (0, 100, 149, 150)]


def test_the_time_is_that_of_the_rules_clock() -> None:
    """Receive time, or for the event's clock when it happened; what an event does not say is Kafka's timestamp."""
    lists = WatchLists(["x"])
    lists.add("x", "1", "pc", Listing(0, 100))
    receive, happen = (lists.named["x"].reader(as_text, event_clock=clock) for clock in (False, True))
    times = ((None, None), (50, None), (None, 50), (150, 50), (50, 150))
    given_ = [event(None, received, created) for received, created in times]
    lists.timestamp = 99
    assert [True, True, True, False, True] == [receive("pc", each) for each in given_]
    assert [True, True, True, True, False] == [happen("pc", each) for each in given_]
    lists.timestamp = 100
    assert [False, True, False, False, True] == [receive("pc", each) for each in given_]
    assert [False, True, True, True, False] == [happen("pc", each) for each in given_]


def test_lists_that_no_rule_fills_are_passed_over() -> None:
    """The topic may hold more than these rules know of."""
    lists = WatchLists(["x"])
    lists.add("y", "1", "pc", Listing(0, 100))
    lists.remove("y", "1", "pc")
    assert (0, None, None) == (len(lists), lists.added("y", "1", "pc"), lists.added("x", "1", "pc"))


def test_all_can_be_dropped_at_once() -> None:
    """A filter that holds the list sees nothing of before, and all that comes."""
    lists = WatchLists(["x"])
    reader = lists.named["x"].reader(as_text, event_clock=False)
    lists.add("x", "1", "pc", Listing(7, 100))
    assert (1, 7) == (len(lists), lists.added("x", "1", "pc"))
    lists.clear()
    assert (0, False) == (len(lists), reader("pc", event(received=0)))
    lists.add("x", "1", "pc", Listing(7, 100))
    assert reader("pc", event(received=0))
