"""Sigma files as they come: what is refused and where, collections and includes, filters, what a rule is called."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from msgspec import Struct
from sigma.rule import SigmaLogSource
from sigma.types import SigmaQueryExpression

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.replay import replay
from stream_app.exchange.imported import Imported, Refused
from stream_app.exchange.sigma import import_sigma
from stream_app.exchange.sigma_query import Asking
from stream_app.exchange.sigma_source import source_of
from stream_app.exchange.sigma_terms import SigmaRefused
from stream_app.exchange.sigma_texts import has_detection, may_be_sigma
from stream_app.exchange.sigma_values import said_of
from stream_app.rulebook.rule import Rulebook
from stream_app.sysmon.normalise import normalise
from tests.sigma.corpus import HERE, imported, loaded, no_include, record

ROOT = Path(__file__).parents[2]
WINDOWS = {"product": "windows", "category": "process_creation"}


class Wrong(Struct, frozen=True):
    """A rule that is refused, and why."""

    why: str
    detection: dict[str, Any]
    logsource: dict[str, str] | None = None


REFUSED = [msgspec.convert(each, Wrong) for each in yaml.safe_load((HERE / "refused.yml").read_text("utf-8"))]


def rule(name: str, selection: Mapping[str, Any], **more: object) -> dict[str, Any]:
    """Make a rule that has a name."""
    detection = {"selection": dict(selection), "condition": "selection"}
    return {"title": name, "name": name, "logsource": WINDOWS, "detection": detection, **more}


def of_text(text: str, **files: str) -> list[Imported | Refused]:
    """Import the text of a file; ``files`` are what it may include, by their names without an ending."""

    def include(path: str, name: str) -> tuple[str, str]:
        assert path.endswith(".yml")
        if name.removesuffix(".yml") not in files:
            raise FileNotFoundError(name)
        return name, files[name.removesuffix(".yml")]

    return list(import_sigma([("main.yml", text)], include, {}))


def only(found: list[Imported | Refused]) -> Imported:
    """Give the only rule."""
    (one,) = found
    assert isinstance(one, Imported), one
    return one


def matches(found: Imported | Refused, *events: dict[str, Any], event_id: int = 1) -> list[bool]:
    """Ask an imported rule of events."""
    assert isinstance(found, Imported), found
    compiled = loaded(found)
    return [compiled.subpattern.filter(normalise(record(event_id, fields))) for fields in events]


def reasons(found: Imported | Refused) -> list[str]:
    """Give the reasons of a refusal."""
    assert isinstance(found, Refused), found
    return [reason.why for reason in found.reasons]


@pytest.mark.parametrize("wrong", [pytest.param(each, id=each.why) for each in REFUSED])
def test_what_cannot_be_run_exactly_is_refused_by_name(wrong: Wrong) -> None:
    """With the reason, and never in part."""
    detection = {"condition": "selection", **wrong.detection}
    document = {"title": "wrong", "logsource": wrong.logsource or WINDOWS, "detection": detection}
    (found,) = imported(document)
    assert [wrong.why] == reasons(found)


def test_a_refusal_has_the_line_that_it_is_about() -> None:
    """The first line of the rule that names it, or else the rule's first."""
    text = """title: a
logsource: {category: process_creation}
detection:
  selection:
    Image: a
    Nosuch|contains: b
  condition: selection
---
title: b
logsource: {category: process_creation}
detection:
  selection:
    Image|nosuch: a
  condition: selection
---
title: c
logsource: {category: process_creation}
detection:
  selection: {Image: a}
  condition: selection and and
"""
    found = sorted((each for each in of_text(text) if isinstance(each, Refused)), key=lambda each: each.origin.line)
    assert [6, 13, 20] == [each.reasons[0].line for each in found]
    assert [1, 9, 16] == [each.origin.line for each in found]
    assert ["main.yml:1: rule a", "main.yml:9: rule b", "main.yml:16: rule c"] == [str(each.origin) for each in found]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no rule in it"),
        ("---\n---\n", "there is no rule in it"),
        ("just text", "a rule is a mapping, this is none"),
        ("- a", "a rule is a mapping, this is none"),
        ("title: a\ntitle: b", "not YAML: Duplicate key 'title'"),
        ("title: a\ndetection: [", "not YAML: did not find expected node content"),
        ("? [a, b]\n: c", "not YAML: unhashable type"),
        ("title: a\0b", "not YAML: unacceptable character #x0000: control characters are not allowed"),
        ("date: 2024-99-99", "not YAML: month must be in 1..12"),
        ("title: a", "Sigma rule must have a log source"),
        ("action: nosuch", "Unknown Sigma collection action 'nosuch' in rule 1"),
        ("title: a\ncorrelation: {type: nosuch}", "'nosuch' is no valid Sigma correlation type"),
        (
            "title: a\nlogsource: [a]\ndetection: {s: {Image: a}, condition: s}",
            "Sigma logsource must be a valid YAML map",
        ),
        (
            "title: a\nid: 5",
            "no Sigma rule can look like this (AttributeError: 'int' object has no attribute 'replace')",
        ),
        ("title: a\ncorrelation: {type: temporal, rules: [a], timespan: 1m, condition: b}", "Rules defined but not"),
    ],
)
def test_a_file_that_is_none_is_refused(text: str, why: str) -> None:
    """Whatever is wrong with it; nothing is raised."""
    found = of_text(text)
    assert any(reason.startswith(why) for each in found for reason in reasons(each)), found


def test_a_broken_document_takes_no_other_with_it() -> None:
    """The others of the file are imported."""
    text = yaml.safe_dump_all([rule("a", {"Image": "a"}), {"title": "b", "id": 5}, rule("c", {"Image": "c"})])
    assert [Refused, Imported, Imported] == [type(each) for each in of_text(text)]


def test_a_condition_that_is_none_is_refused() -> None:
    """Nothing is raised, whatever the library makes of it."""
    nothing = {**rule("a", {}), "detection": {"selection": {"Image": "a"}, "condition": None}}
    assert reasons(next(iter(imported(nothing))))[0].startswith("no condition can look like this (TypeError")


def test_what_pysigma_may_have_some_day_is_refused() -> None:
    """A value of another type, a tree of another form."""
    source = source_of(SigmaLogSource(category="process_creation"))
    with pytest.raises(SigmaRefused, match="a value of type SigmaQueryExpression has no meaning here"):
        said_of(source.field("Image"), [SigmaQueryExpression("a", "b")], negated=False)
    with pytest.raises(SigmaRefused, match="a condition without any detection"):
        Asking(source, {}).said(None)


def test_text_that_may_be_sigma() -> None:
    """Other mappings are something else; what is no mapping at all is broken."""
    assert may_be_sigma("title: a")
    assert may_be_sigma("# a rule\n---\ndetection:\n  a: b")
    assert may_be_sigma("")
    assert may_be_sigma("\tfoo: bar")
    assert not may_be_sigma("name: ci\njobs:\n  title: a")
    assert has_detection("title: a\ndetection:\n  a: b")
    assert not has_detection("title: a\n  detection: b")


def test_a_global_document_is_part_of_each_behind_it() -> None:
    """Until a reset; repeat changes the one before."""
    text = """
action: global
title: g
logsource: {category: process_creation}
level: low
detection: {condition: selection}
---
name: one
detection: {selection: {Image: a}}
---
action: repeat
name: two
detection: {selection: {Image: b}}
---
action: reset
---
title: three
name: three
logsource: {category: process_creation}
detection: {selection: {Image: c}, condition: selection}
"""
    found = of_text(text)
    assert ["SIGMA_one", "SIGMA_two", "SIGMA_three"] == [each.rule.id for each in found if isinstance(each, Imported)]
    for number, name in enumerate("abc"):
        assert [each == name for each in "abc"] == matches(found[number], *({"Image": each} for each in "abc"))


def test_a_timeframe_and_a_count_may_stand_in_two_documents() -> None:
    """The one that is global, and each behind it."""
    text = """
action: global
title: g
logsource: {category: process_creation}
detection: {timeframe: 10m}
---
name: one
detection: {selection: {Image: a}, condition: selection | count() by User > 5}
"""
    made = only(of_text(text)).rule
    assert (600, "COUNT(*) > 5") == (made.window, made.pattern["Filter"].aggregate)


def test_a_file_includes_another() -> None:
    """By its name, beside it; and that one another."""
    inner = yaml.safe_dump(rule("inner", {"Image": "i"}))
    outer = "action: include\nfilename: other.yml\n---\n" + yaml.safe_dump(rule("outer", {"Image": "o"}))
    found = of_text(outer, other=inner)
    assert ["SIGMA_inner", "SIGMA_outer"] == [each.rule.id for each in found if isinstance(each, Imported)]


def test_an_include_that_cannot_be_is_refused() -> None:
    """A file that is not there, and one that includes itself."""
    assert ["cannot include 'nosuch.yml': nosuch.yml"] == reasons(of_text("action: include\nfilename: nosuch.yml")[0])
    itself = "action: include\nfilename: itself.yml"
    assert ["files include one another more than 8 deep"] == reasons(of_text(itself, itself=itself)[0])


def test_a_filter_takes_away_from_the_rules_that_it_names() -> None:
    """Of its logsource; by name or by id, or from any."""
    named = {
        "title": "f",
        "logsource": WINDOWS,
        "filter": {"rules": ["one"], "selection": {"User|startswith": "adm"}, "condition": "not selection"},
    }
    every = {
        "title": "g",
        "logsource": WINDOWS,
        "filter": {"rules": "any", "off_a": {"Company": "x"}, "condition": "not 1 of off_*"},
    }
    one, two = imported(named, rule("one", {"Image": "a"}), every, rule("two", {"Image": "a"}))
    events = ({"Image": "a"}, {"Image": "a", "User": "admin"}, {"Image": "a", "Company": "x"})
    assert [True, False, False] == matches(one, *events)
    assert [True, True, False] == matches(two, *events)


def test_a_filter_that_is_wrong_is_refused() -> None:
    """The rules are imported."""
    found = list(
        imported({"title": "f", "logsource": WINDOWS, "filter": {"condition": "a"}}, rule("one", {"Image": "a"}))
    )
    assert [Refused, Imported] == [type(each) for each in found]


def test_what_a_rule_is_called() -> None:
    """Its id, title, level, tags and status, and where it came from."""
    given = rule(
        "x",
        {"Image": "a"},
        id="9a9a9a9a-1111-4222-8333-444444444444",
        title="Something: bad",
        level="critical",
        status="test",
        author="A\nB",
        license="DRL 1.1",
        description=" What it\nis. ",
        references=["https://example.org/"],
        tags=[
            "attack.command-and-control",
            "attack.t1059.001",
            "attack.credential_access",
            "attack.g0035",
            "cve.2021-1",
        ],
    )
    made = only(list(imported(given))).rule
    assert "SIGMA_9a9a9a9a-1111-4222-8333-444444444444" == made.id
    assert ("Something: bad", "What it\nis.", 9) == (made.name, made.description, made.severity)
    assert ("Command and Control", "Credential Access") == made.tactics
    assert ("T1059.001",) == made.techniques
    assert "Command and Control" == made.subcategory
    assert (
        "Sigma rule 9a9a9a9a-1111-4222-8333-444444444444, by A B, licence DRL 1.1",
        "see https://example.org/",
    ) == made.comments
    assert (True, "ignore", 300) == (made.enabled, made.case, made.window)
    assert {"Image": "procName"}["Image"] in made.pattern["Filter"].group_by


@pytest.mark.parametrize(
    ("level", "severity"), [("informational", 1), ("low", 3), ("medium", 5), ("high", 7), ("critical", 9), (None, 1)]
)
def test_a_level_is_a_severity(level: str | None, severity: int) -> None:
    """As Fortinet's converter has it."""
    assert severity == only(list(imported(rule("a", {"Image": "a"}, level=level)))).rule.severity


@pytest.mark.parametrize(("status", "enabled"), [("deprecated", False), ("unsupported", False), ("stable", True)])
def test_what_is_deprecated_is_switched_off(status: str, enabled: bool) -> None:  # noqa: FBT001 - a table's column
    """It is imported all the same, and that is said."""
    found = only(list(imported(rule("a", {"Image": "a"}, status=status))))
    assert enabled is found.rule.enabled
    assert (() if enabled else (f"switched off: its status is {status}",)) == found.changed


def test_what_only_describes_a_rule_is_said_to_be_left_out() -> None:
    """Keys of Sigma's that have no place here, and keys that somebody added."""
    given = rule("a", {"Image": "a"}, date="2024-01-01", falsepositives=["b"], simulation={"c": "d"})
    assert ("date", "falsepositives", "simulation") == only(list(imported(given))).left_out
    _, found = imported(rule("a", {"Image": "a"}), correlation())
    assert isinstance(found, Imported)
    assert () == found.left_out


def test_another_taxonomy_is_refused() -> None:
    """Its fields have other names."""
    (found,) = imported(rule("a", {"Image": "a"}, taxonomy="ecs"))
    assert ["taxonomy 'ecs' has other fields than Sigma's"] == reasons(found)


def test_a_rule_groups_by_what_it_asks_for() -> None:
    """And by the host; a keyword names nothing."""
    asked = rule("a", {"Image": "a", "DestinationIp": None})
    assert ("destIpAddr", "hostName", "procName") == only(list(imported(asked))).rule.pattern["Filter"].group_by
    keyword = {**asked, "detection": {"keywords": ["x"], "condition": "keywords"}}
    assert ("hostName",) == only(list(imported(keyword))).rule.pattern["Filter"].group_by


@pytest.mark.parametrize(
    ("condition", "aggregate", "group_by"),
    [
        ("selection | count() by User > 5", "COUNT(*) > 5", ("User",)),
        ("selection | count(Image) by User, Computer >= 5", "COUNT(DISTINCT procName) >= 5", ("User", "hostName")),
        ("selection | count() == 2", "COUNT(*) = 2", ()),
        ("selection | max(DestinationPort) by User < 5.5", "MAX(destIpPort) < 5.5", ("User",)),
    ],
)
def test_an_older_aggregation(condition: str, aggregate: str, group_by: tuple[str, ...]) -> None:
    """Is the rule's own; without a timeframe it has the usual window."""
    given = {**rule("a", {}), "detection": {"selection": {"Image": "a"}, "condition": condition}}
    made = only(list(imported(given))).rule
    assert (aggregate, group_by, 300) == (
        made.pattern["Filter"].aggregate,
        made.pattern["Filter"].group_by,
        made.window,
    )
    loaded(Imported(only(list(imported(given))).origin, made))


def test_an_older_aggregation_counts_in_its_timeframe() -> None:
    """Played through the engine."""
    detection = {"selection": {"Image": "a"}, "timeframe": "1m", "condition": "selection | count() by User > 2"}
    compiled = loaded(only(list(imported({**rule("a", {}), "detection": detection}))))
    for seconds, fires in (((0, 10, 20), True), ((0, 10, 90), False)):
        fields = {"Image": "a", "User": "u"}
        records = [
            Record("sysmon", 0, offset, 1000 * (1_750_000_000 + second), record(1, fields), "x")
            for offset, second in enumerate(seconds)
        ]
        found = list(replay(Rulebook({compiled.id: compiled}), records))
        assert fires is any(isinstance(each, Incident) for each in found)


COUNT = {"type": "event_count", "rules": ["a"], "group-by": ["User"], "timespan": "1m", "condition": {"gte": 3}}


def correlation(name: str = "corr", **changes: object) -> dict[str, Any]:
    """Make a correlation of rule a, changed."""
    return {"title": name, "name": name, "correlation": {**COUNT, **changes}}


def test_what_only_a_correlation_tells_of_is_switched_off() -> None:
    """Unless it says generate; the change is said."""
    a = rule("a", {"Image": "a"})
    part, _ = imported(a, correlation())
    assert isinstance(part, Imported)
    assert part.rule.enabled is False
    assert ("switched off: only correlations tell of it (corr), none says 'generate: true'",) == part.changed
    own, _ = imported(a, correlation(generate=True))
    assert isinstance(own, Imported)
    assert (True, ()) == (own.rule.enabled, own.changed)


WRONG_CORRELATIONS: list[tuple[dict[str, Any], str]] = [
    ({"rules": [{"a": "b"}]}, "a rule is named by its name or its id"),
    ({"rules": ["nosuch"]}, "Rule 'nosuch' not found in rule collection"),
    ({"group-by": ["Nosuch"]}, "field 'Nosuch' is none of Sysmon's"),
    ({"type": "value_sum", "condition": {"gte": 3, "field": "Image"}}, "SUM"),
    ({"type": "value_count", "condition": {"gte": 3, "field": ["Image", "User"]}}, "several fields at once"),
    (
        {"type": "value_percentile", "condition": {"gte": 3, "field": "ProcessId"}},
        "value_percentile needs a percentile",
    ),
    (
        {"rules": ["a", "b"], "aliases": {"x": {"a": "Image", "b": "User"}}, "group-by": ["x"]},
        "'x' is procName for a, User for b",
    ),
    ({"rules": ["a", "b"], "aliases": {"x": {"a": "Image"}}, "group-by": ["x"]}, "alias 'x' says nothing of 'b'"),
    (
        {"type": "temporal", "rules": ["a", "b", "c"], "condition": {"gte": 2}},
        "gte 2 of 3 rules: one of them or all",
    ),
    ({"type": "temporal", "rules": ["a", "b", "c"], "condition": {"lt": 2}}, "lt 2 of 3 rules: one of them or all"),
    ({"type": "temporal", "rules": ["a"], "condition": "not a"}, "a condition of nothing but 'not'"),
    ({"type": "temporal_ordered", "rules": ["a", "b"], "condition": "a and not b"}, "'not' in a temporal_ordered"),
    (
        {"type": "temporal", "rules": ["a", "b", "c"], "condition": "(a and b) or c"},
        "only rules stand on both sides",
    ),
    (
        {"type": "temporal", "rules": ["a", "b"], "timespan": "7d", "condition": {"gte": 2}},
        "window: all events of it must be held",
    ),
    ({"rules": ["corr"]}, "correlations go round in a circle at 'corr'"),
    ({"rules": ["bad"]}, "is about 'bad', which is refused"),
    ({"rules": ["inner"], "group-by": ["Image"]}, "inner groups by no 'Image', so its incidents have none"),
    ({"rules": ["inner"], "condition": {"lt": 3}}, "what is decided when the timespan has passed cannot read"),
]


@pytest.mark.parametrize(("changes", "why"), WRONG_CORRELATIONS)
def test_a_correlation_that_cannot_be_run_exactly_is_refused(changes: dict[str, object], why: str) -> None:
    """By name, with what may be done."""
    assert any(why in reason for reason in refusal(changes))


def refusal(changes: dict[str, object]) -> list[str]:
    """Give the reasons against a correlation."""
    rules = [rule(name, {"Image": name}) for name in "abc"]
    bad = rule("bad", {"Nosuch": "a"})
    return reasons(list(imported(*rules, bad, correlation("inner"), correlation(**changes)))[-1])


def test_what_the_readme_says_of_sigma_is_what_is_said() -> None:
    """Each reason that it quotes is one that is given."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Rules from Sigma\n")[1].split("\n## ")[0]
    quoted = re.findall(r"\| refused: (.*?) \|", section)
    given = {each.why for each in REFUSED}
    given.update(reason for changes, _ in WRONG_CORRELATIONS for reason in refusal(changes))
    assert len(quoted) >= 10
    assert [] == [each for each in quoted if each not in given]


def test_patterns_are_named_for_the_rules_that_they_are() -> None:
    """As far as a trigger line can hold the name."""
    names = ["9a9a9a9a-1111-4222-8333-444444444444", "and", "a b"]
    rules = [rule("x", {"Image": "x"}, id=names[0]), rule("and", {"Image": "y"}), rule("a b", {"Image": "z"})]
    *_, found = imported(*rules, correlation(type="temporal", rules=[*names, "a b"], condition={"gte": 4}))
    assert isinstance(found, Imported)
    expected = ["Rule_9a9a9a9a_1111_4222_8333_444444444444", "Rule_and", "a_b", "a_b_2"]
    assert expected == list(found.rule.pattern)
    assert " AND ".join(expected) == found.rule.trigger


def test_a_file_that_is_read_is_told() -> None:
    """So that a bar can move."""
    told: list[int] = []
    text = yaml.safe_dump(rule("a", {"Image": "a"}))
    list(import_sigma([("a.yml", text), ("b.yml", "")], no_include, {}, lambda: told.append(1)))
    assert [1, 1] == told
