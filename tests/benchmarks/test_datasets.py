"""Data and rules of the benchmark: the real records in two renderings, rule sets that load, and jobs."""

import itertools
from pathlib import Path

import pytest

from stream_app.rulebook.load import load_rulebook
from stream_app.sysmon.normalise import normalise
from tests.benchmarks.bench import WARM_UP
from tests.benchmarks.connection_rules import connection_rules
from tests.benchmarks.datasets import CAPTURE, counted, dataset, real, spread
from tests.benchmarks.jobs import Job, JobType, Lots
from tests.benchmarks.native_xml import native
from tests.benchmarks.records import Made
from tests.benchmarks.rulefolders import CONVERTED, RuleText, converted, rule_text, write_folder
from tests.benchmarks.rulesets import rule_folder
from tests.benchmarks.sigma_rules import MIX, apportioned, sigma_rules
from tests.benchmarks.terms import contains, contains_all, either, ends, equals, image, query, starts

OF_EACH = 100
"""Real records of each event id, at most."""

needs_records = pytest.mark.skipif(not CAPTURE.is_file(), reason="../shared/data/sysmon has no flat-nxlog.60k.jsonl.gz")
needs_rules = pytest.mark.skipif(not CONVERTED.is_dir(), reason="../shared/data/fortisiem-rules is missing")


def attributes(value: bytes) -> dict[str, object]:
    """Give a record's attributes but the time of its header, which flat JSON has without a zone."""
    return {name: each for name, each in normalise(value).attributes.items() if name != "deviceTime"}


@needs_records
def test_a_real_record_has_the_same_attributes_as_xml() -> None:
    """The product reads the same out of NXLog's JSON and of the native rendering, for every event id there is."""
    seen: dict[object, int] = {}
    for flat, xml in zip(real("nxlog"), real("xml"), strict=True):
        expected = attributes(flat.value)
        number = seen[expected["winEventId"]] = seen.get(expected["winEventId"], 0) + 1
        if number <= OF_EACH:
            assert expected == attributes(xml.value)
            assert flat.key == xml.key
    assert (16, 60_000) == (len(seen), sum(seen.values()))


def test_the_native_rendering_is_that_of_windows() -> None:
    """Header, order, quotes and escapes are as Windows writes them; what NXLog alone has is left out."""
    record = {
        "EventID": 13, "SourceName": "Microsoft-Windows-Sysmon", "ProviderGuid": "{5770385F}", "Version": 2, "Task": 13,
        "OpcodeValue": 0, "Keywords": -(1 << 63), "@timestamp": "2020-06-10T02:50:56.537Z", "RecordNumber": 7,
        "ExecutionProcessID": 3500, "ThreadID": 4168, "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "ws.example", "UserID": "S-1-5-18", "EventType": "INFO", "tags": ["lab"],
        "Message": "Registry value set:\r\nRuleName: -\r\nEventType: SetValue\r\nUtcTime: 1",
        "TargetObject": "HKLM\\A&B", "Image": "<unknown process>", "Details": '"x"',
    }  # fmt: skip
    assert native(record) == (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385F}'/><EventID>13</EventID><Version>2</Version>"
        "<Level>4</Level><Task>13</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
        "<TimeCreated SystemTime='2020-06-10T02:50:56.537000000Z'/><EventRecordID>7</EventRecordID><Correlation/>"
        "<Execution ProcessID='3500' ThreadID='4168'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>"
        "<Computer>ws.example</Computer><Security UserID='S-1-5-18'/></System><EventData>"
        "<Data Name='EventType'>SetValue</Data><Data Name='Image'>&lt;unknown process&gt;</Data>"
        "<Data Name='TargetObject'>HKLM\\A&amp;B</Data><Data Name='Details'>\"x\"</Data></EventData></Event>"
    )


@needs_records
def test_real_records_are_repeated_in_their_order() -> None:
    """More records than there are begin again with the first one."""
    made = dataset("nxlog", 60_002, 0.0, 0)
    assert made[:2] == made[60_000:]


def test_fewer_records_come_from_all_over_them() -> None:
    """They are evenly spread and in their order; no more come than there are."""
    assert [0, 3, 6] == spread(range(10), 3)
    assert [0, 1] == spread(range(2), 5)


@needs_rules
def test_the_converted_rules_load(tmp_path: Path) -> None:
    """All of them, with their own ids, groups and windows."""
    rules = {rule.id: rule for rule in load_rulebook(rule_folder("converted-72", tmp_path)).rules.values()}
    expected = list(converted())
    assert 72 == len(expected)
    assert {each.id: set(each.group_by) for each in expected} == {
        each.id: set(each.subpattern.group_by) for each in rules.values()
    }
    assert {300_000} == {each.window for each in rules.values()}


@pytest.mark.parametrize("generate", [connection_rules, sigma_rules])
def test_generated_rules_load_and_are_the_same_each_time(generate: type, tmp_path: Path) -> None:
    """The product's loader takes every one; two runs make the same ones, another seed makes others."""
    rules: list[RuleText] = list(generate(200))
    assert 200 == len(load_rulebook(write_folder(tmp_path / "rules", rules)).rules)
    assert rules == list(generate(200))
    assert rules != list(generate(200, seed=1))
    assert len({each.query for each in rules}) > 190


def test_a_smaller_set_of_connection_rules_is_the_beginning_of_a_larger_one() -> None:
    """So 3,000 rules are the 1,000 and others."""
    assert list(connection_rules(50)) == list(itertools.islice(connection_rules(100), 50))


@pytest.mark.parametrize("count", [1872, 1859, 100, 1])
def test_the_mix_keeps_its_shares(count: int) -> None:
    """A set has exactly as many rules as asked for, each category within one of its share."""
    shares = apportioned(count)
    assert count == sum(shares.values()) == len(list(sigma_rules(count)))
    whole = sum(MIX.values())
    assert all(abs(shares[name] - count * number / whole) < 1 for name, number in MIX.items())


def test_terms_are_written_as_the_converter_writes_them() -> None:
    r"""Literals in patterns are escaped, quoted ones have doubled backslashes, all is joined by AND."""
    text = query(
        image("procName", ["a b.exe", "c.exe"]),
        contains("command", ["/x", "(1)"], negated=True),
        contains_all("command", ["p", "q"]),
        either(starts("dirName", ["C:\\"]), equals("user", ["a\\b"])),
        equals("accessKeyId", ["0x1", "0x2"], negated=True),
        ends("fileName", [".dmp"]),
    )
    assert text == (
        r'procName REGEXP "\\a b\.exe$|\\c\.exe$" AND command NOT REGEXP "/x|\(1\)" AND command REGEXP "p" AND '
        r'command REGEXP "q" AND (dirName REGEXP "^C:\\" OR user="a\\b") AND accessKeyId NOT IN ("0x1","0x2") AND '
        r'fileName REGEXP "\.dmp$"'
    )


def test_a_job_knows_what_its_records_match(tmp_path: Path) -> None:
    """Every record is counted by the rules of the job's own folder, those that are alike once."""
    rule = rule_text("R", "a rule", 5, 'winEventId="3" AND destIpPort IN (443,80)')
    other = rule_text("S", "another", 5, 'winEventId="3" AND destIpPort=443')
    rulebook = load_rulebook(write_folder(tmp_path, [rule, other]))
    assert ("destIpPort", "hostName", "winEventId") == rule.group_by
    values = [
        b'{"EventID": 3, "SourceName": "Microsoft-Windows-Sysmon", "DestinationPort": "%d"}' % p for p in (22, 80, 443)
    ]
    assert [0, 1, 2, 1] == [each.matches for each in counted([Made(b"", values[p], 0) for p in (0, 1, 2, 1)], rulebook)]


def test_a_dear_job_gets_fewer_records(tmp_path: Path) -> None:
    """Without any budget a job with generated rules gets the fewest that make a run."""
    job = Job("flat", "generated-1000", 0.01)
    rules = write_folder(tmp_path / "generated-1000", connection_rules(3))
    lots = Lots(tmp_path, {False: 9000, True: 1}, budget=0.0)
    assert rules == lots.rules(job)
    made = lots.of(job)
    assert WARM_UP + 2 * WARM_UP == len(made)
    assert made is lots.of(job)


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("fortisiem:seed:0.1", Job("fortisiem", "seed", 0.001)),
        ("flat", Job("flat", "seed", 0.01)),
        ("nxlog:sigma-1872", Job("nxlog", "sigma-1872", None)),
    ],
)
def test_a_job_is_read_from_the_command_line(text: str, job: Job) -> None:
    """Data, rules and percent; the last two have defaults."""
    assert job == JobType().convert(text, None, None)
