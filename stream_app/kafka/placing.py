"""Which matches partition a match goes to. Matches in, lots of them by partition out.

Decision: that of its key, as Kafka places it, but for a rule with caps: all its matches of a customer go where the key
of rule and customer alone would, since a cap counts in one partition. A rule that is given caps, or loses them, leaves
the rows of its groups behind where they are: its incidents begin anew.
"""

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from stream_app.engine.key import encode_key
from stream_app.kafka.partition import partition_of
from stream_app.rulebook.rule import Rulebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream_app.kafka.sender import Outgoing

BY_KEY = -1
"""The partition is the producer's affair."""

KNOWN = 10_000
"""Customers of rules with caps whose partition is known without hashing."""


class _Head(Struct, frozen=True, array_like=True, gc=False):
    """The first two elements of a key."""

    rule: str
    customer: str


_decoder = msgspec.msgpack.Decoder(_Head)


class Placing:
    """Places the matches of a rulebook on a topic of so many partitions."""

    def __init__(self, rulebook: Rulebook, partitions: int) -> None:
        self._capped = frozenset(rule.id for rule in rulebook.rules.values() if rule.caps is not None)
        self._partitions = partitions
        self._known: dict[tuple[str, str], int] = {}

    def lots(self, matches: "Sequence[Outgoing]") -> "Iterable[tuple[int, Sequence[Outgoing]]]":
        """Give (partition, matches), those of a partition in their order."""
        if not self._capped:
            return ((BY_KEY, matches),)
        lots: Mapping[int, list[Outgoing]] = defaultdict(list)
        for match in matches:
            lots[self._place(match[1] or b"")].append(match)
        return lots.items()

    def _place(self, key: bytes) -> int:
        head = _decoder.decode(key)
        if head.rule not in self._capped:
            return BY_KEY
        known = self._known.get((head.rule, head.customer))
        if known is None:
            if len(self._known) >= KNOWN:
                self._known.clear()
            known = partition_of(encode_key(head.rule, head.customer, ()), self._partitions)
            self._known[head.rule, head.customer] = known
        return known
