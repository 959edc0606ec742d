"""The aggregate constraint of a subpattern: its tree goes in, whether the events of a window satisfy it comes out.

``COUNT(DISTINCT destIpAddr) >= 10 AND SUM(sentBytes) / COUNT(*) > 1000``: conditions of the query language, with
aggregates in the place of attributes. Decision: what each event must bring along is said here, in one row that several
constraints and mapped aggregates share, so that whoever keeps events keeps nothing else of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import msgspec
from msgspec import Struct

from stream_app.language.aggregate import CountConstraint
from stream_app.language.aggregate_parser import parse_aggregate, parse_condition
from stream_app.language.aggregates import portable, rounded
from stream_app.language.compile import Filter, compile_filter
from stream_app.language.diagnostics import LanguageError, Place
from stream_app.language.limits import compared, slips_in
from stream_app.language.measures import Aggregate, Measuring, Window
from stream_app.language.printer import to_text
from stream_app.language.trends import is_final, is_monotone

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stream_app.language.environment import Environment
    from stream_app.language.measures import Measure, Row
    from stream_app.language.syntax import Expression
    from stream_app.language.values import AttributeType, Value

_SUBPATTERN = re.compile(r"\s*(?:([A-Za-z0-9_]+)\s*\.)?")


class Constraint(Struct, frozen=True, kw_only=True):
    """A compiled aggregate constraint."""

    text: str
    """The constraint as the printer writes it: the same for constraints that say the same."""
    attributes: tuple[str, ...]
    """What each event must bring along, in this order."""
    group_by: tuple[str, ...]
    """The attributes whose values :meth:`holds` takes as ``group``."""
    monotone: bool
    """Whether a further event in the window can only make it truer."""
    final_by_default: bool
    """Whether it says of a count what a further event can make false: true on the way up, which no author means."""
    count: CountConstraint | None
    """The constraint, where all of it is ``COUNT(*)`` compared with a whole number."""
    condition: Filter
    measures: Mapping[str, Measure]

    def holds(self, rows: Sequence[Row], group: Row = ()) -> bool:
        """Tell whether the events of a window satisfy the constraint.

        ``rows`` are in the order of (time, place), each with the values of ``attributes``, or more behind them.
        ``group`` may be left out where the constraint names no attribute of the group. Nothing is raised, whatever the
        values; it takes no longer than sorting the rows does.
        """
        return self.condition(Window(rows, self.measures, dict(zip(self.group_by, group, strict=False))))


class MappedAggregate(Struct, frozen=True):
    """An aggregate that an incident attribute is mapped to."""

    subpattern: str
    """The name before the point; empty if there is none."""
    text: str
    """The aggregate as the printer writes it."""
    kind: AttributeType
    attributes: tuple[str, ...]
    """What each event must bring along, in this order."""
    aggregate: Aggregate

    def value(self, rows: Sequence[Row]) -> Value | None:
        """Give its value over the events of a window, which are in the order of (time, place); ``None`` for none.

        A record can carry it: integers have at most 64 bits, what is larger is a float, and none beyond the floats.
        """
        return portable(rounded(Window(rows, {}, {}).result(self.aggregate)))


def compile_constraint(  # noqa: PLR0913 - what stands beside the tree is named where it is given
    tree: Expression,
    environment: Environment,
    place: Place | None = None,
    *,
    group_by: Sequence[str] = (),
    carried: Sequence[str] = (),
    non_negative: Collection[str] = (),
) -> Constraint:
    """Compile what ``parse_condition`` has read.

    ``carried`` are attributes that events bring along already: they come first in ``attributes``. ``non_negative`` are
    those that cannot be below 0, so that their sums only grow; what is below 0 is no value of them.

    Raises:
        LanguageError: unknown attributes, types that do not go together, terms without an aggregate or that never
            hold; all of them at once.

    """
    place = place or Place.of("")
    measuring = Measuring(environment, place, carried, non_negative)
    condition = measuring.condition(tree, frozenset(group_by))
    for span, slip in slips_in(tree):
        measuring.note(span, slip)
    return Constraint(
        text=to_text(tree),
        attributes=tuple(measuring.columns),
        group_by=tuple(group_by),
        monotone=is_monotone(tree, non_negative),
        final_by_default=is_final(tree, non_negative),
        count=_count_of(tree),
        condition=_compiled(condition, measuring, place),
        measures=measuring.measures,
    )


def constraint_of(  # noqa: PLR0913 - as above
    text: str,
    environment: Environment,
    place: Place | None = None,
    *,
    group_by: Sequence[str] = (),
    carried: Sequence[str] = (),
    non_negative: Collection[str] = (),
) -> Constraint:
    """Read and compile a constraint. Raises as ``parse_condition`` and ``compile_constraint`` do."""
    place = place or Place.of(text)
    tree = parse_condition(text, place)
    return compile_constraint(tree, environment, place, group_by=group_by, carried=carried, non_negative=non_negative)


def aggregate_of(
    text: str,
    environment: Environment,
    place: Place | None = None,
    *,
    carried: Sequence[str] = (),
    non_negative: Collection[str] = (),
) -> MappedAggregate:
    """Read and compile what an incident attribute is mapped to: ``COUNT(*)``, ``Filter.SUM(sentBytes)``.

    Raises:
        LanguageError: it is no aggregate, or one of an unknown attribute or of a type that it does not take.

    """
    place = place or Place.of(text)
    prefix = cast("re.Match[str]", _SUBPATTERN.match(text))
    place = msgspec.structs.replace(place, offset=place.offset + prefix.end())
    measuring = Measuring(environment, place, carried, non_negative)
    aggregate = measuring.aggregate(parse_aggregate(text[prefix.end() :], place))
    if measuring.problems:
        raise LanguageError(measuring.problems)
    return MappedAggregate(prefix[1] or "", aggregate.text, aggregate.kind, tuple(measuring.columns), aggregate)


def _compiled(condition: Expression, measuring: Measuring, place: Place) -> Filter:
    """Compile a tree of measures, or raise all that is wrong; at one place only what the constraint itself says."""
    environment = measuring.environment
    vocabulary = {**environment.vocabulary, **measuring.types}
    problems = list(measuring.problems)
    try:
        compiled = compile_filter(condition, msgspec.structs.replace(environment, vocabulary=vocabulary), place)
    except LanguageError as error:
        noted = {(problem.line, problem.column) for problem in problems}
        problems += (each for each in error.diagnostics if (each.line, each.column) not in noted)
    if problems:
        raise LanguageError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return compiled


def _count_of(tree: Expression) -> CountConstraint | None:
    """Give the constraint on ``COUNT(*)`` that a tree is, if it is nothing else."""
    part = compared(tree)
    if part is None or part.call.function != "COUNT" or part.call.arguments or part.number.denominator > 1:
        return None
    return CountConstraint(part.operator, int(part.number))
