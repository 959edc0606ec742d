"""A rule that reads another one's incidents, through workers on the broker inside the process, one of them killed."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stream_app.kafka.connection import Connection
from stream_app.kafka.embedded import EmbeddedBroker
from stream_app.kafka.following import follow
from stream_app.kafka.producing import produce
from stream_app.kafka.topics import Names, declare
from tests.brokers import settings_of
from tests.workers import WorkerProcess

RULE = """
id = "{id}"
name = "{id}"
severity = 5
category = "Security"
window = 600

[pattern.Filter]
query = '{query}'
group_by = [{group_by}]
aggregate = "{aggregate}"

[incident]
{mapping}
"""
RULES = {
    "PH_Rule_Reach": ('eventType CONTAIN "Win-Sysmon-3-"', ("hostName", "destIpAddr"), "COUNT(*) >= 1"),
    "PH_Rule_Scan": ('eventType = "PH_Rule_Reach"', ("hostName",), "COUNT(*) >= 3"),
    "PH_Rule_Any": ('eventType = "PH_Rule_Scan" AND phEventCategory = 1', (), "COUNT(*) >= 1"),
}
START = 1_750_000_000_000
HOSTS, ADDRESSES = ("a", "b", "c"), 8


def write_rules(folder: Path) -> None:
    """Make a folder of the rules."""
    for rule, (query, names, aggregate) in RULES.items():
        (folder / rule).mkdir(parents=True)
        group_by = ", ".join(f'"{name}"' for name in names)
        mapping = "\n".join(f'{name} = "Filter.{name}"' for name in names)
        text = RULE.format(id=rule, query=query, group_by=group_by, aggregate=aggregate, mapping=mapping)
        (folder / rule / f"{rule}.toml").write_text(text)


def records(addresses: Sequence[int]) -> list[tuple[bytes, bytes, int]]:
    """Give two records of each host for each address, as a producer is given them."""
    return [
        (
            host.encode(),
            json.dumps(
                {
                    "eventType": "Win-Sysmon-3-Network-Connect-IPv4",
                    "hostName": host,
                    "destIpAddr": f"10.0.0.{address}",
                }
            ).encode(),
            START + 1000 * address,
        )
        for address in addresses
        for host in HOSTS * 2
    ]


class Latest:
    """The newest revision of each incident, as it comes."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection, self._names = connection, names
        self.known: dict[str, dict[str, object]] = {}
        self.told: dict[tuple[object, object], bytes] = {}

    def wait(self, worker: WorkerProcess, expected: Counter[tuple[object, ...]]) -> None:
        """Read from the beginning until the incidents are these, or it has taken too long."""
        deadline = time.monotonic() + 60

        def done() -> bool:
            assert worker.alive, worker.said()
            return self.counts() == expected or time.monotonic() > deadline

        for message in follow(self._connection, self._names.incidents, from_beginning=True, stop=done):
            value = message.value() or b""
            incident = json.loads(value)
            identity = incident["incidentId"], incident["revision"]
            assert value == self.told.setdefault(identity, value)
            if incident["revision"] >= self.known.get(incident["incidentId"], incident)["revision"]:
                self.known[incident["incidentId"]] = incident
        assert expected == self.counts()

    def counts(self) -> Counter[tuple[object, ...]]:
        """Give (rule, host, count, events behind it) of each incident."""
        names = ("ruleId", "hostName", "count", "incidentCount")
        return Counter(tuple(each.get(name) for name in names) for each in self.known.values())


def expected(addresses: int) -> Counter[tuple[object, ...]]:
    """Give what must come when each host has reached so many addresses, twice each."""
    found: Counter[tuple[object, ...]] = Counter()
    for host in HOSTS:
        found["PH_Rule_Reach", host, 2, 2] += addresses
        found["PH_Rule_Scan", host, addresses - 2, addresses] += 1
    found["PH_Rule_Any", None, len(HOSTS), len(HOSTS)] += 1
    return found


def test_incidents_are_counted_once_by_the_rules_that_read_them(tmp_path: Path) -> None:
    """Over three rules and a worker that is killed: each incident is one event, and the counts are exact."""
    write_rules(tmp_path / "rules")
    with EmbeddedBroker() as broker:
        connection = Connection(bootstrap_servers=broker.bootstrap_servers)
        names = Names(app_id="chained")
        broker.make_topics(topic.name for topic in declare(names))
        settings = settings_of(connection, names) | {"rules": str(tmp_path / "rules"), "drained": "hold"}
        latest = Latest(connection, names)
        produce(connection, names.sysmon, records(range(4)))
        with WorkerProcess(tmp_path, "worker", settings) as worker:
            latest.wait(worker, expected(4))
            produce(connection, names.sysmon, records(range(4, ADDRESSES)))
            worker.kill()
            worker.restart()
            latest.wait(worker, expected(ADDRESSES))
            scan = next(each for each in latest.known.values() if each["ruleId"] == "PH_Rule_Scan")
            reached = {each["incidentId"] for each in latest.known.values() if each["ruleId"] == "PH_Rule_Reach"}
            evidence = scan["triggeringEventList"]
            assert isinstance(evidence, list)
            assert {each.removeprefix("incidents/") for each in evidence} <= reached
            assert 0 == worker.terminate()
