"""Sigma files go in; rules as their files say them come out, and every rule that cannot be run exactly by name.

All files are read before the first rule is made, since a correlation or a filter may stand anywhere. Decision: a rule
that a correlation is about is switched off, as Sigma says, unless every such correlation has ``generate: true``. A
correlation whose incidents another one reads stays on: they must be made to be read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast

from msgspec import Struct
from msgspec.structs import replace
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from stream_app.exchange.imported import Imported, Refused
from stream_app.exchange.sigma_aggregation import KEPT
from stream_app.exchange.sigma_correlation import Correlating, base_of, correlation_rule
from stream_app.exchange.sigma_detection import detection_rule
from stream_app.exchange.sigma_documents import Include, Parsed, read_documents
from stream_app.exchange.sigma_terms import SigmaRefused
from stream_app.language.compile import Environment
from stream_app.language.diagnostics import LanguageError
from stream_app.rulebook.document import parse_document
from stream_app.rulebook.rulefile import Defaults, read_rule
from stream_app.rulebook.text import RuleText
from stream_app.rulebook.write import write_rule
from stream_app.sysmon.attributes import VOCABULARY

_PART = "switched off: only correlations tell of it ({}), none says 'generate: true'"

_DESCRIBE = ("date", "modified", "falsepositives", "fields", "related", "scope")
"""What a Sigma rule may say of itself and has no place here."""
_DECIDE = frozenset({KEPT, "correlation", "action"})
"""What stands among the other keys of a rule and was read."""

Found = Imported | Refused


def import_sigma(
    files: Iterable[tuple[str, str]],
    include: Include,
    placeholders: Mapping[str, Sequence[str]],
    done: Callable[[], object] = lambda: None,
) -> Iterator[Found]:
    """Give each rule of each file (path, text), in their order, correlations behind what they are about.

    ``include`` reads what a file includes, ``placeholders`` are the values of ``%name%``, ``done`` is called behind
    each file.
    """
    parsed: list[Parsed] = []
    for path, text in files:
        for each in read_documents(path, text, include):
            if isinstance(each, Refused):
                yield each
            else:
                parsed.append(each)
        done()
    yield from _Importing.of(parsed, placeholders).all()


class _Importing(Struct):
    """Everything that was read, while it becomes rules."""

    parsed: Sequence[Parsed]
    collection: SigmaCollection
    placeholders: Mapping[str, Sequence[str]]
    made: dict[int, Found]
    """What became of a rule, by the rule's identity."""
    shown: dict[int, dict[str, str]]
    """What a correlation's incidents have, by the rule's identity."""
    making: set[int]

    @classmethod
    def of(cls, parsed: Sequence[Parsed], placeholders: Mapping[str, Sequence[str]]) -> "_Importing":
        rules = [each.rule for each in parsed if not isinstance(each.rule, SigmaFilter)]
        collection = SigmaCollection(list(rules), resolve_references=False)
        return cls(parsed, collection, placeholders, {}, {}, set())

    def all(self) -> Iterator[Found]:
        """Make all rules."""
        self._filter()
        rules = [each for each in self.parsed if not isinstance(each.rule, SigmaFilter)]
        for each in rules:
            if isinstance(each.rule, SigmaCorrelationRule):
                self._resolve(each, each.rule)
        for each in rules:
            self._make(each)
        for each in rules:
            found = self.made[id(each.rule)]
            yield _told(each, found) if isinstance(found, Imported) else found

    def _filter(self) -> None:
        """Apply the filters to the rules that they name."""
        for each in self.parsed:
            if isinstance(each.rule, SigmaFilter):
                for other in self.parsed:
                    if isinstance(other.rule, SigmaRule):
                        each.rule.apply_on_rule(other.rule)

    def _resolve(self, each: Parsed, rule: SigmaCorrelationRule) -> None:
        """Find the rules that a correlation is about, or refuse it."""
        if not all(isinstance(reference.reference, str) for reference in rule.rules or ()):
            self.made[id(rule)] = _refused(each, SigmaRefused("a rule is named by its name or its id", "rules"))
            return
        try:
            rule.resolve_rule_references(self.collection)
        except SigmaError as error:
            self.made[id(rule)] = _refused(each, error)

    def _make(self, each: Parsed) -> Found:
        """Make one rule, once."""
        rule = each.rule
        found = self.made.get(id(rule))
        if found is None:
            self.making.add(id(rule))
            try:
                found = self._imported(each)
            except (SigmaRefused, SigmaError) as error:
                found = _refused(each, error)
            self.made[id(rule)] = found
        return found

    def _imported(self, each: Parsed) -> Imported:
        if each.rule.taxonomy != "sigma":
            raise SigmaRefused(f"taxonomy {each.rule.taxonomy!r} has other fields than Sigma's", "taxonomy")
        if isinstance(each.rule, SigmaCorrelationRule):
            return self._correlation(each, each.rule)
        return Imported(each.origin, detection_rule(cast("SigmaRule", each.rule), self.placeholders))

    def _correlation(self, each: Parsed, rule: SigmaCorrelationRule) -> Imported:
        of = {id(other.rule): other for other in self.parsed}
        bases = {}
        for reference in rule.referenced_rules:
            other = of[id(reference.rule)]
            if id(other.rule) in self.making and id(other.rule) not in self.made:
                raise SigmaRefused(f"correlations go round in a circle at {reference.reference!r}", reference.reference)
            if isinstance(self._make(other), Refused):
                raise SigmaRefused(f"is about {reference.reference!r}, which is refused", reference.reference)
            shown = self.shown.get(id(other.rule), {})
            bases[reference.reference] = base_of(reference.rule, reference.reference, self.placeholders, shown)
        made, shown, changed = correlation_rule(Correlating(rule, bases))
        _refuse_unloadable(made)
        self.shown[id(rule)] = shown
        return Imported(each.origin, made, changed=changed)


def _refuse_unloadable(made: RuleText) -> None:
    """Refuse a correlation that the loader would: others may read its incidents."""
    try:
        read_rule(parse_document("", write_rule(made)), Environment(vocabulary=VOCABULARY), Defaults())
    except LanguageError as error:
        raise SigmaRefused("; ".join(each.message for each in error.diagnostics), "correlation") from error


def _told(each: Parsed, found: Imported) -> Imported:
    """Say what became of a rule, and switch it off if only correlations tell of it."""
    left_out = (*(name for name in _DESCRIBE if getattr(each.rule, name)), *each.rule.custom_attributes)
    found = replace(found, left_out=tuple(name for name in left_out if name not in _DECIDE))
    if not found.rule.enabled:
        found = replace(found, changed=(*found.changed, f"switched off: its status is {each.rule.status}"))
    of = [rule for rule in each.rule._backreferences if isinstance(rule, SigmaCorrelationRule)]  # noqa: SLF001 - no other way to it
    if not of or all(rule.generate for rule in of) or isinstance(each.rule, SigmaCorrelationRule):
        return found
    said = _PART.format(", ".join(sorted({rule.title for rule in of})))
    return replace(found, rule=replace(found.rule, enabled=False), changed=(*found.changed, said))


def _refused(each: Parsed, error: SigmaRefused | SigmaError) -> Refused:
    return Refused(each.origin, (each.reason(error),))
