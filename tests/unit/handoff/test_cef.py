"""The incident as a line of CEF, read back by the rules of CEF."""

import re

import pytest
from hypothesis import given, settings

from stream_app.engine.incident import Incident
from stream_app.handoff.cef import to_bytes
from tests.unit.handoff.made import ID_TEXT, MANY, OTHER_TEXT, TIME, incidents, made, merged, over, updated

_HEADER = re.compile(r"((?:[^\\|]|\\[\\|])*)\|")
_PAIR = re.compile(r"([A-Za-z0-9]+)=((?:[^\\=]|\\[\\=nr])*?)(?= [A-Za-z0-9]+=|$)")
ESCAPES = {"\\\\": "\\", "\\=": "=", "\\n": "\n", "\\r": "\r", "\\|": "|"}


def unescaped(text: str) -> str:
    """Take the escapes away."""
    return re.sub(r"\\.", lambda found: ESCAPES[found[0]], text)


def read(data: bytes) -> tuple[list[str], dict[str, str]]:
    """Read a line as a SOAR does: header and extension. Anything else than a line of CEF fails."""
    text, header, at = data.decode("utf-8"), [], 0
    for _ in range(7):
        found = _HEADER.match(text, at)
        assert found is not None, text
        header.append(unescaped(found[1]))
        at = found.end()
    extension, pairs = text[at:], {}
    while extension:
        found = _PAIR.match(extension)
        assert found is not None, extension
        assert found[1] not in pairs
        pairs[found[1]] = unescaped(found[2])
        extension = extension[found.end() :].removeprefix(" ")
    return header, pairs


def test_header() -> None:
    """Vendor, product, version of the lines, event type, rule's name, severity."""
    expected = ["CEF:0", "stream_app", "stream_app", "1", "PH_Rule_SIGMA_1774", "a|b\\c d", "9"]
    assert expected == read(to_bytes(made(MANY, name="a|b\\c\r\nd", severity=9)))[0]


def test_activities() -> None:
    """One incident by its externalId; each line says the activity and the revision."""
    states = [read(to_bytes(each))[1] for each in (made(MANY), updated(made(MANY)), over(made(MANY)))]
    assert [("create", "1"), ("update", "2"), ("clear", "3")] == [
        (each["act"], each["streamAppRevision"]) for each in states
    ]
    assert {ID_TEXT} == {each["externalId"] for each in states}
    assert str(TIME + 5000) == states[2]["streamAppIncidentClearedTime"]
    assert OTHER_TEXT == read(to_bytes(merged(made(MANY))))[1]["streamAppMergedInto"]


def test_fortinet_s_keys() -> None:
    """What FortiSIEM has a key for bears it; what it has none for bears its own name behind ours."""
    pairs = read(to_bytes(made(MANY)))[1]
    expected = {
        "src": "10.0.0.5",
        "spt": "50123",
        "dst": "203.0.113.9",
        "dpt": "443",
        "dhost": "example.org",
        "dvchost": "pc1",
        "deviceProcessName": "C:\\Python311\\python.exe",
        "dvcpid": "4711",
        "fname": "a.txt",
        "cnt": "1",
        "cn1": "1",
        "cn1Label": "CustomerID",
        "cs4": "Windows: Python Initiated Connection",
        "cs4Label": "RuleName",
        "cs5": "sysmon/0@42",
        "c6a1": "fe80::1",
        "c6a1Label": "Device IPv6 Address",
        "streamAppCommand": "python.exe -c \"print('a=b|c')\"",
    }
    assert expected == {key: pairs[key] for key in expected}
    assert "dvc" not in pairs


def test_a_customer_that_is_no_number() -> None:
    """It is the customer's name."""
    pairs = read(to_bytes(made(customer="acme")))[1]
    assert ("acme", "CustomerName") == (pairs["cs2"], pairs["cs2Label"])
    assert "cn1" not in pairs


def test_a_value_of_another_kind_has_a_key_of_its_own() -> None:
    """An address that is none, and a port that is a word, are said all the same."""
    pairs = read(to_bytes(made({"srcIpAddr": "a=1", "srcIpPort": "http", "fileName": "C:\\"})))[1]
    assert ("a=1", "http", "C:\\") == (pairs["streamAppSrcIpAddr"], pairs["streamAppSrcIpPort"], pairs["filePath"])
    assert not {"src", "spt", "fname"} & set(pairs)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x act=clear src=1.2.3.4", "x act=clear src=1.2.3.4"),
        ("a\\=b\\", "a\\=b\\"),
        ("a\r\nb\\n", "a\r\nb\\n"),
        ("a|b", "a|b"),
        ("\x00\x1b[2J\x85\u2028", "\ufffd\ufffd[2J\ufffd\ufffd"),
        ("\u202eexe.cod", "\u202eexe.cod"),
    ],
)
def test_hostile(value: str, expected: str) -> None:
    """No value ends its field, its header or its line; only control characters are not given back."""
    header, pairs = read(to_bytes(made({"command": value}, name=f"n{value}n")))
    assert (expected, "create") == (pairs["streamAppCommand"], pairs["act"])
    assert re.sub("[\r\n]+", " ", f"n{expected}n") == header[5]
    assert f"n{expected}n" == pairs["cs4"]


@given(incidents())
@settings(max_examples=150, deadline=None)
def test_any_incident_is_a_line(told: Incident) -> None:
    """Whatever the attributes hold, each stands in a field of its own; also when it is cut."""
    whole = to_bytes(told)
    assert 1 == len(whole.decode("utf-8").splitlines())
    pairs = read(whole)[1]
    assert (told.incident_id, told.activity) == (pairs["externalId"], pairs["act"])
    assert "true" == read(to_bytes(told, 1))[1]["streamAppCut"]
