"""Values as text, numbers and addresses."""

from __future__ import annotations

import math

import pytest

from stream_app.language.reading import NOWHERE, address_of, is_one_family, network_of, number_of, text_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        ("", ""),
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        (math.nan, None),
        (None, None),
        pytest.param(10**5000, None, id="an integer of 5001 digits"),
    ],
)
def test_a_value_has_a_text(value: object, expected: str | None) -> None:
    """Numbers are written shortest; what is absent or endless has no text."""
    assert expected == text_of(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (2.5, 2.5),
        ("5", 5),
        (" -5 ", -5),
        ("+5", 5),
        ("5.", 5.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("18446744073709551615", 18446744073709551615),
    ],
)
def test_a_number_is_read_from_text(value: object, expected: float) -> None:
    """Decimal text reads exactly; whole numbers stay whole."""
    assert (expected, type(expected)) == (number_of(value), type(number_of(value)))


@pytest.mark.parametrize("value", ["", "x", "0x10", "1e999", "9" * 5000, "1 2", "\u0661", None, b"1", [1]])
def test_what_is_no_number_is_nan(value: object) -> None:
    """Nothing else is read as a number, and nothing raises."""
    assert math.isnan(number_of(value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.0.0.1", 1),
        ("127.0.0.1", 2130706433),
        ("255.255.255.255", 2**32 - 1),
        ("::", 2**128),
        ("::1", 2**128 + 1),
        ("0:0:0:0:0:0:0:1", 2**128 + 1),
        ("010.0.0.1", NOWHERE),
        ("256.0.0.1", NOWHERE),
        ("1.2.3", NOWHERE),
        ("1.2.3.4.5", NOWHERE),
        ("1.2.3.4 ", NOWHERE),
        (":::", NOWHERE),
        ("", NOWHERE),
        (None, NOWHERE),
        (5, NOWHERE),
    ],
)
def test_an_address_is_a_number(value: object, expected: int) -> None:
    """Equal addresses are equal numbers, IPv6 lies above IPv4, and all else is nowhere."""
    assert expected == address_of(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.0/8", (167772160, 184549375)),
        ("10.1.2.3/8", (167772160, 184549375)),
        ("0.0.0.1", (1, 1)),
        ("::1", (2**128 + 1, 2**128 + 1)),
        ("::/127", (2**128, 2**128 + 1)),
    ],
)
def test_a_network_is_an_interval(text: str, expected: tuple[int, int]) -> None:
    """A network is its lowest and its highest address; bits beyond the prefix do not matter."""
    assert expected == network_of(text)


def test_what_is_no_network_raises() -> None:
    """A text that is neither address nor network is refused."""
    with pytest.raises(ValueError, match=r"1\.2\.3\.4/33"):
        network_of("1.2.3.4/33")


def test_families_are_told_apart() -> None:
    """An IPv4 and an IPv6 address are not of one family."""
    v4, v6 = address_of("1.2.3.4"), address_of("::1")
    assert (True, True, False) == (is_one_family(v4, v4), is_one_family(v6, v6), is_one_family(v4, v6))
