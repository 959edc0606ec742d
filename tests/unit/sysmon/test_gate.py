"""Reading a record as far as it is wanted gives what reading all of it gives."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream_app.language.values import AttributeType, Value
from stream_app.sysmon import gate
from stream_app.sysmon.attributes import EVENTS, VOCABULARY, fields_of
from stream_app.sysmon.gate import Gate
from stream_app.sysmon.lazy import Admitted
from stream_app.sysmon.normalise import Event, Unreadable, normalise
from tests.unit.sysmon.conftest import event_xml, flat_record, listed_record, winlogbeat6_record
from tests.unit.sysmon.test_bad_input import LEAVES, SAMPLES, TREES

RECORDS = Path(__file__).parents[3].parent / "shared" / "data" / "sysmon"
REAL = 10_000
CHANNEL = "Microsoft-Windows-Sysmon/Operational"

EVERY = Gate(lambda _: True, VOCABULARY)
"""Wants everything."""

Read = Callable[..., Event]


def whole(value: bytes) -> Event | str:
    """Read all of a record, or say why it is refused."""
    try:
        return normalise(value)
    except Unreadable as error:
        return str(error)


def asked(event: Admitted, names: Iterable[str] = VOCABULARY) -> dict[str, Value]:
    """Ask an event for attributes, one after the other."""
    return {name: value for name in names if (value := event.get(name)) is not None}


def refusal(through: Gate, value: bytes) -> str | None:
    """Say why the gate refuses a record, or one of its attributes; None where it refuses nothing."""
    try:
        event = through.read(value)
        assert event is not None
        asked(event)
    except Unreadable as error:
        return str(error)
    return None


def refusal_of(through: Gate, value: bytes) -> str | None:
    """Say why the gate refuses a record; None where it lets it in or drops it."""
    try:
        through.read(value)
    except Unreadable as error:
        return str(error)
    return None


def check(value: bytes, through: Gate = EVERY) -> Event | str:
    """Hold the gate against reading the whole; give what that says."""
    expected = whole(value)
    if isinstance(expected, Event):
        event = through.read(value)
        assert event is not None
        assert (expected.received, expected.created) == (event.received, event.created)
        assert expected.attributes == asked(event)
        assert expected.attributes == asked(event, reversed(list(VOCABULARY)))
        return expected
    refused = refusal(through, value)
    assert refused is None or expected == refused or refused.startswith(("unknown shape", "not utf-8"))
    return expected


@pytest.mark.skipif(not RECORDS.is_dir(), reason="needs ../shared/data/sysmon beside the checkout")
def test_real_records() -> None:
    """Of every real record, each attribute and both times are what they are where all of it is read."""
    shapes: Counter[str] = Counter()
    for path in [*RECORDS.glob("*.jsonl"), *RECORDS.glob("*.jsonl.gz")]:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for _, line in zip(range(REAL), lines, strict=False):
                found = check(line)
                shapes[found.shape if isinstance(found, Event) else "refused"] += 1
    assert shapes.total() > REAL
    assert {"nxlog", "flat", "eventdata", "winlogbeat6", "evtx-json", "xml", "linux-syslog"} <= set(shapes)


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples(sample: bytes) -> None:
    """A good record of each shape gives what it gives where all of it is read."""
    assert isinstance(check(sample), Event)


DECLARED = {
    "Ticket": AttributeType.STRING,
    "Load": AttributeType.NUMBER,
    "Peer": AttributeType.IP,
    "Image": AttributeType.STRING,
}


@given(
    st.sampled_from([event_xml, flat_record, listed_record, winlogbeat6_record]),
    st.sampled_from([1, 3, 13, 4711]),
    st.dictionaries(st.sampled_from([*DECLARED, "User"]), st.sampled_from(["a", "-", "7", "0:0::1", "C:\\a.exe"])),
)
def test_declared_attributes(write: Callable[..., str | bytes], event_id: int, fields: dict[str, str]) -> None:
    """Each is the field of its own name, read as its type, whatever else that field fills; others stay as they were."""
    record = write(event_id, **fields)
    value = record.encode() if isinstance(record, str) else record
    plain, declared = normalise(value).attributes, normalise(value, declared=DECLARED).attributes
    own = {name: text for name, text in fields.items() if name in DECLARED and text != "-"}
    assert plain == {name: held for name, held in declared.items() if name not in DECLARED}
    written: dict[tuple[str, str], Value] = {("Load", "7"): 7, ("Peer", "0:0::1"): "::1"}
    expected = {name: written.get((name, text), text) for name, text in own.items()}
    assert expected == {name: declared[name] for name in DECLARED if name in declared}
    names = [*VOCABULARY, *DECLARED]
    event = Gate(lambda _: True, names, declared=DECLARED).read(value)
    assert event is not None
    assert declared == asked(event, names)


def test_declared_attributes_of_an_event_that_fortisiem_has_normalised() -> None:
    """They stand under their own names, as FortiSIEM's do."""
    value = b'{"eventType": "X", "procName": "a.exe", "Ticket": "T-1", "Load": "7", "phRecvTime": 1780000000}'
    event = Gate(lambda _: True, [*VOCABULARY, *DECLARED], declared=DECLARED).read(value)
    assert event is not None
    assert ("T-1", 7, None) == (event.get("Ticket"), event.get("Load"), event.get("Peer"))
    whole = normalise(value, declared=DECLARED).attributes
    assert ("T-1", 7, False) == (whole["Ticket"], whole["Load"], "Peer" in whole)


@given(TREES)
@example({"eventType": "-", "EventID": 3})
@example({"eventType": 7, "EventID": 3, "Channel": CHANNEL})
@example({"EventID": True, "Channel": CHANNEL})
@example({"EventID": 1, "Channel": CHANNEL, "Provider": None})
@example({"EventID": 1, "Channel": CHANNEL, "SourceName": {"Name": "x"}})
@example({"EventID": 1, "Channel": [CHANNEL]})
@example({"EventID": 1, "SourceName": {"#text": 1}, "Channel": CHANNEL})
@example({"EventID": 12, "EventType": [], "Channel": CHANNEL})
@example({"EventID": 12, "EventType": 1.5, "Channel": CHANNEL})
@example({"EventID": 70_000, "Channel": CHANNEL})
@example({"Event": 1, "EventID": 1, "Channel": CHANNEL})
def test_any_json(tree: object) -> None:
    """Whatever stands where in a JSON record."""
    check(json.dumps(tree).encode())


@given(st.sampled_from(SAMPLES), st.integers(0, 2_000), st.integers(0, 40), st.binary(max_size=12))
def test_damaged_records(sample: bytes, start: int, length: int, put: bytes) -> None:
    """A good record with a piece cut out and something else put in."""
    check(sample[:start] + put + sample[start + length :])


FLAT = st.sampled_from(sorted(EVENTS)).flatmap(
    lambda event_id: st.tuples(
        st.just(event_id),
        st.dictionaries(st.sampled_from([*sorted(fields_of(event_id)), "Message", "Computer"]), LEAVES, max_size=12),
    )
)


@given(record=FLAT, first=st.booleans())
@example(record=(10, {"SourceImage": "a", "Image": "b", "SourceProcessGUID": "{1}"}), first=True)
@example(record=(1, {"User": "LAB\\a", "SourceUser": "b"}), first=True)
def test_several_fields_for_one_attribute(record: tuple[int, dict[str, object]], *, first: bool) -> None:
    """Of several fields that fill one attribute the last of the record counts, whichever attribute is asked first."""
    event_id, fields = record
    head = {"EventID": event_id, "Channel": CHANNEL}
    check(json.dumps({**head, **fields} if first else {**fields, **head}).encode())


@pytest.mark.parametrize("sample", SAMPLES)
def test_only_what_is_wanted_comes_in(sample: bytes) -> None:
    """A record comes in by its own eventType and by no other."""
    own = normalise(sample).attributes["eventType"]
    wanted, other = Gate(lambda name: name == own, ["procName"]), Gate(lambda name: name != own, ["procName"])
    assert wanted.read(sample) is not None
    assert other.read(sample) is None


def test_an_unwanted_record_is_dropped_for_what_it_tells_first() -> None:
    """Of a registry event the action decides, of a connection the family, also where only its addresses tell it."""
    only = Gate({"Win-Sysmon-12-Registry-CreateKey", "Win-Sysmon-3-Network-Connect-IPv6"}.__contains__, [])

    def comes_in(**fields: object) -> bool:
        return only.read(json.dumps({"Channel": CHANNEL, **fields}).encode()) is not None

    assert [True, False] == [comes_in(EventID=12, EventType=action) for action in ("CreateKey", "DeleteKey")]
    message = "Registry object added or deleted:\r\nEventType: CreateKey\r\n"
    assert [True, False] == [comes_in(EventID=12, EventType="INFO", Message=text) for text in (message, "no")]
    assert [True, False] == [comes_in(EventID=3, SourceIp=address) for address in ("::1", "10.0.0.1")]
    assert not comes_in(EventID=1)


def test_a_fault_where_no_rule_looks_costs_nothing() -> None:
    """Bytes that are no UTF-8, or a list for a value, refuse a record only where an attribute is made of them."""
    through = Gate(lambda _: True, ["procName", "command"])
    record = f'{{"EventID":1,"Channel":"{CHANNEL}","Image":"a.exe","CommandLine":["x"],"Company":"'.encode() + b'\xff"}'
    assert "not utf-8" == str(whole(record)).partition(":")[0]
    event = through.read(record)
    assert event is not None
    assert "a.exe" == event.get("procName")
    with pytest.raises(Unreadable, match="CommandLine is no single value"):
        event.get("command")
    with pytest.raises(KeyError):
        event.get("fileName")


def test_xml_is_dropped_by_its_head() -> None:
    """Of XML that nobody wants the head is read; that its end is missing is said of a kind that somebody wants."""
    through = Gate(lambda name: name == "Win-Sysmon-1-Create-Process", ["procName"])
    for event_id, expected in ((1, "not xml"), (7, None)):
        cut = event_xml(event_id, Image="a.exe").removesuffix("</Event>").encode()
        for value in (cut, json.dumps(cut.decode()).encode()):
            refused = refusal_of(through, value)
            assert expected == (None if refused is None else refused.partition(":")[0])


def test_what_fortisiem_normalised_comes_in_however_it_is_wrapped() -> None:
    """As an object or as a JSON string that holds it; without an eventType it is refused, unwanted it is dropped."""
    event = '{"eventType":"Win-Sysmon-1-Create-Process","procName":"a.exe","phRecvTime":1750000000}'
    for value in (event, json.dumps(event), f"\ufeff{event}"):
        found = EVERY.read(value.encode())
        assert found is not None
        assert ("a.exe", 1_750_000_000_000) == (found.get("procName"), found.received)
        assert Gate(lambda _: False, VOCABULARY).read(value.encode()) is None
    assert "unknown shape: no eventType" == refusal_of(
        EVERY, json.dumps(event.replace("Win-Sysmon-1-Create-Process", "-")).encode()
    )


def test_the_last_of_several_fields_counts_in_xml_too() -> None:
    """Two fields that fill one attribute: the one that stands behind the other."""
    for fields in ({"SourceImage": "a", "Image": "b"}, {"Image": "b", "SourceImage": "a"}):
        check(event_xml(10, **fields).encode())


def test_size_is_looked_at_first() -> None:
    """A record above the limit is refused, also where it would have been dropped."""
    with pytest.raises(Unreadable, match="too large"):
        Gate(lambda _: False, [], max_bytes=10).read(b'{"EventID": 1}')


def test_what_records_invent_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that records invent do not fill the memory, and change no answer."""
    monkeypatch.setattr(gate, "MOST", 2)
    through = Gate(lambda name: name.endswith("7"), VOCABULARY)
    xml = event_xml(1, channel="{}", provider="", Image="a")
    for shape in (
        '{{"eventType":"Win-{}"}}',
        '{{"EventID":{},"Channel":"Own"}}',
        '{{"EventID":1,"Channel":"{}"}}',
        xml,
    ):
        answers = [through.read(shape.format(number).encode()) is not None for number in range(20)]
        assert answers == [
            str(normalise(shape.format(number).encode()).attributes["eventType"]).endswith("7") for number in range(20)
        ]
    held = (through._wanted, through._kinds, through._told, through._wanted_heads)
    assert all(len(each) <= 2 for each in held)


def test_true_is_not_one() -> None:
    """An event id that is a boolean is refused, also where the same record with the number was read before."""
    head = f'"Channel":"{CHANNEL}","EventID"'
    assert isinstance(check(f'{{{head}:1,"EventType":1}}'.encode()), Event)
    assert "unknown shape: no event id" == check(f"{{{head}:true}}".encode())
    assert "unknown shape: no event id" == refusal_of(EVERY, f'{{{head}:true,"EventType":1}}'.encode())
    registry = {name: check(f'{{{head}:12,"EventType":{name}}}'.encode()) for name in ("1", "true")}
    assert ["1", "true"] == [
        str(event.attributes["osObjAction"]) for event in registry.values() if isinstance(event, Event)
    ]


def test_without_provider_and_channel() -> None:
    """Flat JSON that names neither is told by Sysmon's own fields, or refused."""
    check(b'{"EventID":5,"Image":"a.exe"}')
    assert "no provider" in str(check(b'{"EventID":5,"User":"mara"}'))
