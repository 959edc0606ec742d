"""Which rules read the incidents of which: rules in, who reads whom out, or every reason why that cannot be run.

An incident is an event whose eventType is its rule's id. Decision: a filter reads the incidents of a rule if what it
says of eventType alone is true of that id and false of types that nobody has ever heard of. So a filter without a
condition on eventType, or with one that only leaves something out, reads none: its author meant records.
"""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from msgspec.structs import replace

from stream_app.language.compile import EVENT_TYPE, Filter
from stream_app.language.diagnostics import Diagnostic
from stream_app.rulebook.document import Document
from stream_app.rulebook.rule import Rule, Subpattern

UNHEARD = ("\x01", "Nobody-Has-Ever-Heard-Of-This_1")
"""Event types that only a filter accepts that accepts nearly all."""

Reads = Mapping[str, Sequence[str]]


def reads(compiled: Filter, rule_id: str) -> bool:
    """Tell whether a filter reads the incidents of a rule."""
    kind = compiled.kind
    return kind({EVENT_TYPE: rule_id}) and not any(kind({EVENT_TYPE: unheard}) for unheard in UNHEARD)


def reading(rules: Mapping[str, Rule]) -> dict[str, tuple[str, ...]]:
    """Give, for each enabled rule that reads incidents, the rules of those, disabled ones too; all in their order."""
    known: dict[str, frozenset[str]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules.values():
        read: frozenset[str] = frozenset()
        for subpattern in rule.subpatterns if rule.enabled else ():
            read |= _read(subpattern, rules, known)
        if read:
            found[rule.id] = tuple(rule_id for rule_id in rules if rule_id in read)
    return found


def chained(
    rules: Mapping[str, Rule], documents: Mapping[str, Document], problems: list[Diagnostic]
) -> dict[str, Rule]:
    """Give the rules, each knowing whether its incidents are read; report what cannot be run.

    Refused are rules that read each other's incidents in a circle, and readers that are decided as final. A disabled
    rule makes no incidents, and those of one in shadow are told to no rule: that somebody reads them is a note.
    """
    read = reading(rules)
    for cycle in _cycles({reader: [each for each in of if rules[each].enabled] for reader, of in read.items()}):
        rule, said = rules[cycle[0]], " reads ".join(cycle)
        problems.append(_at_query(rule, cycle[1], documents, f"incidents would go round in a circle, break it: {said}"))
    problems.extend(
        _at_query(
            rules[reader],
            of[0],
            documents,
            f"reads incidents of {of[0]} and is decided as final: not decided on incidents yet, their time cannot be "
            "waited for",
        )
        for reader, of in read.items()
        if rules[reader].final
    )
    sources = {each for of in read.values() for each in of}
    after = {rule.id: replace(rule, chained=True) if rule.id in sources else rule for rule in rules.values()}
    for reader, of in read.items():
        for rule_id in of:
            if not rules[rule_id].enabled:
                after[reader] = _noted(after[reader], rule_id, documents, "disabled: there are none")
            elif rules[rule_id].shadow:
                after[reader] = _noted(after[reader], rule_id, documents, "in shadow: no rule is told of them")
    return after


def _read(subpattern: Subpattern, rules: Mapping[str, Rule], known: dict[str, frozenset[str]]) -> frozenset[str]:
    """Give the rules whose incidents a subpattern reads; ``known`` are the answers so far, by kind of events."""
    compiled = subpattern.filter
    if compiled.kind_text not in known:
        known[compiled.kind_text] = frozenset(rule_id for rule_id in rules if reads(compiled, rule_id))
    return known[compiled.kind_text]


def _cycles(read: dict[str, list[str]]) -> Iterator[list[str]]:
    """Give circles until no other is left: each begins and ends with the lowest id in it; each rule reads the next."""
    while True:
        try:
            TopologicalSorter(read).prepare()
        except CycleError as error:
            circle = error.args[1][:0:-1]  # it says who is read by whom, and its first rule twice
            begin = circle.index(min(circle))
            circle = [*circle[begin:], *circle[:begin]]
            yield [*circle, circle[0]]
            read[circle[0]].remove(circle[1 % len(circle)])
        else:
            return


def _at_query(rule: Rule, rule_id: str, documents: Mapping[str, Document], message: str) -> Diagnostic:
    """Say something about the query that reads a rule's incidents."""
    name = next(each.name for each in rule.subpatterns if reads(each.filter, rule_id))
    document = documents[rule.id]
    path = ("pattern", name, "query")
    return document.at_value(path if path in document.entries else ("clear", "query"), message)


def _noted(rule: Rule, rule_id: str, documents: Mapping[str, Document], what: str) -> Rule:
    """Give the rule with a note on its query."""
    note = _at_query(rule, rule_id, documents, f"reads incidents of {rule_id}, which is {what}")
    return replace(rule, subpattern=replace(rule.subpattern, notes=(*rule.subpattern.notes, note)))
