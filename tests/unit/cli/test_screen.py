"""What a person sees of an incident, whoever named the process in it."""

import io
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from rich.console import Console

from stream_app.cli.screen import Screen, counted, incident_text, moment, printable
from stream_app.engine.incident import incident
from stream_app.engine.key import Key
from stream_app.engine.row import Episode, Mark, Source
from stream_app.handoff.native import to_bytes
from stream_app.language.aggregate import CountConstraint
from stream_app.rulebook.rule import Rule, Subpattern

ID = UUID("00000000-0000-5000-8000-000000000000")


def wire(**attributes: str) -> bytes:
    """Give an incident as it lies on the topic."""
    rule = Rule(
        id="R",
        name="A rule",
        description="",
        severity=9,
        category="Security",
        subcategory="Discovery",
        tactics=("Discovery",),
        techniques=("T1046",),
        window=1000,
        subpattern=Subpattern("Filter", "", lambda _: True, tuple(attributes), CountConstraint(">=", 1)),
        mapping=tuple((name, name) for name in attributes),
    )
    episode = Episode(ID.bytes, 1, 0, 1_500, 1, 1, 0, (Mark(0, 0, 14),), b"")
    return to_bytes(incident(rule, Key("R", "1", tuple(attributes.values())), episode, (Source("T", "sysmon", 2, 14),)))


def shown(**attributes: str) -> str:
    """Give the text of an incident."""
    return incident_text(msgspec.json.decode(wire(**attributes))).plain


def test_an_incident_is_laid_out_for_reading() -> None:
    """What happened comes first, then when, then the attributes in columns, then where to find it again."""
    assert shown(procName="a.exe", user="u") == (
        "create  A rule  severity 9 HIGH  count 1\n"
        "        1970-01-01 00:00:00.000Z to 1970-01-01 00:00:01.500Z  Discovery T1046\n"
        "        procName  a.exe\n"
        "        user      u\n"
        "        records sysmon/2@14\n"
        "        incident 00000000-0000-5000-8000-000000000000  revision 1\n"
    )


def test_an_incident_that_is_over_says_since_when() -> None:
    """Behind its id, and one that became part of another names that."""
    fields = msgspec.json.decode(wire())
    over = incident_text(fields | {"activity": "clear", "incidentClearedTime": 3_600_000}).plain
    assert over.startswith("clear   A rule")
    assert over.endswith("  revision 1  over since 1970-01-01 01:00:00.000Z\n")
    assert incident_text(fields | {"mergedInto": "other"}).plain.endswith("  revision 1  now part of other\n")


def test_an_incident_without_attributes_has_no_columns() -> None:
    """A rule with one global group has nothing to show there."""
    assert 4 == len(shown().splitlines())


def test_an_incident_that_another_took_over_names_it() -> None:
    """Where two incidents turned out to be one, the reader is led to it."""
    fields = {**msgspec.json.decode(wire()), "activity": "clear", "mergedInto": "other"}
    assert "revision 1  now part of other\n" in incident_text(fields).plain


def test_no_record_can_write_to_the_terminal() -> None:
    """Escape sequences, line ends and marks that turn the direction of writing are spelt out."""
    text = shown(procName="a\x1b[2J\r\nfake  line\u202egpj.exe")
    assert r"procName  a\x1b[2J\r\nfake  line\u202egpj.exe" in text
    assert "\x1b" not in text
    assert 5 == len(text.splitlines())


def test_text_that_prints_is_left_as_it_is() -> None:
    """Letters of any script stay."""
    assert "Прага C:\\ \u4e2d" == printable("Прага C:\\ \u4e2d")


def test_json_is_the_very_bytes_of_the_topic(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """What is piped on is what lies on the topic, one object a line."""
    Screen(json=True).incident(wire(procName="a\u202e"))
    assert wire(procName="a\u202e") + b"\n" == capfdbinary.readouterr().out


def test_json_on_a_terminal_does_not_write_to_it() -> None:
    """On a terminal even JSON has its marks spelt out."""
    screen = Screen(json=True)
    screen.out = Console(file=io.StringIO(), force_terminal=True, soft_wrap=True, markup=False, highlight=False)
    screen.incident(wire(procName="a\u202e"))
    written = screen.out.file
    assert isinstance(written, io.StringIO)
    assert r"a\u202e" in written.getvalue()


def test_a_terminal_is_coloured_and_a_pipe_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """Colour is for people."""
    screen = Screen()
    screen.incident(wire())
    assert "\x1b" not in capsys.readouterr().out
    screen.out = Console(
        file=io.StringIO(), force_terminal=True, color_system="standard", markup=False, highlight=False
    )
    screen.incident(wire())
    written = screen.out.file
    assert isinstance(written, io.StringIO)
    assert "\x1b[1;31mcreate" in written.getvalue()


def test_progress_is_quiet_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a bar counts, and writes nothing."""
    with Screen().progress("playing", 10) as bar:
        bar.advance(5)
        bar.advance()
    assert (2, ("", "")) == (bar.records, capsys.readouterr())


def test_progress_on_a_terminal_counts_records(tmp_path: Path) -> None:
    """On a terminal the bar shows records and their rate, with and without a known size."""
    for total in (10, None):
        screen = Screen()
        with (tmp_path / "terminal").open("w+") as file:
            screen.err = Console(file=file, force_terminal=True, width=100)
            with screen.progress("playing", total) as bar:
                bar.advance(5, records=1_234)
            file.seek(0)
            assert "1,234 records, " in file.read()


def test_talk_goes_where_the_bar_is_drawn(tmp_path: Path) -> None:
    """On one terminal, a line said while a bar is drawn must not be written into it."""
    screen = Screen()
    with (tmp_path / "terminal").open("w+") as file:
        screen.err = Console(file=file, force_terminal=True, width=100)
        screen.out = Console(file=file, force_terminal=True, width=100)
        with screen.progress("playing", 10):
            screen.say("rejected")
        screen.say("done")
        file.seek(0)
        lines = file.read().split("\n")
    assert any(line.endswith("\x1b[2Krejected") for line in lines)
    assert lines[-2].endswith("done")


def test_times_are_said_in_utc() -> None:
    """Milliseconds become ISO 8601; one that no calendar has is left a number."""
    assert "2026-03-02 09:01:11.200Z" == moment(1_772_442_071_200)
    assert "1969-12-31 23:59:59.999Z" == moment(-1)
    assert f"{10**18} ms" == moment(10**18)


def test_numbers_agree_with_their_nouns() -> None:
    """One rule, two rules, a thousand matches."""
    assert ["1 rule", "2 rules", "1,000 matches"] == [counted(1, "rule"), counted(2, "rule"), counted(1_000, "match")]
