"""What identifies a match, and what a row holds, is bounded: Kafka takes no record without a bound."""

import json
from bisect import bisect_right
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.key import encode_key
from stream_app.engine.match import GROUP_LIMIT, VALUES_LIMIT, VERSION, WITH_VALUES, Group, Match, Origin, too_large
from stream_app.engine.observe import full_detail, observe
from stream_app.engine.record import Record
from stream_app.engine.rejection import FULL, TOO_LARGE, Rejection
from stream_app.engine.replay import Tally, replay
from stream_app.engine.row import FREE, Held, Row, Source, encode_row
from stream_app.rulebook.rule import MOST_ROW_BYTES, Rule, Rulebook

TEXT = st.text(max_size=6)
VALUES = st.none() | TEXT | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def unfit(customer: str, *group: str | float | None) -> str:
    """Say why a match of that customer and group is too large."""
    match = Match(VERSION, "R", customer, group, 0, Origin("sysmon", "", 0, 0))
    return too_large(encode_key("R", customer, group), match)


@pytest.mark.parametrize(("character", "size"), [("a", 1), ("\x01", 6), ("\u202e", 3), ('"', 2), ("𐍈", 4)])
def test_the_limit_is_exact_whatever_the_text_is_made_of(character: str, size: int) -> None:
    """Bytes are counted as they are in an incident's JSON: at the limit a match counts, a byte above it does not."""
    room = GROUP_LIMIT - len('["1",[""]]')
    text = character * (room // size) + "a" * (room % size)
    assert unfit("1", text) == ""
    assert f"take {GROUP_LIMIT + 1} bytes as JSON, {GROUP_LIMIT} may be" in unfit("1", text + "a")


def test_a_customer_counts_too() -> None:
    """An agent's line may name a customer of any length."""
    assert unfit("1" * GROUP_LIMIT)
    assert not unfit("1" * 10_000)


@given(TEXT, st.lists(VALUES, max_size=8).map(tuple))
def test_nothing_grows_more_than_sixfold(customer: str, group: Group) -> None:
    """A key of a sixth of the limit need not be measured, whatever it is made of."""
    assert len(json.dumps((customer, group), ensure_ascii=False)) <= 6 * len(encode_key("R", customer, group))


def full_row(rule: Rule) -> Row:
    """Give a row of that rule into which a few events more fit; no two of its events share a window."""
    held = tuple(Held(2**40 + number * 2 * rule.window, 0, number, FREE) for number in range(60_000))

    def of(count: int) -> Row:
        return Row(1, 1, held[count - 1].time, (Source("T", "sysmon", 0, 60_000),), (), held[:count])

    most = bisect_right(range(len(held)), MOST_ROW_BYTES - 60, key=lambda count: len(encode_row(of(count))))
    return of(most - 1)


def test_a_full_row_takes_no_more_and_forgets_nothing(
    rule_of: Callable[..., Rule], match_of: Callable[..., Match]
) -> None:
    """Matches that find a row full are counted nowhere and leave no trace; what the row holds stays."""
    rule = rule_of(">= 2", window=1_000)
    row, position, taken = full_row(rule), 2, 0
    while True:
        observed = observe(rule, row, match_of(2**41 + position * 5_000, 70_000 + position), position, None)
        if observed.full:
            break
        row, position, taken = observed.row, position + 1, taken + 1
        assert taken < 10
    assert taken > 0
    assert MOST_ROW_BYTES - 30 < len(encode_row(observed.row)) <= MOST_ROW_BYTES
    assert (row.sources, row.held, row.latest) == (observed.row.sources, observed.row.held, observed.row.latest)
    assert f"holds {len(row.held)} events" in full_detail(rule, observed.row)
    again = observe(rule, observed.row, match_of(2**41 + position * 5_000, 70_000 + position), position, None)
    assert (True, False, ()) == (again.full, again.repeated, again.incidents)


def test_replay_rejects_as_a_worker_does(rule_of: Callable[..., Rule]) -> None:
    """A record whose match is too large is rejected with the rule's id and its own bytes; the next one counts."""
    rule = rule_of(group_by=("command",))
    values = [json.dumps({"eventType": "E", "command": "x" * size}).encode() for size in (GROUP_LIMIT, 10)]
    records = [Record("sysmon", 0, offset, 5, value) for offset, value in enumerate(values)]
    tally = Tally()
    rejection, incident = replay(Rulebook({rule.id: rule}), records, tally=tally)
    assert isinstance(rejection, Rejection)
    assert not isinstance(incident, Rejection)
    assert (TOO_LARGE, rule.id, len(values[0]), values[0][:100]) == (
        rejection.reason,
        rejection.rule,
        rejection.size,
        rejection.value[:100],
    )
    assert (2, 1, {TOO_LARGE: 1}) == (tally.records, tally.matches, tally.rejected)


def test_replay_rejects_what_finds_its_row_full(rule_of: Callable[..., Rule]) -> None:
    """Events whose row is full are rejected by that name."""
    rule = rule_of(">= 2", window=1_000, row_limit=100)
    value = json.dumps({"eventType": "E", "hostName": "h"}).encode()
    records = [Record("sysmon", 0, offset, 10**12 + offset * 5_000, value) for offset in range(10)]
    found = list(replay(Rulebook({rule.id: rule}), records, sources=None))
    assert {(FULL, rule.id)} == {(each.reason, each.rule) for each in found if isinstance(each, Rejection)}
    assert 0 < len(found) < 10


def test_values_for_aggregates_are_bounded() -> None:
    """A row holds the values of all events of a window: those of one may have so many bytes, and a byte more not."""

    def said(size: int) -> str:
        head = len(b"\x91\xda..")  # an array of one text with a length of two bytes
        match = Match(WITH_VALUES, "R", "1", (), 0, Origin("sysmon", "", 0, 0), ("a" * (size - head),))
        return too_large(encode_key("R", "1", ()), match)

    assert said(VALUES_LIMIT) == ""
    assert f"values for aggregates take {VALUES_LIMIT + 1} bytes, {VALUES_LIMIT} may be" == said(VALUES_LIMIT + 1)
