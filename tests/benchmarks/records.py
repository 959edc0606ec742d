"""Records of job J: a shape, a match rate and a seed go in; keyed records of 933 bytes, or a few more, come out.

Decision: two events in five are network connections. Of all records ``rate`` match the seed rule, and as many again
(one in a hundred at most) nearly do: python that accepted a connection, that stayed on loopback, or that conda or
Jupyter started. A host keeps its address and runs few scripts, so that groups come back: there are 20,000 of them.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

SIZE = 933
"""Bytes of a record; what is shorter is filled up."""

HOSTS = 200
SCRIPTS = 5
"""For each host."""
TARGETS = 20
NEAR = 0.01
NETWORK = 0.4
OTHERS = {
    1: "Win-Sysmon-1-Create-Process",
    7: "Win-Sysmon-7-Image-Loaded",
    10: "Win-Sysmon-10-Process-Access",
    11: "Win-Sysmon-11-FileCreate",
    13: "Win-Sysmon-13-Registry-Value-Set",
}
PROGRAMS = (
    r"C:\Windows\System32\svchost.exe",
    r"C:\Windows\System32\lsass.exe",
    r"C:\Windows\explorer.exe",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
)
PYTHONS = (r"C:\Python311\python.exe", r"C:\Users\ines\AppData\Local\Programs\Python\Python312\pythonw.exe")
ANACONDA = r"C:\ProgramData\Anaconda3"

_encode = msgspec.json.Encoder().encode


class Mix(Struct, frozen=True, kw_only=True):
    """What a topic is filled with. ``rate`` is the share of records that match, ``start`` in ms since 1970."""

    shape: str = "fortisiem"
    """``fortisiem``: normalised by FortiSIEM, attributes by name; ``flat``: Sysmon's own fields, from a forwarder."""
    rate: float
    seed: int = 7
    start: int


class Made(Struct, frozen=True):
    """One record, and how many rules want it; where it is made here, that is the seed rule or none."""

    key: bytes
    value: bytes
    matches: int
    group: str = ""
    """What the seed rule groups one that matches by, where it is made here."""


class Deed(Struct, frozen=True, kw_only=True):
    """What happened on a host, before any shape."""

    host: int
    event: int
    image: str
    parent: str
    command: str
    initiated: bool = True
    source: str = ""
    target: str = ""


def records(count: int, mix: Mix) -> Iterator[Made]:
    """Give ``count`` records, ten of each millisecond."""
    chance = random.Random(mix.seed)  # the mix is the same for each run of a seed
    render = _SHAPES[mix.shape]
    near = min(NEAR, mix.rate, 1 - mix.rate)
    for number in range(count):
        drawn = chance.random()
        matches = drawn < mix.rate
        if matches:
            deed = _wanted(chance)
        elif drawn < mix.rate + near:
            deed = _nearly(chance)
        else:
            deed = _other(chance)
        fields = render(deed, chance, mix.start + number // 10)
        value = _encode(fields)
        if len(value) < SIZE:
            fields["Message"] = "." * (SIZE - len(value) - len(b',"Message":""'))
            value = _encode(fields)
        group = f"{deed.host} {deed.command} {deed.target}" if matches else ""
        yield Made(_name(deed.host).encode(), value, int(matches), group)


def _wanted(chance: random.Random) -> Deed:
    host = chance.randrange(HOSTS)
    script = chance.randrange(SCRIPTS)
    image = PYTHONS[script % len(PYTHONS)]
    return Deed(
        host=host,
        event=3,
        image=image,
        parent=PROGRAMS[script],
        command=rf"{image} C:\tools\job_{host}_{script}.py --all",
        source=_address(host),
        target=f"203.0.113.{chance.randrange(TARGETS)}",
    )


def _nearly(chance: random.Random) -> Deed:
    deed = _wanted(chance)
    conda, python = rf"{ANACONDA}\Scripts\conda.exe", rf"{ANACONDA}\python.exe"
    change: dict[str, Any] = chance.choice(
        (
            {"initiated": False},
            {"source": "127.0.0.1", "target": "127.0.0.1"},
            {"parent": conda, "command": rf"{python} {ANACONDA}\Scripts\conda-script.py update -y"},
            {"parent": python, "command": rf"{python} {ANACONDA}\Scripts\jupyter-notebook-script.py --port 8888"},
        )
    )
    return msgspec.structs.replace(deed, **change)


def _other(chance: random.Random) -> Deed:
    host, image = chance.randrange(HOSTS), chance.choice(PROGRAMS)
    network = chance.random() < NETWORK
    return Deed(
        host=host,
        event=3 if network else chance.choice(tuple(OTHERS)),
        image=image,
        parent=chance.choice(PROGRAMS),
        command=f"{image} -k netsvcs -s {_hex(chance, 6)}",
        initiated=chance.random() < 2 / 3,
        source=_address(host),
        target=f"93.184.{chance.randrange(256)}.{chance.randrange(1, 255)}",
    )


def _fortisiem(deed: Deed, chance: random.Random, time: int) -> dict[str, Any]:
    network = deed.event == 3
    fields = {
        "eventId": chance.getrandbits(48),
        "eventType": "Win-Sysmon-3-Network-Connect-IPv4" if network else OTHERS[deed.event],
        "winEventId": str(deed.event),
        "phRecvTime": time // 1000,
        "deviceTime": time,
        "reptDevIpAddr": _address(deed.host),
        "hostName": _name(deed.host),
        "customer": "Super",
        "phCustId": 1,
        "collectorId": 10001,
        "eventSeverity": 1,
        "winLogName": "Microsoft-Windows-Sysmon/Operational",
        "extEventRecvProto": "Windows FortiSIEM Agent",
        "user": r"NT AUTHORITY\NETWORK SERVICE",
        "domain": "CORP",
        "procGuid": _guid(chance),
        "procId": chance.randrange(65536),
        "procName": deed.image,
        "parentProcName": deed.parent,
        "command": deed.command,
    }
    if not network:
        return fields | {"hashCode": f"SHA256={_hex(chance, 64)}", "fileName": rf"C:\Temp\{_hex(chance, 8)}"}
    return fields | {
        "initiated": str(deed.initiated).lower(),
        "srcIpAddr": deed.source,
        "srcIpPort": chance.randrange(49152, 65536),
        "destIpAddr": deed.target,
        "destIpPort": chance.choice((22, 80, 443, 445, 3389)),
        "ipProto": 6,
    }


def _flat(deed: Deed, chance: random.Random, time: int) -> dict[str, Any]:
    network = deed.event == 3
    fields = {
        "EventID": deed.event,
        "SourceName": "Microsoft-Windows-Sysmon",
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": _name(deed.host),
        "RecordNumber": chance.randrange(1 << 24),
        "ExecutionProcessID": 3520,
        "ThreadID": chance.randrange(65536),
        "Severity": "INFO",
        "SourceModuleName": "eventlog",
        "SourceModuleType": "im_msvistalog",
        "TimeCreated": time,
        "RuleName": "-",
        "ProcessGuid": _guid(chance),
        "ProcessId": str(chance.randrange(65536)),
        "Image": deed.image,
        "ParentImage": deed.parent,
        "CommandLine": deed.command,
        "User": r"NT AUTHORITY\NETWORK SERVICE",
    }
    if not network:
        return fields | {"Hashes": f"SHA256={_hex(chance, 64)}", "TargetFilename": rf"C:\Temp\{_hex(chance, 8)}"}
    return fields | {
        "Protocol": "tcp",
        "Initiated": str(deed.initiated).lower(),
        "SourceIsIpv6": "false",
        "SourceIp": deed.source,
        "SourcePort": str(chance.randrange(49152, 65536)),
        "DestinationIsIpv6": "false",
        "DestinationIp": deed.target,
        "DestinationPort": chance.choice(("22", "80", "443", "445", "3389")),
    }


def _name(host: int) -> str:
    return f"WIN-{host:04d}.corp.example"


def _address(host: int) -> str:
    return f"10.{host % 4}.{host // 4}.17"


def _hex(chance: random.Random, digits: int) -> str:
    return f"{chance.getrandbits(4 * digits):0{digits}X}"


def _guid(chance: random.Random) -> str:
    return f"{{{_hex(chance, 8)}-{_hex(chance, 4)}-{_hex(chance, 4)}-0000-001000000000}}"


_SHAPES: dict[str, Callable[[Deed, random.Random, int], dict[str, Any]]] = {"fortisiem": _fortisiem, "flat": _flat}
SHAPES = tuple(_SHAPES)
