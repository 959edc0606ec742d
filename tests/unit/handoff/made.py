"""Incidents for the tests of every format."""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.incident import Incident, incident
from stream_app.engine.key import Key
from stream_app.engine.row import Episode, Mark, Source
from stream_app.language.aggregate import CountConstraint
from stream_app.language.values import Value
from stream_app.rulebook.mapping import INCIDENT_FIELDS
from stream_app.rulebook.rule import Rule, Subpattern
from stream_app.sysmon.attributes import VOCABULARY

ID = bytes.fromhex("6d0c3c2e111152228333444455556666")
ID_TEXT = "6d0c3c2e-1111-5222-8333-444455556666"
OTHER = bytes.fromhex("00000000111152228333444455556666")
OTHER_TEXT = "00000000-1111-5222-8333-444455556666"
TIME = 1_700_000_000_000
SYSMON = Source("T", "sysmon", 0, 42)
ATTRIBUTES: dict[str, Value | None] = {
    "destIpAddr": "203.0.113.9",
    "hostName": "pc1",
    "procName": "C:\\Python311\\python.exe",
    "srcIpAddr": "10.0.0.5",
    "srcIpPort": 50123,
}
MANY: dict[str, Value | None] = {
    **ATTRIBUTES,
    "command": "python.exe -c \"print('a=b|c')\"",
    "procId": "4711",
    "procGUID": "{B1-2}",
    "parentProcName": "C:\\Windows\\explorer.exe",
    "parentProcId": "12",
    "user": "m.okafor",
    "domain": "CORP",
    "initiated": "true",
    "srcProto": "tcp",
    "destIpPort": 443,
    "destName": "example.org",
    "hostIpAddr": "fe80::1",
    "fileName": "C:\\Temp\\a.txt",
    "hashSHA256": "ab" * 32,
    "regKeyPath": "HKLM\\Software\\Run",
    "queryId": "example.org",
    "winLogonId": "0x3e7",
}


def made(  # noqa: PLR0913 - what differs between the tests
    attributes: Mapping[str, Value | None] = ATTRIBUTES,
    *,
    customer: str = "1",
    name: str = "Windows: Python Initiated Connection",
    into: bytes = b"",
    sources: tuple[Source, ...] = (SYSMON,),
    marks: tuple[Mark, ...] = (Mark(TIME, 0, 42),),
    severity: int = 5,
    techniques: tuple[str, ...] = ("T1046",),
) -> Incident:
    """Give an incident of a rule that maps each attribute onto its own name, None for one that is absent."""
    pattern = Subpattern("Filter", "", lambda _: True, tuple(attributes), CountConstraint(">=", 1))
    rule = Rule(
        id="PH_Rule_SIGMA_1774",
        name=name,
        description="",
        severity=severity,
        category="Security",
        subcategory="Discovery",
        tactics=("Discovery",),
        techniques=techniques,
        window=1000,
        subpattern=pattern,
        mapping=tuple((attribute, attribute) for attribute in attributes),
    )
    key = Key(rule.id, customer, tuple(attributes.values()))
    count = 0 if into else 1
    return incident(rule, key, Episode(ID, 2 if into else 1, TIME, TIME, count, count, 0, marks, into), sources)


def updated(told: Incident) -> Incident:
    """Give the incident a second trigger."""
    return replace(told, episode=replace(told.episode, revision=2, count=2, events=2, last=TIME + 1000))


def over(told: Incident) -> Incident:
    """Give the incident as it is when it is over."""
    return replace(told, episode=replace(told.episode, revision=3, cleared=TIME + 5000))


def merged(told: Incident) -> Incident:
    """Give the incident as it is when another one took it over."""
    return replace(told, episode=replace(told.episode, revision=3, count=0, events=0, evidence=(), into=OTHER))


def document(data: bytes) -> dict[str, Any]:
    """Read what must be one JSON object in UTF-8."""
    read: dict[str, Any] = json.loads(data.decode("utf-8"))
    return read


HOSTILE = [
    '"',
    "\\",
    "\\\\|=",
    "a=b c=d",
    "|",
    "\x00",
    "\x1b[2J",
    "\u202eexe.cod",
    "\u2066x\u2069",
    "</script>",
    "<pre>&amp;",
    "\r\n",
    "CEF:0|a|b|1|1|x|10|src=1",
    "\u2028",
    "\ud800",
    "\U0010ffff",
    "",
    "{}",
    "\x7f",
    "fe80::1%eth0",
    "::ffff:1.2.3.4",
    "١٢٣",
    "0x10",
    "C:\\",
    "1e400",
]

_texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
_values = st.none() | _texts | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def incidents() -> st.SearchStrategy[Incident]:
    """Give any incident: attributes of FortiSIEM's with any values, in any state, at any time."""
    return st.builds(
        _any,
        st.dictionaries(st.sampled_from(sorted(_free())), _values, max_size=40),
        st.sampled_from([made, updated, over, merged]),
        _texts,
        st.text(st.characters(exclude_categories=("Cs",)), min_size=1),
        st.integers(1, 10),
        st.lists(st.sampled_from(["T1046", "T1059.006", "T1059.001"]), unique=True),
        st.sampled_from([TIME, 0, -1, 2**62, -(2**62)]),
    )


def _free() -> set[str]:
    return set(VOCABULARY) - INCIDENT_FIELDS


def _any(  # noqa: PLR0913, PLR0917 - what hypothesis draws
    attributes: dict[str, Value | None],
    state: Any,
    customer: str,
    name: str,
    severity: int,
    techniques: list[str],
    time: int,
) -> Incident:
    told = made(attributes, customer=customer, name=name, severity=severity, techniques=tuple(techniques))
    told = told if state is made else state(told)
    episode = told.episode
    cleared = None if episode.cleared is None else time
    return replace(told, episode=replace(episode, first=time, last=time, cleared=cleared))
