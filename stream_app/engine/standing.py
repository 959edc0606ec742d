"""What the row of a key holds behind a match, and what came of the match: a step of a replay in, words for it out."""

from collections.abc import Iterator

from stream_app.engine.explained import (
    COUNTED,
    FULL,
    LATE,
    REFUSED,
    REPEATED,
    TRIGGERS,
    WAITS,
    ExceptionAnswer,
    Standing,
    Told,
    Values,
)
from stream_app.engine.incident import Incident, incident, whole
from stream_app.engine.joint_standing import Scene, grouped
from stream_app.engine.key import Key, decode_key
from stream_app.engine.match import Group
from stream_app.engine.played import Played, held_at, is_trigger, place_of
from stream_app.engine.rejection import TOO_MANY
from stream_app.engine.replay import Step
from stream_app.engine.row import MUTED, WAITING, Episode, Row
from stream_app.language.explain import Explainer
from stream_app.language.parser import parse
from stream_app.rulebook.rule import Rule

PACED = "the last record of it is less than update_interval old"
CAPPED = "the incident is held back by a cap"


class Exceptions:
    """The exceptions of a rule, to be explained of incidents."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._asked = [(each, Explainer(parse(each.when), rule.environment)) for each in rule.exceptions]

    def explained(self, attributes: Values, time: int) -> tuple[ExceptionAnswer, ...]:
        """Explain each of incidents with these attributes that trigger at ``time``, ms."""
        present = {name: value for name, value in attributes.items() if value is not None}
        answers = []
        for exception, explainer in self._asked:
            when, in_period = explainer.explain(present), exception.holds(time)
            answers.append(
                ExceptionAnswer(
                    place=exception.place,
                    reason=exception.reason,
                    holds=when.holds and in_period,
                    in_period=in_period,
                    when=when,
                    of=attributes,
                )
            )
        return tuple(answers)


def standing(step: Step, played: Played, exceptions: Exceptions) -> Standing:
    """Say what a row holds behind a match, which ``played`` has taken if it was counted."""
    rule, match, observed = step.rule, step.match, step.observed
    at = held_at(observed.row, place_of(match.origin))
    window = played.window(step.key, match.time)
    verdict = _verdict(step, at)
    key = decode_key(step.key)
    scene = Scene(rule, observed.row, at) if rule.join is not None else None
    return Standing(
        customer=match.customer,
        key=_named(rule, key.group),
        verdict=verdict,
        late_by=step.time - match.time if observed.late and step.time is not None else None,
        lateness=rule.lateness if observed.late else None,
        decided_at=match.time + rule.lateness + rule.delay + 1 if verdict == WAITS else None,
        begin=match.time - rule.window,
        end=match.time,
        count=len(window),
        events=played.listed(window),
        group=grouped(rule.subpattern, [each.values for each in window], key.group) if scene is None else None,
        patterns=scene.patterns if scene else (),
        ways=scene.ways if scene else (),
        combinations=scene.combinations if scene else (),
        exceptions=tuple(
            [
                answer
                for each in (scene.combinations if scene else ())
                for answer in exceptions.explained(each, match.time)
            ]
        ),
        incidents=tuple(_incidents(step)),
        note=scene.note if scene else "",
    )


def incident_attributes(rule: Rule, group: Group) -> Values:
    """Give the attributes of the incidents of a group, of a rule with one subpattern."""
    values = whole(rule, group)
    return {name: values[place] for name, place in rule.places}


def told(one: Incident, *, said: bool = True, until: int | None = None) -> Told:
    """Say what has become of an incident."""
    episode = one.episode
    why_not = "" if said else CAPPED if episode.flags & MUTED else PACED
    return Told(
        id=one.incident_id,
        activity=one.activity,
        revision=one.revision,
        count=one.count,
        events=one.incident_count,
        first=one.first_seen,
        last=one.last_seen,
        attributes=dict(one.attributes),
        said=said,
        why_not=why_not,
        until=until if why_not == PACED else None,
        summary=one.rule.summary,
    )


def _verdict(step: Step, at: int | None) -> str:  # noqa: PLR0911 - one for each thing that can become of a match
    observed = step.observed
    if observed.late:
        return LATE
    if observed.repeated:
        return REPEATED
    if observed.full:
        return FULL
    if any(each.reason == TOO_MANY and each.offset == step.match.origin.offset for each in observed.suppressed):
        return REFUSED
    if at is None:  # nothing needs to hold it: what it decided shows in the incidents
        return TRIGGERS if _triggers(observed.row) > _triggers(step.before) else COUNTED
    event = observed.row.held[at]
    if event.state & WAITING:
        return WAITS
    return TRIGGERS if is_trigger(step.rule, event) else COUNTED


def _triggers(row: Row | None) -> int:
    return 0 if row is None else sum(episode.count for _, episode in _episodes(row))


def _episodes(row: Row) -> Iterator[tuple[Group | None, Episode]]:
    """Give the incidents of a row; of a line, with its attributes."""
    yield from ((None, episode) for episode in row.episodes)
    yield from ((line.attributes, episode) for line in row.lines for episode in line.episodes)


def _incidents(step: Step) -> Iterator[Told]:
    """Give what was said, then what changed and was not."""
    rule, row = step.rule, step.observed.row
    known = {(episode.id, episode.revision) for _, episode in _episodes(step.before)} if step.before else set()
    known |= {(one.episode.id, one.revision) for one in step.observed.incidents}
    for one in step.observed.incidents:
        yield told(one)
    group = decode_key(step.key).group
    for attributes, episode in _episodes(row):
        if (episode.id, episode.revision) not in known:
            key = Key(rule.id, step.match.customer, group if attributes is None else attributes)
            one = incident(rule, key, episode, row.sources)
            yield told(one, said=False, until=episode.said + rule.update_interval)


def _named(rule: Rule, group: Group) -> Values:
    """Name the values of a key."""
    if rule.join is None:
        return dict(zip(rule.subpattern.group_by, group, strict=False))
    names = [
        " = ".join(
            f"{name}.{rule.join.carries[place]}" for name, place in zip(rule.join.names, part.places, strict=False)
        )
        for part in rule.join.key
    ]
    return dict(zip(names, group, strict=False))
