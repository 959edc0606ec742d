"""Rules with several subpatterns, drawn as their author would mean them, and what happens to them; and how both run."""

import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from stream_app.engine.incident import Incident, shown_by
from stream_app.engine.key import decode_key
from stream_app.engine.match import WITH_VALUES, Match, Origin
from stream_app.engine.observe import advance, observe
from stream_app.engine.row import Row, decode_row, encode_row
from stream_app.engine.serving import serving
from stream_app.handoff.native import to_bytes
from stream_app.language.aggregate import CountConstraint
from stream_app.language.compile import EVERYTHING, Environment
from stream_app.language.constraint import Constraint, aggregate_of, constraint_of
from stream_app.language.values import Attributes, AttributeType, Value
from stream_app.rulebook.join import (
    ClearPattern,
    InOrder,
    Join,
    KeyPart,
    Occurs,
    Relation,
    Together,
    Tree,
    Way,
    Without,
)
from stream_app.rulebook.rule import Rule, Subpattern
from stream_app.sysmon.attributes import VOCABULARY
from tests.unit.engine.joint_oracle import And, Happened, Is, Node, Not, Or, Pattern, Related, Spec, Then

ENVIRONMENT = Environment(vocabulary=VOCABULARY)
CARRIES = ("hostName", "user", "destIpPort")
END = 10**6

COUNTS: dict[str, Callable[[Sequence[Happened]], bool]] = {
    "COUNT(*) >= 1": lambda w: len(w) >= 1,
    "COUNT(*) >= 2": lambda w: len(w) >= 2,
    "COUNT(*) > 2": lambda w: len(w) > 2,
    "COUNT(*) >= 0": lambda w: len(w) >= 0,
    "COUNT(DISTINCT destIpPort) >= 2": lambda w: len({e.get("destIpPort") for e in w} - {None}) >= 2,
}
TURNING: dict[str, Callable[[Sequence[Happened]], bool]] = {
    "COUNT(*) = 1": lambda w: len(w) == 1,
    "COUNT(*) <= 2": lambda w: len(w) <= 2,
    "COUNT(*) != 2": lambda w: len(w) != 2,
    "COUNT(DISTINCT destIpPort) = 1": lambda w: len({e.get("destIpPort") for e in w} - {None}) == 1,
    "AVG(destIpPort) >= 2": lambda w: bool(ports(w)) and sum(ports(w)) / len(ports(w)) >= 2,
}
SIGNS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def ports(window: Sequence[Happened]) -> list[int]:
    """Give the ports that are there."""
    return [port for event in window if isinstance(port := event.get("destIpPort"), int)]


def compared(sign: str) -> Callable[[Value | None, Value | None], bool]:
    """Compare two values: of an absent one nothing is true but that it differs."""
    return lambda left, right: SIGNS[sign](left, right) if left is not None and right is not None else sign == "!="


def _constraint(text: str) -> CountConstraint | Constraint:
    compiled = constraint_of(text, ENVIRONMENT, carried=CARRIES)
    return compiled.count or compiled


def _condition(sign: str) -> Callable[[Attributes], bool]:
    holds = compared(sign)
    return lambda said: holds(said.get("left"), said.get("right"))


def _trees(node: Node) -> list[Tree]:
    """Unfold what has no negation into trees without OR."""
    match node:
        case Is(number):
            return [Occurs(number)]
        case Or(parts):
            return [tree for part in parts for tree in _trees(part)]
        case And(parts) | Then(parts):
            kind = Together if isinstance(node, And) else InOrder
            chosen: list[tuple[Tree, ...]] = [()]
            for part in parts:
                chosen = [(*before, tree) for before in chosen for tree in _trees(part)]
            return [kind(each) for each in chosen]
        case _:
            raise AssertionError(node)


def _members(tree: Tree) -> tuple[int, ...]:
    if isinstance(tree, Occurs):
        return (tree.number,)
    return tuple(sorted(number for part in tree.parts for number in _members(part)))


def _ways(node: Node) -> list[Way]:
    if isinstance(node, Or):
        return [way for part in node.parts for way in _ways(part)]
    kept, never = (node.kept, node.never) if isinstance(node, Not) else (node, ())
    without = tuple(Without(tuple(_trees(each)), follows) for follows, each in never)
    return [Way(tree, _members(tree), without) for tree in _trees(kept)]


def rule_of(spec: Spec, *, keyed: bool, **options: object) -> Rule:
    """Give the rule that is meant. ``keyed``: its subpatterns share hostName, which is the key of its rows."""
    names = tuple(f"P{number}" for number in range(len(spec.patterns)))
    subpatterns = tuple(
        Subpattern(name, "", EVERYTHING, each.group_by, _constraint(each.constraint))
        for name, each in zip(names, spec.patterns, strict=True)
    )
    relations = tuple(
        Relation(
            each.left,
            each.right,
            spec.patterns[each.left].group_by.index(each.attribute),
            spec.patterns[each.right].group_by.index(each.other),
            f"{names[each.left]}.{each.attribute} {each.operator} {names[each.right]}.{each.other}",
            _condition(each.operator),
        )
        for each in spec.relations
    )
    clear = None
    if spec.cleared_by is not None:
        last = len(names) - 1
        matched = tuple(
            (place, Relation(-1, last, 0, spec.patterns[last].group_by.index(name), "", _condition("=")))
            for place, name in spec.cleared_by
        )
        clear = ClearPattern(last, matched)
    join = Join(
        names=names,
        ways=tuple(_ways(spec.trigger)),
        relations=relations,
        key=(KeyPart(AttributeType.STRING, ignore_case=False, places=(0,) * len(names)),) if keyed else (),
        carries=CARRIES,
        groups=tuple(tuple(CARRIES.index(name) for name in each.group_by) for each in spec.patterns),
        mapped=tuple((number, spec.patterns[number].group_by.index(name)) for number, name in spec.mapping),
        clear=clear,
    )
    facts: dict[str, object] = {
        "id": "PH_Rule_Test",
        "name": "A test",
        "description": "",
        "severity": 5,
        "category": "Security",
        "subcategory": "Discovery",
        "tactics": ("Discovery",),
        "techniques": ("T1046",),
        "window": spec.window,
        "subpattern": subpatterns[0],
        "others": subpatterns[1:],
        "join": join,
        "mapping": tuple((f"a{at}", f"{names[n]}.{name}") for at, (n, name) in enumerate(spec.mapping)),
        "clear_after": spec.quiet,
        "evidence": spec.evidence,
        "final": join.negated,
        "shown": tuple(
            (f"s{number}{text[0]}", aggregate_of(f"P{number}.{text}", ENVIRONMENT, carried=CARRIES))
            for number in spec.shown
            for text in ("COUNT(*)", "LAST(user)")
        ),
    }
    return Rule(**{**facts, **options})  # type: ignore[arg-type] - the facts of any rule, by name


class Drawn(NamedTuple):
    """A rule as it is meant, and whether its rows have keys."""

    spec: Spec
    keyed: bool


def _nodes(draw: st.DrawFn, numbers: Sequence[int], *, alternatives: bool = True) -> Node:
    """Draw a positive expression of these subpatterns, in this order."""
    if len(numbers) == 1:
        return Is(numbers[0])
    kind = draw(st.sampled_from((And, Then, Or) if alternatives else (And, Then)))
    cut = draw(st.integers(1, len(numbers) - 1))
    parts = [_nodes(draw, numbers[:cut]), _nodes(draw, numbers[cut:])]
    if len(numbers) > 2 and draw(st.booleans()):
        parts = [Is(number) for number in numbers]
    return kind(tuple(parts))


def _triggers(draw: st.DrawFn, numbers: Sequence[int], *, negated: bool) -> Node:
    if not negated:
        return _nodes(draw, numbers)
    count = draw(st.integers(1, len(numbers) - 1))
    if count > 1 and draw(st.booleans()):  # a positive term beside the one with the negation
        return Or((Is(numbers[0]), _triggers(draw, numbers[1:], negated=True)))
    kept, rest = numbers[:count], numbers[count:]
    cut = draw(st.integers(1, len(rest)))
    never = [(draw(st.booleans()), _nodes(draw, part)) for part in (rest[:cut], rest[cut:]) if part]
    return Not(_nodes(draw, kept), tuple(never))


@st.composite
def rules(
    draw: st.DrawFn, *, negated: bool = False, clear: bool = False, turning: bool = False, shown: bool = True
) -> Drawn:
    """Draw a rule of 2 to 4 subpatterns, besides a clear pattern."""
    count = draw(st.integers(1 if clear and not negated else 2, 3 if clear else 4))
    keyed = draw(st.booleans())
    texts = st.sampled_from(sorted(COUNTS | TURNING if turning else COUNTS) + ["COUNT(*) >= 1"] * 4)
    patterns = []
    for _ in range(count + clear):
        group_by = draw(st.sampled_from(((), ("hostName",), ("user",), ("hostName", "destIpPort"), ("destIpPort",))))
        if keyed and "hostName" not in group_by:
            group_by = ("hostName", *group_by)
        text = draw(texts)
        patterns.append(Pattern(group_by, text, (COUNTS | TURNING)[text]))
    order = draw(st.permutations(range(count)))
    relations = []
    for left in range(count):
        for right in range(left + 1, count):
            if keyed:
                relations.append(Related(left, "hostName", "=", right, "hostName", compared("=")))
            for name in ("hostName", "user", "destIpPort"):
                if name in patterns[left].group_by and name in patterns[right].group_by and draw(st.booleans()):
                    sign = draw(st.sampled_from(sorted(SIGNS) if name == "destIpPort" else ("=", "!=")))
                    relations.append(Related(left, name, sign, right, name, compared(sign)))
    trigger = _triggers(draw, order, negated=negated)
    positive = sorted(_positive(trigger))
    possible = [(number, name) for number in positive for name in patterns[number].group_by]
    mapping = tuple(draw(st.lists(st.sampled_from(possible), max_size=3, unique=True))) if possible else ()
    if keyed:  # the key follows from an incident's attributes, whichever subpatterns take part
        shared = [(number, "hostName") for number in positive]
        mapping = (*shared, *(each for each in mapping if each not in shared))
    cleared_by = None
    if clear:
        equal = [(at, name) for at, (_, name) in enumerate(mapping) if name in patterns[-1].group_by]
        cleared_by = tuple(pair for pair in equal if keyed or draw(st.booleans()))
    spec = Spec(
        tuple(patterns),
        trigger,
        tuple(relations),
        mapping,
        window=draw(st.integers(1, 12)),
        quiet=0,
        evidence=draw(st.integers(1, 3)),
        cleared_by=cleared_by,
        shown=tuple(draw(st.lists(st.sampled_from(positive), max_size=2, unique=True))) if shown else (),
    )
    quiet = max(spec.window, draw(st.integers(0, 20)))
    return Drawn(spec._replace(quiet=quiet), keyed)


def _positive(node: Node) -> set[int]:
    match node:
        case Is(number):
            return {number}
        case Not(kept):
            return _positive(kept)
        case _:
            return set().union(*map(_positive, node.parts))


class Scene(NamedTuple):
    """Events as they arrive, the stream's time before each, whether rows are looked at then, and what is resent."""

    events: list[Happened]
    times: list[int | None]
    looks: list[bool]
    resent: list[int]


@st.composite
def scenes(draw: st.DrawFn, spec: Spec, lateness: int, *, in_order: bool = False) -> Scene:
    """Draw events with a stream time that makes none of them late."""
    count = len(spec.patterns)
    raw = draw(
        st.lists(
            st.tuples(
                st.integers(0, 24),
                st.integers(0, 1),
                st.frozensets(st.integers(0, count - 1), min_size=1, max_size=2),
                st.tuples(
                    st.sampled_from(("a", "a", "b", None)), st.sampled_from(("u", "v")), st.sampled_from((1, 2, None))
                ),
            ),
            max_size=10,
        )
    )
    if in_order:
        raw.sort(key=lambda each: each[0])
    offsets = [0, 0]
    events = []
    for time, partition, serves, values in raw:
        events.append(Happened(time, partition, offsets[partition], serves, tuple(zip(CARRIES, values, strict=True))))
        offsets[partition] += draw(st.integers(1, 2))
    times: list[int | None] = []
    reached = None
    for index in range(len(events)):
        possible = min(event.time for event in events[index:]) + lateness
        wanted = draw(st.none() | st.integers(-5, 60))
        if wanted is not None:
            wanted = min(wanted, possible)
            reached = wanted if reached is None else max(reached, wanted)
        times.append(reached)
    looks = draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    resent = draw(st.lists(st.integers(0, len(events) - 1), max_size=3)) if events else []
    return Scene(events, times, looks, resent)


def matches_of(rule: Rule, event: Happened) -> list[tuple[bytes, Match]]:
    """Give the matches of an event, with their keys."""
    mask = sum(1 << number for number in event.serves)
    origin = Origin("sysmon", "T", event.partition, event.offset)
    return [
        (key, Match(WITH_VALUES, rule.id, "1", decode_key(key).group, event.time, origin, values))
        for key, values in serving(rule, mask, "1", event.get)
    ]


def run(rule: Rule, scene: Scene) -> tuple[dict[bytes, Row], list[Incident]]:
    """Run a scene through the engine, each row through its bytes between any two steps; move time on at the end."""
    rows: dict[bytes, Row] = {}
    sent: list[Incident] = []
    position = -1
    for index, event in enumerate(scene.events):
        time = scene.times[index]
        if time is not None and scene.looks[index]:
            position += 1
            sent += _looked(rule, rows, time, position)
        for key, match in matches_of(rule, event):
            position += 1
            observed = observe(rule, rows.get(key), match, position, time)
            assert not observed.repeated
            assert not observed.late
            assert () == observed.suppressed
            rows[key] = decode_row(encode_row(observed.row))
            sent += observed.incidents
            if index in scene.resent:
                again = observe(rule, rows[key], match, position, time)
                assert again.repeated
                assert encode_row(rows[key]) == encode_row(again.row)
                sent += again.incidents
    return rows, sent + _looked(rule, rows, END, position + 1)


def _looked(rule: Rule, rows: dict[bytes, Row], time: int, position: int) -> list[Incident]:
    sent: list[Incident] = []
    for key, row in rows.items():
        observed = advance(rule, decode_key(key), row, time, position)
        sent += observed.incidents
        rows[key] = decode_row(encode_row(observed.row))
    return sent


def _shown(incident: Incident) -> list[object]:
    values = shown_by(incident.rule, incident.episode)
    return [None if count is None else (count, last) for count, last in zip(values[::2], values[1::2], strict=True)]


def standing(sent: Sequence[Incident]) -> list[tuple[object, ...]]:
    """Give what stands at the end, as the oracle does; a revision must have one meaning."""
    by_id: dict[str, dict[int, Incident]] = {}
    said: dict[tuple[str, int], bytes] = {}
    for each in sent:
        revisions = by_id.setdefault(each.incident_id, {})
        revisions[each.revision] = each
        assert said.setdefault((each.incident_id, each.revision), to_bytes(each)) == to_bytes(each)
    newest = [revisions[max(revisions)] for revisions in by_id.values()]
    told = [
        (
            each.key.group,
            each.first_seen,
            each.last_seen,
            each.count,
            each.incident_count,
            each.episode.cleared,
            each.evidence,
            *_shown(each),
        )
        for each in newest
        if not each.episode.into
    ]
    return sorted(told, key=repr)
