"""What a worker's health file and probes say, as values. Times are ms since 1970, those called ``_s`` are seconds."""

from msgspec import Struct

from stream_app.kafka.changing import RulesReport


class PartitionReport(Struct, frozen=True, kw_only=True):
    """One partition of the worker; ``end`` and ``lag`` are null where no broker said them."""

    committed: int
    end: int | None
    lag: int | None
    stuck_s: float
    """Seconds of lag without a commit."""


class TimeReport(Struct, frozen=True, kw_only=True):
    """The stream's time in one matches partition, ms since 1970; null while some source partition was not heard of."""

    time: int | None
    held_back_by: int | None
    """The source partition that has come least far."""


class Report(Struct, frozen=True, kw_only=True):
    """What the file and the probes say."""

    alive: bool
    ready: bool
    since: int
    """When ``alive`` was last turned round."""
    at: int
    """When the worker was looked at."""
    why: str
    """Why it is not alive or not ready, or what cannot be judged; empty where all is well."""
    stall_s: float
    silent_s: float = 0.0
    """Seconds for which the event loop had not run."""
    partitions: dict[str, PartitionReport] = {}
    times: dict[int, TimeReport] = {}
    """By matches partition of the worker."""
    counters: dict[str, int] = {}
    rules: RulesReport | None = None
    """The set of rules that runs, and one that should and cannot; null before there is one."""
