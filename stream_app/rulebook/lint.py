"""What looks wrong in rules that run: a folder that was loaded in, findings out, by rule and place.

Decision: a finding is given where it can be told from the rules alone, and nothing is guessed from names or numbers. It
is for the author to mend, or to accept with a reason (``accepted.py``); no worker asks.
"""

from collections.abc import Iterable, Iterator

from stream_app.language.truth import constants
from stream_app.rulebook.conditions import Condition, conditions_of
from stream_app.rulebook.findings import ALWAYS, ASKED_OFTEN, DUPLICATE, MEETING, NEVER, SLOW, Finding
from stream_app.rulebook.load import Loaded
from stream_app.rulebook.rule import Rule
from stream_app.rulebook.traffic import grouped, not_carried


def lint(loaded: Loaded, rule_ids: Iterable[str]) -> Iterator[Finding]:
    """Give what is found in these rules, each rule's findings by their place."""
    for rule_id in rule_ids:
        rule, conditions = loaded.rulebook.rules[rule_id], conditions_of(loaded, rule_id)
        found = [
            *(each for condition in conditions for each in _conditions(condition)),
            *_noted(rule),
            *not_carried(loaded, rule, conditions),
            *grouped(loaded, rule),
            *_duplicates(loaded, rule),
        ]
        yield from sorted(found, key=lambda each: (each.diagnostic.line, each.diagnostic.column, each.code))


def _conditions(condition: Condition) -> Iterator[Finding]:
    for hazard in condition.filter.hazards:
        mend = "write it without look-around, back-references and nested repetition, or ask for a plain text before it"
        yield Finding(SLOW, condition.rule, hazard, mend, text=hazard.source_line[hazard.column - 1 :])
    told = set[int]()
    for each in constants(condition.tree, condition.environment):
        start = each.part.span.start
        if start not in told:
            told.add(start)
            said = f"is always {'true' if each.answer else 'false'}: {each.reason}"
            mend = "delete it" if each.answer else "mend it, or delete what it is part of"
            code = ALWAYS if each.answer else NEVER
            yield Finding(code, condition.rule, condition.at(each.part, said), mend, text=condition.written(each.part))


def _noted(rule: Rule) -> Iterator[Finding]:
    """Give what reading the rule noted."""
    for subpattern in rule.subpatterns:
        for note in subpattern.notes:
            mend = "begin with eventType and with a text that is rare"
            yield Finding(ASKED_OFTEN, rule.id, note, mend, text=subpattern.query)
    for note in () if rule.join is None else rule.join.notes:
        yield Finding(MEETING, rule.id, note, "see to it, or accept it", text=note.source_line)


def _duplicates(loaded: Loaded, rule: Rule) -> Iterator[Finding]:
    """Tell of a rule that another one is like in all that decides; the later id is told of."""
    others = (each for each in loaded.rulebook.rules.values() if each.content_id == rule.content_id)
    first = min(each.id for each in others)
    if first != rule.id:
        at = loaded.documents[rule.id].at_value(("id",), f"decides what {first} decides")
        yield Finding(DUPLICATE, rule.id, at, "delete one of them", text=first)
