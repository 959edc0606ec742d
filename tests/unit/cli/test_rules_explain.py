"""``stream-app rules explain`` on the command line: what is said for a person, for a program, and of what is wrong."""

import json
from pathlib import Path

import pytest

from stream_app.cli.demo import SCENE
from stream_app.cli.explained import explained_text
from stream_app.engine.explained import (
    COUNTED,
    ExceptionAnswer,
    Explained,
    PatternAnswer,
    PatternStanding,
    Standing,
    Told,
)
from stream_app.engine.record import Record
from stream_app.engine.rejection import Rejection, encode_rejection
from stream_app.language.explain import Part, Seen
from tests.unit.cli.test_main import ROOT, run

RULE = "windows-python-initiated-connection"
LINES = SCENE.read_bytes().splitlines()
PYTHON, QUIET = LINES[30], LINES[1]
"""A connection that the rule matches, and one that it does not."""


def lines(rejections: list[Rejection]) -> bytes:
    """Give rejections as the rejected topic has them."""
    return b"".join(encode_rejection(each) + b"\n" for each in rejections)


def test_a_person_reads_why() -> None:
    """By the folder's name: the comparison that decided with its value; what was not asked; the incident."""
    done = run("rules", "explain", RULE, "--event", "-", given=QUIET + b"\n" + PYTHON)
    text = done.stdout.decode()
    assert (0, b"") == (done.returncode, done.stderr)
    assert "<stdin>:1  2026-03-02 09:00:03.000Z  Win-Sysmon-3-Network-Connect-IPv4  no match\n" in text
    assert '    decided by  initiated = "true"\n' in text
    assert "                initiated is false\n" in text
    assert '-     procName REGEXP ".*python.*"  not asked; it is false\n' in text
    assert "  parentProcName is absent\n" in text
    assert "    it triggers\n" in text
    assert "    create incident " in text
    assert "\x1b" not in text


def test_a_program_reads_json() -> None:
    """By the rule's id: one object for each event, or for each that matches, and one for what is said last."""
    every = run("rules", "explain", "PH_Rule_SIGMA_1774", "--event", str(SCENE), "--json", update_interval_s="0")
    matching = run(
        "rules", "explain", RULE, "--event", str(SCENE), "--json", "--matching", "--late", "--process-context"
    )
    objects = [json.loads(line) for line in every.stdout.splitlines()]
    assert (0, 0, 56) == (every.returncode, matching.returncode, len(objects))
    assert 11 == sum(each["matches"] for each in objects)
    assert {"place", "rule", "matches", "time", "event_type", "patterns", "standings"} == set(objects[30])
    assert {"place", "rule", "matches", "unread"} == set(objects[55])
    assert 12 == len(matching.stdout.splitlines())


def test_what_was_rejected_is_explained_with_the_record_that_it_carries() -> None:
    """Its bytes are taken out; without them, or with a part of them, it is said where the record lies."""
    record = Record("sysmon", 3, 7, 1_772_442_000_000, PYTHON)
    late = Rejection(
        reason="late",
        detail="5 ms",
        topic="sysmon",
        topic_id="",
        partition=1,
        offset=9,
        timestamp=1,
        size=0,
        truncated=False,
        rule="R",
    )
    given = lines([Rejection.of(record, "too expensive", "why"), late, Rejection.of(record, "late", "", 10)])
    done = run("rules", "explain", RULE, "--event", "-", "--json", given=given + b'{"reason": "no rejection"}')
    first, second, third, fourth = [json.loads(line) for line in done.stdout.splitlines()]
    assert (True, "sysmon/3@7 was rejected: too expensive: why") == (first["matches"], first["note"])
    fetch = "--topic sysmon --partition 1 --from-offset 9 --to-offset 10"
    assert f"this rejection carries no bytes of its record, which is explained with {fetch}" == second["unread"]
    assert "sysmon/1@9 was rejected for R: late: 5 ms" == second["note"]
    assert third["unread"].startswith("only 10 of its ")
    assert fourth["unread"].startswith("unknown shape")


def test_a_rule_that_is_not_there_is_a_usage_error() -> None:
    """Status 2, with the name that was probably meant."""
    done = run("rules", "explain", RULE[:-1], "--event", "-", given=b"")
    assert (2, f"stream-app: no rule {RULE[:-1]!r} in rules; did you mean {RULE!r}?\n") == (
        done.returncode,
        done.stderr.decode(),
    )
    assert 2 == run("rules", "explain", RULE).returncode
    assert (1, True) == (
        (gone := run("rules", "explain", RULE, "--event", "gone.jsonl")).returncode,
        b"gone.jsonl: cannot be read" in gone.stderr,
    )


def test_a_rule_that_is_not_enabled_is_named(tmp_path: Path) -> None:
    """It is explained all the same."""
    (tmp_path / RULE).mkdir()
    text = (ROOT / "rules" / RULE / f"{RULE}.toml").read_text()
    (tmp_path / RULE / f"{RULE}.toml").write_text(text.replace("severity = 5", "severity = 5\nenabled = false"))
    done = run("rules", "explain", RULE, "--rules", str(tmp_path), "--event", "-", given=PYTHON)
    assert (0, True) == (done.returncode, b"it triggers" in done.stdout)
    assert b"PH_Rule_SIGMA_1774 is not enabled: explained as if it were\n" == done.stderr


def test_of_many_comparisons_that_decided_some_are_named() -> None:
    """The others are in the tree."""
    terms = tuple(Part(f"a = {n}", 0, 1, holds=False, asked=True) for n in range(9))
    filter_ = Part("", 0, 1, holds=False, asked=True, joins="OR", parts=terms)
    pattern = PatternAnswer(name="P", holds=False, filter=filter_, group={})
    text = explained_text(Explained(place="p", rule="R", matches=False, time=0, patterns=(pattern,))).plain
    assert (5, True) == (text.count("decided by"), "and by 4 more, which are all false\n" in text)


TERM = Part("a = 1", 0, 5, holds=False, asked=True, seen=(Seen("a", "x", "a number"),))
IN = Part("a IN (1)", 0, 5, holds=True, asked=True, member="1 of Group@G")


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (
            {"verdict": "late", "late_by": 5000, "lateness": 1000},
            "not counted: 5 s behind the stream's time, 1 s are allowed",
        ),
        ({"verdict": "late"}, "not counted: 0 s are allowed"),
        (
            {"verdict": "waits", "decided_at": 0},
            "it waits: it is decided when the stream's time is 1970-01-01 00:00:00.000Z",
        ),
        ({"verdict": "repeated"}, "not counted: this record was counted before"),
        (
            {"patterns": (PatternStanding(name="A", role="must occur", occurs=False, more_groups=2),)},
            "(must occur) is missing\n        and 2 groups more",
        ),
        ({"note": "n"}, "\n      n"),
        (
            {"exceptions": (ExceptionAnswer(place="p:1", reason="r", holds=True, in_period=True, when=IN, of={}),)},
            "exception p:1: holds: a trigger makes nothing  r\n      true  a IN (1)\n              is 1 of Group@G",
        ),
        (
            {"exceptions": (ExceptionAnswer(place="p:1", reason="r", holds=False, in_period=False, when=TERM, of={}),)},
            "does not hold (its period does not)  r\n      false a = 1\n              a is x, which is not a number",
        ),
        (
            {
                "incidents": (
                    Told(
                        id="i",
                        activity="create",
                        revision=1,
                        count=1,
                        events=1,
                        first=0,
                        last=0,
                        attributes={},
                        said=False,
                        why_not="w",
                        summary=True,
                    ),
                )
            },
            "create summary of a cap i  revision 1  count 1, 1 event\n      not said: w\n",
        ),
    ],
)
def test_what_may_become_of_a_match_has_words(standing: dict, said: str) -> None:
    """Each verdict, and each thing that may stand in a row."""
    facts = {"customer": "1", "key": {}, "verdict": COUNTED, "begin": 0, "end": 1, "count": 0, **standing}
    one = Explained(place="p", rule="R", matches=True, standings=(Standing(**facts),))
    assert said in explained_text(one).plain
