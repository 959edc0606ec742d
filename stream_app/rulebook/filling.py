"""The ``[[watch_list]]`` tables of rules: what each rule puts on which list, and that no rule waits for itself.

Decision: a rule that reads a list which it fills, also through other rules, is refused. Its incidents would depend on
how soon an entry is known to the worker that reads it, with no order of the records in which that is settled.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from stream_app.language.diagnostics import Diagnostic
from stream_app.rulebook.document import Document
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.rule import Rule
from stream_app.rulebook.watchlists import DEFAULT_KEEP, Filling

TABLE = "watch_list"

LONGEST_KEEP = 31_622_400
"""Seconds for which an entry may stay: 366 days, for which the topic of the lists keeps it."""

LIST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""What a watch list may be called."""

_SECOND = 1000


def read_fillings(fields: Fields) -> tuple[Filling, ...]:
    """Read what a rule puts on lists; what is wrong is reported."""
    incident = fields.data.get("incident")
    attributes = incident if isinstance(incident, dict) else {}
    found: dict[tuple[str, str], Filling] = {}
    for table in fields.tables(TABLE):
        name = table.text("name")
        if name and not LIST_NAME.fullmatch(name):
            table.at_value("a watch list's name must be 1 to 128 letters, digits, '_', '-' and '.'", "name")
        attribute = table.text("attribute")
        if attribute and attribute not in attributes:
            table.at_value(f"{attribute!r} is no incident attribute of this rule: map it under [incident]", "attribute")
        if (name, attribute) in found:
            table.at_value(f"{attribute!r} is put on {name!r} twice", "attribute")
        keep = table.integer("keep", 1, LONGEST_KEEP, DEFAULT_KEEP) * _SECOND
        found[name, attribute] = Filling(name, attribute, keep)
        table.close()
    return tuple(found.values())


def names_filled(document: Document) -> Iterator[str]:
    """Give the lists that a rule's file says to fill, wrong or not."""
    tables = document.data.get(TABLE)
    for table in tables if isinstance(tables, list) else ():
        name = table.get("name") if isinstance(table, dict) else None
        if isinstance(name, str):
            yield name


def lists_read(rule: Rule) -> frozenset[str]:
    """Name the lists that a rule's filters read."""
    return frozenset(name for subpattern in rule.subpatterns for name in subpattern.filter.watch_lists)


class _Step(Struct, frozen=True):
    """A rule reads a list that another one fills, or, where no list is named, that one's incidents."""

    reader: str
    name: str
    filler: str

    def __str__(self) -> str:
        if self.name:
            return f"{self.reader} reads {self.name!r}, which {self.filler} fills"
        return f"{self.reader} reads incidents of {self.filler}"


def circles(
    rules: Collection[Rule], incidents: Mapping[str, Sequence[str]], documents: Mapping[str, Document]
) -> Iterator[Diagnostic]:
    """Report the shortest circle of each rule that reads what it fills, directly or not; each circle once.

    ``incidents`` says which rules read whose incidents. A circle is reported where a rule fills a list that is in it;
    one of incidents alone is none of these.
    """
    fillers: dict[str, list[str]] = {}
    for rule in rules:
        for filling in rule.watch_lists:
            fillers.setdefault(filling.name, []).append(rule.id)
    steps = {
        rule.id: [
            *(_Step(rule.id, name, filler) for name in sorted(lists_read(rule)) for filler in fillers.get(name, ())),
            *(_Step(rule.id, "", made) for made in incidents.get(rule.id, ())),
        ]
        for rule in rules
    }
    of_rules = {rule.id: rule for rule in rules}
    told: set[frozenset[_Step]] = set()
    for rule in rules:
        circle = _circle(rule.id, steps)
        closes = next((step for step in reversed(circle) if step.name), None)
        if closes is not None and frozenset(circle) not in told:
            told.add(frozenset(circle))
            names = [filling.name for filling in of_rules[closes.filler].watch_lists]
            said = f"watch lists in a circle: {', '.join(map(str, circle))}"
            yield documents[closes.filler].at_key((TABLE, names.index(closes.name)), said)


def _circle(start: str, steps: Mapping[str, Iterable[_Step]]) -> tuple[_Step, ...]:
    """Find the shortest way from a rule back to itself; none where there is none."""
    ways: list[tuple[_Step, ...]] = [(step,) for step in steps[start]]
    seen: set[str] = set()
    for way in ways:  # grows
        last = way[-1].filler
        if last == start:
            return way
        if last not in seen:
            seen.add(last)
            ways += [(*way, step) for step in steps[last]]
    return ()
