"""Replay over real captures, which lie beside the checkout and are no part of it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import Tally, replay
from stream_app.language.compile import EVERYTHING
from stream_app.language.values import Value
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.normalise import normalise

CAPTURES = Path(__file__).parents[3].parent / "shared" / "data" / "sysmon"


def _python_connects(event: Mapping[str, Value]) -> bool:
    """Want what the first rule wants, its exclusions of two programs left out."""
    return (
        str(event.get("eventType")).startswith("Win-Sysmon-3-Network-Connect")
        and event.get("initiated") == "true"
        and "python" in str(event.get("procName"))
        and (event.get("destIpAddr") != "127.0.0.1" or event.get("srcIpAddr") != "127.0.0.1")
    )


def _records(name: str) -> list[Record]:
    path = CAPTURES / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    lines = path.read_bytes().splitlines()
    return [Record(name, 0, i, normalise(line).recorded or 0, line) for i, line in enumerate(lines) if line.strip()]


@pytest.mark.parametrize(
    ("name", "count"), [("flat-mordor.proxylogon.eid-1-3-5-22.jsonl", 10), ("flat-eventdata.eid3-and-python.jsonl", 0)]
)
def test_python_connections(seed_rule: Rule, rule_of: Callable[..., Rule], name: str, count: int) -> None:
    """Ten connections over IPv6's loopback are one incident of ten; those that did not initiate are none."""
    reads = frozenset({"eventType", "initiated", "procName"})
    wanted = msgspec.structs.replace(EVERYTHING, rest=_python_connects, reads=reads)
    subpattern = msgspec.structs.replace(seed_rule.subpattern, filter=wanted)
    rule = rule_of(id=seed_rule.id, subpattern=subpattern, mapping=seed_rule.mapping)
    tally = Tally()
    found = list(replay(Rulebook({rule.id: rule}), _records(name), tally=tally))
    incidents = [each for each in found if isinstance(each, Incident)]
    assert (count, {}) == (tally.matches, tally.rejected)
    assert list(range(1, count + 1)) == [each.count for each in incidents]
    assert len({each.incident_id for each in incidents}) == min(count, 1)
    assert all(each.attributes["destIpAddr"] == "::1" for each in incidents)
    assert len(found) == len(incidents)
