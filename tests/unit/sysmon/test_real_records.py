"""Every real record beside this checkout is read, but for those that are known to be malformed."""

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.sysmon.carried import FIELDS_OF_SYSMON, carried_by
from stream_app.sysmon.normalise import Unreadable, normalise

RECORDS = Path(__file__).parents[3].parent / "shared" / "data" / "sysmon"
QUIRKS = RECORDS / "quirks.jsonl"
MALFORMED = {"azure-syslog-linuxsysmon.jsonl": 17, "quirks.jsonl": 1}
"""Records whose XML, inside syslog, is not well formed: the whole of the list that comes with the data."""

SHAPES = {
    "nxlog",
    "flat",
    "eventdata",
    "winlogbeat6",
    "evtx-json",
    "xml2json",
    "azure-windowsevent",
    "linux-syslog",
    "xml",
}

needs_records = pytest.mark.skipif(not RECORDS.is_dir(), reason="needs ../shared/data/sysmon beside the checkout")


def _records(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
        for line in lines:
            if path.name != QUIRKS.name:
                yield line
                continue
            quirk = json.loads(line)
            yield from (json.dumps(quirk[key]).encode() for key in ("native", "native_2") if key in quirk)


@needs_records
def test_real_records(capsys: pytest.CaptureFixture[str]) -> None:
    """No record of any file is unreadable but the malformed ones; every shape of the data is met.

    None carries what its event is said not to carry.
    """
    read: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    reasons: set[str] = set()
    for path in sorted([*RECORDS.glob("*.jsonl"), *RECORDS.glob("*.jsonl.gz")]):
        for record in _records(path):
            try:
                event = normalise(record)
            except Unreadable as error:
                refused[path.name] += 1
                reasons.add(error.reason)
                continue
            assert "Sysmon-" in str(event.attributes["eventType"])
            assert event.recorded is not None
            event_id = int(str(event.attributes.get("winEventId", -1)))
            assert event_id not in FIELDS_OF_SYSMON or set(event.attributes) <= carried_by(event_id)
            read[path.name] += 1
            shapes[event.shape] += 1

    assert (MALFORMED, {"not xml"}) == (dict(refused), reasons)
    assert SHAPES == set(shapes)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{read.total()} real records of {len(read)} files read, {refused.total()} malformed refused\n"
        )


@needs_records
def test_every_quirk_has_a_test() -> None:
    """Each quirk that was collected has a test of its own name in test_quirks.py."""
    tests = (Path(__file__).parent / "test_quirks.py").read_text(encoding="utf-8")
    names = [json.loads(line)["quirk"] for line in QUIRKS.read_text(encoding="utf-8").splitlines()]

    assert [] == [name for name in names if f"def test_{name.replace('-', '_')}(" not in tests]
    assert 50 == len(names)


@needs_records
def test_the_seed_rules_connections() -> None:
    """The capture that holds ten python connections over IPv6 loopback gives ten, each with canonical addresses."""
    events = [normalise(line).attributes for line in _records(RECORDS / "flat-mordor.proxylogon.eid-1-3-5-22.jsonl")]
    python = [event for event in events if "python" in str(event.get("procName")) and event.get("initiated") == "true"]

    assert [("::1", "::1")] * 10 == [(event["srcIpAddr"], event["destIpAddr"]) for event in python]
