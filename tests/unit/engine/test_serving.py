"""A record becomes the matches of a rule with several subpatterns: one for each key, with all that it serves there."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.engine.detect import Detector
from stream_app.engine.expense import TooExpensive
from stream_app.engine.key import decode_key
from stream_app.engine.match import WITH_VALUES, Match, Origin
from stream_app.engine.record import Record
from stream_app.engine.serving import spelled
from stream_app.language.compile import EVERYTHING, Environment, compile_filter
from stream_app.language.diagnostics import Diagnostic
from stream_app.language.parser import parse
from stream_app.language.values import Attributes, AttributeType, Value
from stream_app.rulebook.join import KeyPart
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.attributes import VOCABULARY
from stream_app.sysmon.normalise import Event
from tests.unit.engine.joint_oracle import And, Is, Pattern, Spec
from tests.unit.engine.joint_scenes import rule_of

RECORD = Record("sysmon", 3, 42, 5_000, b"", "id")
ENVIRONMENT = Environment(vocabulary=VOCABULARY)
EXACT = Environment(vocabulary=VOCABULARY, ignore_case=False)


def rule(*queries: str, keyed: bool = False, **options: object) -> Rule:
    """Give a rule of subpatterns that group by hostName, with these queries."""
    patterns = tuple(Pattern(("hostName",), "COUNT(*) >= 1", bool) for _ in queries)
    trigger = And(tuple(Is(number) for number in range(len(queries))))
    made = rule_of(Spec(patterns, trigger, (), ((0, "hostName"),), 1000, 1000, 5), keyed=keyed, **options)
    filters = [compile_filter(parse(text), ENVIRONMENT) for text in queries]
    subpatterns = [
        msgspec.structs.replace(each, filter=its) for each, its in zip(made.subpatterns, filters, strict=True)
    ]
    return msgspec.structs.replace(made, subpattern=subpatterns[0], others=tuple(subpatterns[1:]))


@pytest.fixture(name="single")
def _single() -> Rule:
    """Give a rule with one subpattern."""
    made = rule("procName IS NOT NULL")
    return msgspec.structs.replace(made, id="Z", join=None)


def event(received: int | None = None, created: int | None = None, **attributes: Value) -> Event:
    """Give an event of these attributes and times."""
    return Event(attributes, "flat", received, created, None)


def found(of: Rule, an_event: Event) -> list[Match]:
    """Give the matches of one rule."""
    pairs = Detector(Rulebook({of.id: of})).detect(RECORD, an_event)
    for key, match in pairs:
        where = decode_key(key)
        assert (match.rule, match.customer, match.group) == (where.rule, where.customer, where.group)
    return [match for _, match in pairs]


def test_one_match_says_all_that_a_record_serves() -> None:
    """A match names the subpatterns whose filter is true, and brings along what any of them groups by."""
    both = rule('procName = "a"', 'user = "u"', 'procName = "b"')
    origin = Origin("sysmon", "id", 3, 42)
    (match,) = found(both, event(hostName="pc1", user="u", procName="a", destIpPort=443.0, phCustId=7))
    assert Match(WITH_VALUES, both.id, "7", (), 5_000, origin, ("pc1", "u", 443, 0b011)) == match
    (match,) = found(both, event(procName="b"))
    assert (None, None, None, 0b100) == match.values
    assert [] == found(both, event(procName="c"))


def test_one_match_for_each_key() -> None:
    """Where the shared values of two subpatterns differ in one record, each has a match of its own."""
    made = rule('procName = "a"', 'procName = "a"', 'procName = "a"')
    (host,) = rule("procName IS NULL", "user IS NULL", keyed=True).join.key
    by_user = msgspec.structs.replace(host, places=(0, 1, 0))
    made = msgspec.structs.replace(made, join=msgspec.structs.replace(made.join, key=(by_user,)))
    matches = found(made, event(hostName="h", user="u", procName="a"))
    assert [(("h",), 0b101), (("u",), 0b010)] == [(match.group, match.values[-1]) for match in matches]
    same = found(made, event(hostName="h", user="h", procName="a"))
    assert [(("h",), 0b111)] == [(match.group, match.values[-1]) for match in same]


@pytest.mark.parametrize(
    ("event_clock", "received", "created", "time"),
    [
        (False, None, 3_000, 5_000),
        (False, 4_000, 3_000, 4_000),
        (True, 4_000, 3_000, 3_000),
        (True, 4_000, None, 4_000),
    ],
)
def test_clock(*, event_clock: bool, received: int | None, created: int | None, time: int) -> None:
    """The time of a match is that of any other rule's."""
    made = rule('procName = "a"', 'user = "u"', event_clock=event_clock)
    (match,) = found(made, event(received, created, procName="a"))
    assert time == match.time


def test_what_all_subpatterns_read_is_read() -> None:
    """A record is read as far as any subpattern wants it, and what its matches bring along is read with it."""
    made = rule('procName = "a"', 'user = "u"')
    detector = Detector(Rulebook({made.id: made}))
    wanted = detector.read(b'{"EventID": 1, "Computer": "pc1", "User": "u", "DestinationPort": "443"}')
    assert wanted is not None
    ((_, match),) = detector.detect(RECORD, wanted)
    assert ("pc1", "u", 443, 0b10) == match.values
    assert [made] == detector.wanting(event(procName="a", user="u"))


def test_beside_other_rules(single: Rule) -> None:
    """Matches of other rules come first, whatever the rules are called."""
    made = rule('procName = "a"', 'user = "u"')
    pairs = Detector(Rulebook({made.id: made, "Z": single})).detect(RECORD, event(procName="a", user="u", hostName="h"))
    assert [("Z", ("h",), ()), (made.id, (), ("h", "u", None, 0b11))] == [
        (match.rule, match.group, match.values) for _, match in pairs
    ]


def test_a_rule_of_which_two_subpatterns_take_too_long_is_named_once() -> None:
    """The subpatterns that could be asked have their match; the rule is refused once for those that could not."""

    def slow(_: Attributes) -> bool:
        raise TooExpensive(700, 500)

    hazards = (Diagnostic(path="", line=1, column=1, message="", source_line=""),)
    made = rule("procName IS NULL", "procName IS NULL", "user IS NULL", "user IS NULL")
    filters = [
        msgspec.structs.replace(EVERYTHING, rest=slow),
        msgspec.structs.replace(EVERYTHING, rest=slow),
        msgspec.structs.replace(EVERYTHING, hazards=hazards),
        EVERYTHING,
    ]
    first, *others = [
        msgspec.structs.replace(each, filter=its) for each, its in zip(made.subpatterns, filters, strict=True)
    ]
    made = msgspec.structs.replace(made, subpattern=first, others=tuple(others))
    with pytest.raises(TooExpensive) as given_up:
        Detector(Rulebook({made.id: made})).detect(RECORD, event())
    assert (made.id,) == given_up.value.rules
    assert 1 == len(given_up.value.found)


VALUES: dict[AttributeType, tuple[tuple[str, str], st.SearchStrategy[Value | None]]] = {
    AttributeType.STRING: (
        ("hostName", "user"),
        st.sampled_from((None, "", "a", "A", "\u017f", "S", "\u0130", "i", "4", 4, 4.0, 2.5, "2.5")),
    ),
    AttributeType.NUMBER: (
        ("srcIpPort", "destIpPort"),
        st.sampled_from(
            (
                None,
                4,
                4.0,
                "4",
                " 4 ",
                "4.0",
                "+4",
                0,
                -0.0,
                "x",
                "",
                0.5,
                ".5",
                2**53,
                float(2**53),
                2**64,
                "1e30",
                1e30,
            )
        ),
    ),
    AttributeType.IP: (
        ("srcIpAddr", "destIpAddr"),
        st.sampled_from((None, "::1", "0:0:0::1", "1.2.3.4", "::ffff:1.2.3.4", "01.2.3.4", "x", "", 4)),
    ),
}


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data(), ignore_case=st.booleans())
def test_equal_values_have_one_spelling(kind: AttributeType, data: st.DataObject, *, ignore_case: bool) -> None:
    """Two values make the same key exactly where ``=`` finds them equal; what equals nothing is spelled as absent."""
    (one, other), values = VALUES[kind]
    left, right = data.draw(values), data.draw(values)
    equal = compile_filter(parse(f"{one} = {other}"), ENVIRONMENT if ignore_case else EXACT)
    said = {name: value for name, value in ((one, left), (other, right)) if value is not None}
    part = KeyPart(kind, ignore_case, (0, 0))
    a, b = spelled(part, left), spelled(part, right)
    assert equal(said) == (a is not None and (a, type(a)) == (b, type(b)))
