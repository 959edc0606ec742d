"""What must become of every record, and what became of it, by place; memory is a few bytes a record.

Goes in: each record with the place that the broker gave it, then every message of the worker's topics. Comes out: what
does not agree. Decision: the oracle is the `Detector`, called on the bytes that were sent, in this process, and
checked by `normalise` and every filter; whether the worker came to the same, and said so where it must, is read from
the topics and from nothing else.
"""

import zlib
from array import array
from collections import Counter, defaultdict
from typing import Any, NamedTuple, cast

import msgspec
from confluent_kafka import Message

from stream_app.engine.detect import Detector
from stream_app.engine.key import PROGRESS_KEY, Key, decode_key
from stream_app.engine.match import Match, decode_match, too_large
from stream_app.engine.record import Record
from stream_app.engine.rejection import EMPTY, LATE, TOO_LARGE, VALUE_LIMIT, Rejection, decode_rejection
from stream_app.kafka.topics import Names
from stream_app.rulebook.editions import id_of
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.normalise import Unreadable, normalise
from tests.hostile.records import Hostile

SHOWN = 20
"""Discrepancies that are told one by one."""


class Fate(NamedTuple):
    """What must become of a record: why it is refused (and by which rule, None: it cannot be read), and its matches."""

    refused: tuple[tuple[str, str | None], ...]
    matches: int


class Entry(NamedTuple):
    """A record that is on its way: the number that it was made with, its kind, its fate, and its bytes' marks."""

    number: int
    kind: str
    fate: Fate
    size: int
    checksum: int


class _Column:
    """One partition, an item for each offset."""

    def __init__(self) -> None:
        self.number = array("L")
        self.kind = array("B")
        self.fate = array("H")
        self.size = array("L")
        self.checksum = array("L")
        self.refused = bytearray()
        self.matched = bytearray()
        self.late = bytearray()

    def __len__(self) -> int:
        return len(self.number)


class Ledger:
    """The book of one run."""

    def __init__(self, rulebook: Rulebook, names: Names) -> None:
        self.reasons: Counter[str] = Counter()
        self.wrong = 0
        self.said: list[str] = []
        self.matches = 0
        self.late = 0
        self._rulebook = rulebook
        self._detector = Detector(rulebook)
        self.names = names
        self._columns: dict[int, _Column] = defaultdict(_Column)
        self._kinds: list[str] = []
        self._fates: list[Fate] = []
        self._counts: dict[str, tuple[int, int]] = {}

    # ---- what was sent
    def expect(self, number: int, record: Hostile) -> Entry:
        """Ask the oracle. Raises whatever else than Unreadable the product raises: that is what is looked for."""
        value = record.value
        marks = (0, 0) if value is None else (len(value), zlib.crc32(value[:VALUE_LIMIT]))
        return Entry(number, record.kind, self._fate(value), *marks)

    def _fate(self, value: bytes | None) -> Fate:
        if value is None:
            return Fate(((EMPTY, None),), 0)
        record = Record(self.names.sysmon, 0, 0, 0, value)
        try:
            event = self._detector.read(value)
            found = [] if event is None else self._detector.detect(record, event)
        except Unreadable as error:
            return Fate(((error.reason, None),), 0)
        self._whole(record, [match for _, match in found])
        refused = tuple((TOO_LARGE, id_of(match.rule)) for key, match in found if too_large(key, match))
        return Fate(refused, len(found) - len(refused))

    def _whole(self, record: Record, found: list[Match]) -> None:
        """Compare with what the record matches where all of it is read and every subpattern is asked."""
        try:
            event = normalise(record.value or b"")
        except Unreadable:
            return  # what is wrong lies where no rule looks
        rules = [rule for rule in self._rulebook.rules.values() if rule.enabled]
        asked = {
            (rule.id, number)
            for rule in rules
            for number, subpattern in enumerate(rule.subpatterns)
            if subpattern.filter(event)
        }
        served = [pair for match in found for pair in _served(self._rulebook.rules[id_of(match.rule)], match)]
        if asked != set(served) or len(served) > len(asked):
            self._say(f"{record.value!r}: the screen found {served}, all filters {sorted(asked)}")

    def place(self, entry: Entry, partition: int, offset: int) -> None:
        """Book where a record came to lie."""
        column = self._columns[partition]
        if offset != len(column):
            self._say(f"{self.names.sysmon}/{partition}@{offset}: sent as record {len(column)} of its partition")
        column.number.append(entry.number)
        column.kind.append(_index(self._kinds, entry.kind))
        column.fate.append(_index(self._fates, entry.fate))
        column.size.append(entry.size)
        column.checksum.append(entry.checksum)
        for marks in (column.refused, column.matched, column.late):
            marks.append(0)

    @property
    def ends(self) -> dict[int, int]:
        """Records by partition."""
        return {number: len(column) for number, column in self._columns.items()}

    @property
    def total(self) -> int:
        """Records that were sent."""
        return sum(self.ends.values())

    def _counts_each(self, rule: str | None) -> bool:
        """Tell whether each match of a rule is a trigger: one of several subpatterns is none by itself."""
        return rule is None or self._rulebook.rules[rule].join is None

    # ---- what came of it
    def rejected(self, message: Message) -> None:
        """Take a message of the rejected topic."""
        found = decode_rejection(message.value() or b"")
        place = f"{found.topic}/{found.partition}@{found.offset}"
        self.reasons[found.reason] += 1
        column = self._columns.get(found.partition)
        if (message.key() or b"").decode() != place or found.topic != self.names.sysmon or column is None:
            self._say(f"{place}: rejected as {found.reason!r}: no place of a record of this run")
        elif found.offset >= len(column):
            self._say(f"{place}: rejected as {found.reason!r}: there is no such record")
        elif found.reason == LATE:
            column.late[found.offset] += 1
            self.late += self._counts_each(found.rule)
        else:
            column.refused[found.offset] += 1
            self._compare(found, column)

    def _compare(self, found: Rejection, column: _Column) -> None:
        offset, fate = found.offset, self._fates[column.fate[found.offset]]
        if (found.reason, found.rule) not in fate.refused:
            self._tell(found.partition, offset, f"is rejected as {found.reason!r} ({found.detail}), not {fate}")
        size = column.size[offset]
        if (size, size > VALUE_LIMIT) != (found.size, found.truncated):
            self._tell(found.partition, offset, f"is rejected as one of {found.size} bytes")
        elif size and zlib.crc32(found.value) != column.checksum[offset]:
            self._tell(found.partition, offset, "is rejected with other bytes than were sent")

    def matched(self, message: Message) -> None:
        """Take a message of the matches topic."""
        key = message.key() or b""
        if key == PROGRESS_KEY:
            return
        match = decode_match(message.value() or b"")
        if decode_key(key) != Key(match.rule, match.customer, match.group):
            self._say(f"{message.topic()}/{message.partition()}@{message.offset()}: not the match's own key")
        column = self._columns.get(match.origin.partition)
        if column is None or match.origin.offset >= len(column):
            self._say(f"{match.origin}: a match of no record")
            return
        self.matches += self._counts_each(id_of(match.rule))
        column.matched[match.origin.offset] += 1

    def incident(self, message: Message) -> None:
        """Take a message of the incidents topic."""
        incident = msgspec.json.decode(message.value() or b"")
        if not self._counts_each(incident["ruleId"]):
            return
        known = self._counts.get(incident["incidentId"], (0, 0))
        self._counts[incident["incidentId"]] = max(known, (incident["revision"], incident["count"]))

    @property
    def counted(self) -> int:
        """Matches that the incidents count, as they stand in the end."""
        return sum(count for _, count in self._counts.values())

    @property
    def incidents(self) -> int:
        """Incidents, each counted once."""
        return len(self._counts)

    def close(self) -> tuple[int, int]:
        """Judge every record that was sent; gives how many were read, and how many were rejected as unreadable."""
        rejected = 0
        for partition, column in self._columns.items():
            for offset, code in enumerate(column.fate):
                fate = self._fates[code]
                rejected += bool(fate.refused and fate.refused[0][1] is None)
                if column.refused[offset] != len(fate.refused):
                    self._tell(partition, offset, f"is rejected {column.refused[offset]} times, not as {fate}")
                if column.matched[offset] != fate.matches or column.late[offset] > fate.matches:
                    self._tell(partition, offset, f"has {column.matched[offset]} matches, not as {fate}")
        if self.counted + self.late != self.matches:
            self._say(f"{self.matches} matches, but incidents count {self.counted} and {self.late} are late")
        return self.total - rejected, rejected

    # ---- discrepancies
    def _tell(self, partition: int, offset: int, what: str) -> None:
        column = self._columns[partition]
        record = f"record {column.number[offset]} ({self._kinds[column.kind[offset]]})"
        self._say(f"{self.names.sysmon}/{partition}@{offset}: {record} {what}")

    def _say(self, what: str) -> None:
        self.wrong += 1
        if len(self.said) < SHOWN:
            self.said.append(what)


def _served(rule: Rule, match: Match) -> list[tuple[str, int]]:
    """Give the subpatterns that a match says its record serves."""
    mask = 1 if rule.join is None else cast("int", match.values[-1])
    return [(rule.id, number) for number in range(mask.bit_length()) if mask >> number & 1]


def _index(known: list[Any], item: object) -> int:
    """Give an item's place in a list of few, to which it is added if it is new."""
    if item not in known:
        known.append(item)
    return known.index(item)
