"""Every filter of the rule files beside the checkout: parsed, printed, compiled, and asked a second opinion on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import Environment, attributes_read, compile_filter
from stream_app.language.constraint import constraint_of
from stream_app.language.parser import parse
from stream_app.language.printer import to_text
from stream_app.language.syntax import Address, Attribute, Matches, Number, String, nodes
from stream_app.language.values import AttributeType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream_app.language.syntax import Expression
    from stream_app.language.values import Value

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "fortisiem-rules"
RULES = 73
EVENTS = 60  # for each rule

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="../shared/data/fortisiem-rules is missing, the rule files that this test reads"
)


def _texts(element: str) -> list[str]:
    """Give the text of every such element in every rule file."""
    trees = [ET.parse(path) for path in sorted(FOLDER.glob("*.xml"))]  # noqa: S314 - data files of our own
    return [node.text or "" for tree in trees for node in tree.iter(element)]


def _type(attribute: str) -> AttributeType:
    """Give an attribute's type by its name, as FortiSIEM names addresses and ports."""
    if attribute.endswith("IpAddr"):
        return AttributeType.IP
    return AttributeType.NUMBER if attribute.endswith("IpPort") else AttributeType.STRING


def _events(tree: Expression) -> Iterator[dict[str, Value]]:
    """Make events out of the filter's own literals: one that its positive terms like, and others one value away."""
    liked: dict[str, list[Value | None]] = {}
    values: dict[str, list[Value | None]] = {}
    for node in nodes(tree):
        operand = getattr(node, "operand", None) or getattr(node, "left", None)
        if isinstance(operand, Attribute):
            found = list(_literals(node, number=_type(operand.name) is AttributeType.NUMBER))
            is_negative = getattr(node, "negated", False) or getattr(node, "operator", "=") == "!="
            liked.setdefault(operand.name, []).extend([] if is_negative else found)
            values.setdefault(operand.name, [None, "", "other", 1]).extend(found)
    best = {name: (found or ["other"])[0] for name, found in liked.items()}
    changes = [{}, *({name: value} for name, found in sorted(values.items()) for value in found)]
    for change in changes[:EVENTS]:
        yield {name: value for name, value in {**best, **change}.items() if value is not None}


def _literals(node: object, *, number: bool) -> Iterator[Value]:
    """Give values that a term is likely to be true of."""
    if isinstance(node, Matches):
        for part in node.pattern.text.split("|"):
            yield re.sub(r"\\(.)|\.\*|[$^]", r"\1", part)
    for literal in nodes(node):
        if isinstance(literal, String):
            yield literal.value
        elif isinstance(literal, Number | Address):
            yield int(literal.text) if number else literal.text.partition("/")[0]


def test_every_filter_parses_and_prints_and_agrees_with_the_second_opinion(
    interpreter: type, record_property: Callable[[str, object], None]
) -> None:
    """All filters parse and compile, and say of events made from them what walking their trees says."""
    filters = _texts("SingleEvtConstr")
    matched = asked = 0
    for text in filters:
        tree = parse(text)
        assert to_text(tree) == to_text(parse(to_text(tree)))
        environment = Environment({name: _type(name) for name in attributes_read(tree)})
        predicate, second = compile_filter(tree, environment), interpreter(environment)
        answers = [(second.matches(tree, event), predicate(event)) for event in _events(tree)]
        assert [answer for answer, _ in answers] == [answer for _, answer in answers]
        asked += len(answers)
        matched += sum(answer for answer, _ in answers)
    record_property("filters", len(filters))
    record_property("events", asked)
    record_property("matches", matched)
    print(f"{len(filters)} filters read, {asked} events asked about, {matched} matches")  # noqa: T201 - says how many
    assert (RULES, True) == (len(filters), matched > RULES)


def test_every_aggregate_constraint_parses() -> None:
    """All aggregate constraints of the files are a count of events that is built."""
    assert [CountConstraint(">=", 1)] * RULES == [
        constraint_of(text, Environment(vocabulary={})).count for text in _texts("GroupEvtConstr")
    ]
