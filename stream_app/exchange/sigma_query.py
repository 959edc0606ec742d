"""The condition of a Sigma rule, parsed by pySigma, goes in; a filter's text and what it reads come out.

Decision: a negation is carried down to the single values, where each has its exact opposite. Values of one field that
are alternatives become one term. A keyword is looked for in each field by itself: one that two fields hold between them
is not found.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
)

from stream_app.exchange.sigma_source import Field, Source, of_these
from stream_app.exchange.sigma_terms import ALWAYS, NEVER, Said, SigmaRefused, all_of, any_of, joined
from stream_app.exchange.sigma_values import compared, said_of, true_of_absent


class Asking(Struct, frozen=True):
    """What a condition is read against: the events, and the values of placeholders."""

    source: Source
    placeholders: Mapping[str, Sequence[str]]

    def said(self, node: Any, *, negated: bool = False) -> Said:  # noqa: ANN401 - pySigma's nodes have no common type
        """Write a condition. Raises SigmaRefused."""
        match node:
            case ConditionNOT():
                return self.said(node.args[0], negated=not negated)
            case ConditionAND():
                return (any_of if negated else all_of)(self.said(each, negated=negated) for each in node.args)
            case ConditionOR():
                return joined(self._alternatives(node.args, negated=negated), negated=negated)
            case ConditionFieldEqualsValueExpression():
                return self._field(node.field, [node.value], negated=negated)
            case ConditionValueExpression():
                return self._keyword([node.value], negated=negated)
            case _:
                raise SigmaRefused("a condition without any detection", "condition")

    def _alternatives(self, nodes: Iterable[Any], *, negated: bool) -> Iterator[Said]:
        """Write alternatives: those of one field together, where the first of them stands."""
        by_field: dict[str | None, list[SigmaType]] = {}
        order: list[tuple[str, Any]] = []
        for node in nodes:
            match node:
                case ConditionFieldEqualsValueExpression():
                    name: str | None = node.field
                case ConditionValueExpression():
                    name = None
                case _:
                    order.append(("node", node))
                    continue
            if name not in by_field:
                order.append(("field", name))
            by_field.setdefault(name, []).append(node.value)
        for kind, each in order:
            if kind == "node":
                yield self.said(each, negated=negated)
            elif each is None:
                yield self._keyword(by_field[None], negated=negated)
            else:
                yield self._field(each, by_field[each], negated=negated)

    def _field(self, name: str, values: Sequence[SigmaType], *, negated: bool) -> Said:
        field = self.source.field(name)
        flat = list(self._flat(values))
        references = [value for value in flat if isinstance(value, SigmaFieldReference)]
        others = [value for value in flat if not isinstance(value, SigmaFieldReference)]
        terms = [self._reference(field, value, negated=negated) for value in references]
        if others:
            found = said_of(field, others, negated=negated)
            terms.append(_where(field, found, absent=true_of_absent(field, others) is not negated))
        return joined(terms, negated=negated)

    def _reference(self, field: Field, value: SigmaFieldReference, *, negated: bool) -> Said:
        other = self.source.field(value.field)
        found = compared(field, other, value, negated=negated)
        return _where(other, _where(field, found, absent=negated), absent=negated)

    def _keyword(self, values: Sequence[SigmaType], *, negated: bool) -> Said:
        flat = list(self._flat(values))
        if any(isinstance(value, SigmaNull) for value in flat):
            raise SigmaRefused("a keyword that is null says nothing", "null")
        fields = self.source.all_fields()
        found = joined((said_of(each, flat, negated=negated, anywhere=True) for each in fields), negated=negated)
        return replace(found, reads=frozenset())

    def _flat(self, values: Iterable[SigmaType]) -> Iterator[SigmaType]:
        """Give single values: what a modifier made several of are alternatives, and so are a placeholder's values."""
        for value in values:
            if isinstance(value, SigmaExpansion):
                yield from self._flat(value.values)
            elif isinstance(value, SigmaCasedString) and value.contains_placeholder():
                yield from map(SigmaCasedString.from_sigma_string, value.replace_placeholders(self._replacements))
            elif isinstance(value, SigmaString | SigmaRegularExpression) and value.contains_placeholder():
                yield from value.replace_placeholders(self._replacements)
            else:
                yield value

    def _replacements(self, placeholder: Placeholder) -> Iterator[Any]:
        """Give the values of a placeholder. Raises SigmaRefused where there are none."""
        if not self.placeholders.get(placeholder.name):
            known = "it has no values: give them with --placeholders"
            raise SigmaRefused(f"placeholder %{placeholder.name}%: {known}", placeholder.name)
        for text in self.placeholders[placeholder.name]:
            yield SigmaString(text)


def _where(field: Field, found: Said, *, absent: bool) -> Said:
    """Say of which of the rule's events something is asked; ``absent`` is what it says of the others."""
    if field.everywhere:
        return found
    if not field.events:
        return ALWAYS if absent else NEVER
    among = of_these(field.events, negated=absent)
    return any_of([among, found]) if absent else all_of([among, found])
