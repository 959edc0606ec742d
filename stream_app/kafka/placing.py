"""Which matches partition a match goes to. Matches in, lots of them by partition out.

Decision: that of its key, as Kafka places it, but for a rule with caps: all its matches of a customer go where the key
of the rule's id and customer alone would, since a cap counts in one partition, whatever editions of the rule there are.
"""

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from stream_app.engine.key import encode_key
from stream_app.kafka.partition import partition_of
from stream_app.rulebook.editions import Editions, id_of

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
    """Places the matches of the editions that are known on a topic of so many partitions."""

    def __init__(self, editions: Editions, partitions: int) -> None:
        self._partitions = partitions
        self.place_by(editions)

    def place_by(self, editions: Editions) -> None:
        """Take note of what is known now."""
        self._capped = editions.capped
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
            known = partition_of(encode_key(id_of(head.rule), head.customer, ()), self._partitions)
            self._known[head.rule, head.customer] = known
        return known
