"""``stream-app rules test``: the timed cases of rules, played through the whole engine without Kafka."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from lxml import etree
from msgspec import Struct

from stream_app.cli.failure import FAILED, Failure
from stream_app.cli.rulefolder import chosen, folder_argument, loaded, rule_option
from stream_app.cli.screen import counted, one_line
from stream_app.engine.playing import Stage, differences
from stream_app.rulebook.cases import Case, cases_beside
from stream_app.rulebook.rule import Rulebook


class Played(Struct, frozen=True):
    """A case that was played: how it differs from what it expects, and how long it took, in seconds."""

    rule: str
    case: Case
    differences: tuple[str, ...]
    seconds: float

    @property
    def line(self) -> str:
        """The case and its differences in a line."""
        return one_line(f"{self.case.place}: {self.case.name}: {'; '.join(self.differences)}")


@click.command()
@folder_argument
@rule_option
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as JUnit XML.")
def test(folder: str | None, rules: tuple[str, ...], junit: Path | None) -> None:
    """Play the cases of every rule in FOLDER (default: STREAM_APP_RULES); print each one that fails.

    All rules run, disabled ones too, since a rule may read what others make; only the rule's own incidents are
    compared. Every change of an incident is said, unless the rule has an update_interval of its own.
    """
    began = time.monotonic()
    read = loaded(folder)
    asked = chosen(read, rules)
    cases = cases_beside({rule_id: read.documents[rule_id] for rule_id in asked})
    played = _played(read.rulebook, cases)
    failed = [each for each in played if each.differences]
    for each in failed:
        click.echo(each.line)
    without = [rule_id for rule_id in asked if rule_id not in cases]
    if without:
        click.echo(f"no cases: {', '.join(without)}", err=True)
    if junit is not None:
        _write(junit, junit_xml(played))
    click.echo(
        f"{counted(len(played), 'case')} of {counted(len(cases), 'rule')}: {len(played) - len(failed)} passed, "
        f"{len(failed)} failed, {time.monotonic() - began:.1f} s"
    )
    if failed:
        raise click.exceptions.Exit(FAILED)


def _played(rulebook: Rulebook, cases: dict[str, tuple[Case, ...]]) -> list[Played]:
    stage = Stage(rulebook)
    played: list[Played] = []
    for rule_id, own in cases.items():
        for case in own:
            began = time.perf_counter()
            found = differences(case, stage.play(rule_id, case))
            played.append(Played(rule_id, case, found, time.perf_counter() - began))
    return played


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error.strerror}") from error


def junit_xml(played: Sequence[Played]) -> bytes:
    """Give the result as JUnit's XML, as CI servers read it: a suite for each rule, a test for each case."""
    root = etree.Element("testsuites", _numbers(played), name="stream-app rules test")
    for rule in dict.fromkeys(each.rule for each in played):
        own = [each for each in played if each.rule == rule]
        suite = etree.SubElement(root, "testsuite", _numbers(own), name=rule)
        for each in own:
            file, _, line = each.case.place.rpartition(":")
            attributes = {"classname": rule, "name": one_line(each.case.name), "file": file, "line": line}
            test_case = etree.SubElement(suite, "testcase", attributes, time=f"{each.seconds:.4f}")
            if each.differences:
                failure = etree.SubElement(test_case, "failure", message=one_line(each.differences[0]))
                failure.text = "\n".join(map(one_line, each.differences))
    data: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return data


def _numbers(played: Iterable[Played]) -> dict[str, str]:
    each = list(played)
    failures = sum(bool(one.differences) for one in each)
    seconds = sum(one.seconds for one in each)
    return {"tests": str(len(each)), "failures": str(failures), "errors": "0", "time": f"{seconds:.4f}"}
