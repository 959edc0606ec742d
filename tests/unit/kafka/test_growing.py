"""Where rows belong when there are more partitions, and what recovery makes of a row that left and came back."""

from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.flood import flood_key
from stream_app.engine.key import encode_key
from stream_app.engine.row import VERSION, Row, encode_row, row_position
from stream_app.kafka.growing import ARRIVED, MOVES, STAYS, STRAY, Places
from stream_app.kafka.partition import partition_of
from stream_app.kafka.recovery import Recovered, apply, tombstone_headers
from stream_app.rulebook.caps import Caps
from stream_app.rulebook.editions import Editions
from stream_app.rulebook.rule import Rulebook
from tests.corpus import seed_rulebook

if TYPE_CHECKING:
    from confluent_kafka import Message

(SEED,) = seed_rulebook().rules.values()


@given(st.text(max_size=8), st.integers(1, 12), st.integers(1, 12))
def test_every_row_has_one_place_before_and_one_after(host: str, before: int, more: int) -> None:
    """A row where it belongs stays or moves; moved, it has arrived, and moves no further."""
    places = Places(Editions(Rulebook({SEED.id: SEED})), before, before + more)
    key = encode_key(SEED.id, "1", (host,))
    now, then = places.of(key, before), places.of(key, before + more)
    assert (STAYS if now == then else MOVES) == places.state(key, now)
    assert (STAYS if now == then else ARRIVED) == places.state(key, then)
    assert {STRAY} >= {places.state(key, number) for number in range(before + more) if number not in {now, then}}


def test_rows_of_a_rule_with_caps_lie_where_rule_and_customer_do() -> None:
    """All of them and what the caps have counted, as matches are placed; those of other rules by their own key."""
    capped = replace(SEED, id="CAPPED", caps=Caps(per_hour=1, per_day=None))
    places = Places(Editions(Rulebook({SEED.id: SEED, "CAPPED": capped})), 4, 8)
    head = encode_key("CAPPED", "1", ())
    found = {places.of(encode_key("CAPPED", "1", (f"host-{number}",)), 8) for number in range(20)}
    assert {partition_of(head, 8)} == found | {places.of(flood_key("CAPPED", "1"), 8)}
    assert ["", "", "GONE"] == [places.foreign(encode_key(rule, "1", ())) for rule in (SEED.id, "CAPPED", "GONE")]
    own = encode_key(SEED.id, "1", ("ws-014",))
    assert partition_of(own, 8) == places.of(own, 8)


class Stored:
    """A record of the changelog."""

    def __init__(self, offset: int, value: bytes | None, headers: Any = None) -> None:
        self.offset, self.value, self.headers = (lambda: offset), (lambda: value), (lambda: headers)
        self.key, self.error = (lambda: b"key"), (lambda: None)


@pytest.mark.parametrize("end", [0, 40])
def test_a_row_that_left_a_partition_and_came_back_is_there(end: int) -> None:
    """Grown twice with no match between: the removal and the return have one position, and the later one holds."""
    row = encode_row(Row(VERSION, end - 1, 0, (), (), ()))
    state = Recovered(rows=dict[bytes, bytes](), end=0)
    for each in (Stored(0, row), Stored(1, None, tombstone_headers(end - 1)), Stored(2, row)):
        apply(state, cast("Message", each), row_position)
    assert [(b"key", row)] == list(state.rows.items())
