"""An explanation as a person reads it: what :mod:`stream_app.engine.explained` says in, lines with colours out."""

from collections.abc import Iterator

from rich.text import Text

from stream_app.cli.screen import counted, moment, one_line
from stream_app.engine.explained import (
    COUNTED,
    LATE,
    TRIGGERS,
    WAITS,
    ExceptionAnswer,
    Explained,
    GroupAnswer,
    PatternAnswer,
    PatternStanding,
    Standing,
    Told,
    Values,
)
from stream_app.language.explain import Part, Seen, deciding

_YES, _NO, _DIM, _NAME = "green", "red", "dim", "cyan"
_LISTED = 5
"""How many of the comparisons that decided are named in front of the filter."""
_VERDICTS = {
    TRIGGERS: "it triggers",
    COUNTED: "it is counted and does not trigger",
    "repeated": "not counted: this record was counted before",
    "row full": "not counted: the row of the group is full",
    "refused": "it decides nothing: too many combinations of groups would be looked at",
}


def explained_text(one: Explained) -> Text:
    """Lay out what a rule says of an event, a line for each thing."""
    text = Text(one_line(one.place), "bold")
    if one.time is not None:
        text.append(f"  {moment(one.time)}  {one_line(one.event_type)}", _DIM)
    if one.unread:
        text.append("  cannot be read: ").append(one_line(one.unread), _NO)
    elif one.time is not None:
        text.append("  matches" if one.matches else "  no match", _YES if one.matches else _NO)
    if one.note:
        text.append(f"\n  {one_line(one.note)}", _DIM)
    for line in _lines(one):
        text.append("\n").append_text(line)
    return text


def _lines(one: Explained) -> Iterator[Text]:
    for pattern in one.patterns:
        yield from _pattern(pattern)
    for exception in one.exceptions:
        yield from _exception(exception, "  ")
    for standing in one.standings:
        yield from _standing(standing)
    for rejected in one.rejected:
        yield Text("  rejected: ").append(one_line(rejected.reason), _NO).append(f": {one_line(rejected.detail)}")
    for told in one.by_time:
        yield from _told(told, "since time has passed: " if one.place != "end" else "since the records end: ")


def _pattern(pattern: PatternAnswer) -> Iterator[Text]:
    yield Text(f"  {one_line(pattern.name)}: ").append(_said(pattern.holds), _style(pattern.holds))
    if not pattern.holds:
        decided = list(deciding(pattern.filter))
        for part in decided[:_LISTED]:
            yield Text("    decided by  ", _DIM).append(one_line(part.text), _NO)
        if len(decided) > _LISTED:
            yield Text(f"    and by {len(decided) - _LISTED:,} more, which are all false", _DIM)
    yield from _part(pattern.filter, "    ")
    if pattern.holds:
        yield Text("    group  ", _DIM).append(_values(pattern.group))
    if pattern.holds and pattern.brings:
        yield Text("    brings along  ", _DIM).append(_values(pattern.brings))


def _part(part: Part, margin: str) -> Iterator[Text]:
    """Lay out a part; of one that was not asked, a line."""
    if not part.asked:
        yield Text(f"{margin}{'-':<6}{one_line(part.text)}  not asked; it is {_said(part.holds)}", _DIM)
        return
    yield Text(margin).append(f"{_said(part.holds):<6}", _style(part.holds)).append(one_line(part.joins or part.text))
    for seen in part.seen:
        yield Text(f"{margin}        ").append_text(_seen(seen))
    if part.member:
        yield Text(f"{margin}        is {one_line(part.member)}", _DIM)
    for each in part.parts:
        yield from _part(each, margin + "  ")


def _seen(seen: Seen) -> Text:
    text = Text(one_line(seen.name), _NAME)
    if seen.value is None:
        return text.append(" is absent", _NO)
    text.append(f" is {one_line(seen.value)}")
    return text.append(f", which is not {seen.misread}", _NO) if seen.misread else text


def _exception(exception: ExceptionAnswer, margin: str) -> Iterator[Text]:
    said = "holds: a trigger makes nothing" if exception.holds else "does not hold"
    period = "" if exception.in_period else " (its period does not)"
    line = Text(f"{margin}exception {one_line(exception.place)}: ")
    yield line.append(said, _NO if exception.holds else _DIM).append(f"{period}  {one_line(exception.reason)}", _DIM)
    yield from _part(exception.when, margin + "  ")


def _standing(one: Standing) -> Iterator[Text]:
    key = "its group" if one.group is not None else _values(one.key)
    yield Text("  key  ", _DIM).append(f"customer {one_line(one.customer)}, {key}")
    yield Text("    ").append(_verdict(one), _YES if one.verdict == TRIGGERS else "yellow")
    yield Text(
        f"    window of {(one.end - one.begin) / 1000:g} s up to {moment(one.end)}: {counted(one.count, 'event')}"
    )
    if one.group is not None:
        yield _group(one.group, "      ")
    for pattern in one.patterns:
        yield from _occurring(pattern)
    for way in one.ways:
        asked = "" if way.missing else " in the order and with the values that are asked for"
        said = "satisfied" if way.satisfied else f"no combination ends with this event{asked}"
        missing = f", missing: {', '.join(way.missing)}" if way.missing else ""
        yield Text(f"      {' with '.join(way.patterns)}: ").append(f"{said}{missing}", _style(way.satisfied))
    for combination in one.combinations:
        yield Text("      combination  ", _DIM).append(_values(combination))
    if one.note:
        yield Text(f"      {one_line(one.note)}", "yellow")
    for event in one.events:
        what = "triggers" if event.triggers else "waits" if event.waits else "counts"
        line = Text(f"      {what:<8}  {one_line(event.place)}  {moment(event.time)}", _DIM)
        yield line.append(f"  {', '.join(event.patterns)}" if event.patterns else "", _DIM)
    if one.count > len(one.events) > 0:
        yield Text(f"      and {counted(one.count - len(one.events), 'event')} before them", _DIM)
    for exception in one.exceptions:
        yield from _exception(exception, "    ")
    for told in one.incidents:
        yield from _told(told, "")


def _verdict(one: Standing) -> str:
    if one.verdict == LATE:
        by = "" if one.late_by is None else f"{one.late_by / 1000:,g} s behind the stream's time, "
        return f"not counted: {by}{(one.lateness or 0) / 1000:,g} s are allowed"
    if one.verdict == WAITS:
        return f"it waits: it is decided when the stream's time is {moment(one.decided_at or 0)}"
    return _VERDICTS[one.verdict]


def _occurring(pattern: PatternStanding) -> Iterator[Text]:
    said = "occurs" if pattern.occurs else "has events, but does not occur" if pattern.groups else "is missing"
    good = pattern.occurs == (pattern.role == "must occur")
    yield Text(f"      {one_line(pattern.name)} ({pattern.role}) ").append(said, _style(good))
    for group in pattern.groups:
        yield _group(group, "        ")
    if pattern.more_groups:
        yield Text(f"        and {counted(pattern.more_groups, 'group')} more", _DIM)


def _group(group: GroupAnswer, margin: str) -> Text:
    of = f"{_values(group.group)}: " if group.group else ""
    text = Text(f"{margin}{of}{one_line(group.constraint)} is ").append(_said(group.holds), _style(group.holds))
    return text.append(f"  {_values(group.measures)}", _DIM)


def _told(told: Told, why: str) -> Iterator[Text]:
    noun = "summary of a cap" if told.summary else "incident"
    line = Text("    ").append(f"{why}{told.activity} ", "bold" if told.said else "yellow")
    line.append(f"{noun} {told.id}  revision {told.revision}  count {told.count}, {counted(told.events, 'event')}")
    if not told.said:
        until = f"; it is said when the stream's time is {moment(told.until)}" if told.until is not None else ""
        line.append(f"\n      not said: {told.why_not}{until}", "yellow")
    yield line
    yield Text(f"      {moment(told.first)} to {moment(told.last)}  {_values(told.attributes)}", _DIM)


def _values(values: Values) -> str:
    return ", ".join(f"{one_line(name)} {_value(value)}" for name, value in values.items()) or "nothing"


def _value(value: object) -> str:
    return "absent" if value is None else one_line(value)


def _said(holds: bool) -> str:  # noqa: FBT001 - an answer is what it is about
    return "true" if holds else "false"


def _style(holds: bool) -> str:  # noqa: FBT001 - as above
    return _YES if holds else _NO
