"""The screen finds the rules that asking every filter finds."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_app.engine.detect import Detector
from stream_app.engine.expense import TooExpensive
from stream_app.engine.key import decode_key
from stream_app.engine.record import Record
from stream_app.engine.screen import FEW, Screen
from stream_app.language.compile import EVERYTHING, Environment, compile_filter
from stream_app.language.diagnostics import Diagnostic
from stream_app.language.parser import parse
from stream_app.language.values import Value
from stream_app.rulebook.rule import Rule, Rulebook
from stream_app.sysmon.attributes import VOCABULARY
from stream_app.sysmon.normalise import Event

MAIL = {"MAIL": ("25", "465"), "SHELLS": ("cmd.exe", "PWSH.exe")}
EXACT = Environment(vocabulary=VOCABULARY, groups=MAIL, ignore_case=False)
FOLDED = Environment(vocabulary=VOCABULARY, groups=MAIL)

TERMS = st.sampled_from(
    (
        'procName REGEXP "\\\\\\\\cmd\\.exe$|\\\\\\\\PWSH\\.exe$"',
        'procName REGEXP "^C:\\\\\\\\Win"',
        'procName IN ("cmd.exe", "PWSH.exe", Group@SHELLS)',
        'procName NOT REGEXP "System32"',
        'procName REGEXP "s.*2"',
        'procName REGEXP "^cmd$|pwsh"',
        'procName = "c:\\\\win\\\\cmd.exe"',
        '"cmd.exe" = procName',
        'command CONTAIN "-enc"',
        'command CONTAIN ""',
        'command REGEXP "-ENC | -e "',
        "command IS NULL",
        "command IS NOT NULL",
        'TO_LOWER(command) = "-enc"',
        "destIpPort IN (25, 465)",
        "destIpPort IN (Group@MAIL)",
        "destIpPort = 443",
        'destIpPort = ""',
        "443 = destIpPort",
        "destIpPort != 443",
        'destIpPort REGEXP "^4"',
        "destIpPort > 100",
        "destIpPort BETWEEN (20, 30)",
        "destIpAddr = 10.0.0.0/8",
        "destIpAddr IN (10.0.0.1, ::1)",
        "procId = 4",
    )
)
FILTERS = st.recursive(
    TERMS,
    lambda inner: st.builds(
        lambda word, terms: f" {word} ".join(f"({term})" for term in terms),
        st.sampled_from(("AND", "OR")),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "procName": st.sampled_from(
            ("C:\\Win\\cmd.exe", "c:\\win\\CMD.EXE", "cmd.exe", "PWSH.EXE", "\\pwsh.exe\n", "\u017f2", 5)
        ),
        "command": st.sampled_from(("x -enc y", "-ENC", " -e ", "")),
        "destIpPort": st.sampled_from((25, 443, 443.0, "443", "4x", 30)),
        "destIpAddr": st.sampled_from(("10.0.0.1", "::1", "0:0::1", "x")),
        "procId": st.sampled_from(("4", 4, 4.0)),
    },
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(FILTERS, st.booleans()), min_size=1, max_size=3 * FEW), st.lists(EVENTS, min_size=1, max_size=6)
)
@example([("destIpPort = 443", True)] * 9, [{"destIpPort": "443"}])
@example([('procName REGEXP "^cmd$|pwsh"', False)] * 9, [{"procName": "PWSH"}, {"procName": "xpwshx"}])
def test_the_screen_asks_whom_it_must(
    rule_of: Callable[..., Rule], filters: list[tuple[str, bool]], events: list[dict[str, Value]]
) -> None:
    """Few rules or many, in any mix of case: those whose filter is true are found, in their order, and no others."""
    rules = []
    for number, (text, exact) in enumerate(filters):
        compiled = compile_filter(parse(text), EXACT if exact else FOLDED)
        rule = rule_of(id=f"R{number}")
        rules.append(rule_of(id=rule.id, subpattern=msgspec.structs.replace(rule.subpattern, filter=compiled)))
    screen = Screen([(rule, 0) for rule in rules])
    for event in events:
        assert [rule.id for rule in rules if rule.subpattern.filter(event)] == [
            rule.id for rule, _ in screen.wanting(event)
        ]


def test_a_rule_is_asked_only_where_its_clauses_are_met(rule_of: Callable[..., Rule]) -> None:
    """Of many rules, one is asked whose literals are in the event; another is not, though its filter would lie."""
    asked: list[str] = []

    def rule(name: str, text: str) -> Rule:
        compiled = compile_filter(parse(text), FOLDED)
        wanted = msgspec.structs.replace(compiled, rest=lambda _: bool(asked.append(name)) or True)
        base = rule_of(id=name)
        return rule_of(id=name, subpattern=msgspec.structs.replace(base.subpattern, filter=wanted))

    filler = [rule(f"F{number}", f'procName = "filler{number}"') for number in range(FEW)]
    both = rule("both", 'procName = "a.exe" AND (command CONTAIN "run" OR destIpPort = 25)')
    always = rule("always", 'procName != "a.exe"')
    screen = Screen([(rule, 0) for rule in (*filler, both, always)])
    assert [["always"], ["both", "always"], ["both", "always"], ["always"]] == [
        [rule.id for rule, _ in screen.wanting(event)]
        for event in (
            {"procName": "a.exe"},
            {"procName": "A.EXE", "command": "rerun"},
            {"procName": "A.EXE", "destIpPort": 25},
            {"command": "run", "destIpPort": 25},
        )
    ]
    assert ["always", "both", "always", "both", "always", "always"] == asked


def test_no_rule_is_asked_of_an_event_that_holds_nothing_of_theirs(rule_of: Callable[..., Rule]) -> None:
    """Many rules, and not one whose clauses are met: none is asked."""
    rules = []
    for number in range(FEW + 1):
        compiled = compile_filter(parse(f'procName = "filler{number}"'), FOLDED)
        base = rule_of(id=f"F{number}")
        never = msgspec.structs.replace(compiled, rest=lambda _: pytest.fail("it was asked"))
        rules.append(rule_of(id=base.id, subpattern=msgspec.structs.replace(base.subpattern, filter=never)))
    assert [] == Screen([(rule, 0) for rule in rules]).wanting({"procName": "other"})


def test_the_other_rules_are_asked_when_one_takes_too_long(rule_of: Callable[..., Rule]) -> None:
    """Those that may take as long are refused with it; all others have their say, before it and after it."""

    def rule(name: str, rest: Callable[[object], bool], *, hazardous: bool = False) -> Rule:
        base = rule_of(id=name)
        hazards = (Diagnostic(path="", line=1, column=1, message="", source_line=""),) if hazardous else ()
        wanted = msgspec.structs.replace(EVERYTHING, rest=rest, hazards=hazards)
        return rule_of(id=name, subpattern=msgspec.structs.replace(base.subpattern, filter=wanted))

    def slow(_: object) -> bool:
        raise TooExpensive(700, 500)

    rules = (
        rule("A", lambda _: True),
        rule("B", lambda _: True, hazardous=True),
        rule("C", slow, hazardous=True),
        rule("D", lambda _: True, hazardous=True),
        rule("E", lambda _: True),
        rule("F", slow),
        rule("G", lambda _: False),
    )
    detector = Detector(Rulebook({each.id: each for each in rules}))
    with pytest.raises(TooExpensive) as given_up:
        detector.detect(Record("sysmon", 0, 0, 0, b"", "id"), Event({"hostName": "a"}, "flat", None, None, None))
    assert ("C", "D", "F") == given_up.value.rules
    assert ["A", "B", "E"] == [decode_key(key).rule for key, _ in given_up.value.found]


def test_rules_are_told_apart_by_what_they_say_of_the_event_type(rule_of: Callable[..., Rule]) -> None:
    """A rule is asked of the types that it names, in its own case; one that names none is asked of all."""

    def rule(name: str, text: str, environment: Environment = FOLDED) -> Rule:
        base = rule_of(id=name)
        compiled = compile_filter(parse(text), environment)
        return rule_of(id=name, subpattern=msgspec.structs.replace(base.subpattern, filter=compiled))

    rules = (
        rule("A", 'eventType REGEXP "Win-Sysmon-1-.*" AND procName = "a"'),
        rule("B", 'procName = "a"'),
        rule("C", 'eventType = "win-sysmon-1-create-process"'),
        rule("D", 'eventType = "win-sysmon-1-create-process"', EXACT),
        rule("E", 'eventType IN ("x", "Win-Sysmon-3-Network-Connect") AND eventType NOT REGEXP "x"'),
        rule("F", '(eventType = "x" AND procName = "a") OR procName = "b"'),
    )
    detector = Detector(Rulebook({each.id: each for each in rules}))

    def ids(event_type: str, **more: Value) -> str:
        return "".join(rule.id for rule in detector.wanting({"eventType": event_type, **more}))

    assert "ABC" == ids("Win-Sysmon-1-Create-Process", procName="a")
    assert "CD" == ids("win-sysmon-1-create-process")
    assert "E" == ids("Win-Sysmon-3-Network-Connect")
    assert "BF" == ids("x", procName="a")
    assert "F" == ids("y", procName="b")
    assert "" == ids("y")
