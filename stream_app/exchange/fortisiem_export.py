"""Rules as plain data go in; FortiSIEM's rule XML comes out, with what it cannot hold of each rule.

Decision: what is written is what :mod:`stream_app.exchange.fortisiem_xml` reads, so that an exported rule that is
imported is the same file. A rule whose meaning no such XML has (a trigger line that no list of ranks gives, a text that
XML has no character for) is not written; what else has no place is left out by name. The eventType of incidents is the
rule's id, by which other rules read them here. What a rule file does not know and FortiSIEM asks for (group, incident
category, columns of the event list) is written as Fortinet's converter does.
"""

import re
from collections.abc import Iterable, Iterator

from lxml import etree
from msgspec import Struct

from stream_app.exchange.attack import tactics_of
from stream_app.exchange.imported import EXPORTED, SOURCE
from stream_app.language.lexer import Kind, tokenise
from stream_app.language.trigger import Named, Trigger
from stream_app.language.trigger_parser import parse_trigger
from stream_app.rulebook.text import ClearText, PatternText, RuleText

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GROUP = "PH_SYS_RULE_THREAT_HUNTING_WINDOWS"
_OPTIONS = (
    *("shadow", "case", "clock", "decide", "lateness", "evidence", "update_interval", "row_limit", "flood"),
    "exception",
)
"""What XML has no place for."""


class Exported(Struct, frozen=True):
    """What became of a rule: what was left out of it, or why it was not written."""

    id: str
    left_out: tuple[str, ...] = ()
    refused: str = ""


def export_xml(rules: Iterable[RuleText]) -> tuple[bytes, tuple[Exported, ...]]:
    """Write rules that the loader accepts as one document, UTF-8, in their order."""
    root = etree.Element("Rules")
    root.append(etree.Comment(f" {EXPORTED} "))
    told = []
    for rule in rules:
        why = _unwritable(rule)
        if not why:
            root.append(_rule(rule))
        told.append(Exported(rule.id, () if why else tuple(_left_out(rule)), why))
    etree.indent(root)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n", tuple(told)


def ranked(node: Trigger) -> tuple[list[str], list[str]] | None:
    """Give the names and the operators of a trigger line as a flat list; None where parentheses stand elsewhere."""
    if isinstance(node, Named):
        return [node.name], []
    first, *others = node.parts
    begun = ranked(first)
    if begun is None or not all(isinstance(each, Named) for each in others):
        return None
    names, operators = begun
    return names + [each.name for each in others if isinstance(each, Named)], operators + [node.operator] * len(others)


def _order(rule: RuleText) -> tuple[list[str], list[str]] | None:
    return ranked(parse_trigger(rule.trigger)) if rule.trigger else (list(rule.pattern), [])


def _unwritable(rule: RuleText) -> str:
    if _order(rule) is None:
        return f"no list of ranked operators says {rule.trigger!r}"
    for text in _texts(rule):
        if (found := _NOT_XML.search(text)) is not None:
            return f"XML has no character U+{ord(found.group()):04X}"
    return ""


def _texts(rule: RuleText) -> Iterator[str]:
    """Give every text that is written."""
    yield from (*rule.comments, rule.id, rule.name, rule.description, rule.category, rule.subcategory)
    for each in (*rule.pattern.values(), *([rule.clear] if rule.clear else ())):
        yield from (each.query, each.aggregate)
    yield from rule.incident.values()


def _left_out(rule: RuleText) -> Iterator[str]:
    """Name what the rule says and its XML does not."""
    yield from (name for name in _OPTIONS if getattr(rule, name))
    if rule.tactics != tactics_of(rule.subcategory):
        yield "tactics: XML holds the subcategory alone"
    yield from (f"keep of watch list {each.name}" for each in rule.watch_list if each.keep is not None)
    if any(not comment.startswith(SOURCE) or "--" in comment for comment in rule.comments):
        yield "comments"
    if any(text != text.strip() for text in _texts(rule)):
        yield "blanks around texts"


def _rule(rule: RuleText) -> etree._Element:
    element = etree.Element(
        "Rule",
        group=_GROUP,
        id=rule.id,
        phIncidentCategory="Server",
        function=rule.category,
        subFunction=rule.subcategory,
    )
    if rule.techniques:
        element.set("technique", ",".join(rule.techniques))
    for comment in rule.comments:
        if comment.startswith(SOURCE) and "--" not in comment:
            element.append(etree.Comment(f" {comment} "))
    _text(element, "Name", rule.name)
    _text(element, "IncidentTitle", rule.name)
    # FortiSIEM would tell everybody of the incidents of a rule that is in shadow here.
    _text(element, "active", "true" if rule.enabled and not rule.shadow else "false")
    _text(element, "Description", rule.description)
    _text(element, "DetectionTechnology", "Correlation")
    scope = etree.SubElement(element, "CustomerScope", groupByEachCustomer="true")
    etree.SubElement(scope, "Include", all="true")
    etree.SubElement(scope, "Exclude")
    incident = etree.SubElement(element, "IncidentDef", eventType=rule.id, severity=str(rule.severity))
    _text(incident, "ArgList", ",".join(f"{name} = {source}" for name, source in rule.incident.items()))
    _patterns(etree.SubElement(element, "PatternClause", window=str(rule.window)), rule)
    shown = dict.fromkeys(name for pattern in rule.pattern.values() for name in pattern.group_by)
    _text(etree.SubElement(element, "TriggerEventDisplay"), "AttrList", ",".join(["phRecvTime", *shown, "rawEventMsg"]))
    if rule.clear_after is not None:
        etree.SubElement(element, "ClearCondition", method="time", window=str(rule.clear_after))
    if rule.clear is not None:
        _clear(etree.SubElement(element, "ClearCondition", method="pattern"), rule.clear, rule.window)
    for filled in rule.watch_list:
        _text(etree.SubElement(element, "DynWatchListDef", attr=filled.attribute), "WatchList", filled.name)
    return element


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def _patterns(clause: etree._Element, rule: RuleText) -> None:
    """Write the subpatterns in the trigger line's order, which the ranks count."""
    names, operators = _order(rule) or ([], [])
    for name in names:
        _pattern(clause, name, rule.pattern[name])
    for rank, operator in enumerate(operators):
        etree.SubElement(clause, "Operator", type=operator, rank=str(rank))
    if rule.global_:
        _text(clause, "GlobalConstr", rule.global_)


def _pattern(clause: etree._Element, name: str, pattern: PatternText | ClearText) -> None:
    element = etree.SubElement(clause, "SubPattern", displayName=name, name=name)
    _text(element, "SingleEvtConstr", _with_groups(pattern.query))
    _text(element, "GroupByAttr", ",".join(pattern.group_by))
    if pattern.aggregate:
        _text(element, "GroupEvtConstr", pattern.aggregate)


def _clear(condition: etree._Element, clear: ClearText, window: int) -> None:
    _pattern(etree.SubElement(condition, "PatternClause", window=str(window)), "Clear", clear)
    _text(condition, "GlobalConstr", " AND ".join(f"{name} = Clear.{other}" for name, other in clear.match.items()))


def _with_groups(query: str) -> str:
    """Write watch lists as the groups that they are in FortiSIEM."""
    for token in reversed(tokenise(query)):
        if token.kind is Kind.WATCH_LIST:
            query = f"{query[: token.start]}Group@{token.text.partition('@')[2]}{query[token.end :]}"
    return query
