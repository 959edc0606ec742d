"""What incidents put on watch lists, at rest and through a replay."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.detect import Detector, matches
from stream_app.engine.incident import Incident, incident
from stream_app.engine.key import Key, decode_key
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.engine.row import Episode
from stream_app.engine.watchlist import BadEntry, Entry, additions, decode_entry, encode_entry, news, put
from stream_app.language.forms import as_text
from stream_app.language.values import Value
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.rulebook.watchlists import Filling, Listing, WatchLists
from stream_app.sysmon.normalise import Event
from tests.corpus import EVERY_CHANGE

HOST = Filling("hosts", "hostName", 1_000)
GOLDEN = (b"\x93\xa11\xa5hosts\xa3PC1", b"\x93\x01\xcd\x01\xf4\xcd\x03\xe8")


def made(rule: Rule, *values: Value | None, first: int = 500) -> Incident:
    """Give an incident of customer 1 with these group-by values."""
    episode = Episode(b"\0" * 16, 1, first, first + 7, 1, 1, 0, (), b"")
    return incident(rule, Key(rule.id, "1", values), episode, ())


def test_the_bytes_of_an_entry() -> None:
    """Golden: key [customer, list, value], value [version, time, keep]."""
    assert GOLDEN == encode_entry(Entry("1", "hosts", "PC1"), Listing(500, 1500))
    assert (Entry("1", "hosts", "PC1"), Listing(500, 1500)) == decode_entry(*GOLDEN)
    assert (Entry("1", "hosts", "PC1"), None) == decode_entry(GOLDEN[0], None)


@given(
    st.builds(Entry, st.text(), st.text(), st.text() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)),
    st.integers(0, 2**60),
    st.integers(0, 2**60),
)
def test_an_entry_survives_its_record(entry: Entry, time: int, keep: int) -> None:
    """Whatever its value is."""
    assert (entry, Listing(time, time + keep)) == decode_entry(*encode_entry(entry, Listing(time, time + keep)))


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"", GOLDEN[1]), (GOLDEN[0], b""), (b"\x93\xa1\xff\xa1x\xa1y", None), (GOLDEN[0], b"\x93\x02\x01\x01")],
)
def test_what_is_no_entry_is_told(key: bytes, value: bytes | None) -> None:
    """Broken bytes, and those of a later version."""
    with pytest.raises(BadEntry):
        decode_entry(key, value)


def test_an_incident_adds_its_attributes_as_of_its_first_trigger(rule_of: Callable[..., Rule]) -> None:
    """What it lacks, or has empty, is put on no list; a number is spelt in one way."""
    ports = Filling("ports", "destIpPort", 2_000)
    rule = rule_of(group_by=("hostName", "destIpPort"), watch_lists=(HOST, ports))
    assert [
        (Entry("1", "hosts", "pc"), Listing(500, 1_500)),
        (Entry("1", "ports", 80), Listing(500, 2_500)),
    ] == additions(made(rule, "pc", 80.0))
    assert int is additions(made(rule, "pc", 80.0))[1][0].value.__class__
    assert [] == additions(made(rule, None, ""))
    assert [] == additions(made(replace(rule, shadow=True), "pc", 80.0))
    assert [] == additions(made(rule_of(), "pc"))


def test_what_is_known_is_no_news(rule_of: Callable[..., Rule]) -> None:
    """Unless it was added earlier than the incident adds it."""
    lists, rule = WatchLists(["hosts"]), rule_of(watch_lists=(HOST,))
    first, later = made(rule, "pc"), made(rule, "pc", first=501)
    assert additions(first) == news(lists, first)
    put(lists, *additions(first)[0])
    assert ([], additions(later)) == (news(lists, first), news(lists, later))
    put(lists, Entry("1", "hosts", "pc"), None)
    assert additions(first) == news(lists, first)


@pytest.mark.parametrize("customer", [None, 1, 2, 2.0, 2.5, "2", "acme", 2**60, 1e300, float("inf")])
def test_a_customer_is_named_as_matches_name_it(customer: Value | None, rule_of: Callable[..., Rule]) -> None:
    """What an incident of a customer puts on a list is there for that customer's events."""
    lists = WatchLists(["x"])
    asked = Event({} if customer is None else {"phCustId": customer}, "flat", 5, None, None)
    key, _ = matches([(rule_of(), 0)], asked, 5, b"", 0)[0]
    put(lists, Entry(decode_key(key).customer, "x", "pc"), Listing(0, 100))
    reader = lists.named["x"].reader(as_text, event_clock=False)
    assert reader("pc", asked)
    assert not reader("pc", Event({"phCustId": "other"}, "flat", 5, None, None))


FILLS = """
id = "FILLS"
name = "A host that scans"
severity = 5
category = "Security"
window = 60
[pattern.Filter]
query = 'eventType = "Scan"'
group_by = ["hostName"]
aggregate = "COUNT(*) >= 2"
[incident]
hostName = "Filter.hostName"
[[watch_list]]
name = "scanners"
attribute = "hostName"
keep = 100
"""
READS = """
id = "READS"
name = "A scanner logs in"
severity = 5
category = "Security"
window = 60
clock = "{clock}"
clear_after = 1
[pattern.Filter]
query = 'eventType = "Login" AND srcName IN ("evil", WatchList@scanners)'
group_by = ["srcName"]
aggregate = "COUNT(*) >= 1"
[incident]
srcName = "Filter.srcName"
"""
START = 1_700_000_000_000


def rules(folder: Path, clock: str = "receive") -> Rulebook:
    """Load a rule that fills a list and one that reads it."""
    for name, text in (("fills", FILLS), ("reads", READS.replace("{clock}", clock))):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / f"{name}.toml").write_text(text)
    return load_rulebook(folder, EVERY_CHANGE)


def record(offset: int, seconds: int, kind: str, host: str, *, said: bool = True, **more: object) -> Record:
    """Give an event at that time; ``said``: the record itself says when it was received."""
    time = START + seconds * 1000
    name = "hostName" if kind == "Scan" else "srcName"
    fields = {"eventType": kind, name: host, **({"phRecvTime": time} if said else {}), **more}
    return Record("sysmon", 0, offset, 1 if said else time, json.dumps(fields).encode())


def seen(rulebook: Rulebook, *records: Record) -> list[int]:
    """Give the offsets of the records in which the reading rule saw somebody."""
    found = [each for each in replay(rulebook, records, sources=None) if isinstance(each, Incident)]
    places = {place for each in found if each.rule.id == "READS" for place in each.evidence}
    return sorted(int(place.rpartition("@")[2]) for place in places)


@pytest.mark.parametrize("said", [True, False])
def test_an_incident_is_known_to_the_records_behind_its_own(tmp_path: Path, *, said: bool) -> None:
    """From its record on, to the last millisecond; case does not count; a literal beside the list is always known."""
    events = [
        record(0, 0, "Login", "pc", said=said),
        record(1, 1, "Scan", "PC", said=said),
        record(2, 2, "Login", "pc", said=said),
        record(3, 3, "Scan", "PC", said=said),
        record(4, 4, "Login", "pc", said=said),
        record(5, 5, "Login", "pc2", said=said),
        record(6, 6, "Login", "evil", said=said),
        record(7, 102, "Login", "pc", said=said),
        record(8, 103, "Login", "pc", said=said),
        record(9, 1, "Login", "pc", said=said),
    ]
    rulebook = rules(tmp_path)
    assert [4, 6, 7, 9] == seen(rulebook, *events)
    assert [4, 6, 7, 9] == seen(rulebook, *events)  # the lists are empty again at first


def test_an_update_renews_nothing_and_another_incident_does(tmp_path: Path) -> None:
    """The entry is as old as the incident that was made last."""
    scans = [record(at, seconds, "Scan", "pc") for at, seconds in enumerate((0, 1, 50, 51))]
    rulebook = rules(tmp_path)
    assert [] == seen(rulebook, *scans, record(4, 110, "Login", "pc"))
    filled = replace(rulebook.rules["FILLS"], clear_after=1_000, window=2_000)
    renewed = Rulebook({**rulebook.rules, "FILLS": filled})
    assert [4] == seen(renewed, *scans, record(4, 110, "Login", "pc"), record(5, 151, "Login", "pc"))


def test_a_list_belongs_to_a_customer(tmp_path: Path) -> None:
    """What one customer's incident put there is not there for another."""
    scans = [record(at, at, "Scan", "pc", phCustId=7) for at in range(2)]
    logins = [record(2, 2, "Login", "pc"), record(3, 3, "Login", "pc", phCustId=7)]
    assert [3] == seen(rules(tmp_path), *scans, *logins)


def test_a_rule_of_the_events_clock_asks_by_it(tmp_path: Path) -> None:
    """An event that came late and happened in time is seen."""
    scans = [record(at, at, "Scan", "pc") for at in range(2)]
    late = record(2, 500, "Login", "pc", deviceTime=START + 5_000)
    assert [2] == seen(rules(tmp_path, "event"), *scans, late)
    assert [] == seen(rules(tmp_path), *scans, late)


def test_a_detector_of_rules_without_lists_leaves_them_alone(tmp_path: Path, rule_of: Callable[..., Rule]) -> None:
    """Only rules that run count."""
    rulebook = rules(tmp_path)
    asleep = Rulebook({name: replace(rule, enabled=False) for name, rule in rulebook.rules.items()})
    assert (None, None) == (asleep.lists, Rulebook({"R": rule_of()}).lists)
    assert [] == Detector(asleep).wanting(Event({"eventType": "Login"}, "flat", None, None, None))


def test_an_incident_that_is_an_event_is_asked_for_too(tmp_path: Path) -> None:
    """A rule that reads incidents reads lists as others do, as of the time of the incident, which fills them first."""
    (tmp_path / "again").mkdir()
    text = READS.replace("READS", "AGAIN").replace("srcName", "hostName").replace("{clock}", "event")
    (tmp_path / "again" / "again.toml").write_text(text.replace('"Login"', '"FILLS"'))
    scans = [record(at, at, "Scan", "pc") for at in range(2)]
    found = replay(rules(tmp_path), scans, sources=None)
    assert ["FILLS", "AGAIN"] == [each.rule.id for each in found if isinstance(each, Incident)]
