"""The topics as one declared value, which `topics create`, the worker, the deployment files and the docs all read."""

from collections.abc import Iterator, Mapping
from typing import TypedDict

from msgspec import Struct

from stream_app.rulebook.filling import LONGEST_KEEP

WORKER, TOOLS, FORWARDER, SOAR = "worker", "tools", "forwarder", "soar"
"""Who comes to a topic: workers (detect and windows are one process), the other commands of `stream-app`, and those at
either end that are not ours."""
ROLES = (WORKER, TOOLS, FORWARDER, SOAR)

INCIDENT = "incidentId"
"""The key of topics on which incidents are told."""

HOUR = 3_600_000
DAY = 24 * HOUR
TABLE = "windows"
PROCESSES = "processes"

HANDED = {
    "ocsf": "incidents as OCSF Detection Findings",
    "ecs": "incidents as documents of the Elastic Common Schema",
    "thehive": "incidents as alerts of TheHive",
    "fortisoar": "incidents as alerts of FortiSOAR",
    "cef": "incidents as lines of CEF",
}
"""Format: what its topic is for. Only where a setting names a topic (``STREAM_APP_OCSF_TOPIC`` and the like)."""

MESSAGE_BYTES = 1_048_588
"""What a topic that a worker writes must take: Kafka's default, above the largest that a worker sends. A cluster whose
own limit is lower must not end the worker."""


class Names(Struct, frozen=True, kw_only=True):
    """What the topics are called. Matches and the changelog belong to the app and carry its id."""

    app_id: str = "stream-app"
    sysmon: str = "sysmon"
    incidents: str = "incidents"
    rejected: str = "rejected"
    shadow: str = "incidents-shadow"
    ocsf: str = ""
    ecs: str = ""
    thehive: str = ""
    fortisoar: str = ""
    cef: str = ""

    @property
    def handed(self) -> dict[str, str]:
        """The topics on which incidents are said in a format besides the native one, by format; those that are on."""
        return {form: topic for form in HANDED if (topic := getattr(self, form))}

    @property
    def matches(self) -> str:
        """The re-partitioned matches."""
        return f"{self.app_id}-matches"

    @property
    def watchlists(self) -> str:
        """What is on the watch lists."""
        return f"{self.app_id}-watchlists"

    @property
    def rules(self) -> str:
        """The sets of rules that were published."""
        return f"{self.app_id}-rules"

    @property
    def status(self) -> str:
        """What each worker runs."""
        return f"{self.app_id}-status"

    @property
    def changelog(self) -> str:
        """The windows table's changelog; the form of the name is Faust's."""
        return f"{self.app_id}-{TABLE}-changelog"

    @property
    def processes(self) -> str:
        """The changelog of the processes that connections are joined with."""
        return f"{self.app_id}-{PROCESSES}-changelog"


class Topic(Struct, frozen=True, kw_only=True):
    """One topic: ``retention_ms`` is None where only compaction removes; ``config`` is what else the broker is told.

    ``writers`` and ``readers`` say for each role what it writes or reads there: rights are made of them (acls.py).
    Decision: neither has a default, so that no topic can be declared without.
    """

    name: str
    purpose: str
    writers: Mapping[str, str]
    readers: Mapping[str, str]
    key: str
    codec: str
    partitions: int
    replication: int
    cleanup_policy: str
    retention_ms: int | None = None
    config: Mapping[str, str] = {}

    @property
    def tells(self) -> bool:
        """Whether incidents are told here: a worker asks how large a record such a topic takes, a right of its own."""
        return self.key == INCIDENT

    def settings(self) -> dict[str, str]:
        """Kafka's configuration entries for the topic."""
        retention = {} if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}
        return {"cleanup.policy": self.cleanup_policy, **retention, **self.config}


class _Spread(TypedDict):
    """How a topic lies on the brokers."""

    partitions: int
    replication: int


def declare(
    names: Names | None = None, *, partitions: int = 4, replication: int = 1, min_insync: int = 1, processes: int = 0
) -> tuple[Topic, ...]:
    """Give all topics. ``partitions`` is that of matches and the changelog, which must be equal (one owner a key).

    ``processes`` is that of the changelog of processes, as many as the sysmon topic has; 0 where there is none.
    """
    names = names or Names()
    every: _Spread = {"partitions": partitions, "replication": replication}
    safe = {"min.insync.replicas": str(min_insync)}
    written = {**safe, "max.message.bytes": str(MESSAGE_BYTES)}
    declared = (
        _source(names.sysmon, every, safe),
        Topic(
            name=names.matches,
            purpose="records that a rule's filter wants, by group, and the source's progress",
            writers={WORKER: "detect: matches and progress"},
            readers={WORKER: "windows: matches and progress"},
            key="rule, customer, group-by values",
            codec="MessagePack",
            cleanup_policy="delete",
            retention_ms=7 * DAY,
            config={"message.timestamp.type": "LogAppendTime", **written},
            **every,
        ),
        _changelog(
            names.changelog, "the windows table, a row per key", "rule, customer, group-by values", every, written
        ),
        _watchlists(names, replication, written),
        _rules(names, replication, written),
        _status(names, replication, written),
        *_told(names, every, written),
        Topic(
            name=names.rejected,
            purpose="records that could not be read or came too late, with the reason and where they came from",
            writers={WORKER: "detect and windows: rejections"},
            readers={TOOLS: "`rejected`"},
            key="topic/partition@offset",
            codec="JSON",
            cleanup_policy="delete",
            retention_ms=30 * DAY,
            config=written,
            **every,
        ),
    )
    if not processes:
        return declared
    purpose = "the processes that connections are joined with; only with `STREAM_APP_PROCESS_CONTEXT=true`"
    of_source: _Spread = {"partitions": processes, "replication": replication}
    key = "topic id, customer, host, process GUID"
    return (*declared, _changelog(names.processes, purpose, key, of_source, written))


def _source(name: str, every: _Spread, config: Mapping[str, str]) -> Topic:
    return Topic(
        name=name,
        purpose="Sysmon records as a forwarder sends them",
        writers={FORWARDER: "records", TOOLS: "`produce`"},
        readers={WORKER: "detect: records", TOOLS: "`replay --topic`"},
        key="host name, or what the forwarder chose",
        codec="any of the record shapes",
        cleanup_policy="delete",
        retention_ms=7 * DAY,
        config=config,
        **every,
    )


def _told(names: Names, every: _Spread, config: Mapping[str, str]) -> Iterator[Topic]:
    """Give the topics on which incidents are told."""
    soar = {SOAR: "incidents"}
    told = {
        names.incidents: ("incidents, for the SOAR", {**soar, TOOLS: "`incidents`, `console`"}),
        names.shadow: ("incidents of rules in shadow, which nobody else is told of", {TOOLS: "`incidents --shadow`"}),
        **{topic: (HANDED[form], soar) for form, topic in names.handed.items()},
    }
    for name, (purpose, readers) in told.items():
        yield Topic(
            name=name,
            purpose=purpose,
            writers={WORKER: "windows: incidents"},
            readers=readers,
            key=INCIDENT,
            codec="CEF" if name == names.cef else "JSON",
            cleanup_policy="delete",
            retention_ms=30 * DAY,
            config=config,
            **every,
        )


def _changelog(name: str, purpose: str, key: str, every: _Spread, written: Mapping[str, str]) -> Topic:
    """Give the changelog of a table.

    Small segments: Faust's own changelogs are hardly ever compacted. The lag keeps a row that a frozen worker overwrote
    with an older one until a recovery has put it back.
    """
    config = {
        "segment.ms": str(HOUR),
        "segment.bytes": str(64 << 20),
        "min.cleanable.dirty.ratio": "0.2",
        "min.compaction.lag.ms": str(DAY),
        **written,
    }
    return Topic(
        name=name,
        purpose=purpose,
        writers={WORKER: "rows"},
        readers={WORKER: "rows, to recover them"},
        key=key,
        codec="MessagePack",
        cleanup_policy="compact",
        config=config,
        **every,
    )


def _rules(names: Names, replication: int, config: Mapping[str, str]) -> Topic:
    """Give the topic of the sets of rules, whose order is that of its one partition."""
    return Topic(
        name=names.rules,
        purpose="sets of rules, as published; read with `STREAM_APP_RULES_FROM=topic`",
        writers={TOOLS: "`rules publish`"},
        readers={
            WORKER: "the rules, where they are read from there",
            TOOLS: "`rules publish`, `rules status`, `console`",
        },
        key="file/digest, set/id",
        codec="TOML, CSV; JSON",
        partitions=1,
        replication=replication,
        cleanup_policy="compact",
        config={"segment.ms": str(DAY), "segment.bytes": str(64 << 20), **config},
    )


def _status(names: Names, replication: int, config: Mapping[str, str]) -> Topic:
    return Topic(
        name=names.status,
        purpose="what each worker runs, for `stream-app rules status`",
        writers={WORKER: "what it runs"},
        readers={TOOLS: "`rules status`"},
        key="worker/name, rules/name",
        codec="JSON",
        partitions=1,
        replication=replication,
        cleanup_policy="compact,delete",
        retention_ms=7 * DAY,
        config={"segment.ms": str(DAY), "segment.bytes": str(16 << 20), **config},
    )


def _watchlists(names: Names, replication: int, config: Mapping[str, str]) -> Topic:
    """Give the topic of the watch lists.

    Nobody removes what is no longer on one: retention does, after the longest time that a rule may ask for. A segment
    is as old as its newest record, and the cleaner joins small ones: so what may outstay that time is one segment.
    """
    return Topic(
        name=names.watchlists,
        purpose="what rules have put on watch lists; used where a rule fills or reads one",
        writers={WORKER: "windows: entries"},
        readers={WORKER: "detect: entries", TOOLS: "`watchlist`"},
        key="customer, list, value",
        codec="MessagePack",
        partitions=1,  # every worker reads all of it
        replication=replication,
        cleanup_policy="compact,delete",
        retention_ms=LONGEST_KEEP * 1000,
        config={"segment.ms": str(7 * DAY), "segment.bytes": str(16 << 20), **config},
    )
