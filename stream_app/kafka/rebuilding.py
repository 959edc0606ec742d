"""State made anew from the source: every row is removed, and the group is set back to a time.

Decision: rows are removed by tombstones, at a position that no match has yet, and the matches that lie there count as
read. So no topic is deleted, its settings and rights stay, and what workers keep on disk follows. Decision: the group's
offsets are set first and rows removed then. Broken off between the two, records are read again by rows that know them,
which changes nothing; run again, it is finished.
"""

from collections.abc import Callable, Iterator

from confluent_kafka.admin import OffsetSpec
from msgspec import Struct

from stream_app.engine.flood import of_flood
from stream_app.engine.incident import id_text
from stream_app.engine.key import PROGRESS_KEY, decode_key
from stream_app.engine.row import MUTED, Episode, decode_row
from stream_app.kafka.admin import add_partitions, admin_client, partitions_there
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import NONE, bounds_of, commit_for, committed_of, offsets_at, require_no_members
from stream_app.kafka.recovery import tombstone_headers
from stream_app.kafka.rowlog import RowLog, rows_at_rest
from stream_app.kafka.topics import Names


class Standing(Struct, frozen=True):
    """An incident that is not over. ``again``: its first trigger is read again, so that it will have the same id."""

    incident_id: str
    rule: str
    revision: int
    first_seen: int
    """Milliseconds since 1970."""
    again: bool


class Plan(Struct, frozen=True):
    """What a rebuild does. Offsets are by partition of the source."""

    rows: int
    records: int
    """How many records are read again."""
    starts: dict[int, int]
    incomplete: tuple[int, ...]
    """Partitions that no longer hold records from before the time that was asked for: some may be missing."""
    standing: tuple[Standing, ...]


class Rebuild:
    """From ``since`` on, ms since 1970. Raises GroupBusy, KafkaUnavailable, RecoveryFailed."""

    def __init__(self, connection: Connection, names: Names, since: int, beat: Callable[[int], None]) -> None:
        self._connection, self._names, self._since, self._beat = connection, names, since, beat
        self._client = admin_client(connection)
        self._matches = partitions_there(self._client, names.matches)
        self._changelog = partitions_there(self._client, names.changelog)

    def plan(self) -> Plan:
        """Say what would be done; changes nothing."""
        rows, standing = 0, list[Standing]()
        for number in range(self._changelog):
            found = rows_at_rest(self._connection, self._names.changelog, number)
            self._beat(len(found))
            rows += sum(key != PROGRESS_KEY for key in found)
            for key, value in found.items():
                standing += self._standing(key, value)
        starts, incomplete, records = self._starts()
        standing.sort(key=lambda each: each.first_seen)
        return Plan(rows, records, starts, incomplete, tuple(standing))

    def _standing(self, key: bytes, value: bytes) -> Iterator[Standing]:
        if key == PROGRESS_KEY or of_flood(key) is not None:
            return
        row, rule = decode_row(value), decode_key(key).rule
        episodes: list[Episode] = [*row.episodes, *(one for line in row.lines for one in line.episodes)]
        for one in episodes:
            if one.cleared is None and not one.into and not one.flags & MUTED:
                yield Standing(id_text(one.id), rule, one.revision, one.first, one.first >= self._since)

    def _starts(self) -> tuple[dict[int, int], tuple[int, ...], int]:
        """Give where to begin, never behind what was read: nothing is left out."""
        topic = self._names.sysmon
        partitions = range(partitions_there(self._client, topic))
        bounds = bounds_of(self._client, topic, partitions)
        spec: OffsetSpec = OffsetSpec.for_timestamp(self._since)
        found = offsets_at(self._client, topic, dict.fromkeys(partitions, spec))
        committed = committed_of(self._client, self._names.app_id, topic, len(partitions))
        starts = {
            number: max(low, min(end if found[number] < 0 else found[number], committed[number]))
            for number, (low, end) in bounds.items()
            if committed[number] != NONE
        }
        gone = [number for number, (low, end) in bounds.items() if low > 0 and starts.get(number, low) == low < end]
        records = sum(end - starts.get(number, low) for number, (low, end) in bounds.items())
        return starts, tuple(gone), records

    def run(self, plan: Plan, wait: float, say: Callable[[str], None]) -> None:
        """Do it. ``wait``: seconds for members of the group to leave."""
        require_no_members(self._client, self._names.app_id, wait, say)
        ends = {
            number: end
            for number, (_, end) in bounds_of(self._client, self._names.matches, range(self._matches)).items()
        }
        say("setting the group back")
        commit_for(self._client, self._names.app_id, self._names.matches, ends)
        if plan.starts:
            commit_for(self._client, self._names.app_id, self._names.sysmon, plan.starts)
        log = RowLog(self._connection, self._names.changelog)
        for number in range(self._changelog):
            rows = rows_at_rest(self._connection, self._names.changelog, number)
            for key in rows:
                log.remove(number, key, tombstone_headers(ends.get(number, 0) - 1))
            log.flush()
            say(f"partition {number}: {len(rows):,} rows removed")
        if self._changelog < self._matches:  # matches were given more by hand, which no row can tell any more
            say(f"{self._names.changelog}: {self._changelog} → {self._matches} partitions")
            add_partitions(self._client, self._names.changelog, self._matches)
        require_no_members(self._client, self._names.app_id, wait, say)
