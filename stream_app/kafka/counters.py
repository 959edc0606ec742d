"""What a worker has counted since it started: nothing is dropped, rejected or skipped without a number here."""

import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from stream_app.engine.process_context import Joins

if TYPE_CHECKING:
    from stream_app.kafka.batch import Batch


DELAYS = (10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000)
"""Milliseconds up to which a delay falls into a bucket."""


class Delays:
    """How long things took, ms: a number for each bucket of :data:`DELAYS` and one for what took longer."""

    def __init__(self) -> None:
        self.buckets = [0] * (len(DELAYS) + 1)
        self.total = 0
        """Sum of all, ms."""

    def add(self, times: Sequence[int], now: int) -> None:
        """Count what began at ``times`` and is over ``now``, ms since 1970; what is still to come took no time.

        Decision: sorted, and searched once for each bucket: a batch costs microseconds, one time in it 30 ns.
        """
        ordered = sorted(times)
        if ordered and ordered[-1] > now:
            ordered = [min(each, now) for each in ordered]
        above, buckets = len(ordered), self.buckets
        for at, bound in enumerate(DELAYS):
            within = bisect_right(ordered, now - bound - 1, 0, above)  # those before took longer than the bound
            buckets[at] += above - within
            above = within
            if not within:
                break
        buckets[-1] += above
        self.total += now * len(ordered) - sum(ordered)


class Recoveries:
    """What recoveries of one table took."""

    def __init__(self) -> None:
        self.number = 0
        self.rows = 0
        """Records of the changelog that were read."""
        self.seconds = 0.0
        self.last = 0.0
        """Seconds of the last one."""
        self.began: float | None = None
        """When the one began that runs now, on the monotonic clock."""

    def begin(self) -> None:
        """Note that one begins."""
        self.began = time.monotonic()

    def end(self, rows: int, *, whole: bool) -> None:
        """Note that it is over; one that is not ``whole`` was overtaken by a rebalance, and is no recovery."""
        if whole and self.began is not None:
            self.last = time.monotonic() - self.began
            self.number += 1
            self.seconds += self.last
        self.rows += rows
        self.began = None

    @property
    def running(self) -> float:
        """Seconds for which one has been running; 0 where none is."""
        began = self.began
        return 0.0 if began is None else time.monotonic() - began


class Counters:
    """Plain numbers; one object per worker, changed only on the event loop's thread, read from any."""

    def __init__(self) -> None:  # noqa: PLR0915 - one statement for each number
        self.records = 0
        """Records read from the sysmon topic."""
        self.passed = 0
        """Records handed to the detect agent: matches, and what cannot be read."""
        self.matches = 0
        """Matches sent."""
        self.chained = 0
        """Matches sent for incidents, as events that other rules read."""
        self.observed = 0
        """Matches taken from the matches topic, repeated ones included."""
        self.repeated = 0
        """Matches that were counted before and were answered with the same incident again."""
        self.incidents = 0
        """Incident records sent."""
        self.handed: Counter[str] = Counter()
        """Incident records sent, by schema; ``native`` are those of :attr:`incidents`."""
        self.shadowed = 0
        """Incident records sent for rules in shadow, to the topic of those."""
        self.listed = 0
        """Entries sent to the topic of the watch lists."""
        self.rejected: Counter[str] = Counter()
        """Records sent to the rejected topic, by reason; late ones are here too."""
        self.late: Counter[int] = Counter()
        """Matches that came too late, by source partition."""
        self.early: Counter[int] = Counter()
        """Matches of a time that is still to come, by source partition: a clock there is ahead. They are counted."""
        self.reject_streak = 0
        """Records of the sysmon topic that could not be read, one after another, up to now."""
        self.reject_streaks = 0
        """How often such a streak became as long as the setting allows."""
        self.gap = 0
        """Records that retention removed before they were read (only where the setting says: go on)."""
        self.expired = 0
        """Rows removed because their time had passed."""
        self.context = Joins()
        """Connections and processes, where connections are joined with their processes."""
        self.processes = 0
        """Processes that are known now, in all partitions of the worker."""
        self.stale_rows = 0
        """Rows in a changelog that an older owner wrote after its partition had a new one, put right at recovery."""
        self.near_limit = 0
        """Rows written that took more than four fifths of what their rule lets them take."""
        self.rebalances = 0
        """Assignments of partitions by the group."""
        self.matches_of: Counter[str] = Counter()
        """Matches taken from the matches topic, by rule."""
        self.incidents_of: Counter[str] = Counter()
        """Incident records sent, by rule."""
        self.read_delays = Delays()
        """From a record's timestamp to its reading: of each poll of the sysmon topic the last record."""
        self.incident_delays = Delays()
        """From the receive time of a match that made incidents to the acknowledgement of these."""
        self.recoveries: dict[str, Recoveries] = {}
        """By table."""
        self.rules = 0
        """Rules that run."""
        self.rule_set = ""
        """What names the rule set that runs: the same for workers that run the same rules."""
        self.rule_set_at = 0.0
        """When it was loaded, seconds since 1970."""
        self.rule_sets_loaded = 0
        """Sets of rules that began to run while the worker did."""
        self.rule_sets_refused = 0
        """Sets of rules, or sources of them, that could not be used: what ran before runs on."""
        self.rules_rubbish = 0
        """Records of the rules topic that are none of ours."""

    def run(self, rule_set: str, rules: int) -> None:
        """Note that a set of so many rules runs from now on."""
        self.rule_set, self.rules, self.rule_set_at = rule_set, rules, time.time()

    def take(self, rules: Sequence[str]) -> None:
        """Count matches, one of ``rules`` each.

        Decision: by rule without a bound, since rules are few and many matches are counted at once; the bound is where
        numbers are shown.
        """
        self.observed += len(rules)
        self.matches_of.update(rules)

    def settle(self, batch: "Batch", received: list[int]) -> None:
        """Count, once a batch is settled, the delays since ``received``."""
        if received:
            batch.on_settled = lambda: self.incident_delays.add(received, int(time.time() * 1000))

    def as_dict(self) -> dict[str, int]:
        """Give all of them.

        The reasons of rejection are ``rejected.<reason>``, schemas ``handed.<schema>``, connections
        ``context.<what>``, and what source partition 3 has brought late or early ``late.3`` and ``early.3``.
        """
        plain = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        joins = {f"context.{name}": number for name, number in msgspec.structs.asdict(self.context).items()}
        reasons = {f"rejected.{reason}": number for reason, number in dict(self.rejected).items()}
        handed = {f"handed.{schema}": number for schema, number in dict(self.handed).items()}
        sides = (("late", self.late), ("early", self.early))
        places = {f"{side}.{place}": number for side, by_place in sides for place, number in dict(by_place).items()}
        return plain | joins | reasons | handed | places
