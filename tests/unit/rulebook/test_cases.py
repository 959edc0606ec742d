"""Files of timed cases."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.cases import Case, cases_beside, load_cases, read_cases
from stream_app.rulebook.document import parse_document

SMALL = """\
[event]
EventID = 3
Image = "python.exe"
[incident]
at = 0
activity = "create"
count = 1
incidentCount = 1
procName = "python.exe"
[[case]]
name = "one"
events = [{ at = 0, Initiated = true }, { at = 1.5, absent = ["Image"] }, { at = 2, record = '<Event/>' }]
incidents = [{ at = 1.5, absent = ["procName"], srcIpPort = 7 }]
[[case]]
name = "two"
events = [{ at = 0, Image = "b.exe" }]
incidents = []
rejected = ["late", "late"]
"""


def read(text: str) -> tuple[Case, ...]:
    """Read cases from a file's text."""
    return read_cases(parse_document("cases.toml", text))


def refused(text: str) -> list[str]:
    """Give ``line:column: message`` for everything that is wrong with a file's text."""
    with pytest.raises(LanguageError) as caught:
        read(text)
    return [f"{each.line}:{each.column}: {each.message}" for each in caught.value.diagnostics]


def test_events_are_laid_over_the_default_and_written_as_flat_json() -> None:
    """A field may be added, replaced, or taken away; a record given as text is left as it is."""
    one, two = read(SMALL)
    assert [0, 1500, 2000] == [event.at_ms for event in one.events]
    assert {"EventID": 3, "Image": "python.exe", "Initiated": True} == json.loads(one.events[0].value)
    assert {"EventID": 3} == json.loads(one.events[1].value)
    assert b"<Event/>" == one.events[2].value
    assert {"EventID": 3, "Image": "b.exe"} == json.loads(two.events[0].value)


def test_incidents_are_laid_over_the_default() -> None:
    """An empty list is an expectation too; rejections are named by their reasons, in order."""
    one, two = read(SMALL)
    assert ({"at": 1.5, "activity": "create", "count": 1, "incidentCount": 1, "srcIpPort": 7},) == one.incidents
    assert ((), ()) == (two.incidents, one.rejected)
    assert ("late", "late") == two.rejected
    assert ("one", "two") == (one.name, two.name)


def test_default_tables_may_be_left_out(tmp_path: Path) -> None:
    """Then each event and incident says everything."""
    path = tmp_path / "cases.toml"
    path.write_text('[[case]]\nname = "x"\nevents = [{ at = 0 }]\nincidents = []\n', encoding="utf-8")
    assert (b"{}",) == tuple(event.value for event in load_cases(path)[0].events)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("EventID = 3", "EventID = [3]", "2:11: EventID: expected a string, a number or a boolean, got an array"),
        ('"two"', '"one"', "15:8: there is another case named 'one'"),
        ('"two"', "2", "15:8: name: expected a string, got an integer"),
        ("incidents = []", "", "14:1: missing key 'incidents'"),
        ("incidents = []", "incident = []", "17:1: unknown key 'incident'; did you mean 'incidents'?"),
        ("incidents = []", "incidents = [1]", "17:14: incidents: expected a table, got an integer"),
        ('events = [{ at = 0, Image = "b.exe" }]', "events = []", "16:10: a case without events shows nothing"),
        ('{ at = 0, Image = "b.exe" }', "{}", "16:11: missing key 'at'"),
        ("at = 0, Image", "at = true, Image", "16:18: at: expected a float, got a boolean"),
        ("at = 0, Image", "at = -1, Image", "16:18: at must be zero or more, got -1"),
        ("at = 0, Image", "at = nan, Image", "16:18: at must be zero or more, got nan"),
        ("at = 0, Image", "at = inf, Image", "16:18: at must be zero or more, got inf"),
        (
            'absent = ["Image"]',
            'absent = ["image"]',
            "12:63: absent: 'image' is no field of the default table, or is given here",
        ),
        (
            'absent = ["Image"]',
            'Image = 1, absent = ["Image"]',
            "12:74: absent: 'Image' is no field of the default table, or is given here",
        ),
        ("record = '<Event/>'", "record = '<Event/>', Image = 'x'", "12:106: unknown key 'Image'"),
        ("record = '<Event/>'", "record = ''", "12:94: record is empty"),
        ("count = 1\n", "", "12:14: missing key 'count'"),
        ("[event]", "[events]", "1:1: unknown key 'events'; did you mean 'event'?"),
    ],
)
def test_a_wrong_case_is_refused_where_it_stands(old: str, new: str, said: str) -> None:
    """A case that checks something else than its author believes is worse than none."""
    text = SMALL.replace(old, new, 1)
    assert text != SMALL
    assert said in refused(text)


def test_a_file_without_cases_is_refused() -> None:
    """It would look like a rule that is tested."""
    assert ["1:1: missing key 'case'"] == refused("")
    assert ["1:8: there is no case"] == refused("case = []")


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, len(SMALL)),
    st.integers(0, 40),
    st.sampled_from(["", "at", "[", "]", "{", "}", "''", "=", "\n", "[[case]]\n", "1", "[1]", "absent", "record = 1,"]),
)
def test_a_mutated_file_of_cases_is_read_or_refused(at: int, length: int, fragment: str) -> None:
    """Whatever is done to it, it gives cases or diagnostics."""
    try:
        cases = read(SMALL[:at] + fragment + SMALL[at + length :])
    except LanguageError as error:
        cases = ()
        said = error.diagnostics
    else:
        said = ()
    assert cases or said


def test_cases_lie_beside_their_rules(tmp_path: Path) -> None:
    """Each case knows its place; a rule need not have any; what is wrong with any file comes in one run."""
    documents = {}
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        documents[name] = parse_document((tmp_path / name / f"{name}.toml").as_posix(), "")
    (tmp_path / "one" / "cases.toml").write_text(SMALL)
    found = cases_beside(documents)
    assert ["one"] == list(found)
    path = (tmp_path / "one" / "cases.toml").as_posix()
    assert [f"{path}:10", f"{path}:14"] == [case.place for case in found["one"]]
    for name in ("two", "three"):
        (tmp_path / name / "cases.toml").write_text("case = []")
    with pytest.raises(LanguageError) as caught:
        cases_beside(documents)
    assert ["two", "three"] == [Path(each.path).parent.name for each in caught.value.diagnostics]
