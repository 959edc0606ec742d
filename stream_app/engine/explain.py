"""Why a rule fired or not: records in, for each of them what the rule says of it and what came of it, out.

The records are played through the whole rulebook, so that watch lists are filled and incidents that the rule reads are
made; what is explained is one rule. Decision: a filter is explained of all that its record says, before the record is
played: what an event puts on a watch list is there for those behind it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from stream_app.engine.chain import IncidentEvent, event_of
from stream_app.engine.detect import Detector, receive_time
from stream_app.engine.expense import TooExpensive
from stream_app.engine.explained import ExceptionAnswer, Explained, PatternAnswer, Rejected, Standing, Told, Values
from stream_app.engine.incident import Incident
from stream_app.engine.joined import Joined, Replayed
from stream_app.engine.key import canonical
from stream_app.engine.played import Place, Played
from stream_app.engine.process_context import READS, Involved, Joining
from stream_app.engine.record import Record
from stream_app.engine.rejection import FLOOD, TOO_EXPENSIVE, TOO_MANY, Rejection
from stream_app.engine.replay import Flow, Step, Tally
from stream_app.engine.standing import Exceptions, incident_attributes, standing, told
from stream_app.language.compile import EVENT_TYPE
from stream_app.language.explain import Explainer
from stream_app.language.parser import parse
from stream_app.language.values import Event
from stream_app.rulebook.caps import HOUR
from stream_app.rulebook.chaining import reading
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.normalise import Event as NormalEvent
from stream_app.sysmon.normalise import Unreadable, normalise


class Given(Struct, frozen=True):
    """A record to explain, and what to call it. ``unread`` says why it cannot be read: then it is not played."""

    place: str
    record: Record
    note: str = ""
    unread: str = ""


def explain(
    rulebook: Rulebook,
    rule_id: str,
    records: Iterable[Given],
    *,
    sources: int | None = None,
    joining: Joining | None = None,
) -> Iterator[Explained]:
    """Explain one rule of each record, in their order; and of each incident that the rule reads, behind its record.

    A rule that is not enabled is explained as if it were. What is decided and said only because the records end comes
    last, under the place ``end``. ``sources`` and ``joining`` are those of :func:`stream_app.engine.replay.replay`;
    no connection waits for its process.
    """
    rule = replace(rulebook.rules[rule_id], enabled=True)
    rulebook = Rulebook({**rulebook.rules, rule_id: rule})
    book = _Book(rulebook, rule, joining)
    joined = None if joining is None else Joined(replace(joining, wait=0), Replayed())
    flow = Flow(rulebook, sources, Tally(), joined, watching=book.watch)
    for given in records:
        if given.unread:
            yield Explained(place=given.place, rule=rule_id, matches=False, unread=given.unread, note=given.note)
            continue
        book.begin(given)
        for each in flow.play(given.record):
            book.said(each)
        yield from book.pages()
    book.end()
    for each in flow.finish():
        book.said(each)
    yield from (page for page in book.pages() if page.by_time or page.rejected)


class _Page(Struct):
    """One event while it is played."""

    explained: Explained
    standings: list[Standing]
    rejected: list[Rejected]
    by_time: list[Told]


class _Book:
    """What is known of the event at hand, and of all before it."""

    def __init__(self, rulebook: Rulebook, rule: Rule, joining: Joining | None) -> None:
        self._rule = rule
        self._lists = rulebook.lists
        self._declared = rulebook.declared
        self._explainers = [Explainer(parse(each.query), rule.environment) for each in rule.subpatterns]
        self._exceptions = Exceptions(rule)
        self._reads = frozenset(reading(rulebook.rules).get(rule.id, ()))
        self._names: dict[Place, str] = {}
        self._played = Played(rule, self._names)
        self._context = None if joining is None else _Context(rulebook, joining)
        self._caps = _Caps(rule)
        self._pages: list[_Page] = []
        self._matched: set[tuple[bytes, int]] = set()
        """Incidents, with their revisions, that came by the matches of the events at hand."""

    def begin(self, given: Given) -> None:
        """Explain the filters of a record that is to be played."""
        record = given.record
        self._matched.clear()
        self._names[record.topic, record.topic_id, record.partition, record.offset] = given.place
        if self._lists is not None:
            self._lists.timestamp = record.timestamp
        try:
            event = normalise(record.value or b"", declared=self._declared)
            if self._context is not None:
                event = self._context.completed(record, event)
            page = self._explained(given.place, event, receive_time(record, event), given.note)
        except Unreadable as unreadable:
            page = self._unread(given, f"{unreadable.reason}: {unreadable.detail}")
        except TooExpensive as expense:
            page = self._unread(given, f"{TOO_EXPENSIVE}: {expense}")
        self._open(page)

    def _unread(self, given: Given, why: str) -> Explained:
        return Explained(place=given.place, rule=self._rule.id, matches=False, unread=why, note=given.note)

    def end(self) -> None:
        """Begin with what comes only because the records end."""
        self._matched.clear()
        self._open(Explained(place="end", rule=self._rule.id, matches=False))

    def _explained(self, place: str, event: Event, received: int, note: str) -> Explained:
        rule = self._rule
        time = received
        if rule.event_clock and event.created is not None:
            time = event.created
        patterns = tuple([self._pattern(number, event) for number in range(len(rule.subpatterns))])
        exceptions: tuple[ExceptionAnswer, ...] = ()
        if rule.join is None:
            group = incident_attributes(rule, tuple(patterns[0].group.values()))
            exceptions = self._exceptions.explained(group, time)
        return Explained(
            place=place,
            rule=rule.id,
            matches=any(each.holds for each in patterns),
            time=time,
            event_type=str(event.get(EVENT_TYPE) or ""),
            patterns=patterns,
            exceptions=exceptions,
            note=note,
        )

    def _pattern(self, number: int, event: Event) -> PatternAnswer:
        subpattern = self._rule.subpatterns[number]
        part = self._explainers[number].explain(event)
        group: Values = {name: canonical(event.get(name)) for name in subpattern.group_by}
        brings: Values = {name: canonical(event.get(name)) for name in subpattern.carries}
        return PatternAnswer(name=subpattern.name, holds=part.holds, filter=part, group=group, brings=brings)

    def _open(self, explained: Explained) -> None:
        self._pages.append(_Page(explained, [], [], []))

    def watch(self, step: Step) -> None:
        """Take note of a match that was counted."""
        if step.rule.id != self._rule.id:
            return
        observed = step.observed
        refused = not step.rule.final and any(each.reason == TOO_MANY for each in observed.suppressed)
        if not (observed.late or observed.repeated or observed.full or refused):
            self._played.take(step.key, step.match)
        self._played.settle(step.key, observed.row)
        self._matched |= {(one.episode.id, one.revision) for one in observed.incidents}
        self._pages[-1].standings.append(standing(step, self._played, self._exceptions))

    def said(self, each: Incident | Rejection) -> None:
        """Take note of what came of an event."""
        if isinstance(each, Rejection):
            if each.rule == self._rule.id or (each.rule is None and not self._pages[-1].explained.unread):
                detail = each.detail
                standings = self._pages[-1].standings
                if each.reason == FLOOD and standings:
                    detail += f": {self._caps.holding(standings[-1].customer, each.timestamp)}"
                self._pages[-1].rejected.append(Rejected(reason=each.reason, detail=detail))
            return
        if each.rule.id == self._rule.id:
            self._caps.take(each)
            if (each.episode.id, each.revision) not in self._matched:
                self._pages[-1].by_time.append(told(each))
        if each.rule.id in self._reads and each.revision == 1:
            event = cast("IncidentEvent", event_of(each))  # a rule that is read keeps what its incidents were made as
            self._open(self._explained(f"incidents/{each.incident_id}", event, event.received, ""))

    def pages(self) -> Iterator[Explained]:
        """Give what was noted, and forget it."""
        for page in self._pages:
            yield replace(
                page.explained,
                standings=tuple(page.standings),
                rejected=tuple(page.rejected),
                by_time=tuple(page.by_time),
            )
        self._pages.clear()


class _Context:
    """Connections completed as the replay completes them, for those who look at the whole event."""

    def __init__(self, rulebook: Rulebook, joining: Joining) -> None:
        self._read = Detector(rulebook, context=True).read
        self._joined = Joined(replace(joining, wait=0), Replayed())

    def completed(self, record: Record, event: NormalEvent) -> NormalEvent:
        """Give the event with what its process adds. Raises Unreadable."""
        admitted = self._read(record.value or b"")
        if admitted is None or not isinstance(admitted.wanted, Involved):
            return event
        self._joined.take(record, admitted)
        known = {name: value for name in READS if (value := admitted[name]) is not None}
        return replace(event, attributes={**event.attributes, **known})


class _Caps:
    """How many incidents of a rule were told, for saying which cap holds one back."""

    def __init__(self, rule: Rule) -> None:
        self._spans = rule.caps.spans if rule.caps is not None else ()
        self._told: Counter[tuple[str, int, int]] = Counter()

    def take(self, one: Incident) -> None:
        """Count an incident that was told."""
        if one.revision == 1 and not one.rule.summary:
            self._told.update([(one.key.customer, span, one.first_seen // span) for span, _ in self._spans])

    def holding(self, customer: str, time: int) -> str:
        """Name the cap that holds an incident of ``time`` (ms) back, as its rule file does."""
        full = [(span, cap) for span, cap in self._spans if self._told[customer, span, time // span] >= cap]
        return ", ".join(f"{'per_hour' if span == HOUR else 'per_day'} = {cap}" for span, cap in full[:1])
