"""Keys: injective, reversible, stable, and never the reserved one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.key import PROGRESS_KEY, BadKey, Key, canonical, decode_key, edition_of, encode_key

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
VALUE = st.none() | TEXT | st.integers() | st.floats()
GROUP = st.lists(VALUE.map(canonical), max_size=4).map(tuple)
PARTS = st.tuples(TEXT, TEXT, GROUP)


@given(PARTS)
def test_round_trip(parts: tuple[str, str, tuple[str | int | float | None, ...]]) -> None:
    """Rule, customer and group come out of a key as they went in."""
    assert Key(*parts) == decode_key(encode_key(*parts))


@given(PARTS, PARTS)
def test_injective(
    one: tuple[str, str, tuple[str | int | float | None, ...]],
    other: tuple[str, str, tuple[str | int | float | None, ...]],
) -> None:
    """Two keys are equal exactly when rule, customer and group are."""
    assert (one == other) == (encode_key(*one) == encode_key(*other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a-b", "c"), ("a", "b-c")),
        ((None,), ("",)),
        ((1,), ("1",)),
        ((None, "a"), ("a", None)),
        ((), (None,)),
        (("a",), ("A",)),
        (("nil",), (None,)),
    ],
)
def test_lookalikes(one: tuple[str | int | None, ...], other: tuple[str | int | None, ...]) -> None:
    """Groups that look alike when they are glued together have keys of their own."""
    assert encode_key("r", "1", one) != encode_key("r", "1", other)


def test_golden() -> None:
    """The bytes at rest are these: a change of them orphans every row."""
    expected = bytes.fromhex("93a452756c65a13193a370632dc0cd01bb")
    assert expected == encode_key("Rule", "1", ("pc-", None, 443))


@given(PARTS)
def test_progress_key(parts: tuple[str, str, tuple[str | int | float | None, ...]]) -> None:
    """Every key is an array of three, and the reserved key begins with the byte that begins nothing in MessagePack."""
    assert encode_key(*parts)[0] == 0x93
    assert PROGRESS_KEY[0] == 0xC1


@pytest.mark.parametrize(
    "data",
    [PROGRESS_KEY, b"", b"\x93", b"\x91\x01", b"\xa1a", b"\x93\xa1\xff\xa11\x90", encode_key("r", "1", ()) + b"x"],
)
def test_no_key(data: bytes) -> None:
    """Bytes that are no key are refused by name."""
    with pytest.raises(BadKey):
        decode_key(data)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (80.0, 80),
        (-0.0, 0),
        (0.5, 0.5),
        (1e300, 1e300),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (2**64 - 1, 2**64 - 1),
        (2**64, "18446744073709551616"),
        (-(2**63) - 1, "-9223372036854775809"),
        ("80", "80"),
        (None, None),
    ],
)
def test_canonical(value: str | float | None, expected: str | float | None) -> None:
    """Numbers that are equal have one spelling, and one that no key can hold becomes its text."""
    assert (type(expected), expected) == (type(canonical(value)), canonical(value))


def test_the_edition_alone_can_be_read() -> None:
    """Without the group's values; what is no key names none."""
    assert "R#0123456789ab" == edition_of(encode_key("R#0123456789ab", "1", ("pc", None)))
    with pytest.raises(BadKey):
        edition_of(PROGRESS_KEY)
