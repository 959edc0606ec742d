"""Rules of every kind under faults: ``python -m tests.faults.variety``, with the replay of what was sent as the oracle.

A live producer plays hosts whose processes start, connect and end. Workers run rules of every kind there is: counts,
aggregates, several subpatterns, negation, a clear pattern, an exception, a chain, a flood cap. In the end the newest
revision of every incident must say what ``stream-app replay`` says of the very records that lie on the topic.
"""

import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec

from stream_app.engine.incident import Incident
from stream_app.engine.replay import replay
from stream_app.handoff.native import to_bytes
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rulebook
from tests.brokers import everything
from tests.faults.ground import single
from tests.faults.kinds import KINDS, SECONDS
from tests.faults.load import Load
from tests.faults.stage import Stage
from tests.runs import records_on

LATENESS = 30
"""Seconds: longer than any fault keeps a record from the topic, so that nothing is late."""
PATIENCE = 150.0
HOSTS = 12
CAP = 5
BACKLOG = "backlog"
"""The kind of run in which workers find everything there, most of it in one partition."""

HEAD = """id = "{id}"
name = "{id}"
severity = 5
category = "Security"
lateness = {lateness}
"""
CONNECT = """query = 'eventType CONTAIN "Win-Sysmon-3-" AND initiated = "true"'"""
CREATE = """query = 'eventType = "Win-Sysmon-1-Create-Process"'"""
PAIR = f"""
global = "Start.hostName = Reach.hostName AND Start.procGUID = Reach.procGUID"
[pattern.Start]
{CREATE}
group_by = ["hostName", "procGUID", "procName"]
aggregate = "COUNT(*) >= 1"
[pattern.Reach]
{CONNECT}
group_by = ["hostName", "procGUID", "destIpAddr"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Start.hostName"
procGUID = "Start.procGUID"
"""
SINGLE = f"""
[pattern.Reach]
{CONNECT}
group_by = ["hostName", "destIpAddr"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Reach.hostName"
destIpAddr = "Reach.destIpAddr"
"""
RULES = {
    "count": "window = 4\nupdate_interval = 2\n" + SINGLE.replace(">= 1", ">= 3"),
    "distinct": "window = 4\nupdate_interval = 1\n"
    + SINGLE.replace('"hostName", "destIpAddr"', '"hostName"')
    .replace('destIpAddr = "Reach.destIpAddr"', 'totFlows = "Reach.COUNT(DISTINCT destIpAddr)"')
    .replace("COUNT(*) >= 1", "COUNT(DISTINCT destIpAddr) >= 4"),
    "few": "window = 3\n" + SINGLE.replace(">= 1", "<= 2"),
    "pair": 'window = 4\ntrigger = "Start FOLLOWED_BY Reach"\n' + PAIR + 'destIpAddr = "Reach.destIpAddr"\n',
    "both": 'window = 4\nupdate_interval = 1\ntrigger = "Start AND Reach"\n' + PAIR,
    "silent": 'window = 3\ntrigger = "Start NOT_FOLLOWED_BY Reach"\n' + PAIR,
    "alone": 'window = 3\ntrigger = "Start AND_NOT Reach"\n' + PAIR,
    "short": "window = 1\nclear_after = 2\n" + SINGLE,
    "chain": """window = 8
[pattern.Seen]
query = 'eventType = "short"'
group_by = ["destIpAddr"]
aggregate = "COUNT(DISTINCT hostName) >= 4"
[incident]
destIpAddr = "Seen.destIpAddr"
""",
    "excepted": "window = 4\n"
    + SINGLE
    + """[[exception]]
when = 'hostName = "host-3" OR destIpAddr = 203.0.113.2'
reason = "a test"
""",
    "cleared": "window = 4\n"
    + SINGLE
    + """[clear]
query = 'eventType = "Win-Sysmon-5-Process-Terminated" AND procName CONTAIN "mend"'
group_by = ["hostName"]
match = { hostName = "hostName" }
""",
    "capped": "window = 4\n" + SINGLE + f"[flood]\nper_day = {CAP}\n",
}
_PATTERN_DECIDES = {"cleared"}
"""Rules whose incidents are cleared by what lies on the topic; others by how far time has come."""
_BY_CHANCE = ("incidentId", "revision", "activity", "triggeringEventList")

_encode = msgspec.json.Encoder().encode


def write_rules(folder: Path) -> Path:
    """Write the rules as files."""
    for name, text in RULES.items():
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.toml").write_text(HEAD.format(id=name, lateness=LATENESS) + text)
    return folder


class Processes(Load):
    """A producer of processes that start, connect and end, on a few hosts.

    ``skewed``: most records are one host's, so that its partition is read long after the others.
    """

    skewed = False

    def _send_any(self) -> None:
        chance = self._random
        number = chance.randrange(HOSTS)
        host = f"host-{0 if self.skewed and chance.random() < 0.9 else number}"
        process = f"{{5E1C0B7A-9D2F-65BA-{chance.randrange(40):04X}-000000003100}}"
        event: dict[str, Any] = {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "Computer": host,
            "ProcessGuid": process,
            "Image": r"C:\tools\mend.exe" if chance.random() < 0.2 else r"C:\tools\work.exe",
        }
        kind = chance.choices([1, 3, 5], [2, 5, 1])[0]
        if kind == 3:
            event |= {"Initiated": "true", "SourceIsIpv6": "false", "DestinationIp": f"203.0.113.{chance.randrange(6)}"}
        self._put(host, _encode({"EventID": kind} | event))

    def _put(self, host: str, value: bytes) -> None:
        self._producer.produce(self._topic, value, host, on_delivery=self._delivered)
        self.sent += 1


def standing(sent: Iterable[bytes]) -> Counter[str]:
    """Give what the newest revision of each incident says, but for what the order of arrival may decide."""
    last: dict[str, dict[str, Any]] = {}
    for value in sent:
        incident = msgspec.json.decode(value)
        known = last.get(incident["incidentId"])
        if known is None or known["revision"] <= incident["revision"]:
            last[incident["incidentId"]] = incident
    stands: Counter[str] = Counter()
    for incident in last.values():
        rule = incident["ruleId"]
        if rule == "capped":  # which ones are held back is a matter of order: how many is not
            held = incident["count"] if incident["eventType"] != rule else 0
            stands["capped, held back"] += held
            stands["capped, said"] += not held
        elif "mergedInto" not in incident:
            by_chance = (*_BY_CHANCE, *(() if rule in _PATTERN_DECIDES else ("incidentStatus", "incidentClearedTime")))
            stands[_encode({k: v for k, v in sorted(incident.items()) if k not in by_chance}).decode()] += 1
    return stands


class Outcome(msgspec.Struct):
    """What a run came to: incidents expected, and by rule those missing and those that nobody expected."""

    records: int
    incidents: int
    missing: Counter[str]
    extra: Counter[str]

    @property
    def good(self) -> bool:
        """Whether everything is as the replay says."""
        return not (self.missing or self.extra)


def judge(stage: Stage, rulebook: Rulebook) -> Outcome:
    """Compare incidents with the replay of the sysmon topic, for as long as they differ and patience lasts."""
    records = records_on(stage.connection, stage.names)
    expected = standing(
        to_bytes(each) for each in replay(rulebook, records, sources=None) if isinstance(each, Incident)
    )
    deadline = time.monotonic() + PATIENCE
    while True:
        stage.keep_alive()
        sent = [message.value() or b"" for message in everything(stage.connection, stage.names.incidents)]
        actual = standing(sent)
        if actual == expected or time.monotonic() > deadline:
            return Outcome(len(records), expected.total(), expected - actual, actual - expected)
        time.sleep(2)  # between two readings of a whole topic


def run(fault: Callable[[Stage], None], stage: Stage, rulebook: Rulebook, load: Processes) -> Outcome:
    """Do one run; then kill every worker and let a new one recover: nothing may change."""
    try:
        if load.skewed:  # everything is there before anybody reads
            load.start()
            load.finish()
        for _ in range(2):
            stage.worker()
        stage.ready()
        if not load.skewed:
            load.start()
            fault(stage)
            load.finish()
        outcome = judge(stage, rulebook)
        if outcome.good:
            stage.close()
            stage.workers.clear()
            stage.worker()
            stage.ready()
            outcome = judge(stage, rulebook)
        return outcome
    finally:
        stage.close()


@click.command()
@click.option(
    "--kinds", default="none,backlog,kill,terminate,join-leave,freeze,broker", show_default=True, help="With commas."
)
@click.option("--times", default=2, show_default=True, help="Faults a run.")
@click.option("--seed", type=int, default=None, help="Repeat a run's choices; without it a new seed, which is printed.")
@click.option("--rate", default=120, show_default=True, help="Records a second.")
@click.option("--folder", type=click.Path(path_type=Path), default=None, help="Where logs go and stay; must be new.")
def main(kinds: str, times: int, seed: int | None, rate: int, folder: Path | None) -> None:
    """Run rules of every kind under faults; print a line a run. Ends with 1 if any incident is not as replay says."""
    seed = random.SystemRandom().randrange(1 << 30) if seed is None else seed
    folder = Path(tempfile.mkdtemp(prefix="variety-")) if folder is None else folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(f"seed {seed}, logs in {folder}", err=True)
    rules = write_rules(folder / "kinds-of-rules")
    rulebook = load_rulebook(rules)
    ground = single(folder / "kafka")
    click.echo("| kind | records | incidents | missing | extra | s |\n| --- | --- | --- | --- | --- | --- |")
    good = True
    try:
        ground.start()
        for number, kind in enumerate(kinds.split(",")):
            began = time.monotonic()
            settings = {"rules": str(rules), "store": "rocksdb" if number % 2 else "memory"}
            stage = Stage(ground, folder / kind, f"variety-{kind}", settings=settings)
            seconds = SECONDS.get(kind, 5.0) * times + 3
            load = Processes(stage.connection, stage.names.sysmon, seed + number, rate, seconds)
            load.skewed = kind == BACKLOG
            fault, chance = KINDS.get(kind, KINDS["none"]), random.Random(seed + number)
            outcome = run(partial(fault, chance=chance, times=times), stage, rulebook, load)
            good = good and outcome.good
            took = f"{time.monotonic() - began:.0f}"
            off = outcome.missing.total(), outcome.extra.total()
            click.echo(f"| {' | '.join(map(str, (kind, outcome.records, outcome.incidents, *off, took)))} |")
            for what, found in (("missing", outcome.missing), ("extra", outcome.extra)):
                for each in list(found)[:10]:
                    click.echo(f"{kind}: {what}: {each}", err=True)
    finally:
        ground.stop()
    sys.exit(not good)


if __name__ == "__main__":
    main()
