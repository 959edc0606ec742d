"""Same input, same incidents: live or replayed, at any speed, one worker or four, in any interleaving of partitions."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from tests.corpus import EVERY_CHANGE
from tests.unit.kafka.cluster import Cluster, Sent, replayed

SOURCES = 3
LATENESS = 60
START = 1_750_000_000_000
END = START + 20_000_000
"""Behind all that waits, and less than a day behind the last record: no incident is over by then."""

HEAD = """
id = "{id}"
name = "{id}"
severity = 5
category = "Security"
window = 120
lateness = 60
"""
CONNECTS = """query = 'eventType REGEXP "Win-Sysmon-3-.*"'"""
RULES = {
    "count": f"""
[pattern.Filter]
{CONNECTS}
group_by = ["destIpAddr"]
aggregate = "COUNT(*) >= 3"
[incident]
destIpAddr = "Filter.destIpAddr"
""",
    "distinct": f"""
[pattern.Filter]
{CONNECTS}
group_by = ["destIpAddr"]
aggregate = "COUNT(DISTINCT hostName) >= 2 AND COUNT(*) > 2"
[incident]
destIpAddr = "Filter.destIpAddr"
destIpPort = "MAX(destIpPort)"
""",
    "few": f"""
[pattern.Filter]
{CONNECTS}
group_by = ["destIpAddr"]
aggregate = "COUNT(*) <= 2"
[incident]
destIpAddr = "Filter.destIpAddr"
""",
    "average": f"""
decide = "final"
[pattern.Filter]
{CONNECTS}
group_by = ["destIpAddr"]
aggregate = "AVG(destIpPort) > 443"
[incident]
destIpAddr = "Filter.destIpAddr"
""",
}

TWO = """
[pattern.Low]
query = 'eventType REGEXP "Win-Sysmon-3-.*" AND destIpPort < 443'
group_by = ["destIpAddr", "hostName"]
aggregate = "COUNT(*) >= 1"
[pattern.High]
query = 'eventType REGEXP "Win-Sysmon-3-.*" AND destIpPort > 443'
group_by = ["destIpAddr"]
aggregate = "COUNT(*) >= 1"
[incident]
destIpAddr = "Low.destIpAddr"
hostName = "Low.hostName"
"""
JOINT = """
trigger = "Low {operator} High"
global = "Low.destIpAddr = High.destIpAddr"
"""
RULES |= {
    "order": JOINT.format(operator="FOLLOWED_BY") + TWO,
    "both": JOINT.format(operator="AND") + TWO + 'destIpPort = "High.MAX(destIpPort)"',
    "absent": JOINT.format(operator="NOT_FOLLOWED_BY") + TWO,
    "alone": JOINT.format(operator="AND_NOT") + TWO,
    "ended": f"""
decide = "final"
{JOINT.format(operator="AND")}
{TWO}
[clear]
query = 'eventType REGEXP "Win-Sysmon-3-.*" AND destIpPort = 443'
group_by = ["destIpAddr"]
match = {{ destIpAddr = "destIpAddr" }}
""",
}


@pytest.fixture(scope="module")
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """Give one rule of each kind."""
    folder = tmp_path_factory.mktemp("rules")
    for name, text in RULES.items():
        write(folder, name, text)
    return load_rulebook(folder, EVERY_CHANGE)


def write(folder: Path, name: str, text: str) -> None:
    """Write a rule file."""
    (folder / name).mkdir()
    (folder / name / f"{name}.toml").write_text(HEAD.format(id=name) + text)


@st.composite
def sources(draw: st.DrawFn) -> list[Sent]:
    """Give records of three partitions: in each, no record is further behind another one than lateness allows."""
    records = []
    for partition in range(SOURCES):
        time = START
        for _ in range(draw(st.integers(1, 12))):
            time += draw(st.sampled_from([0, 1, 20_000, 119_999, 120_000, 400_000]))
            behind = draw(st.sampled_from([0, 0, 1, LATENESS * 1000]))
            records.append(Sent(partition, max(START, time - behind), connection(draw, partition)))
    return records


def connection(draw: st.DrawFn, partition: int) -> bytes:
    """Give a network connection of a host of this partition, to one of two addresses that all share."""
    return msgspec.json.encode(
        {
            "EventID": 3,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": f"h{partition}",
            "SourceIsIpv6": "false",
            "DestinationIp": draw(st.sampled_from(["203.0.113.1", "203.0.113.2"])),
            "DestinationPort": draw(st.sampled_from(["442", "443", "445"])),
        }
    )


@settings(max_examples=150, deadline=None)
@given(records=sources(), workers=st.sampled_from([1, 2, 4]), seed=st.integers(0, 1 << 32))
def test_a_cluster_makes_the_incidents_that_a_replay_makes(
    rulebook: Rulebook, records: list[Sent], workers: int, seed: int
) -> None:
    """One worker or four, every speed of every partition, batches of every size, progress said at any moment."""
    cluster = Cluster(rulebook, records, workers, SOURCES)
    cluster.run(random.Random(seed), END)
    assert replayed(rulebook, records, SOURCES) == cluster.incidents()
    assert not cluster.rejected
