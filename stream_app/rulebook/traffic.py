"""What rules ask of events against what events are like: attributes that do not come, and groups that are too many."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec.structs import replace

from stream_app.language.compile import EVENT_TYPE, attributes_read
from stream_app.language.diagnostics import Diagnostic
from stream_app.language.folding import fold
from stream_app.language.syntax import Attribute, Expression, Matches, String, nodes
from stream_app.rulebook.chaining import UNHEARD
from stream_app.rulebook.conditions import Condition, comparisons
from stream_app.rulebook.document import Document
from stream_app.rulebook.findings import MANY_GROUPS, NOT_CARRIED, Finding
from stream_app.rulebook.load import Loaded
from stream_app.rulebook.rule import Rule, Subpattern
from stream_app.sysmon.carried import carried_by
from stream_app.sysmon.event_type import NETWORK, usual_types

OF_PROCESS = frozenset({"command", "parentProcName"})
"""What a connection gets from the event 1 of its process, where connections are joined with processes."""

EXPLODES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("procGUID", "procOwner", "TargetProcessGuid"), "each start of a process has its own"),
        **dict.fromkeys(("procId", "parentProcId", "targetProcId"), "each start of a process has its own"),
        **dict.fromkeys(("uuid", "winLogonId"), "each logon has its own"),
        **dict.fromkeys(("command", "parentCommand"), "command lines hold names and numbers that never come again"),
        **dict.fromkeys(("srcIpPort", "destIpPort"), "most ports are used once"),
        **dict.fromkeys(("SourceThreadId", "NewThreadId", "startAddress"), "threads and addresses come once"),
        **dict.fromkeys(
            ("hashCode", "hashMD5", "hashSHA1", "hashSHA256", "hashSHA512", "hashIMP"), "each build differs"
        ),
        **dict.fromkeys(
            ("UtcTime", "deviceTime", "phRecvTime", "createTime", "preTime"), "each event has its own time"
        ),
        "procPath": "call traces hold addresses",
        "incidentId": "each incident has its own",
    }
)
"""Attribute -> why grouping by it makes about as many incidents as there are events."""


def not_carried(loaded: Loaded, rule: Rule, conditions: Sequence[Condition]) -> Iterator[Finding]:
    """Tell of attributes that a subpattern reads or groups by, and that no event it can want carries.

    ``conditions`` are the rule's, those of its subpatterns first. Decision: only where it is certain that all event
    types that a filter wants are Sysmon's. Each attribute is told of once for a subpattern, where it is first read.
    """
    for subpattern, condition in zip(rule.subpatterns, conditions, strict=False):
        event_ids = _event_ids(condition, loaded.rulebook.rules)
        carried = frozenset(loaded.rulebook.declared).union(*map(carried_by, event_ids))
        events = " or ".join(map(str, sorted(event_ids)))
        for name, at, text in _read(loaded.documents[rule.id], subpattern, condition) if event_ids else ():
            if name not in carried:
                said = f"{name} is absent: Sysmon's event {events} does not carry it"
                yield Finding(NOT_CARRIED, rule.id, replace(at, message=said), _mend(name, event_ids), name, text)


def _mend(name: str, event_ids: Collection[int]) -> str:
    if name in OF_PROCESS and set(event_ids) == {NETWORK}:
        return "with STREAM_APP_PROCESS_CONTEXT=true a connection gets it from its process; or delete what asks for it"
    return "ask for what it carries, or of the event that carries it, or delete it"


def _event_ids(condition: Condition, rules: Iterable[str]) -> frozenset[int]:
    """Give the ids of the events that a filter can want; none where it may also want what is not Sysmon's."""
    kind, usual = condition.filter.kind, tuple(usual_types())
    found = frozenset(int(each.split("-")[2]) for each in usual if kind({EVENT_TYPE: each}))
    named = [node.value for node in nodes(condition.tree) if isinstance(node, String)]
    others = [each for each in named if not any(fold(each) in fold(known) for known in usual)]
    if any(kind({EVENT_TYPE: each}) for each in (*UNHEARD, *rules, *others)):
        return frozenset()
    patterns = [
        part.pattern.text
        for part in comparisons(condition.tree)
        if isinstance(part, Matches) and attributes_read(part) == {EVENT_TYPE}
    ]
    of_sysmon = all("sysmon" in fold(branch) for text in patterns for branch in text.split("|"))
    return found if of_sysmon else frozenset()


def _read(document: Document, subpattern: Subpattern, condition: Condition) -> Iterator[tuple[str, Diagnostic, str]]:
    """Give what a subpattern reads and groups by: each attribute once, with its first place and the text there."""
    seen: set[str] = set()
    for part in comparisons(condition.tree):
        for node in sorted(_attributes(part), key=lambda node: node.span.start):
            if node.name not in seen:
                seen.add(node.name)
                yield node.name, condition.place.diagnose(node.span.start, ""), condition.written(part)
    for number, name in enumerate(subpattern.group_by):
        if name not in seen:
            yield name, document.at_value((*condition.path[:-1], "group_by", number), ""), name


def _attributes(part: Expression) -> Iterator[Attribute]:
    return (node for node in nodes(part) if isinstance(node, Attribute))


def grouped(loaded: Loaded, rule: Rule) -> Iterator[Finding]:
    """Tell of group-by attributes that make about as many groups as there are events.

    Those by which patterns meet are left alone, and those of the clear pattern: they must be there.
    """
    join = rule.join
    met = set[tuple[int, int]]()
    for each in () if join is None else join.relations:
        met.update({(each.left, each.left_place), (each.right, each.right_place)})
    ends = len(rule.subpatterns) - (join is not None and join.clear is not None)
    for number, subpattern in enumerate(rule.subpatterns[:ends]):
        for place, name in enumerate(subpattern.group_by):
            if name in EXPLODES and (number, place) not in met:
                said = f"grouping by {name} makes nearly a group for each event: {EXPLODES[name]}"
                path = ("pattern", subpattern.name, "group_by", place)
                at = loaded.documents[rule.id].at_value(path, said)
                mend = "group by what should be one incident, such as hostName and procName"
                yield Finding(MANY_GROUPS, rule.id, at, mend, name, name)
