"""Values as they are read from fields, by type."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.sysmon.normalise import Event
from stream_app.sysmon.readings import address_of, epoch, guid_of, milliseconds, number_of

Read = Callable[..., Event]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("443", 443),
        ("-7", -7),
        ("007", 7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("1e400", None),
        ("1" * 5000, None),
        ("1_000", None),
        ("0x1f", None),
        ("nan", None),
        ("inf", None),
        ("Infinity", None),
        (" 443", None),
        ("٤٤٣", None),
        ("1-2", None),
        ("", None),
    ],
)
def test_number(text: str, expected: float | None) -> None:
    """A decimal number within 64 bits is a number; anything else is none."""
    assert expected == number_of(text)
    assert type(expected) is type(number_of(text))


@given(st.text())
def test_number_is_total(text: str) -> None:
    """No text makes reading a number fail, and what is read goes into MessagePack."""
    number = number_of(text)

    assert number is None or msgspec.msgpack.decode(msgspec.msgpack.encode(number)) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::0:7", "2001:db8::7"),
        ("010.0.0.1", "010.0.0.1"),
        ("db.example", "db.example"),
        ("", ""),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_address(text: str, expected: str) -> None:
    """An address is canonical; what is none stays the text it was."""
    assert expected == address_of(text)


@given(st.ip_addresses(v=6))
def test_address_is_one_text(address: object) -> None:
    """However an address is written out, its text is the same."""
    spelled = [str(address), getattr(address, "exploded", ""), getattr(address, "exploded", "").upper()]

    assert {str(address)} == {address_of(text) for text in spelled}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ABCDEF01-2345-6789-abcd-ef0123456789}", "{abcdef01-2345-6789-abcd-ef0123456789}"),
        ("ABCDEF01-2345-6789-ABCD-EF0123456789", "{abcdef01-2345-6789-abcd-ef0123456789}"),
        ("{ABCDEF01}", "{ABCDEF01}"),
        ("not a GUID, yet just as long as one is", "not a GUID, yet just as long as one is"),
        ("GHCDEF01-2345-6789-ABCD-EF0123456789", "GHCDEF01-2345-6789-ABCD-EF0123456789"),
    ],
)
def test_guid(text: str, expected: str) -> None:
    """A GUID is in braces and lower case; what is none stays the text it was."""
    assert expected == guid_of(text)


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        ("1970-01-01T00:00:01.2345678Z", "", 1_234),
        ("1970-01-01T00:00:01.234567800+00:00", "", 1_234),
        ("1970-01-01 01:00:01+01:00", "", 1_000),
        ("1969-12-31T23:59:59.9996Z", "", -1),
        ("1970-01-01 00:00:01", "", None),
        ("1970-01-01 00:00:01", "+00:00", 1_000),
        ("1970-01-01 05:30:01", "+0530", 1_000),
        ("1970-01-01 05:30:01", "somewhere", None),
        ("1970-01-01", "+00:00", None),
        ("the first of January, 1970", "", None),
        ("1970-02-30T00:00:00Z", "", None),
        ("0001-01-01T00:00:00+23:59", "", -62_135_683_140_000),
        ("9999-12-31T23:59:59.999-23:59", "", 253_402_387_139_999),
        (1_772_446_530_250, "", None),
        (None, "", None),
    ],
)
def test_milliseconds(value: object, zone: str, expected: int | None) -> None:
    """A time with a zone is milliseconds since 1970, cut downwards; a time without one is none unless it is told."""
    assert expected == milliseconds(value, zone)


@given(st.text(), st.text(max_size=6))
def test_milliseconds_is_total(text: str, zone: str) -> None:
    """No text makes reading a time fail."""
    assert isinstance(milliseconds(text + " 00:00:00 and more", zone), int | None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_772_446_530, 1_772_446_530_000),
        (1_772_446_530_250, 1_772_446_530_250),
        ("1772446530250", 1_772_446_530_250),
        ("2026-03-02T10:15:30.250Z", 1_772_446_530_250),
        ("1.7e12", None),
        (-1, None),
        (253_402_300_800_000, None),
        (10**30, None),
        (True, None),
        ([], None),
        (None, None),
    ],
)
def test_epoch(value: object, expected: int | None) -> None:
    """FortiSIEM's times are seconds, milliseconds or text; beyond the year 9999 and before 1970 there is none."""
    assert expected == epoch(value)


@pytest.mark.parametrize(
    ("account", "domain", "user"),
    [
        ("NT AUTHORITY\\SYSTEM", "NT AUTHORITY", "SYSTEM"),
        ("LAB\\mara", "LAB", "mara"),
        ("LAB\\a\\b", "LAB", "a\\b"),
        ("root", None, "root"),
        ("mara@lab.example", None, "mara@lab.example"),
        ("\\mara", None, "\\mara"),
        ("LAB\\", None, "LAB\\"),
    ],
)
def test_account(read: Read, account: str, domain: str | None, user: str) -> None:
    """A user is named apart from the domain before the backslash; a target's user likewise."""
    attributes = read("flat", 8, SourceUser=account, TargetUser=account).attributes

    assert (domain, user) == (attributes.get("domain"), attributes["user"])
    assert (domain, user) == (attributes.get("targetDomain"), attributes["targetUser"])


def test_hashes(read: Read) -> None:
    """Hashes stay whole in hashCode, and each known algorithm's digest is an attribute of its own."""
    text = "SHA1=AA,MD5=BB,SHA256=CC,IMPHASH=00,SHA512=DD,CRC=EE,MD4=,nothing"
    attributes = read("flat", 1, Hashes=text).attributes

    assert (text, "AA", "BB", "CC", "00", "DD") == tuple(
        attributes[name] for name in ("hashCode", "hashSHA1", "hashMD5", "hashSHA256", "hashIMP", "hashSHA512")
    )
    assert {"EE", "", "nothing"}.isdisjoint(attributes.values())


def test_logon_guid_of_zeros(read: Read) -> None:
    """Only GUIDs that processes are joined by are absent when they are zeros; a logon's is a value."""
    zero = "{00000000-0000-0000-0000-000000000000}"

    assert zero == read("flat", 1, LogonGuid=zero).attributes["uuid"]


@pytest.mark.parametrize(
    ("written", "expected"), [("True", "true"), ("FALSE", "false"), ("1", "1"), ("maybe", "maybe")]
)
def test_booleans(read: Read, written: str, expected: str) -> None:
    """True and false are in lower case; another text stays as it is."""
    assert expected == read("flat", 3, Initiated=written).attributes["initiated"]


@pytest.mark.parametrize(
    ("field", "attribute", "value", "expected"),
    [
        ("DestinationPort", "destIpPort", "https", "https"),
        ("DestinationPort", "destIpPort", 10**30, str(10**30)),
        ("DestinationPort", "destIpPort", True, "true"),
        ("DestinationIp", "destIpAddr", 17, "17"),
        ("Image", "procName", 17, "17"),
        ("Image", "procName", 1.50, "1.5"),
        ("CommandLine", "command", "a\x00b", "a\x00b"),
        ("ProcessId", "procId", 18446744073709551616, "18446744073709551616"),
    ],
)
def test_what_is_not_of_its_type(read: Read, field: str, attribute: str, value: object, expected: object) -> None:
    """A value that is not of its attribute's type stays the text that it is written as."""
    assert expected == read("flat", 3, **{field: value}).attributes[attribute]


def test_process_id_of_the_forwarder(read: Read, guid: str) -> None:
    """Where one process acts on another, the process is the source, and the id that NXLog adds is not taken."""
    attributes = read(
        "nxlog", 10, ProcessId="1", SourceProcessId="4242", SourceProcessGUID=guid, TargetProcessGUID=guid.upper()
    ).attributes

    assert ("4242", guid, guid) == tuple(attributes[name] for name in ("procId", "procGUID", "TargetProcessGuid"))
