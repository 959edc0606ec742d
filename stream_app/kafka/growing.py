"""More partitions for keyed state: the changelog's rows in, each at the place that its key has among more partitions.

Decision: nothing is ever anywhere but in Kafka, and nothing is deleted. The changelog is given its partitions first; a
row is written to its new place, acknowledged, and only then removed from its old one; the matches topic is given its
partitions last, in one request. Until then the two topics differ, and no worker starts, whichever number it was told: a
run that was broken off anywhere is taken up by the same command.

Decision: it asks for a matches topic that is counted to its end. So no match lies where its key is no longer read, and
rows need remember no offset of it (engine/moving.py).
"""

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct

from stream_app.engine.flood import of_flood
from stream_app.engine.key import PROGRESS_KEY, decode_key, encode_key
from stream_app.engine.moving import joined, moved
from stream_app.engine.stream_time import Clock, decode_clock, encode_clock
from stream_app.kafka.admin import add_partitions, admin_client, partitions_in
from stream_app.kafka.connection import Connection
from stream_app.kafka.group import NotDrained, bounds_of, open_work, require_no_members
from stream_app.kafka.partition import partition_of
from stream_app.kafka.recovery import tombstone_headers
from stream_app.kafka.rowlog import RowLog, rows_at_rest
from stream_app.kafka.topics import Names
from stream_app.rulebook.editions import Editions, id_of

STAYS, MOVES, ARRIVED, STRAY = "stays", "moves", "arrived", "stray"
"""Where a row lies: where it belongs before and after; where it belonged before; where it belongs after only, since a
run that was broken off brought it there; or where none of both is so, as a rule that was given caps leaves its rows."""


class GrowRefused(Exception):
    """What was asked for cannot be done; the message says why, and what can."""


class Places:
    """Where keys belong, with so many partitions before and after. As placing.py has it, rules with caps by head."""

    def __init__(self, editions: Editions, before: int, after: int) -> None:
        self._editions = editions
        self.before, self.after = before, after

    def foreign(self, key: bytes) -> str:
        """Give the edition of a row for which there is no rule, so that nobody knows whether it has caps."""
        name = (of_flood(key) or decode_key(key)).rule
        return name if self._editions.get(name) is None else ""

    def of(self, key: bytes, partitions: int) -> int:
        """Give a key's partition among so many."""
        flood = of_flood(key)
        head = flood or decode_key(key)
        rule = self._editions.get(head.rule)
        if flood is not None or (rule is not None and rule.caps is not None):
            key = encode_key(id_of(head.rule), head.customer, ())
        return partition_of(key, partitions)

    def state(self, key: bytes, partition: int) -> str:
        """Say what becomes of a row that lies in a partition."""
        if self.of(key, self.after) == partition:
            return STAYS if partition < self.before and self.of(key, self.before) == partition else ARRIVED
        return MOVES if partition < self.before and self.of(key, self.before) == partition else STRAY


class Counted(Struct):
    """Rows by what becomes of them."""

    stays: int = 0
    moves: int = 0
    arrived: int = 0
    stray: int = 0
    foreign: Counter[str] = msgspec.field(default_factory=Counter)
    """Rows by edition, of those for which no rule is loaded here."""

    @property
    def live(self) -> int:
        """The rows that a worker uses."""
        return self.stays + self.moves


class Grow:
    """From ``before`` partitions to ``after``. ``say`` is told what is being done, ``beat`` of every row read.

    Raises GrowRefused, GroupBusy, NotDrained, KafkaUnavailable, RecoveryFailed.
    """

    def __init__(
        self,
        connection: Connection,
        names: Names,
        editions: Editions,
        partitions: int,
        say: Callable[[str], None],
        beat: Callable[[int], None] = lambda _rows: None,
    ) -> None:
        self._connection, self._names = connection, names
        self._say, self._beat = say, beat
        self._client = admin_client(connection)
        self.before, changelog = self._partitions(names.matches), self._partitions(names.changelog)
        self.after = partitions
        self._refuse(changelog)
        self.resumed = changelog == partitions
        self._changelog = changelog
        self._places = Places(editions, self.before, partitions)

    def _refuse(self, changelog: int) -> None:
        matches, names, wanted = self.before, self._names, self.after
        if not matches or not changelog:
            raise GrowRefused(f"{names.matches} or {names.changelog} does not exist: `stream-app topics create`")
        if changelog < matches:
            raise GrowRefused(
                f"{names.matches} has {matches} partitions, {names.changelog} only {changelog}: somebody gave one of "
                "them more by hand, and matches may lie where no row of theirs is. `stream-app state rebuild` makes "
                f"state anew from the source, with {matches} partitions"
            )
        if changelog > matches and changelog != wanted:
            raise GrowRefused(f"a grow to {changelog} partitions was broken off: --partitions {changelog} finishes it")
        if wanted == matches:
            raise GrowRefused(f"{names.matches} and {names.changelog} have {matches} partitions already")
        if wanted < matches:
            raise GrowRefused(f"Kafka takes no partition away: there are {matches}, {wanted} were asked for")

    def survey(self) -> Counted:
        """Count the rows by what would become of them; changes nothing."""
        counted = Counted()
        for number in range(self._changelog):
            for key, _ in self._rows(number):
                state = self._places.state(key, number)
                setattr(counted, state, getattr(counted, state) + 1)
                if foreign := self._places.foreign(key):
                    counted.foreign[foreign] += 1
        return counted

    def run(self, wait: float) -> Counted:
        """Do it; gives what :meth:`survey` gave before. ``wait``: seconds for members of the group to leave."""
        require_no_members(self._client, self._names.app_id, wait, self._say)
        self._require_drained()
        counted = self.survey()
        if not self.resumed:
            self._say(f"{self._names.changelog}: {self.before} → {self.after} partitions")
            add_partitions(self._client, self._names.changelog, self.after)
            self._changelog = self.after
        require_no_members(self._client, self._names.app_id, wait, self._say)
        self._require_drained()
        self._move()
        self._verify(counted)
        require_no_members(self._client, self._names.app_id, wait, self._say)
        self._require_drained()
        self._say(f"{self._names.matches}: {self.before} → {self.after} partitions")
        add_partitions(self._client, self._names.matches, self.after)
        return counted

    def _require_drained(self) -> None:
        left = open_work(self._client, self._names.app_id, self._names.matches, self.before)
        if left:
            raise NotDrained(
                f"{self._names.matches} holds {left:,} records that were not counted yet (progress among them): "
                "`stream-app topics drain` counts them"
            )

    def _move(self) -> None:
        ends = {number: end for number, (_, end) in self._bounds().items()}
        log = RowLog(self._connection, self._names.changelog)
        clocks: list[Clock] = []
        for number in range(self.before):
            gone: list[bytes] = []
            for key, value in self._rows(number, clocks):
                if self._places.state(key, number) == MOVES:
                    target = self._places.of(key, self.after)
                    log.put(target, key, moved(key, value, ends.get(target, 0) - 1))
                    gone.append(key)
            log.flush()
            self._say(f"partition {number}: {len(gone):,} rows are at their new places; removing them here")
            for key in gone:
                # no row of a worker of before is above it, and none is below it that a later grow brings back here
                log.remove(number, key, tombstone_headers(ends[number] - 1))
            log.flush()
        for number in range(self.before, self.after):
            log.put(number, PROGRESS_KEY, encode_clock(joined(clocks, -1)))
        log.flush()

    def _verify(self, before: Counted) -> None:
        """Read all of it again. Raises GrowRefused, and the matches topic stays as it is."""
        placed = misplaced = 0
        clocks: list[Clock] = []
        for number in range(self.after):
            for key, _ in self._rows(number, clocks):
                state = self._places.state(key, number)
                placed += state in {STAYS, ARRIVED}
                misplaced += state == MOVES
        if misplaced or not before.live <= placed <= before.live + before.arrived:
            raise GrowRefused(
                f"{before.live:,} rows were there, {placed:,} are at their places and {misplaced:,} are not: "
                "is a worker running? Nothing is lost; run the same command again"
            )
        self._say(f"{placed:,} rows read again, each at its place")

    def _rows(self, number: int, clocks: list[Clock] | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Give the rows of a changelog partition, its clock apart."""
        rows = rows_at_rest(self._connection, self._names.changelog, number)
        self._beat(len(rows))
        for key, value in rows.items():
            if key != PROGRESS_KEY:
                yield key, value
            elif clocks is not None:
                clocks.append(decode_clock(value))

    def _bounds(self) -> dict[int, tuple[int, int]]:
        return bounds_of(self._client, self._names.matches, range(self.before))

    def _partitions(self, topic: str) -> int:
        return partitions_in(self._client, topic)
