"""Where incidents are told: topics, and what an incident is written as on each. An incident in, a record of each out.

Decision: the formats come from outside, as functions, and none of them may keep an incident from the other topics. One
that fails, cannot be cut to what its topic takes, or whose topic was not there at the start, leaves its record on the
rejected topic, with the incident's id and revision and the places of its records; the others say it.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.incident import Incident, activity_of
from stream_app.engine.rejection import INCIDENT_TOO_LARGE, TOPIC_MISSING, Rejection
from stream_app.kafka.detecting import FAILED
from stream_app.kafka.sender import LARGEST, Headers, Outgoing

AROUND = 2_000
"""Bytes of a record that are not its value, at most: its frame, an incident's id, headers, a trace among them."""


class Outlet(Struct, frozen=True, kw_only=True):
    """One topic. ``to_bytes`` is given the incident and ``limit``, the bytes that a value may have."""

    topic: str
    schema: str
    version: str
    to_bytes: Callable[[Incident, int], bytes]
    limit: int = LARGEST - AROUND
    absent: bool = False
    """Whether there was no such topic when the worker started."""

    def record(self, incident: Incident, key: bytes, trace: Headers | None) -> Outgoing | Rejection:
        """Give the record of an incident, keyed by its id; or why there is none."""
        if self.absent:
            return _refused(incident, TOPIC_MISSING, f"as {self.schema}: there was no topic {self.topic} at the start")
        try:
            value = self.to_bytes(incident, self.limit)
        except Exception as error:  # noqa: BLE001 - a format that fails must not end the detection
            return _refused(incident, FAILED, f"as {self.schema} for topic {self.topic}: {error!r}")
        if len(value) > self.limit:
            said = f"as {self.schema} {len(value)} bytes, topic {self.topic} takes {self.limit}"
            return _refused(incident, INCIDENT_TOO_LARGE, said)
        rule = incident.rule
        headers = _headers(self.schema, self.version, rule.id, rule.severity, activity_of(incident.episode))
        return value, key, headers if trace is None else headers + trace


class Outlets(Struct, frozen=True):
    """All of a worker's: ``told`` get each incident, ``shadow`` those of rules in shadow, and nobody else does."""

    told: tuple[Outlet, ...]
    shadow: Outlet

    @property
    def topics(self) -> list[str]:
        """The topics, in their order."""
        return [each.topic for each in (*self.told, self.shadow)]

    def within(self, limits: Mapping[str, int], absent: Collection[str] = ()) -> "Outlets":
        """Give the outlets as the topics' own limits on a record, in bytes, leave them, and those that are absent."""
        told = tuple(replace(_within(each, limits), absent=each.topic in absent) for each in self.told)
        return Outlets(told, _within(self.shadow, limits))

    def small(self, limits: Mapping[str, int]) -> list[tuple[str, int]]:
        """Give (topic, bytes) for each that takes less than a worker may send."""
        return [(topic, limits[topic]) for topic in self.topics if limits.get(topic, LARGEST) < LARGEST]


@lru_cache(maxsize=1024)
def _headers(schema: str, version: str, rule_id: str, severity: int, activity: str) -> Headers:
    """Give the headers of a record; many bear the same ones, so nobody may change them."""
    return [
        ("schema", schema),
        ("schemaVersion", version),
        ("ruleId", rule_id),
        ("eventSeverity", str(severity)),
        ("activity", activity),
    ]


def _within(outlet: Outlet, limits: Mapping[str, int]) -> Outlet:
    return replace(outlet, limit=min(LARGEST, limits.get(outlet.topic, LARGEST)) - AROUND)


def _refused(incident: Incident, reason: str, detail: str) -> Rejection:
    said = f"{detail}; its records: {', '.join(incident.evidence)}"
    return Rejection.of_incident(
        incident.rule.id, incident.incident_id, incident.revision, incident.last_seen, reason, said
    )
