"""What an incident puts on watch lists, and how that lies on their topic: a key and a value for each entry.

Decision: the key is the MessagePack array ``[customer, list, value]``, so that compaction keeps the last addition of
each entry, and the value ``[version, time, keep]``, both in ms. The time is that of the incident's first trigger: what
is sent again after a crash, when later triggers may have joined the incident, says the same.
"""

import msgspec
from msgspec import Struct

from stream_app.engine.incident import Incident
from stream_app.engine.key import canonical
from stream_app.language.values import Value
from stream_app.rulebook.watchlists import Listing, WatchLists

VERSION = 1


class Entry(Struct, frozen=True, array_like=True, gc=False):
    """A value on a customer's list, and the key of its record."""

    customer: str
    name: str
    value: Value


class _Addition(Struct, frozen=True, array_like=True, gc=False):
    version: int
    time: int
    keep: int


class BadEntry(Exception):
    """Bytes that are no entry of this version."""


_encode = msgspec.msgpack.Encoder().encode
_entry_decoder = msgspec.msgpack.Decoder(Entry)
_addition_decoder = msgspec.msgpack.Decoder(_Addition)


def additions(incident: Incident) -> list[tuple[Entry, Listing]]:
    """Give what an incident puts on lists when it is made; nothing for an attribute that it lacks, or in shadow."""
    found: list[tuple[Entry, Listing]] = []
    fillings = () if incident.rule.shadow else incident.rule.watch_lists
    attributes = incident.attributes if fillings else {}
    for filling in fillings:
        value = canonical(attributes.get(filling.attribute))
        if value is not None and value != "":
            entry = Entry(incident.key.customer, filling.name, value)
            found.append((entry, Listing(incident.first_seen, incident.first_seen + filling.keep)))
    return found


def news(lists: WatchLists, incident: Incident) -> list[tuple[Entry, Listing]]:
    """Give those additions of an incident that the lists do not know yet.

    What is known with that time or a later one stands on the topic already; written again, an older one would be the
    last of its key.
    """
    return [
        (entry, listing)
        for entry, listing in additions(incident)
        if (known := lists.added(entry.name, entry.customer, entry.value)) is None or known < listing.time
    ]


def put(lists: WatchLists, entry: Entry, listing: Listing | None) -> None:
    """Put an entry on its list, or, for None, take it off."""
    if listing is None:
        lists.remove(entry.name, entry.customer, entry.value)
    else:
        lists.add(entry.name, entry.customer, entry.value, listing)


def encode_entry(entry: Entry, listing: Listing) -> tuple[bytes, bytes]:
    """Give key and value of an entry's record."""
    return _encode(entry), _encode(_Addition(VERSION, listing.time, listing.until - listing.time))


def decode_entry(key: bytes, value: bytes | None) -> tuple[Entry, Listing | None]:
    """Read a record; without a value the entry is off the list. Raises :class:`BadEntry`."""
    try:
        entry = _entry_decoder.decode(key)
        addition = None if value is None else _addition_decoder.decode(value)
    except ValueError as error:  # msgspec's, or a text in it that is not UTF-8
        raise BadEntry(str(error)) from error
    if addition is None:
        return entry, None
    if addition.version != VERSION:
        raise BadEntry(f"entry version {addition.version}, this worker reads {VERSION}")
    return entry, Listing(addition.time, addition.time + addition.keep)
