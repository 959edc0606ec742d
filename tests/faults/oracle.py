"""Incidents on the wire against what was sent. Decision: the highest revision of an id is the truth, as for a SOAR."""

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec
from confluent_kafka import Message

from tests.faults.load import Group

_PLACE = re.compile(r".*/(\d+)@(\d+)\Z")


class Verdict(msgspec.Struct):
    """What a run came to. ``missing``, ``extra`` and ``wrong`` must be 0."""

    records: int = 0
    matches: int = 0
    missing: int = 0
    """Matches that no incident counts."""
    extra: int = 0
    """Matches counted more than once, or never sent."""
    wrong: int = 0
    """Groups with more than one incident, and revisions that stand on the wire with different bytes."""
    duplicates: int = 0
    """Records that repeat a revision, byte for byte."""
    recovery: list[float] = msgspec.field(default_factory=list)
    """For each fault, the longest wait of any partition for its first incident of a record sent after the fault, s."""

    @property
    def good(self) -> bool:
        """Whether nothing was lost, counted twice or told in two ways."""
        return not (self.missing or self.extra or self.wrong)


class Wire:
    """The incidents topic as read so far."""

    def __init__(self) -> None:
        self.counts: dict[Group, int] = {}
        self.duplicates = 0
        self.differing = 0
        self._revisions: dict[tuple[str, int], bytes] = {}
        self._ids: dict[Group, set[str]] = defaultdict(set)
        self._written: list[tuple[int, int, int]] = []

    def take(self, message: Message) -> None:
        """Take one incident record."""
        value = message.value() or b""
        incident: dict[str, Any] = msgspec.json.decode(value)
        identity = incident["incidentId"], incident["revision"]
        known = self._revisions.setdefault(identity, value)
        if known is not value:
            self.duplicates += known == value
            self.differing += known != value
            return
        group = incident["hostName"], incident["destIpAddr"]
        self._ids[group].add(incident["incidentId"])
        self.counts[group] = max(self.counts.get(group, 0), incident["count"])
        place = _PLACE.match(incident["triggeringEventList"][-1])
        partition = int(place[1]) if place else -1
        self._written.append((partition, incident["incidentLastSeen"], message.timestamp()[1]))

    def complete(self, truth: Mapping[Group, int]) -> bool:
        """Whether every group has come to its count."""
        return all(self.counts.get(group, 0) >= count for group, count in truth.items())

    def verdict(self, truth: Mapping[Group, int], faults: list[float]) -> Verdict:
        """Judge; ``faults`` are wall-clock seconds."""
        groups = truth.keys() | self.counts.keys()
        off = {group: self.counts.get(group, 0) - truth.get(group, 0) for group in groups}
        return Verdict(
            matches=sum(truth.values()),
            missing=-sum(each for each in off.values() if each < 0),
            extra=sum(each for each in off.values() if each > 0),
            wrong=self.differing + sum(len(ids) > 1 for ids in self._ids.values()),
            duplicates=self.duplicates,
            recovery=[self._recovery(fault * 1000) for fault in faults],
        )

    def _recovery(self, fault: float) -> float:
        first: dict[int, int] = {}
        for partition, seen, written in self._written:
            if seen >= fault:
                first[partition] = min(written, first.get(partition, written))
        return max((written - fault) / 1000 for written in first.values()) if first else 0.0
