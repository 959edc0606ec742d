"""The measurement of process context does what it measures. Speed is asserted nowhere."""

import json

from confluent_kafka import Message

from tests.benchmarks.context import cost
from tests.corpus import seed_rulebook


def test_both_turns_do_their_work() -> None:
    """With the option a process is kept, without it none is; each round gives a time for both."""
    named = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "pc",
        "ProcessGuid": "{1}",
        "CommandLine": "a",
    }
    values = [json.dumps({**named, "EventID": event_id}).encode() for event_id in (1, 3, 10)]
    messages = [
        Message(topic="sysmon", partition=1, offset=offset, key=b"pc", value=value, timestamp=(1, 1))
        for offset, value in enumerate(values)
    ]
    found = cost(seed_rulebook(), messages, 2)
    assert (2, 2, 1) == (len(found.off), len(found.on), found.rows)
    assert found.row_bytes > 20
