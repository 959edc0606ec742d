"""The row at rest: golden bytes, versions, sizes."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from stream_app.engine.key import Key
from stream_app.engine.match import Match, Origin
from stream_app.engine.observe import observe
from stream_app.engine.row import (
    VERSION,
    BadRow,
    Born,
    Episode,
    Held,
    Latest,
    Mark,
    Row,
    Source,
    decode_row,
    encode_row,
    row_position,
)
from stream_app.rulebook.rule import Rule

ROW = Row(
    VERSION,
    300,
    9,
    (Source("id", "sysmon", 1, 70_000),),
    (Episode(b"\x01" * 16, 2, 5, 9, 2, 3, 300, (Mark(5, 0, 1),), b""),),
    (Held(9, 0, 70_000, 3),),
)
GOLDEN = bytes.fromhex(
    "9703cd012c099194a26964a67379736d6f6e01ce00011170919ec410010101010101010101010101010101010205"
    "090203cd012c9193050001c400c0c00000c091960900ce0001117003909090"
)
VERSION_2 = bytes.fromhex(
    "9602cd012c099194a26964a67379736d6f6e01ce00011170919ac410010101010101010101010101010101010205"
    "090203cd012c9193050001c400c091950900ce000111700390"
)
VERSION_1 = bytes.fromhex(
    "9601cd012c099194a26964a67379736d6f6e01ce000111709199c410010101010101010101010101010101010205"
    "090203cd012c9193050001c40091940900ce0001117003"
)
SHOWING = Row(
    VERSION,
    300,
    9,
    (Source("id", "sysmon", 1, 70_000),),
    (Episode(b"\x01" * 16, 2, 5, 9, 2, 3, 300, (Mark(5, 0, 1),), b"", Latest(Mark(5, 0, 1), ("a", None, 2.5))),),
    (Held(9, 0, 70_000, 3, ("b", 7)),),
)
GOLDEN_SHOWING = bytes.fromhex(
    "9703cd012c099194a26964a67379736d6f6e01ce00011170919ec410010101010101010101010101010101010205"
    "090203cd012c9193050001c400929305000193a161c0cb4004000000000000c00000c091960900ce000111700392"
    "a162079090"
)
READ = replace(ROW, episodes=(replace(ROW.episodes[0], born=Born(7, 290, 5, 6, 1, 2, ("a", None))),))
GOLDEN_READ = bytes.fromhex(
    "9703cd012c099194a26964a67379736d6f6e01ce00011170919ec410010101010101010101010101010101010205"
    "090203cd012c9193050001c400c0c000009707cd01220506010292a161c091960900ce0001117003909090"
)


def test_golden() -> None:
    """A row has these bytes, and these bytes are that row."""
    assert GOLDEN == encode_row(ROW)
    assert ROW == decode_row(GOLDEN)
    assert GOLDEN_SHOWING == encode_row(SHOWING)
    assert SHOWING == decode_row(GOLDEN_SHOWING)
    assert GOLDEN_READ == encode_row(READ)
    assert READ == decode_row(GOLDEN_READ)


@pytest.mark.parametrize(("version", "data"), [(1, VERSION_1), (2, VERSION_2)])
def test_the_versions_before_are_read(version: int, data: bytes) -> None:
    """A row of version 1 had no values, one of version 2 no lines: each is the same row without any."""
    assert replace(ROW, version=version) == decode_row(data)
    assert 300 == row_position(data)


def test_position() -> None:
    """The position is read without the rest."""
    assert row_position(GOLDEN) == 300


@pytest.mark.parametrize("read", [decode_row, row_position])
@pytest.mark.parametrize("data", [b"", b"\x00", b"{}", b"\x91\x01"])
def test_no_row(read: Callable[[bytes], object], data: bytes) -> None:
    """Bytes that are no row are refused by name."""
    with pytest.raises(BadRow):
        read(data)


@pytest.mark.parametrize("read", [decode_row, row_position])
def test_version(read: Callable[[bytes], object]) -> None:
    """A row of another version is refused, and the message says both."""
    with pytest.raises(BadRow, match="row version 4, this worker reads 1 and 2 and 3"):
        read(b"\x97\x04" + GOLDEN[2:])


def _seed_row(rule: Rule, count: int) -> Row:
    group = (None, "203.0.113.9", "ws-0001.corp.example", "true", None, "C:\\Python311\\python.exe", "10.1.2.3")
    row = None
    for offset in range(count):
        origin = Origin("sysmon", "vPeOCWypqUOSepEvx0cbog", 3, 5_000_000 + offset)
        match = Match(1, rule.id, "1", group, 1_700_000_000_000 + offset * 1000, origin)
        row = observe(rule, row, match, 9_000_000 + offset, 1_700_000_000_000).row
    assert row is not None
    return row


@pytest.mark.parametrize(("count", "size"), [(1, 134), (1000, 204)])
def test_size(seed_rule: Rule, count: int, size: int) -> None:
    """A row of a rule that triggers at every event is this many bytes and does not grow with its events."""
    assert size == len(encode_row(_seed_row(seed_rule, count)))


def test_nothing_derivable(seed_rule: Rule) -> None:
    """No text of the rule and no value of the key is in the row."""
    data = encode_row(_seed_row(seed_rule, 3))
    key = Key(seed_rule.id, "1", ("203.0.113.9", "ws-0001.corp.example", "C:\\Python311\\python.exe"))
    for text in (seed_rule.id, seed_rule.name, seed_rule.category, *key.group):
        assert str(text).encode() not in data
