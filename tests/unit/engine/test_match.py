"""The match on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.key import encode_key
from stream_app.engine.match import (
    VERSION,
    WITH_VALUES,
    BadMatch,
    Group,
    Match,
    Origin,
    decode_match,
    encode_keyed,
    encode_match,
    encode_origin,
    encode_place,
    has_form,
)
from stream_app.rulebook.load import load_rulebook
from tests.corpus import EVERY_CHANGE, RULES

MATCH = Match(VERSION, "Rule", "1", ("pc", None, 443), 1_700_000_000_000, Origin("sysmon", "id", 3, 42))
GOLDEN = bytes.fromhex("9601a452756c65a13193a27063c0cd01bbcf0000018bcfe5680094a67379736d6f6ea26964032a")
WITH = Match(2, "Rule", "1", ("pc", None, 443), 1_700_000_000_000, Origin("sysmon", "id", 3, 42), ("a", None, 7))
GOLDEN_WITH = bytes.fromhex("9702a452756c65a13193a27063c0cd01bbcf0000018bcfe5680094a67379736d6f6ea26964032a93a161c007")
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)


def test_golden() -> None:
    """A match has these bytes, and these bytes are that match."""
    assert GOLDEN == encode_match(MATCH)
    assert MATCH == decode_match(GOLDEN)
    assert GOLDEN_WITH == encode_match(WITH)
    assert WITH == decode_match(GOLDEN_WITH)


GROUPS = st.lists(st.none() | TEXT | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)).map(tuple)


@given(
    match=st.builds(
        Match,
        st.just(VERSION),
        TEXT,
        TEXT,
        GROUPS,
        st.integers(-(2**63), 2**63 - 1),
        st.builds(Origin, TEXT, TEXT, st.integers(0, 2**31), st.integers(0, 2**63 - 1)),
    ),
    values=st.none() | GROUPS,
)
def test_the_bytes_made_of_a_key_are_those_of_the_match(match: Match, values: Group | None) -> None:
    """A match that is put together of its key and its origin has the bytes that it has as a whole."""
    origin = match.origin
    place = encode_place(origin.topic, origin.topic_id, origin.partition)
    key = encode_key(match.rule, match.customer, match.group)
    whole = match if values is None else replace(match, version=WITH_VALUES, values=values)
    assert encode_match(whole) == encode_keyed(key, match.time, encode_origin(place, origin.offset), values)
    assert whole == decode_match(encode_match(whole))


@given(group=GROUPS, time=st.integers(0, 2**53), topic=TEXT)
def test_round_trip(group: tuple[str | int | float | None, ...], time: int, topic: str) -> None:
    """Whatever the group holds comes back as it was, absence and number types too."""
    match = Match(VERSION, "r", "1", group, time, Origin(topic, "", 0, 0))
    assert match == decode_match(encode_match(match))
    assert [type(value) for value in group] == [type(value) for value in decode_match(encode_match(match)).group]


@pytest.mark.parametrize(
    "data", [b"", b"\x00", GOLDEN[:-1], b"{}", GOLDEN + b"x", b"\x96\x01\xa1\xff\xa11\x90\x01\x94\xa1t\xa1i\x00\x00"]
)
def test_no_match(data: bytes) -> None:
    """Bytes that are no match are refused by name."""
    with pytest.raises(BadMatch):
        decode_match(data)


def test_version() -> None:
    """A match of another version is refused, and the message says both."""
    with pytest.raises(BadMatch, match="match version 3, this worker reads 1 and 2"):
        decode_match(b"\x96\x03" + GOLDEN[2:])


@pytest.mark.parametrize("rule_id", ["PYTHON_MANY_ADDRESSES", "OFFICE_CHILD_CONNECTS"])
def test_what_another_edition_can_stand_in_for(rule_id: str) -> None:
    """A match with as many group-by values, and as many for aggregates, whether it has one subpattern or several."""
    rule = load_rulebook(RULES, EVERY_CHANGE).rules[rule_id]
    width = rule.width if rule.join is None else len(rule.join.key)
    carried = len(rule.subpattern.carries) if rule.join is None else len(rule.join.carries) + 1
    fits = Match(WITH_VALUES, rule_id, "1", ("x",) * width, 5, Origin("t", "T", 0, 1), ("y",) * carried)
    assert has_form(fits, rule)
    assert not has_form(replace(fits, group=fits.group[1:]), rule)
    assert not has_form(replace(fits, values=(*fits.values, "y")), rule)
