"""Rules with several subpatterns from their text to their incidents: against all combinations, and in a replay."""

import json
from collections.abc import Iterable
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stream_app.engine.incident import Incident
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection
from stream_app.engine.replay import replay
from stream_app.language.compile import Environment
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.load import load_rulebook
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.sysmon.attributes import VOCABULARY
from tests.unit.engine.joint_oracle import And, Is, Node, Not, Or, Spec, Then, incidents
from tests.unit.engine.joint_scenes import rules, run, scenes, standing

START = 1_700_000_000_000
WORDS = {And: " AND ", Or: " OR ", Then: " FOLLOWED_BY "}
INCIDENT = {
    "hostName": ("hostName", "srcName", "destName", "serverName"),
    "user": ("user", "targetUser", "procOwner", "userId"),
    "destIpPort": ("destIpPort", "srcIpPort", "recvBytes64", "winLogonType"),
}
"""Incident attributes of each type, more than a rule has subpatterns."""


def line_of(node: Node) -> str:
    """Write a trigger line."""
    if isinstance(node, Is):
        return f"P{node.number}"
    if isinstance(node, Not):
        word = " NOT_FOLLOWED_BY " if node.never[0][0] else " AND_NOT "
        return word.join(map(_inner, (node.kept, *(each for _, each in node.never))))
    return WORDS[type(node)].join(map(_inner, node.parts))


def _inner(node: Node) -> str:
    return line_of(node) if isinstance(node, Is) else f"({line_of(node)})"


def text_of(spec: Spec, *, final: bool) -> str:
    """Write the rule that is meant, with other times."""
    names = [f"P{number}" for number in range(len(spec.patterns))]
    related = " AND ".join(
        f"{names[each.left]}.{each.attribute} {each.operator} {names[each.right]}.{each.other}"
        for each in spec.relations
    )
    lines = ['id = "PH_Rule_Test"', 'name = "n"', "severity = 1", 'category = "Security"', "window = 60"]
    lines += [f"evidence = {spec.evidence}", f'trigger = "{line_of(spec.trigger)}"']
    lines += [f'global = "{related}"'] * bool(related) + ['decide = "final"'] * final
    for name, each in zip(names, spec.patterns, strict=True):
        lines += [f"[pattern.{name}]", f"""query = 'eventType = "{name}"'"""]
        lines += [f"group_by = {json.dumps(each.group_by)}", f'aggregate = "{each.constraint}"']
    left = {name: iter(attributes) for name, attributes in INCIDENT.items()}
    lines += ["[incident]", *(f'{next(left[name])} = "{names[number]}.{name}"' for number, name in spec.mapping)]
    shown = iter(("totFlows", "accountName", "totBytes64", "appName"))
    for number in spec.shown:
        lines += [f'{next(shown)} = "{names[number]}.{text}"' for text in ("COUNT(*)", "LAST(user)")]
    return "\n".join([*lines, ""])


@settings(max_examples=max(100, settings.default.max_examples), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), lateness=st.integers(0, 12), negated=st.booleans(), final=st.booleans())
def test_what_a_rule_says(data: st.DataObject, lateness: int, *, negated: bool, final: bool) -> None:
    """A rule that is read from its text finds what all combinations say, under whatever keys it makes of itself."""
    drawn = data.draw(rules(negated=negated, turning=negated or final))
    spec = drawn.spec
    node = spec.trigger.parts[-1] if isinstance(spec.trigger, Or) else spec.trigger
    assume(not isinstance(node, Not) or len({follows for follows, _ in node.never}) == 1)
    assume(all("COUNT(*) >= 0" != each.constraint for each in spec.patterns) and spec.mapping)
    text = text_of(spec, final=final)
    rule = read_rule(parse_document("r.toml", text), Environment(vocabulary=VOCABULARY), Defaults())
    rule = replace(rule, window=spec.window, clear_after=spec.quiet, lateness=lateness, update_interval=0)
    scene = data.draw(scenes(spec, lateness))
    _, sent = run(rule, scene)
    assert incidents(spec, scene.events) == standing(sent)


WORD = """\
id = "PH_Rule_Word"
name = "Word calls out"
severity = 7
category = "Security"
window = 300
lateness = 60
trigger = "{trigger}"
global = "Create.hostName = Connect.hostName AND Create.procGUID = Connect.procGUID"
[pattern.Create]
query = 'eventType = "Create" AND parentProcName CONTAIN "winword.exe"'
group_by = ["hostName", "procGUID", "procName"]
aggregate = "COUNT(*) >= 1"
[pattern.Connect]
query = 'eventType = "Connect"'
group_by = ["hostName", "procGUID"]
aggregate = "COUNT(*) >= 1"
[incident]
hostName = "Create.hostName"
procGUID = "Create.procGUID"
procName = "Create.procName"
{more}
"""
ENDED = """\
[clear]
query = 'eventType = "End"'
group_by = ["hostName", "procGUID"]
match = { hostName = "hostName", procGUID = "procGUID" }
"""


def loaded(folder: Path, trigger: str, more: str = "") -> Rule:
    """Load the rule, as a rulebook does."""
    path = folder / "word" / "word.toml"
    path.parent.mkdir()
    path.write_text(WORD.format(trigger=trigger, more=more))
    return load_rulebook(folder, Defaults(update_interval=0)).rules["PH_Rule_Word"]


def replayed(rule: Rule, *events: tuple[int, str, str, str]) -> list[tuple[object, ...]]:
    """Replay (second, eventType, hostName, procGUID); give incidents' numbers, and reasons of rejections."""
    records = [
        Record("sysmon", 0, offset, 0, json.dumps(_fields(*event)).encode()) for offset, event in enumerate(events)
    ]
    return [*map(_told, _found(rule, records))]


def _found(rule: Rule, records: Iterable[Record]) -> Iterable[Incident | Rejection]:
    return replay(Rulebook({rule.id: rule}), records)


def _fields(second: int, kind: str, host: str, process: str) -> dict[str, object]:
    said = {"hostName": host, "procGUID": process, "parentProcName": "winword.exe", "procName": "cmd.exe"}
    return {"eventType": kind, "phRecvTime": START + second * 1000, **said}


def _told(each: Incident | Rejection) -> tuple[object, ...]:
    if isinstance(each, Rejection):
        return (each.reason,)
    return (
        each.attributes["procGUID"],
        each.activity,
        each.count,
        each.incident_count,
        (each.last_seen - START) // 1000,
    )


def test_replay_of_an_order(tmp_path: Path) -> None:
    """Each process is a row and an incident of its own; what is not in order, or of another host, is none."""
    rule = loaded(tmp_path, "Create FOLLOWED_BY Connect")
    assert [("g", "create", 1, 2, 9), ("h", "create", 1, 3, 11), ("g", "update", 2, 3, 12)] == replayed(
        rule,
        (1, "Connect", "pc", "h"),
        (2, "Create", "pc", "g"),
        (3, "Create", "pc", "h"),
        (8, "Connect", "PC2", "g"),
        (9, "Connect", "PC", "g"),
        (11, "Connect", "pc", "h"),
        (12, "Connect", "pc", "g"),
        (400, "Connect", "pc", "g"),
    )


def test_replay_of_what_does_not_come(tmp_path: Path) -> None:
    """What must not come is waited for, as long as records go on; at their end all is decided."""
    rule = loaded(tmp_path, "Create NOT_FOLLOWED_BY Connect")
    assert [("g", "create", 1, 1, 0), ("k", "create", 1, 1, 500)] == replayed(
        rule,
        (0, "Create", "pc", "g"),
        (1, "Create", "pc", "h"),
        (299, "Connect", "pc", "h"),
        (400, "Connect", "pc", "g"),
        (500, "Create", "pc", "k"),
    )


def test_replay_of_a_clear_pattern(tmp_path: Path) -> None:
    """The end of a process ends its incident."""
    rule = loaded(tmp_path, "Create AND Connect", ENDED)
    assert [("g", "create", 1, 2, 1), ("g", "clear", 1, 2, 1), ("g", "create", 1, 1, 4)] == replayed(
        rule,
        (0, "Connect", "pc", "g"),
        (1, "Create", "pc", "g"),
        (2, "End", "pc", "h"),
        (3, "End", "pc", "g"),
        (4, "Connect", "pc", "g"),
    )
