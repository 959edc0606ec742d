"""FortiSIEM's rule XML: a file's bytes go in; each of its rules comes out as plain data, or with every reason why not.

Texts come over verbatim, but for the blanks around them. Decisions: operators of several subpatterns are a flat list
with ranks; where they are mixed the lowest rank binds first, and parentheses say so in the trigger line. The
subcategory is ATT&CK's tactic where it is called like one. A rule that is for some customers only, or that puts
customers together, is refused: here each customer is correlated apart. Fortinet publishes no form of a clear condition;
read are ``<ClearCondition method="time" window="…"/>`` (seconds without a trigger) and ``method="pattern"`` with one
subpattern and ``<GlobalConstr>attribute = Name.attribute AND …</GlobalConstr>``, which is what the export writes.
"""

import re
from collections.abc import Iterator, Sequence

from lxml import etree
from msgspec.structs import replace

from stream_app.exchange.attack import tactics_of
from stream_app.exchange.fortisiem_document import read_elements
from stream_app.exchange.imported import (
    EXPORTED,
    SOURCE,
    Choices,
    Imported,
    Origin,
    Reason,
    Refused,
    source_note,
    with_parentheses,
)
from stream_app.exchange.xml_part import Notes, Part
from stream_app.language.diagnostics import LanguageError
from stream_app.language.trigger import OPERATORS
from stream_app.rulebook.text import ClearText, ListText, PatternText, RuleText

DESCRIBES = (
    "DetectionTechnology",
    "IncidentTitle",
    "Remediation",
    "SIGMAStatus",
    "SIGMAUpdateStatus",
    "SigmaFileName",
    "TriggerEventDisplay",
    "group",
    "ignoreSIGMAUpdate",
    "phIncidentCategory",
)
"""Elements and attributes of a rule that decide nothing here, and that a rule file has no key for."""

_OUTSIDE_PARENTHESES = re.compile(r",(?![^()]*\))")
_MATCHED = re.compile(r"(?:Incident\.)?(?P<name>\w+)\s*=\s*(?P<pattern>\w+)\.(?P<attribute>\w+)")
_AND = re.compile(r"\s+AND\s+", re.IGNORECASE)
_SEPARATORS = re.compile(r"[,;\s]+")
_SHOWN = 60


def import_xml(path: str, data: bytes, choices: Choices) -> tuple[Imported | Refused, ...]:
    """Read every rule of a file, in its order. A file that cannot be read is one refusal."""
    try:
        elements = read_elements(path, data)
    except LanguageError as error:
        reasons = tuple(Reason(each.line, each.message) for each in error.diagnostics)
        return (Refused(Origin(path, "", reasons[0].line), reasons),)
    own = {parent for parent in {each.getparent() for each in elements} if parent is not None and _exported(parent)}
    no_note = replace(choices, note_source=False)
    return tuple(_imported(path, each, no_note if each.getparent() in own else choices) for each in elements)


def folded(names: Sequence[str], operators: Sequence[str]) -> tuple[str, bool]:
    """Write a trigger line, each operator around all before it; and say whether it needed parentheses."""
    line, mixed = names[0], False
    for place, (operator, name) in enumerate(zip(operators, names[1:], strict=True)):
        if place and operator != operators[place - 1]:
            line, mixed = f"({line})", True
        line = f"{line} {operator} {name}"
    return line, mixed


def mapping_of(text: str) -> Iterator[tuple[str, str]]:
    """Read ``a = Filter.a, n = Filter.COUNT(DISTINCT b)``; what lacks its ``=`` comes with an empty source."""
    for pair in _OUTSIDE_PARENTHESES.split(text):
        if pair.strip():
            name, _, source = pair.partition("=")
            yield name.strip(), source.strip()


def names_of(text: str) -> tuple[str, ...]:
    """Read attributes' names between commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _exported(parent: etree._Element) -> bool:
    """Tell whether rules were written by our own export: then they come from nowhere else."""
    return any(str(each.text).strip() == EXPORTED for each in parent.iterchildren(etree.Comment))


def _imported(path: str, element: etree._Element, choices: Choices) -> Imported | Refused:
    notes = Notes(ignored=choices.ignored)
    part = Part(element, notes)
    origin = Origin(path, part.attribute("id"), part.line)
    changed: list[str] = []
    incident = part.part("IncidentDef", required=True)
    event_type = "" if incident is None else incident.attribute("eventType")
    note = next((each for each in part.comments() if each.startswith(SOURCE)), "")
    if not note and choices.note_source:
        note = source_note(path, origin.rule)
    rule = _rule(part, incident, changed)
    if notes.reasons:
        return Refused(origin, tuple(sorted(notes.reasons, key=lambda reason: reason.line)))
    rule_id = event_type if choices.ids == "event-type" else origin.rule
    rule = replace(rule, id=rule_id, comments=(note,) if note else ())
    return with_parentheses(Imported(origin, rule, event_type, tuple(changed), tuple(notes.left_out)), choices.bare_mix)


def _rule(part: Part, incident: Part | None, changed: list[str]) -> RuleText:
    """Read everything of a rule but its id; what is wrong is noted."""
    subcategory = part.attribute("subFunction", "")
    clause = part.part("PatternClause", required=True)
    window = 0 if clause is None else clause.number("window")
    patterns = {} if clause is None else _patterns(clause)
    trigger = "" if clause is None else _trigger(clause, list(patterns), changed)
    relations = "" if clause is None else clause.text("GlobalConstr", "")
    clear_after, clear = _clear(part, window)
    _customers(part)
    part.leave(*DESCRIBES)
    rule = RuleText(
        id="",
        name=part.text("Name"),
        description=part.text("Description", ""),
        severity=0 if incident is None else incident.number("severity"),
        category=part.attribute("function"),
        subcategory=subcategory,
        tactics=tactics_of(subcategory),
        techniques=tuple(each for each in _SEPARATORS.split(part.attribute("technique", "")) if each),
        window=window,
        trigger=trigger,
        global_=relations,
        enabled=_flag(part, part.text("active", "true"), "<active>"),
        clear_after=clear_after,
        pattern=patterns,
        incident={} if incident is None else _mapping(incident),
        clear=clear,
        watch_list=tuple(_watch_lists(part)),
    )
    for each in (incident, clause):
        if each is not None:
            each.close()
    part.close()
    return rule


def _flag(part: Part, word: str, noun: str) -> bool:
    if word.lower() not in {"true", "false"}:
        part.refuse(f"{noun} must be true or false, got {word[:_SHOWN]!r}")
    return word.lower() != "false"


def _mapping(incident: Part) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, source in mapping_of(incident.text("ArgList", "")):
        if name in found:
            incident.refuse(f"<ArgList> maps {name} twice")
        if not name or not source:
            incident.refuse(f"<ArgList>: expected 'attribute = pattern.attribute', got {(name or source)[:_SHOWN]!r}")
        found[name] = source
    return found


def _patterns(clause: Part) -> dict[str, PatternText]:
    found: dict[str, PatternText] = {}
    for each in clause.parts("SubPattern"):
        name = each.attribute("name")
        if name in found:
            each.refuse(f"a second subpattern {name!r}")
        found[name] = PatternText(
            query=each.text("SingleEvtConstr"),
            group_by=names_of(each.text("GroupByAttr", "")),
            aggregate=each.text("GroupEvtConstr"),
        )
        _display_name(each, name)
        each.close()
    if not found:
        clause.refuse("<PatternClause> has no <SubPattern>")
    return found


def _display_name(subpattern: Part, name: str) -> None:
    """Leave the name that is shown out where it is another one."""
    if subpattern.has("displayName", name):
        subpattern.attribute("displayName")
    subpattern.leave("displayName")


def _trigger(clause: Part, names: list[str], changed: list[str]) -> str:
    """Read the operators between subpatterns: by rank, or as they stand where none has one."""
    found: list[tuple[int, str]] = []
    for each in clause.parts("Operator"):
        operator = _SEPARATORS.sub("_", each.attribute("type").upper())
        if operator not in OPERATORS:
            each.refuse(f"unknown operator {operator[:_SHOWN]!r}: they are {', '.join(OPERATORS)}")
        found.append((each.number("rank") if each.has("rank") else len(found), operator))
        each.close()
    if len({rank for rank, _ in found}) < len(found):
        clause.refuse("two operators of one rank: which comes first?")
    if names and len(found) != len(names) - 1:
        clause.refuse(f"{len(names)} subpatterns need {len(names) - 1} operators between them, got {len(found)}")
    if len(found) != len(names) - 1 or not found:
        return ""
    line, mixed = folded(names, [operator for _, operator in sorted(found)])
    if mixed:
        changed.append(f"trigger: operators of different kinds are read by their ranks, written as {line}")
    return line


def _customers(part: Part) -> None:
    """Refuse a rule that is not for all customers, each by itself."""
    scope = part.part("CustomerScope")
    if scope is None:
        return
    if not _flag(scope, scope.attribute("groupByEachCustomer", "true"), "groupByEachCustomer"):
        scope.refuse("groupByEachCustomer is false: here each customer is correlated apart")
    for each in scope.parts("Include"):
        if each.attribute("all", "false").lower() != "true" or each.own_text():
            each.refuse("<Include> names some customers: here a rule is for all of them")
    for each in scope.parts("Exclude"):
        if each.own_text():
            each.refuse("<Exclude> names some customers: here a rule is for all of them")
    scope.close()


def _watch_lists(part: Part) -> Iterator[ListText]:
    for each in part.parts("DynWatchListDef"):
        attribute = each.attribute("attr")
        names = [name for listed in each.parts("WatchList") for name in names_of(listed.own_text())]
        if not names:
            each.refuse("<DynWatchListDef> names no <WatchList>")
        each.close()
        yield from (ListText(name=name, attribute=attribute) for name in names)


def _clear(part: Part, window: int) -> tuple[int | None, ClearText | None]:
    """Read the clear conditions: a quiet period in seconds, and a pattern."""
    period: int | None = None
    pattern: ClearText | None = None
    for each in part.parts("ClearCondition"):
        method = each.attribute("method").lower()
        if method == "time" and period is None:
            period = each.number("window")
        elif method == "pattern" and pattern is None:
            pattern = _clear_pattern(each, window)
        else:
            each.refuse(f"<ClearCondition method={method[:_SHOWN]!r}>: one of 'time' and one of 'pattern' may be there")
        each.close()
    return period, pattern


def _clear_pattern(part: Part, window: int) -> ClearText | None:
    clause = part.part("PatternClause", required=True)
    relations = part.text("GlobalConstr")
    if clause is None:
        return None
    if clause.number("window") != window:
        clause.refuse("the clear pattern has another window than the rule: here they share one")
    inner = clause.part("SubPattern", required=True)
    clause.close()
    if inner is None:
        return None
    name = inner.attribute("name")
    clear = ClearText(
        query=inner.text("SingleEvtConstr"),
        group_by=names_of(inner.text("GroupByAttr", "")),
        aggregate=inner.text("GroupEvtConstr", ""),
        match=_match(part, relations, name),
    )
    _display_name(inner, name)
    inner.close()
    return clear


def _match(part: Part, relations: str, name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in _AND.split(relations):
        read = _MATCHED.fullmatch(each.strip())
        if read is None or read["pattern"] != name or read["name"] in found:
            part.refuse(
                f"<GlobalConstr> of a clear pattern: expected 'attribute = {name}.attribute', got {each[:_SHOWN]!r}"
            )
        else:
            found[read["name"]] = read["attribute"]
    return found
