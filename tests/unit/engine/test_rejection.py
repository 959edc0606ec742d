"""What could not be counted can be found again."""

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.match import Match
from stream_app.engine.record import Record
from stream_app.engine.rejection import BadRejection, Rejection, decode_rejection, encode_rejection


@given(st.binary(max_size=40), st.integers(0, 50))
def test_round_trip(value: bytes, limit: int) -> None:
    """Any bytes come back from the rejected topic, as many as the bound lets through."""
    rejection = decode_rejection(
        encode_rejection(Rejection.of(Record("t", 1, 2, 3, value, "id"), "not json", "here", limit))
    )
    assert (value[:limit], len(value), len(value) > limit) == (rejection.value, rejection.size, rejection.truncated)
    assert ("t", "id", 1, 2, 3) == (
        rejection.topic,
        rejection.topic_id,
        rejection.partition,
        rejection.offset,
        rejection.timestamp,
    )


def test_wire() -> None:
    """On the wire it is one JSON object whose value is base64."""
    value = b"\xff\x00{"
    expected = {
        "version": 1,
        "reason": "not utf-8",
        "detail": 'byte 0 \u202e"',
        "topic": "sysmon",
        "topic_id": "",
        "partition": 0,
        "offset": 7,
        "timestamp": 9,
        "size": 3,
        "truncated": False,
        "rule": None,
        "value": base64.b64encode(value).decode(),
    }
    wire = encode_rejection(Rejection.of(Record("sysmon", 0, 7, 9, value), "not utf-8", 'byte 0 \u202e"'))
    assert list(expected.items()) == list(json.loads(wire).items())


def test_bounds() -> None:
    """A record of ten megabytes and a decoder's message that quotes it become a rejection of bounded size."""
    rejection = Rejection.of(Record("t", 0, 0, 0, b"x" * 10_000_000), "too large", "y" * 10_000_000)
    assert (10_000_000, 65_536, 1_000) == (rejection.size, len(rejection.value), len(rejection.detail))
    assert len(encode_rejection(rejection)) < 100_000


def test_tombstone() -> None:
    """A record without a value is rejected as one of no bytes."""
    rejection = Rejection.of(Record("t", 0, 0, 0, None), "empty", "")
    assert (b"", 0, False) == (rejection.value, rejection.size, rejection.truncated)


@pytest.mark.parametrize(
    ("stream_time", "detail"),
    [(1_000, "900 ms behind the stream's time, allowed are 500"), (None, "allowed are 500")],
)
def test_late(match_of: Callable[..., Match], stream_time: int | None, detail: str) -> None:
    """A late match names its rule, its record and by how much it was late."""
    rejection = Rejection.late(match_of(100, 7, 3), 500, stream_time)
    assert ("late", detail, "PH_Rule_Test", "sysmon", "T", 3, 7, 100) == (
        rejection.reason,
        rejection.detail,
        rejection.rule,
        rejection.topic,
        rejection.topic_id,
        rejection.partition,
        rejection.offset,
        rejection.timestamp,
    )


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"reason":"\xff"}'])
def test_no_rejection(data: bytes) -> None:
    """Bytes that are no rejection are refused by name."""
    with pytest.raises(BadRejection):
        decode_rejection(data)


def test_version() -> None:
    """A rejection of another version is refused, and the message says both."""
    wire = encode_rejection(Rejection.of(Record("t", 0, 0, 0, b""), "r", "")).replace(b'"version":1', b'"version":2')
    with pytest.raises(BadRejection, match="rejection version 2, this worker reads 1"):
        decode_rejection(wire)


def test_a_record_that_was_replayed_is_said_to_be_by_its_place() -> None:
    """The word that it was replayed names the same place and what it had been rejected for, and repeats no bytes."""
    rejection = Rejection.of(Record("t", 1, 2, 3, b"value", "id"), "not json", "here")
    replayed = rejection.replayed()
    assert ("replayed", "was not json: here", b"", True) == (
        replayed.reason,
        replayed.detail,
        replayed.value,
        replayed.truncated,
    )
    assert ("t", "id", 1, 2) == (replayed.topic, replayed.topic_id, replayed.partition, replayed.offset)


def test_an_incident_that_a_topic_does_not_take() -> None:
    """It is found by its id and revision, under the name that incidents have as sources."""
    rejection = Rejection.of_incident("R", "6d0c", 3, 99, "incident too large", "x" * 2_000)
    assert ("incidents", "6d0c", -1, 3, 99, "R", "x" * 1_000) == (
        rejection.topic,
        rejection.topic_id,
        rejection.partition,
        rejection.offset,
        rejection.timestamp,
        rejection.rule,
        rejection.detail,
    )
