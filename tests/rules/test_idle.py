"""No part of a rule's filter is idle: change any of it, and some case of the rule comes out differently."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_app.language.compile import Environment, compile_filter
from stream_app.language.parser import parse
from stream_app.language.syntax import And, Expression, Or
from stream_app.language.values import Attributes
from stream_app.rulebook.load import load_rulebook
from stream_app.sysmon.attributes import VOCABULARY
from stream_app.sysmon.normalise import Unreadable, normalise
from tests.corpus import RULES, corpus, rule_of

RULEBOOK = load_rulebook(RULES)
FOLDERS = sorted({folder for folder, _ in corpus()})
ALWAYS, NEVER = "eventType IS NULL OR eventType IS NOT NULL", "eventType IS NULL AND eventType IS NOT NULL"


def comparisons(expression: Expression) -> Iterator[Expression]:
    """Give the comparisons that a filter is made of."""
    if isinstance(expression, And | Or):
        for term in expression.terms:
            yield from comparisons(term)
    else:
        yield expression


def events(folder: Path) -> list[Attributes]:
    """Give the events of a rule's cases, as far as they can be read."""
    found: list[Attributes] = []
    for of, case in corpus():
        for event in case.events if of == folder else ():
            try:
                found.append(normalise(event.value).attributes)
            except Unreadable:
                continue
    return found


def answers(query: str, played: list[Attributes]) -> list[bool]:
    """Say which of the events a filter wants."""
    predicate = compile_filter(parse(query), Environment(vocabulary=VOCABULARY))
    return [predicate(each) for each in played]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_comparison_of_a_filter_decides_some_event(folder: Path) -> None:
    """One that were always true, or always false, would be noticed."""
    query = rule_of(folder, RULEBOOK).subpattern.query
    played = events(folder)
    wanted = answers(query, played)
    checked = 0
    for part in comparisons(parse(query)):
        for constant in (ALWAYS, NEVER):
            changed = f"{query[: part.span.start]}({constant}){query[part.span.end :]}"
            assert wanted != answers(changed, played), f"{query[part.span.start : part.span.end]}: {constant}"
            checked += 1
    assert checked >= 2
