"""A seed number and a count → that many hostile records, one at a time; the same numbers give the same records.

Decision: the first records are one of every kind, so that a short run has seen each; the rest is drawn by weight. Real
records are made worse where the captures lie beside the checkout, else records written here, one of each shape.
"""

import gzip
import itertools
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from stream_app.engine.match import GROUP_LIMIT
from stream_app.sysmon.normalise import MAX_BYTES
from tests.hostile import mutations, strange

CAPTURES = Path(__file__).parents[2].parent / "shared" / "data" / "sysmon"
FROM_EACH = 1_500
"""Lines of each capture that are used."""

HUGE = 10_000_000
"""Bytes of the largest record."""

_encode = msgspec.json.Encoder().encode

_XML = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Sysmon'/><EventID>3</EventID><TimeCreated SystemTime='2024-01-31T09:15:00Z'/>"
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws07</Computer></System><EventData>"
    "<Data Name='Image'>C:\\Python311\\python.exe</Data><Data Name='Initiated'>true</Data>"
    "<Data Name='SourceIp'>10.20.0.14</Data><Data Name='DestinationIp'>203.0.113.9</Data></EventData></Event>"
)
_DATA = {"Image": "C:\\Python311\\python.exe", "Initiated": True, "SourceIp": "::1", "ProcessId": 7312}
_SYSMON = "Microsoft-Windows-Sysmon"
_OWN: tuple[object, ...] = (
    {"EventID": 3, "Channel": f"{_SYSMON}/Operational", "SourceName": _SYSMON, "Hostname": "ws07", **_DATA},
    {"Event": {"System": {"EventID": 3, "Provider": {"#attributes": {"Name": _SYSMON}}}, "EventData": _DATA}},
    {"Event": {"System": {"EventID": "3"}, "EventData": {"Data": [{"Name": "Image", "text": "python"}]}}},
    {"winlog": {"event_id": 3, "event_data": _DATA, "provider_name": _SYSMON}, "event": {"created": "2024-01-31"}},
    {"winlog": {"event_id": 3}, "event": {"module": "sysmon"}, "process": {"pid": 1, "executable": "python"}},
    {"event_id": 3, "event_data": _DATA, "source_name": _SYSMON, "computer_name": "ws07"},
    {"EventID": 3, "Provider": _SYSMON, "EventData": _encode(_DATA).decode(), "TimeGenerated": "2024-01-31T09:15:00Z"},
    {"SyslogMessage": _XML, "HostName": "pi4", "HostIP": "10.0.0.1"},
    {"eventType": "Win-Sysmon-3-Network-Connect-IPv4", "initiated": "true", "procName": "python", "phRecvTime": 1e9},
    _XML,
)
_LINES = (
    _XML,
    f'2026-03-02T10:15:33Z ws07 192.0.2.17 FSM-WUA-WinLog-Sysmon [phCustId]="1" [timeZone]="+0530" [xml]={_XML}',
    f'Thu Jul 23 15:50:10 2015 ws07 192.0.2.17 AccelOps-WUA-WinLog [phCustId]="1" [timeZone]="+0530" [xml]={_XML}',
    f"<13>Jan 31 09:15:00 pi4 sysmon: {_XML}",
)


class Hostile(NamedTuple):
    """A record to send; ``timestamp`` in ms since 1970, 0 is now."""

    kind: str
    key: bytes | None
    value: bytes | None
    headers: strange.Headers | None
    timestamp: int


class Seeds(NamedTuple):
    """Good records to begin with: JSON ones and texts. ``real`` says whether captures are among them."""

    objects: list[bytes]
    texts: list[bytes]
    real: bool


def seeds() -> Seeds:
    """Give what there is on this machine."""
    found = Seeds([_encode(each) for each in _OWN], [each.encode() for each in _LINES], CAPTURES.is_dir())
    for path in sorted(CAPTURES.glob("*.jsonl*")):
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for line in itertools.islice(lines, FROM_EACH):
                found.objects.append(line.rstrip(b"\n"))
                if line.startswith(b'"'):
                    found.texts.append(str(msgspec.json.decode(line)).encode())
    return found


def hostile(count: int, seed: int, good: Seeds) -> Iterator[Hostile]:
    """Give the records."""
    chance = random.Random(seed)
    now = int(time.time() * 1000)
    names = list(_KINDS)
    sums = list(itertools.accumulate(weight for weight, _ in _KINDS.values()))
    for number in range(count):
        kind = names[number] if number < len(names) else chance.choices(names, cum_weights=sums)[0]
        value = _KINDS[kind][1](chance, good)
        yield Hostile(kind, strange.key(chance), value, strange.headers(chance), strange.timestamp(chance, now))


Make = Callable[[random.Random, Seeds], bytes | None]


def _of_object(way: Callable[[random.Random, bytes], bytes]) -> Make:
    return lambda chance, good: way(chance, chance.choice(good.objects))


def _of_text(way: Callable[[random.Random, bytes], bytes]) -> Make:
    return lambda chance, good: way(chance, chance.choice(good.texts))


def _whole(chance: random.Random, good: Seeds) -> bytes:
    return chance.choice(chance.choice((good.objects, good.texts)))


def _spliced(chance: random.Random, good: Seeds) -> bytes:
    one, other = _whole(chance, good), _whole(chance, good)
    return one[: chance.randint(0, len(one))] + other[chance.randint(0, len(other)) :]


def _nested(chance: random.Random, good: Seeds) -> bytes:
    depth = chance.choice((10, 500, 1_000, 1_500, strange.DEEPEST))
    opening, closing = chance.choice(
        ((b"[", b"]"), (b'{"Event":', b"}"), (b'{"winlog":', b"}"), (b"<Event>", b"</Event>"))
    )
    return opening * depth + chance.choice((b"", b"1", chance.choice(good.objects))) + closing * depth


def _huge(chance: random.Random, good: Seeds) -> bytes:
    """Give a record of one to ten megabytes."""
    return _sized(chance, good, chance.choice((1_000_001, int(10 ** chance.uniform(6.1, 7)), HUGE)))


def _at_the_bound(chance: random.Random, good: Seeds) -> bytes:
    """Give a record as large as what is read may be, and a byte less or more."""
    return _sized(chance, good, MAX_BYTES + chance.randint(-1, 1))


def _sized(chance: random.Random, good: Seeds, size: int) -> bytes:
    head = b'{"EventID":3,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"ws","Image":"C:\\\\'
    tail = chance.choice((b'"}', b'","Initiated":"true"}', b"", b"]", chance.choice(good.objects)))
    return head + b"a" * max(0, size - len(head) - len(tail)) + tail


def _slow(chance: random.Random, _: Seeds) -> bytes:
    """Give a record of nearly a megabyte that takes up to 50 ms to read, where others take 1 ms."""
    match chance.randrange(4):
        case 0:
            return b'{"EventID":3,"Event":[%s]}' % b",".join([b"{}"] * 300_000)
        case 1:
            return _connection(chance, Hashes="MD5=," * 150_000)
        case 2:
            return b'{"EventID":3,%s}' % b",".join(b'"k%d":0' % number for number in range(60_000))
        case _:
            return b"x FSM-WUA-WinLog-Sysmon " + b'[a]="b" ' * 110_000 + b"[xml]=" + _XML.encode()


def _connection(chance: random.Random, **fields: object) -> bytes:
    """Give a connection of python, which the seed rule wants unless the fields say otherwise."""
    record: dict[str, object] = {
        "EventID": 3,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": f"ws-{chance.randrange(200)}",
        "Image": "C:\\Python311\\python.exe",
        "Initiated": "true",
        "SourceIp": "10.20.0.14",
        "DestinationIp": f"203.0.113.{chance.randrange(20)}",
    }
    return _encode(record | fields)


def _python(chance: random.Random, _: Seeds) -> bytes:
    """Give a match with texts in it that do not print."""
    names = ("CommandLine", "ParentImage", "Hostname", "Computer", "DestinationIp", "SourceIp", "User", "Image")
    fields: dict[str, object] = {name: strange.text(chance) for name in chance.sample(names, chance.randint(0, 3))}
    if "Image" in fields:
        fields["Image"] = f"{fields['Image']}python{strange.text(chance)}"
    return _connection(chance, **fields)


def _python_token(chance: random.Random, _: Seeds) -> bytes:
    """Give what would be a match, with anything that JSON may hold, or may not, in fields that the rule reads."""
    return mutations.wrong_type(chance, _connection(chance, CommandLine="c", ParentImage="p"))


def _python_at_the_bound(chance: random.Random, _: Seeds) -> bytes:
    """Give a match that is as large as one may be, or up to three bytes smaller or larger."""
    character, width = _character(chance)
    bare = len(_encode(["1", ["", "203.0.113.9", "h", "true", None, "python", "::1"]]))
    room = GROUP_LIMIT - bare + chance.randint(-3, 3)
    command = character * (room // width) + "a" * (room % width)
    return _connection(
        chance, CommandLine=command, Image="python", Hostname="h", SourceIp="::1", DestinationIp="203.0.113.9"
    )


def _python_long(chance: random.Random, _: Seeds) -> bytes:
    """Give a match of a record that may just be read, whose match or incident no topic would take."""
    character, width = _character(chance)
    return _connection(chance, CommandLine=character * (chance.randint(600_000, 990_000) // width))


def _character(chance: random.Random) -> tuple[str, int]:
    """Give a character to repeat, and its bytes in JSON."""
    character = chance.choice(("a", "\x01", "\u202e", '"', "\U0001f600"))
    return character, len(_encode(character)) - 2


def _python_pattern(chance: random.Random, _: Seeds) -> bytes:
    """Give a match that a careless pattern would take long over."""
    part = chance.choice(("python", "C:\\ProgramData\\Anaconda3\\Scripts\\", "conda-script.py update ", "\n", ".*"))
    return _connection(chance, CommandLine=part * chance.randint(1, 1_500), ParentImage=part * chance.randint(1, 50))


def _normalised(chance: random.Random, _: Seeds) -> bytes:
    """Give FortiSIEM's own JSON with receive times and customers that nobody has."""
    fields = [
        b'"eventType":"Win-Sysmon-3-Network-Connect-IPv4","initiated":"true","procName":"python"',
        b'"hostName":"n-%d"' % chance.randrange(300),
        *(
            b'"%s":%s'
            % (name, strange.token(chance) if chance.random() < 0.6 else b"%d" % int(10 ** chance.uniform(0, 15)))
            for name in chance.sample((b"phRecvTime", b"phCustId", b"deviceTime", b"destIpAddr", b"command"), 2)
        ),
    ]
    chance.shuffle(fields)
    return b"{" + b",".join(fields) + b"}"


def _agent(chance: random.Random, _: Seeds) -> bytes:
    """Give an agent's line with times, zones and customers that nobody has, and a match in it."""
    when = chance.choice(
        (
            "2026-03-02T10:15:33Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59+14:00",
            "Thu Jul 23 15:50:10 2015",
            "\x00",
        )
    )
    customer = chance.choice(("1", "-1", "9" * 30, "1e400", "", "x" * 5_000, '"] [', "\u202e", strange.text(chance)))
    zone = chance.choice(("+0530", "+9999", "-2400", "UTC", "", strange.text(chance)))
    host, address = chance.choice((("ws07", "192.0.2.17"), ("", "::1"), (strange.text(chance), "1.2.3")))
    line = f'{when} {host} {address} FSM-WUA-WinLog-Sysmon [phCustId]="{customer}" [timeZone]="{zone}" [xml]={_XML}'
    return line.encode()


_KINDS: dict[str, tuple[float, Make]] = {
    "whole": (8, _whole),
    "spliced": (6, _spliced),
    "nested": (0.3, _nested),
    "random bytes": (3, lambda chance, _: chance.randbytes(chance.randint(0, 200))),
    "random text": (2, lambda chance, _: strange.text(chance, 200).encode()),
    "random JSON": (8, lambda chance, _: strange.tree(chance)),
    "tombstone": (2, lambda *_: None),
    "blank": (1, lambda chance, _: b" \r\n\t"[: chance.randint(0, 4)]),
    "huge": (0.01, _huge),
    "at the bound": (0.01, _at_the_bound),
    "slow": (0.01, _slow),
    "python": (8, _python),
    "python, any token": (6, _python_token),
    "python, at the bound": (0.02, _python_at_the_bound),
    "python, long": (0.02, _python_long),
    "python, pattern": (1, _python_pattern),
    "normalised": (4, _normalised),
    "agent line": (4, _agent),
    **{
        f"{way.__name__} JSON": (weight, _of_object(way))
        for way, weight in (
            (mutations.cut, 6),
            (mutations.hole, 6),
            (mutations.noise, 4),
            (mutations.flipped, 5),
            (mutations.nul, 2),
            (mutations.wrong_type, 10),
            (mutations.duplicated, 6),
            (mutations.renamed, 6),
            (mutations.wrapped, 3),
            (mutations.encoded, 1),
        )
    },
    **{
        f"{way.__name__} text": (weight, _of_text(way))
        for way, weight in (
            (mutations.cut, 3),
            (mutations.noise, 2),
            (mutations.flipped, 3),
            (mutations.element, 6),
            (mutations.prologue, 3),
            (mutations.bomb, 1),
            (mutations.attributes, 0.3),
            (mutations.encoded, 0.5),
        )
    },
}
"""Kind to weight and maker."""
