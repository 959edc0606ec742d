"""Named data → keyed records. ``fortisiem`` and ``flat`` are generated (records.py), ``nxlog`` and ``xml`` are real.

Goes in: a name, a number, a match rate for the generated ones. Comes out: records as they are sent. Decision: the real
ones are 60,000 consecutive Sysmon events of all kinds (75 % are registry and process access, 0.3 % process creation),
repeated in their order to fill the number, or evenly
spread if that is smaller; ``xml`` is the same events as Windows renders them (native_xml.py). They lie
beside the checkout and are no part of it.
"""

import gzip
import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

import msgspec

from stream_app.engine import detect
from stream_app.engine.record import Record
from stream_app.rulebook.rule import Rulebook
from stream_app.sysmon.normalise import Event, normalise
from tests.benchmarks.machine import ROOT
from tests.benchmarks.native_xml import native
from tests.benchmarks.records import SHAPES, Made, Mix, records

T = TypeVar("T")
SHARED = ROOT.parent / "shared" / "data"
CAPTURE = SHARED / "sysmon" / "flat-nxlog.60k.jsonl.gz"
REAL = ("nxlog", "xml")
DATA = (*SHAPES, *REAL)


class DataMissing(Exception):
    """The files that lie beside the checkout are not there."""


def have_real() -> bool:
    """Say whether the real records are there."""
    return CAPTURE.is_file()


def dataset(name: str, count: int, rate: float, start: int, seed: int = 7) -> list[Made]:
    """Give ``count`` records; ``start`` is the generated ones' first time, ms since 1970. Raises DataMissing.

    What the real ones match is not known here (zero stands there): :func:`counted` finds out.
    """
    if name in SHAPES:
        return list(records(count, Mix(shape=name, rate=rate, seed=seed, start=start)))
    pool = real(name)
    return spread(pool, count) if count < len(pool) else list(itertools.islice(itertools.cycle(pool), count))


def spread(items: Sequence[T], count: int) -> list[T]:
    """Give ``count`` of the items, evenly spread over all, in their order; all if there are no more."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


@cache
def real(name: str) -> Sequence[Made]:
    """Give the real records once, in their order. Raises DataMissing."""
    if not have_real():
        raise DataMissing(
            f"the real records are not there: {CAPTURE.relative_to(ROOT.parent)}, beside the checkout; "
            f"generated ones are {' and '.join(SHAPES)}"
        )
    with gzip.open(CAPTURE, "rb") as lines:
        values = [line.rstrip(b"\n") for line in lines]
    found = []
    for value in values:
        record = msgspec.json.decode(value)
        key = record["Hostname"].encode()
        found.append(Made(key, native(record).encode() if name == "xml" else value, 0))
    return found


def counted(made: Sequence[Made], rulebook: Rulebook) -> list[Made]:
    """Give the records with the number of rules that want each; equal records are asked about once."""
    known: dict[bytes, int] = {}
    wanting = _wanting(rulebook)
    for each in made:
        if each.value not in known:
            known[each.value] = wanting(normalise(each.value))
    return [Made(each.key, each.value, known[each.value]) for each in made]


def _wanting(rulebook: Rulebook) -> Callable[[Event], int]:
    """Give what counts the rules that want an event, also with the product of a commit that has no Detector."""
    if hasattr(detect, "Detector"):
        detector = detect.Detector(rulebook)
        return lambda event: len(detector.wanting(event))
    record = Record("sysmon", 0, 0, 0, b"", "")
    return lambda event: len(detect.detect(rulebook, record, event))
