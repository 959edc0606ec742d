"""What a worker has counted since it started: nothing is dropped, rejected or skipped without a number here."""

from collections import Counter

import msgspec

from stream_app.engine.process_context import Joins


class Counters:
    """Plain numbers; one object per worker, changed only on the event loop's thread, read from any."""

    def __init__(self) -> None:
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
