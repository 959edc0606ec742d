"""The [[exception]] tables of a rule: conditions over incident attributes under which a trigger makes nothing.

``when`` is a condition of the query language over the incident's attributes. It holds always, or in a period: from one
moment to another (``from``, ``until``: date-times with an offset), or week by week (``days``, ``start``, ``end``, in
the wall-clock time of ``zone``). ``reason`` says why.

Decision: only attributes that are grouped by may be named. They are what an incident is of, so that each trigger falls
under the same exceptions in every order of arrival; an aggregate changes with every event. A pattern that may take long
is refused: what it is asked of was named by whoever made the events, and no budget is kept here.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Struct
from msgspec.structs import replace

from stream_app.language.compile import EVERYTHING, Environment, Filter, compile_filter
from stream_app.language.diagnostics import Diagnostic, LanguageError, Place
from stream_app.language.parser import parse
from stream_app.language.syntax import Attribute, Expression, WatchList, nodes
from stream_app.rulebook.fields import Fields
from stream_app.rulebook.periods import DAYS, Once, Weekly, milliseconds

Period = Once | Weekly

_RECURRING = ("days", "start", "end", "zone")


class RuleException(Struct, frozen=True):
    """An exception of a rule."""

    when: str
    condition: Filter
    """``when``, to be asked of the incident attributes that are present."""
    period: Period | None
    """When it holds; None: always."""
    reason: str
    place: str
    """Where it is written: ``path:line``."""

    def holds(self, moment: int) -> bool:
        """Tell whether it holds at a time, ms since 1970."""
        return self.period is None or self.period.holds(moment)


def read_exceptions(fields: Fields, problems: list[Diagnostic], environment: Environment) -> tuple[RuleException, ...]:
    """Read the tables of a rule's file, in their order. What is wrong with them is reported.

    The incident's attributes are those that the [incident] table names, whatever else is wrong with that.
    """
    incident = fields.data.get("incident")
    sources = incident if isinstance(incident, dict) else {}
    shown = [name for name, source in sources.items() if "(" in str(source)]
    own = {name: kind for name, kind in environment.vocabulary.items() if name in sources and name not in shown}
    others = {name: f"{name!r} is no attribute of the incident" for name in environment.vocabulary if name not in own}
    for name in shown:
        others[name] = f"{name!r} shows an aggregate, which changes with every event: name what is grouped by"
    environment = replace(environment, vocabulary=own)
    return tuple([_exception(table, problems, environment, others) for table in fields.tables("exception")])


def _exception(
    table: Fields, problems: list[Diagnostic], environment: Environment, others: Mapping[str, str]
) -> RuleException:
    when = table.text("when")
    at = table.document.at_key(table.path, "")
    found = RuleException(
        when=when,
        condition=_condition(when, table, problems, environment, others),
        period=_period(table),
        reason=table.text("reason"),
        place=f"{at.path}:{at.line}",
    )
    table.close()
    return found


def _condition(
    when: str, table: Fields, problems: list[Diagnostic], environment: Environment, others: Mapping[str, str]
) -> Filter:
    """Compile the condition; ``others`` says of attributes that may not be named why not."""
    if when == "":
        return EVERYTHING
    place = table.verbatim("when", literal=True)
    if place is None:
        table.at_value("when must be a literal string: '…' or '''…'''", "when")
        return EVERYTHING
    try:
        expression = parse(when, place)
        refused = list(_refused(expression, place, others))
        compiled = EVERYTHING if refused else compile_filter(expression, environment, place)
    except LanguageError as error:
        problems.extend(error.diagnostics)
        return EVERYTHING
    problems.extend(refused)
    problems.extend(replace(each, message=f"{each.message}: not in an exception") for each in compiled.hazards)
    return compiled


def _refused(expression: Expression, place: Place, others: Mapping[str, str]) -> Iterator[Diagnostic]:
    for node in nodes(expression):
        if isinstance(node, Attribute) and node.name in others:
            yield place.diagnose(node.span.start, others[node.name])
        if isinstance(node, WatchList):
            said = "an exception reads no watch list: it says the same whenever it is asked, a list does not"
            yield place.diagnose(node.span.start, said)


def _period(table: Fields) -> Period | None:
    once = [key for key in ("from", "until") if key in table.data]
    weekly = [key for key in _RECURRING if key in table.data]
    if once and weekly:
        table.at_key(f"{once[0]} and {weekly[0]}: a period is one-off or comes back; write two exceptions", weekly[0])
    begin, end = _moment(table, "from"), _moment(table, "until")
    recurring = _weekly(table, weekly)
    if begin is not None and end is not None and begin >= end:
        table.at_value("until must be later than from", "until")
    return Once(begin, end) if once else recurring


def _moment(table: Fields, key: str) -> int | None:
    noun = "a date-time with an offset such as 2026-01-31T22:00:00+01:00"
    moment = table.one_of(key, datetime, noun)
    if moment is not None and moment.tzinfo is None:
        table.at_value(f"{key}: expected {noun}: whose clock is it?", key)
        return None
    return None if moment is None else milliseconds(moment)


def _weekly(table: Fields, given: list[str]) -> Weekly | None:
    days = table.texts("days")
    for day, index in days.items():
        if day not in DAYS:
            table.at_value(f"unknown day {day!r}: they are {', '.join(DAYS)}", "days", index)
    noun = "a time of the day such as 22:00:00"
    start, end = table.one_of("start", time, noun), table.one_of("end", time, noun)
    zone = _zone(table, given)
    if table.data.get("days") == []:
        table.at_value("days: none is never; leave it out for every day", "days")
    for key, other in (("start", "end"), ("end", "start")):
        if key in table.data and other not in table.data:
            table.at_key(f"{key} without {other}", key)
    if given == ["zone"]:
        table.at_key("zone without days, or start and end", "zone")
    if start is not None and start == end:
        table.at_value("end must not be start; leave both out for whole days", "end")
    if zone is None:
        return None
    hours = None if start is None or end is None else (start, end)
    numbers = tuple([number for number, day in enumerate(DAYS) if day in days or not days])
    return Weekly(numbers, hours, zone)


def _zone(table: Fields, given: list[str]) -> ZoneInfo | None:
    name = table.text("zone", "")
    if "zone" not in table.data:
        if given:
            table.at_key(f"{given[0]} without zone: say whose clock it is, such as zone = 'Europe/Berlin'", given[0])
        return None
    if not isinstance(table.data["zone"], str):
        return None  # which was said
    known = available_timezones()
    if name not in known:
        near = get_close_matches(name, sorted(known), 1)
        table.at_value(f"unknown zone {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""), "zone")
        return None
    return ZoneInfo(name)
