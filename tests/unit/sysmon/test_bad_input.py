"""Records that are wrong: refused by name, never a crash and never a silent skip."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_app.language.values import AttributeType
from stream_app.sysmon.attributes import VOCABULARY
from stream_app.sysmon.normalise import MAX_BYTES, Event, Unreadable, normalise

XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID><Computer>ws07</Computer></System>"
    "<EventData><Data Name='CommandLine'>run</Data></EventData></Event>"
)
BOMB = (
    '<!DOCTYPE Event [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    + XML.replace("run", "&c;")
)
REASONS = {"empty", "too large", "too deep", "not utf-8", "not json", "not xml", "unknown shape"}


def _reason(value: bytes, max_bytes: int = MAX_BYTES) -> str:
    with pytest.raises(Unreadable) as refused:
        normalise(value, max_bytes)
    assert f"{refused.value.reason}: {refused.value.detail}" == str(refused.value)
    return refused.value.reason


@pytest.mark.parametrize(
    ("reason", "value"),
    [
        ("empty", b""),
        ("empty", b" \r\n\t"),
        ("empty", b"\xef\xbb\xbf"),
        ("too large", b" " * 10_000_000),
        ("too deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        ("too deep", b"[" * 100_000),
        ("not json", b'{"EventID": 1, "Image": "C:\\\\a'),
        ("not json", b'{"EventID": 1} {"EventID": 2}'),
        ("not json", b'{"EventID": 1, "Image": "a\x00b"}'),
        ("not json", b'{"EventID": NaN}'),
        ("not json", b"{'EventID': 1}"),
        ("not json", b'{"EventID": ' + b"1" * 10_000 + b"}"),
        ("not json", b'"\\ud800"'),
        ("not json", b'"{"'),
        ("not json", b"17"),
        ("not json", b"null"),
        ("not json", b"\x00\x01\x02"),
        ("not json", b"a line of a log"),
        ("not json", b'"\\"{\\"'),
        ("not json", b'{"EventID": 1, "EventData": "{"}'),
        ("not utf-8", b'{"EventID": 1, "Image": "\xff"}'),
        ("not utf-8", b'{"\xc3": 1}'),
        ("not utf-8", b'{"Image": "\xed\xa0\x80"}'),
        ("not utf-8", "{}".encode("utf-16")),
        ("not utf-8", b"<Event>\xff</Event>"),
        ("not xml", b"<Event"),
        ("not xml", XML[:-10].encode()),
        ("not xml", XML.replace("run", "a & b").encode()),
        ("not xml", XML.replace("run", "a < b").encode()),
        ("not xml", XML.replace("run", "<b>a</b>").encode()),
        ("not xml", XML.replace("run", "&unknown;").encode()),
        ("not xml", XML.replace("run", "a\x00b").encode()),
        ("not xml", XML.replace("run", "&#0;").encode()),
        ("not xml", (XML + XML).encode()),
        ("not xml", b"<log>"),
        ("not xml", BOMB.encode()),
        ("not xml", BOMB.replace('"ha"', 'SYSTEM "file:///etc/passwd"').encode()),
        ("not xml", b"<!DOCTYPE Event SYSTEM 'http://192.0.2.1/a.dtd'>" + XML.encode()),
        ("not xml", b"<Event>" * 100_000),
        ("unknown shape", b"[]"),
        ("unknown shape", b'[{"EventID": 1}]'),
        ("unknown shape", b'"[1]"'),
        ("unknown shape", b"{}"),
        ("unknown shape", b'{"a": 1}'),
        ("unknown shape", b'{"Event": {}}'),
        ("unknown shape", b'{"Event": {"System": []}}'),
        ("unknown shape", b'{"Event": {"System": {"EventID": 1}, "EventData": "text"}}'),
        ("unknown shape", b'{"EventID": 1, "Channel": "Security", "Image": ["a"]}'),
        ("unknown shape", b'{"EventID": 1, "Channel": "Security", "Image": {"a": "b"}}'),
        ("unknown shape", b"<?xml version='1.0'?><Events/>"),
        ("unknown shape", b"<Event/>"),
        ("unknown shape", b"<Event><System/></Event>"),
        ("unknown shape", b"<Event><System><EventID/></System></Event>"),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_reasons(reason: str, value: bytes) -> None:
    """Each kind of bad record has its reason, one of a few stable words."""
    assert reason == _reason(value)
    assert reason in REASONS


def test_the_limit_is_the_callers() -> None:
    """The limit on size is in bytes, is the caller's to set, and a record of exactly that size is read."""
    value = XML.encode()

    assert "Win-Sysmon-1-Create-Process" == normalise(value, len(value)).attributes["eventType"]
    assert "too large" == _reason(value, len(value) - 1)


@pytest.mark.parametrize(
    "declaration", ["<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0'?>\n", "<?xml?>"]
)
def test_declared_encoding(declaration: str) -> None:
    """What encoding an XML record claims to have had is not believed: it came as UTF-8."""
    try:
        read = normalise((declaration + XML.replace("run", "é")).encode()).attributes["command"]
    except Unreadable as refused:
        read = refused.reason

    assert ("not xml" if declaration == "<?xml?>" else "é") == read


def test_comments_and_cdata() -> None:
    """Comments are no part of a value, and a CDATA section is text."""
    event = normalise(XML.replace("run", "a<!-- no --><![CDATA[ & b]]>").encode())

    assert "a & b" == event.attributes["command"]


def test_data_without_a_name() -> None:
    """Values without a name, as older events have them, are no fields."""
    event = normalise(XML.replace(" Name='CommandLine'", "").encode())

    assert "command" not in event.attributes


def test_rendered_message() -> None:
    """The rendered text in an XML event is read for a lost EventType."""
    rendering = "<RenderingInfo><Message>Registry:\nEventType: DeleteKey\n</Message></RenderingInfo></Event>"
    event = normalise(XML.replace("<EventID>1<", "<EventID>12<").replace("</Event>", rendering).encode())

    assert "Win-Sysmon-12-Registry-DeleteKey" == event.attributes["eventType"]


SAMPLES = [
    json.dumps(
        {"EventID": 3, "Channel": "Microsoft-Windows-Sysmon/Operational", "SourceIp": "::1", "Initiated": True}
    ).encode(),
    json.dumps(
        {
            "Event": {
                "System": {"EventID": 1, "Provider": {"Name": "Microsoft-Windows-Sysmon"}},
                "EventData": {"Image": "a"},
            }
        }
    ).encode(),
    json.dumps(
        {"winlog": {"event_id": 3, "event_data": {}}, "event": {"module": "sysmon"}, "process": {"pid": 1}, "host": {}}
    ).encode(),
    json.dumps({"event_id": 1, "event_data": {"Image": "a"}, "source_name": "Microsoft-Windows-Sysmon"}).encode(),
    json.dumps({"EventID": 1, "Provider": "Microsoft-Windows-Sysmon", "EventData": '{"Image": "a"}'}).encode(),
    json.dumps({"SyslogMessage": XML, "HostName": "pi4"}).encode(),
    json.dumps({"eventType": "Win-Sysmon-1-Create-Process", "phRecvTime": 1_772_446_530, "destIpAddr": "::1"}).encode(),
    json.dumps(XML).encode(),
    XML.encode(),
    b'2026-03-02T10:15:33Z ws07 192.0.2.17 FSM-WUA-WinLog-Sysmon [phCustId]="1" [timeZone]="+0530" [xml]='
    + XML.encode(),
]
KEYS = sorted(
    {
        *("Event", "System", "EventData", "Data", "Name", "text", "#text", "#attributes", "winlog", "event", "module"),
        *("event_data", "event_id", "code", "SyslogMessage", "message", "eventType", "EventID", "EventId", "Channel"),
        *(
            "process",
            "parent",
            "pid",
            "hash",
            "md5",
            "network",
            "direction",
            "type",
            "user",
            "name",
            "domain",
            "registry",
        ),
        *(
            "data",
            "strings",
            "sysmon",
            "dns",
            "status",
            "file",
            "path",
            "pe",
            "phRecvTime",
            "phCustId",
            "Image",
            "SourceIp",
        ),
        *(
            "DestinationPort",
            "ProcessGuid",
            "User",
            "Hashes",
            "Initiated",
            "EventType",
            "Message",
            "UtcTime",
            "TimeCreated",
        ),
    }
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "-", "3", "12", "sysmon", "Microsoft-Windows-Sysmon", "::1", "true", "LAB\\a", XML, '{"Image": 1}']
    )
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=25,
)


def _outcome(value: bytes) -> Event | None:
    """Read a record that may be anything: an event that holds what events hold, or None where it is refused."""
    try:
        event = normalise(value)
    except Unreadable as error:
        reason = error.reason
    else:
        return _checked(event)
    assert reason in REASONS
    return None


def _checked(event: Event) -> Event:
    for name, read in event.attributes.items():
        assert name in VOCABULARY
        assert isinstance(read, str | int | float)
        assert isinstance(read, str) or VOCABULARY[name] is AttributeType.NUMBER
        assert read not in ("", "-")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event.attributes)) == event.attributes
    assert isinstance(event.attributes["eventType"], str)
    return event


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf\xef\xbb\xbf{}")
@example(b"<Event\x85/>")
def test_any_bytes(value: bytes) -> None:
    """Whatever the bytes are, they are an event or refused by name."""
    _outcome(value)


@given(TREES)
@example({"winlog": {"event_id": 22}, "sysmon": {"dns": {"status": []}}, "hash": {"md5": {}}})
@example(
    {"Event": {"System": {"EventID": 1, "Provider": []}, "EventData": {"Data": [[], 1, {"Name": "Image", "text": []}]}}}
)
def test_any_json(tree: object) -> None:
    """Whatever stands where in a JSON record, it is an event or refused by name."""
    _outcome(json.dumps(tree).encode())


@given(st.sampled_from(SAMPLES), st.integers(0, 2_000), st.integers(0, 40), st.binary(max_size=12))
def test_damaged_records(sample: bytes, start: int, length: int, put: bytes) -> None:
    """A good record with a piece cut out and something else put in is an event or refused by name."""
    _outcome(sample[:start] + put + sample[start + length :])


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_samples_are_good(sample: bytes) -> None:
    """The records that are damaged above are read when they are whole."""
    assert _outcome(sample) is not None


@given(st.dictionaries(st.sampled_from(["Image", "CommandLine", "TargetFilename"]), st.text(min_size=1)))
def test_text_is_exact(fields: dict[str, str]) -> None:
    """A text field arrives exactly as it was, unless it is Sysmon's "missing"."""
    event = normalise(json.dumps({"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", **fields}).encode())
    names = {"Image": "procName", "CommandLine": "command", "TargetFilename": "fileName"}

    assert {names[field]: text for field, text in fields.items() if text != "-"} == {
        name: event.attributes[name] for name in names.values() if name in event.attributes
    }


def test_every_reader_is_bounded(read: Callable[..., Event]) -> None:
    """A record with a very long value in every kind of field is read."""
    long = "1" * 20_000
    fields = dict.fromkeys(
        ("DestinationPort", "SourceIp", "ProcessGuid", "User", "Hashes", "UtcTime", "Initiated"), long
    )

    assert long == read("flat", 3, **fields).attributes["srcIpAddr"]
