"""No part of a rule's filters is idle: change any of it, and some event of its cases is answered differently."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream_app.language.compile import Environment, compile_filter
from stream_app.language.parser import parse
from stream_app.language.syntax import And, Expression, Or
from stream_app.language.values import Attributes, Event
from stream_app.rulebook.load import load_rulebook
from stream_app.sysmon.attributes import VOCABULARY
from stream_app.sysmon.normalise import Unreadable, normalise
from tests.corpus import RULES, corpus, rule_of

RULEBOOK = load_rulebook(RULES)
FOLDERS = sorted({folder for folder, _ in corpus()})
WATCHED = "ws-051.corp.example"
"""The host that the cases put on a watch list."""


class Watching:
    """A watch list that holds that host."""

    def reader(self, _read: object, *, event_clock: bool) -> Callable[[object, Event], bool]:  # noqa: ARG002 - a protocol's
        """Give the test of a filter."""
        return lambda _, event: event.get("hostName") == WATCHED


ENVIRONMENT = Environment(
    vocabulary=VOCABULARY,
    groups={path.stem: tomllib.loads(path.read_text())["members"] for path in RULES.glob("groups/*.toml")},
    watch_lists={filling.name: Watching() for rule in RULEBOOK.rules.values() for filling in rule.watch_lists},
)
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
    predicate = compile_filter(parse(query), ENVIRONMENT)
    return [predicate(each) for each in played]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_comparison_of_a_filter_decides_some_event(folder: Path) -> None:
    """One that were always true, or always false, would be noticed. An incident is an event too."""
    played = [*events(folder), *({"eventType": rule} for rule in RULEBOOK.rules)]
    checked = 0
    for query in [subpattern.query for subpattern in rule_of(folder, RULEBOOK).subpatterns]:
        wanted = answers(query, played)
        for part in comparisons(parse(query)):
            for constant in (ALWAYS, NEVER):
                changed = f"{query[: part.span.start]}({constant}){query[part.span.end :]}"
                assert wanted != answers(changed, played), f"{query[part.span.start : part.span.end]}: {constant}"
                checked += 1
    assert checked >= 2
