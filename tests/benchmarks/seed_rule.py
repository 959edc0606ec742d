"""The seed rule by hand: what a program would read and ask that knew this one rule, and one shape of record.

Goes in: a record's bytes; comes out: the fields that the rule reads, and whether it wants them. Decision: it says what
decoding and matching cost at best in Python; a worker also knows other shapes, other rules, and what to do with bytes
that are no record.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

FIELDS = {
    "fortisiem": {
        "event": "eventType",
        "initiated": "initiated",
        "image": "procName",
        "parent": "parentProcName",
        "command": "command",
        "target": "destIpAddr",
        "source": "srcIpAddr",
        "host": "hostName",
    },
    "flat": {
        "event": "EventID",
        "initiated": "Initiated",
        "image": "Image",
        "parent": "ParentImage",
        "command": "CommandLine",
        "target": "DestinationIp",
        "source": "SourceIp",
        "host": "Hostname",
    },
}
"""Shape to what the rule reads, and the shape's word for it."""

ANACONDA = r"C:\ProgramData\Anaconda3"
CONDA, PYTHON = rf"{ANACONDA}\Scripts\conda.exe", rf"{ANACONDA}\python.exe"
CONDA_SCRIPT, JUPYTER_SCRIPT = (
    rf"{ANACONDA}\Scripts\conda-script.py",
    rf"{ANACONDA}\Scripts\jupyter-notebook-script.py",
)
LOOPBACK = "127.0.0.1"
GROUP_BY = ("command", "target", "host", "initiated", "parent", "image", "source")


class Normalised(Struct, gc=False, rename=FIELDS["fortisiem"]):
    """The fields, as FortiSIEM writes them."""

    event: str = ""
    initiated: str = ""
    image: str = ""
    parent: str = ""
    command: str = ""
    target: str = ""
    source: str = ""
    host: str = ""


class Flat(Struct, gc=False, rename=FIELDS["flat"]):
    """The fields, as Sysmon writes them."""

    event: int = 0
    initiated: str = ""
    image: str = ""
    parent: str = ""
    command: str = ""
    target: str = ""
    source: str = ""
    host: str = ""


def decoder(shape: str) -> Callable[[bytes], Normalised | Flat]:
    """Give what reads a record of a shape."""
    kind: type[Normalised | Flat] = Normalised if shape == "fortisiem" else Flat
    return msgspec.json.Decoder(kind).decode


def wanted(fields: Any) -> bool:
    """Say whether the rule wants them; ``fields`` is anything that has them by name."""
    event = fields.event
    if not (event == 3 if type(event) is int else event.startswith("Win-Sysmon-3-Network-Connect")):
        return False
    if fields.initiated != "true" or "python" not in fields.image.lower():
        return False
    if fields.parent == CONDA and CONDA_SCRIPT in fields.command and "update" in fields.command:
        return False
    if fields.parent == PYTHON and JUPYTER_SCRIPT in fields.command:
        return False
    return bool(fields.target != LOOPBACK or fields.source != LOOPBACK)


def group(fields: Any) -> str:
    """Give the group-by values as one key."""
    return "\x1f".join([getattr(fields, name) for name in GROUP_BY])
