"""All formats, by what holds for each: golden bytes, declared rows, no state, a bound on their size."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings

from stream_app.engine.incident import Incident
from stream_app.handoff.formats import FORMATS, NATIVE, Format
from stream_app.handoff.native import FIELDS
from stream_app.rulebook.mapping import INCIDENT_FIELDS
from stream_app.sysmon.attributes import VOCABULARY
from tests.unit.handoff.made import MANY, incidents, made, merged, over, updated

GOLDEN = Path(__file__).parent / "golden"
STATES = {"create": made, "update": updated, "clear": over, "merged": merged}
EVERY = pytest.mark.parametrize("form", [NATIVE, *FORMATS], ids=lambda form: form.name)


def state(name: str) -> Incident:
    """Give the incident of the golden files in one of its states."""
    told = made(MANY, techniques=("T1046", "T1059.006"))
    return told if name == "create" else STATES[name](told)


@EVERY
@pytest.mark.parametrize("name", STATES)
def test_golden_bytes(form: Format, name: str) -> None:
    """Each state of an incident has the bytes that it had when this was written."""
    assert (GOLDEN / f"{form.name}-{name}.txt").read_bytes() == form.to_bytes(state(name), 1_000_000) + b"\n"


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_rows(form: Format) -> None:
    """Each row names what an incident can hold, and no row is there twice; nothing fixed is overwritten."""
    named = {*FIELDS, "incidentClearedTime", "mergedInto", "cut", *VOCABULARY}
    assert set() == {field.of for field in form.fields} - named
    assert [] == [row for row, times in Counter((field.to, field.of) for field in form.fields).items() if times > 1]
    assert set() == {field.to for field in form.fields} & set(form.fixed)
    assert set() == set(form.observables) - set(VOCABULARY)
    assert set() == set(form.observables) & INCIDENT_FIELDS
    assert form.source


@EVERY
@given(told=incidents())
@settings(max_examples=40, deadline=None)
def test_the_same_incident_has_the_same_bytes(form: Format, told: Incident) -> None:
    """No format keeps anything of what it wrote before; all of it is UTF-8, on one line."""
    first = form.to_bytes(told, 1_000_000)
    form.to_bytes(made(MANY), 1_000_000)
    assert first == form.to_bytes(told, 1_000_000)
    assert 1 == len(first.decode("utf-8").splitlines()) or form.name != "cef"
    assert not re.search(rb"[\r\n]", first)


@EVERY
def test_the_largest_incident_is_cut_to_fit(form: Format) -> None:
    """As much as a match may hold, each character at its dearest, fits into a record; the id is whole."""
    for character in ("\x01", "=", "\\", "\u202e", "<", "é"):
        told = made({**MANY, "command": character * 40_000, "parentCommand": character * 3_000})
        data = form.to_bytes(told, 200_000)
        assert len(data) <= 200_000
        assert told.incident_id.encode() in data
