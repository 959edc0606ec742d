"""A Sigma rule's logsource goes in; which of Sysmon's events it means and what its fields are called here come out.

Decision: a category means the events that Sigma's own mapping to Sysmon gives it. Without a product it means Windows;
any other product, service or category is refused by name, since no record of it comes here. A field that Sysmon has
keeps its meaning: where two fields fill one attribute (Image, and SourceImage of events 8 and 10) a condition says of
which events it is meant.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from msgspec import Struct
from sigma.rule import SigmaLogSource

from stream_app.exchange.sigma_terms import Said, SigmaRefused, any_of, quoted
from stream_app.language.values import AttributeType
from stream_app.sysmon.attributes import EVENTS, VOCABULARY, fields_of
from stream_app.sysmon.event_type import NETWORK, REGISTRY, WINDOWS_SYSMON

CATEGORIES: Mapping[str, tuple[int, ...]] = {
    "process_creation": (1,),
    "file_change": (2,),
    "network_connection": (3,),
    "sysmon_status": (4, 16),
    "process_termination": (5,),
    "driver_load": (6,),
    "image_load": (7,),
    "create_remote_thread": (8,),
    "raw_access_thread": (9,),
    "process_access": (10,),
    "file_event": (11,),
    "registry_add": (12,),
    "registry_delete": (12,),
    "registry_set": (13,),
    "registry_rename": (14,),
    "registry_event": (12, 13, 14),
    "create_stream_hash": (15,),
    "pipe_created": (17, 18),
    "wmi_event": (19, 20, 21),
    "dns_query": (22,),
    "file_delete": (23, 26),
    "clipboard_capture": (24,),
    "clipboard_change": (24,),
    "process_tampering": (25,),
    "file_delete_detected": (26,),
    "file_block_executable": (27,),
    "file_block_shredding": (28,),
    "file_executable_detected": (29,),
    "sysmon_error": (255,),
}
"""Sigma's category -> Sysmon's event ids."""

ALL = tuple(EVENTS)
_BETWEEN_PROCESSES = (8, 10)
_OTHERS = tuple(event_id for event_id in ALL if event_id not in _BETWEEN_PROCESSES)
_ONLY_IN: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("Image", "ProcessGuid", "ProcessId", "User"), _OTHERS),
    **dict.fromkeys(
        ("SourceImage", "SourceProcessGuid", "SourceProcessGUID", "SourceProcessId", "SourceUser"), _BETWEEN_PROCESSES
    ),
    "Hash": (15,),
    "Hashes": tuple(event_id for event_id in ALL if event_id != 15),  # noqa: PLR2004 - the event that has Hash
    "State": (4,),
    "QueryStatus": (22,),
}
"""Fields that share an attribute with others -> the events that have them."""

_WHOLE_ACCOUNTS: Mapping[str, str] = {"User": "User", "SourceUser": "SourceUser", "TargetUser": "TargetUser"}
"""Fields whose first attribute is only a part of them."""

_ELSEWHERE: Mapping[str, str] = {
    "EventID": "winEventId",
    "EventId": "winEventId",
    "Channel": "activityType",
    "Provider_Name": "eventSource",
    "ProviderName": "eventSource",
    "Provider": "eventSource",
    "SourceName": "eventSource",
    "Computer": "hostName",
    "ComputerName": "hostName",
    "Hostname": "hostName",
    "HostName": "hostName",
    "md5": "hashMD5",
    "MD5": "hashMD5",
    "sha1": "hashSHA1",
    "SHA1": "hashSHA1",
    "sha256": "hashSHA256",
    "SHA256": "hashSHA256",
    "Imphash": "hashIMP",
    "imphash": "hashIMP",
    "IMPHASH": "hashIMP",
}
"""Fields of the event's head, and parts of Hashes that Sigma names by themselves."""

_HEAD = ("hostName", "activityType", "eventSource", "winEventId")


class Field(Struct, frozen=True):
    """An attribute by which a Sigma field goes, and which of the rule's events have it."""

    name: str
    kind: AttributeType
    events: tuple[int, ...]
    """Empty: the field is always absent."""
    everywhere: bool
    """Whether all of the rule's events may have it."""


class Source(Struct, frozen=True):
    """The events that a rule is asked of."""

    events: tuple[int, ...]
    said: Said

    def field(self, name: str) -> Field:
        """Say what a field is called. Raises SigmaRefused for one that Sysmon has not."""
        attribute = _attribute(name)
        if attribute is None:
            near = get_close_matches(name, [*_ONLY_IN, *_fields()], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SigmaRefused(f"field {name!r} is none of Sysmon's{hint}", name)
        events = tuple(each for each in self.events if each in _ONLY_IN.get(name, ALL))
        return Field(attribute, VOCABULARY[attribute], events, events == self.events)

    def all_fields(self) -> tuple[Field, ...]:
        """Give what a keyword is looked for in: each attribute that these events may have, once."""
        names = dict.fromkeys(_HEAD)
        for event_id in self.events:
            for field, attributes in fields_of(event_id).items():
                if attributes and event_id in _ONLY_IN.get(field, ALL):
                    names[_WHOLE_ACCOUNTS.get(field, attributes[0])] = None
        return tuple(Field(name, VOCABULARY[name], self.events, everywhere=True) for name in names)


def source_of(logsource: SigmaLogSource) -> Source:
    """Give the events of a logsource. Raises SigmaRefused for one that Sysmon is not."""
    product, category, service = logsource.product, logsource.category, logsource.service
    if product not in {None, "windows"}:
        raise SigmaRefused(f"product {product!r} is not read: only windows is", "product")
    if service not in {None, "sysmon"}:
        raise SigmaRefused(f"service {service!r} is not read: only sysmon is", "service")
    if category is not None and category not in CATEGORIES:
        near = get_close_matches(category, CATEGORIES, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise SigmaRefused(f"category {category!r} is no event of Sysmon's{hint}", "category")
    if category is None and service is None:
        raise SigmaRefused("neither a category nor service sysmon: it means more than Sysmon", "logsource")
    events = ALL if category is None else CATEGORIES[category]
    return Source(events, _of_events(events))


def of_these(events: Iterable[int], *, negated: bool) -> Said:
    """Say that an event is one of some, or none of them."""
    ids = ", ".join(quoted(str(event_id)) for event_id in events)
    return Said(f"winEventId {'NOT ' if negated else ''}IN ({ids})")


def _attribute(name: str) -> str | None:
    if name in _WHOLE_ACCOUNTS:
        return _WHOLE_ACCOUNTS[name]
    return _ELSEWHERE.get(name) or _fields().get(name)


def _fields() -> Mapping[str, str]:
    """Give every field of Sysmon's with its first attribute."""
    return {
        field: attributes[0]
        for event_id in reversed(ALL)
        for field, attributes in fields_of(event_id).items()
        if attributes
    }


def _of_events(events: tuple[int, ...]) -> Said:
    """Say of eventType that it is one of these events, whatever stands behind a name that varies."""
    if events == ALL:
        return Said(f'eventType CONTAIN "{WINDOWS_SYSMON}-"')
    exact = [f'"{WINDOWS_SYSMON}-{each}-{EVENTS[each]}"' for each in events if not _varies(each)]
    found = [Said(f'eventType CONTAIN "{WINDOWS_SYSMON}-{each}-{EVENTS[each]}"') for each in events if _varies(each)]
    if len(exact) == 1:
        found.insert(0, Said(f"eventType = {exact[0]}"))
    elif exact:
        found.insert(0, Said(f"eventType IN ({', '.join(exact)})"))
    return any_of(found)


def _varies(event_id: int) -> bool:
    return event_id == NETWORK or EVENTS[event_id] == REGISTRY
