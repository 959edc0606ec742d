"""Which comparisons the cases of a rule decide by."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.coverage import Coverage, coverage
from stream_app.language.compile import Environment, compile_filter
from stream_app.language.parser import parse
from stream_app.rulebook.cases import cases_beside
from stream_app.rulebook.conditions import comparisons
from stream_app.rulebook.load import load_folder
from stream_app.sysmon.attributes import VOCABULARY
from tests.corpus import EVERY_CHANGE

RULE = """\
id = "{id}"
name = "A rule"
severity = 5
category = "Security"
window = 60
[pattern.Filter]
query = '''{query}'''
group_by = ["hostName", "user"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Filter.hostName"
user = "Filter.user"
"""
ALWAYS, NEVER = "eventType IS NULL OR eventType IS NOT NULL", "eventType IS NULL AND eventType IS NOT NULL"

Event = dict[str, str]


def written(folder: Path, query: str, *events: Event, more: str = "", rule_id: str = "R") -> None:
    """Write a rule and one case with these events."""
    (folder / rule_id).mkdir()
    (folder / rule_id / f"{rule_id}.toml").write_text(RULE.format(id=rule_id, query=query) + more)
    played = ", ".join(f"{{ at = {at}, record = '{json.dumps(event)}' }}" for at, event in enumerate(events))
    cases = f'[[case]]\nname = "all"\nevents = [{played}]\nincidents = []\n'
    (folder / rule_id / "cases.toml").write_text(cases)


def covered(folder: Path) -> Coverage:
    """Give what the cases of a folder decide by."""
    loaded = load_folder(folder, EVERY_CHANGE)
    return coverage(loaded, cases_beside(loaded.documents))


def left(found: Coverage) -> dict[str, tuple[bool, ...]]:
    """Give the comparisons that are left, with what they could be."""
    return {each.comparison: each.could_be for each in found.undecided}


def event(user: str = "u", command: str = "c", process: str = "p", kind: str = "T") -> Event:
    """Give an event as FortiSIEM normalises one."""
    return {"eventType": kind, "hostName": "h", "user": user, "command": command, "procName": process}


def test_a_comparison_is_left_until_it_decides_both_ways(tmp_path: Path) -> None:
    """Once as the only one that keeps an event out, once as one that lets it in; each has its place in the file."""
    written(tmp_path, 'eventType = "T" AND (user = "a" OR command = "b")', event("a"), event())
    found = covered(tmp_path)
    assert {'eventType = "T"': (True,), 'command = "b"': (False,)} == left(found)
    first, second = found.undecided
    assert ("R", "Filter") == (first.rule, first.condition)
    assert (("R",), 3) == (found.rules, found.comparisons)
    path = (tmp_path / "R" / "R.toml").as_posix()
    assert (
        f"{path}:7:12: could be always true: no case has an event that this comparison alone keeps out"
        == (first.diagnostic.render().splitlines()[0])
    )
    assert (
        f"{path}:7:47: could be always false: no case has an event that this comparison alone lets in"
        == (second.diagnostic.render().splitlines()[0])
    )


def test_what_decides_nothing_is_said_so(tmp_path: Path) -> None:
    """Also where a record cannot be read: it is no event."""
    written(tmp_path, 'eventType = "T" AND user = "a" AND user = "b"', event("a"), {})
    found = covered(tmp_path)
    assert (True, False) == left(found)['eventType = "T"']
    assert found.undecided[0].diagnostic.message.startswith("decides nothing: no case has an event whose answer ")


def test_incidents_are_events_for_who_reads_them(tmp_path: Path) -> None:
    """The reader's filter decides by an incident of the other rule, which its own case raises."""
    written(tmp_path, 'eventType = "T" AND user = "a"', event("a"), event(), event("a", kind="U"))
    written(tmp_path, 'eventType = "R" AND user = "a"', event("a"), event(), rule_id="READER")
    assert {'user = "a"': (True,)} == left(covered(tmp_path))


def test_watch_lists_are_as_they_stand_when_an_event_comes(tmp_path: Path) -> None:
    """Nobody is on the list before an incident puts them there."""
    fills = '[[watch_list]]\nname = "seen"\nattribute = "user"\n'
    written(tmp_path, 'eventType = "T" AND user = "a"', event("a"), event(), event("a", kind="U"), more=fills)
    reads = 'eventType = "U" AND user IN (WatchList@seen)'
    early, late = [event("a", kind="U"), event("a")], [event("a"), event("a", kind="U")]
    written(tmp_path, reads, *early, rule_id="EARLY")
    written(tmp_path, reads, *late, rule_id="LATE")
    found = covered(tmp_path)
    assert {("EARLY", (False,)), ("LATE", (True,))} <= {(each.rule, each.could_be) for each in found.undecided}
    assert ["EARLY", "EARLY"] == [each.rule for each in found.undecided if False in each.could_be]


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        (["a", "x"], {}),
        (["a"], {'user = "a"': (True,)}),
        (["x"], {'user = "a"': (False,)}),
    ],
)
def test_exceptions_are_asked_of_groups(
    tmp_path: Path, users: list[str], expected: dict[str, tuple[bool, ...]]
) -> None:
    """Of those of the rule's own cases only: what another rule's cases bring decides nothing here."""
    exception = "[[exception]]\nwhen = '''user = \"a\"'''\nreason = \"known\"\n"
    written(tmp_path, 'eventType = "T"', *map(event, users), event(kind="U"), more=exception)
    written(tmp_path, 'eventType = "T"', event("a"), event("x"), event(kind="U"), rule_id="OTHER")
    found = covered(tmp_path)
    assert expected == left(found)
    assert all(("R", "exception 1") == (each.rule, each.condition) for each in found.undecided)
    assert all("no case has a group that" in each.diagnostic.message for each in found.undecided)


def test_the_condition_of_clear_counts(tmp_path: Path) -> None:
    """It is a filter as others are."""
    clear = "[clear]\nquery = '''eventType = \"C\"'''\ngroup_by = [\"hostName\"]\nmatch = { hostName = \"hostName\" }\n"
    written(tmp_path, 'eventType = "T"', event(), event(kind="U"), more=clear)
    found = covered(tmp_path)
    assert {'eventType = "C"': (False,)} == left(found)
    assert "Clear" == found.undecided[0].condition


def test_a_rule_compares_as_it_says(tmp_path: Path) -> None:
    """With or without regard to case."""
    written(tmp_path, 'eventType = "T"', event(kind="t"), event(kind="U"))
    assert {} == left(covered(tmp_path))
    file = tmp_path / "R" / "R.toml"
    file.write_text('case = "exact"\n' + file.read_text())
    assert {'eventType = "T"': (False,)} == left(covered(tmp_path))


LEAVES = st.sampled_from([f'{name} = "{value}"' for name in ("user", "command", "procName") for value in "ab"])
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from([" AND ", " OR "]), st.lists(inner, min_size=2, max_size=3)).map(
        lambda made: f"({made[0].join(made[1])})"
    ),
    max_leaves=8,
)
EVENTS = st.lists(st.builds(event, *[st.sampled_from("abc")] * 3), min_size=1, max_size=6)


@given(QUERIES, EVENTS)
def test_it_is_what_replacing_each_comparison_shows(query: str, events: list[Event]) -> None:
    """Replaced in the text by what is always true, and by what never is: left is what changes no answer."""
    with TemporaryDirectory() as folder:
        written(Path(folder), query, *events)
        found = covered(Path(folder))

    def answers(text: str) -> list[bool]:
        compiled = compile_filter(parse(text), Environment(VOCABULARY))
        return [compiled(each) for each in events]

    expected = []
    for part in comparisons(parse(query)):
        changed = [f"{query[: part.span.start]}({by}){query[part.span.end :]}" for by in (ALWAYS, NEVER)]
        could_be = tuple(
            value for value, text in zip((True, False), changed, strict=True) if answers(text) == answers(query)
        )
        expected += [(part.span.start, could_be)] if could_be else []
    at = len("query = '''") + 1
    assert expected == [(each.diagnostic.column - at, each.could_be) for each in found.undecided]
