"""Which comparisons of a rule's conditions its cases decide by: rules and cases in, what no case would miss out.

A comparison decides where the condition's answer would be another if it were. Decision: a comparison is covered if it
decides once while it is true and once while it is false. So replaced by what is always true, or by what never is, it
changes the answer to some event of the cases. Events are those that come when the rule's own cases are played under all
rules: records, and incidents for a filter that reads some, with watch lists as they are at that moment; for an
exception, the groups that it is asked of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.chain import event_of
from stream_app.engine.incident import Incident
from stream_app.engine.playing import Stage
from stream_app.language.compile import compile_filter
from stream_app.language.syntax import And, Expression, Or
from stream_app.rulebook.chaining import reads
from stream_app.rulebook.conditions import Condition, comparisons, conditions_of
from stream_app.sysmon.normalise import Unreadable, normalise

if TYPE_CHECKING:
    from stream_app.engine.record import Record
    from stream_app.language.compile import Filter
    from stream_app.language.diagnostics import Diagnostic
    from stream_app.language.values import Attributes
    from stream_app.rulebook.cases import Case
    from stream_app.rulebook.load import Loaded
    from stream_app.rulebook.rule import Rule


class Undecided(Struct, frozen=True):
    """A comparison that could be replaced without any case noticing."""

    rule: str
    condition: str
    """``Filter``, ``Clear``, ``exception 1``."""
    comparison: str
    could_be: tuple[bool, ...]
    """What it could always be."""
    diagnostic: "Diagnostic"


class Coverage(Struct, frozen=True):
    """What the cases of rules decide by; ``comparisons`` is how many there are."""

    rules: tuple[str, ...]
    """The ids of the rules that have cases."""
    comparisons: int
    undecided: tuple[Undecided, ...]


class _Asked:
    """A condition, and by which of its comparisons its answers were decided."""

    def __init__(self, condition: Condition, *, of_incidents: bool) -> None:
        self.condition = condition
        self.of_incidents = of_incidents
        self.parts = tuple(comparisons(condition.tree))
        self._tests = [compile_filter(part, condition.environment) for part in self.parts]
        self._numbers = {part.span: number for number, part in enumerate(self.parts)}
        self._seen: set[tuple[bool, ...]] = set()
        self.decided: set[tuple[int, bool]] = set()
        """(number of a comparison, what it was when it decided)."""

    def ask(self, event: "Attributes") -> None:
        """Note what decides the answer to an event."""
        values = tuple([test(event) for test in self._tests])
        if values not in self._seen:
            self._seen.add(values)
            _, deciding = self._deciding(self.condition.tree, values)
            self.decided.update((number, values[number]) for number in deciding)

    def _deciding(self, tree: Expression, values: Sequence[bool]) -> tuple[bool, tuple[int, ...]]:
        """Give a tree's answer, and the comparisons each of which alone would change it.

        Of an AND that is true each term does, of one that is false the only false one, of an OR the other way round.
        """
        if not isinstance(tree, And | Or):
            number = self._numbers[tree.span]
            return values[number], (number,)
        usual = isinstance(tree, And)
        terms = [self._deciding(term, values) for term in tree.terms]
        others = [deciding for answer, deciding in terms if answer is not usual]
        if not others:
            return usual, tuple(number for _, deciding in terms for number in deciding)
        return not usual, others[0] if len(others) == 1 else ()

    def undecided(self) -> Iterator[Undecided]:
        """Give the comparisons that decided nothing, or only while they were true, or only while they were false."""
        condition = self.condition
        for number, part in enumerate(self.parts):
            could_be = tuple(value for value in (True, False) if (number, not value) not in self.decided)
            if could_be:
                said = _said(could_be, "a group" if condition.of_incident else "an event")
                at = condition.at(part, said)
                yield Undecided(condition.rule, condition.name, condition.written(part), could_be, at)


def _said(could_be: tuple[bool, ...], what: str) -> str:
    match could_be:
        case (True,):
            return f"could be always true: no case has {what} that this comparison alone keeps out"
        case (False,):
            return f"could be always false: no case has {what} that this comparison alone lets in"
        case _:
            return f"decides nothing: no case has {what} whose answer depends on this comparison"


class _Playing:
    """Rules under which cases are played while what their conditions are asked of is noted."""

    def __init__(self, loaded: "Loaded", rule_ids: Iterable[str]) -> None:
        rules = loaded.rulebook.rules
        self._lists = loaded.rulebook.lists
        self._declared = loaded.rulebook.declared
        self._playing = ""
        self.asked = {
            rule_id: [
                _Asked(each, of_incidents=not each.of_incident and any(reads(each.filter, other) for other in rules))
                for each in conditions_of(loaded, rule_id)
            ]
            for rule_id in rule_ids
        }
        noted = {rule_id: self._noted(rule) for rule_id, rule in rules.items()}
        self._stage = Stage(replace(loaded.rulebook, rules=noted))

    def play(self, rule_id: str, case: "Case") -> None:
        """Play a case of a rule."""
        self._playing = rule_id
        filters = [each for each in self.asked[rule_id] if not each.condition.of_incident]
        readers = [each for each in filters if each.of_incidents]

        def ask(record: "Record") -> None:
            if self._lists is not None:
                self._lists.timestamp = record.timestamp
            try:
                event = normalise(record.value or b"", declared=self._declared)
            except Unreadable:
                return
            for each in filters:
                each.ask(event)

        for found in self._stage.found(case, before=ask):
            if isinstance(found, Incident) and found.revision == 1 and (event := event_of(found)) is not None:
                for each in readers:
                    each.ask(event)

    def _noted(self, rule: "Rule") -> "Rule":
        """Give a rule whose exceptions note what they are asked of while its own cases are played."""
        own = [each for each in self.asked.get(rule.id, ()) if each.condition.of_incident]
        if not own:
            return rule
        noted = tuple(
            replace(exception, condition=self._noting(exception.condition, asked))
            for exception, asked in zip(rule.exceptions, own, strict=True)
        )
        return replace(rule, exceptions=noted)

    def _noting(self, condition: "Filter", asked: _Asked) -> "Filter":
        def kind(event: "Attributes") -> bool:
            if self._playing == asked.condition.rule:
                asked.ask(event)
            return True

        return replace(condition, kind=kind, rest=condition)


def coverage(loaded: "Loaded", cases: Mapping[str, Sequence["Case"]]) -> Coverage:
    """Play the cases, which are given by their rule's id, and tell what they do not decide by, in the files' order."""
    playing = _Playing(loaded, cases)
    for rule_id, own in cases.items():
        for case in own:
            playing.play(rule_id, case)
    asked = [each for of_rule in playing.asked.values() for each in of_rule]
    undecided = tuple(found for each in asked for found in each.undecided())
    return Coverage(tuple(cases), sum(len(each.parts) for each in asked), undecided)
