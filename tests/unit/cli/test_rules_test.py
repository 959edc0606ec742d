"""``stream-app rules test``: what it prints, what it writes, and how it ends."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from stream_app.cli.main import cli
from tests.corpus import RULES

AGENT = "security-agent-silent"


def run_tests(*arguments: str, **settings: str) -> Result:
    """Run the command."""
    environment = {f"STREAM_APP_{name.upper()}": text for name, text in settings.items()}
    return CliRunner().invoke(cli, ["rules", "test", *arguments], env=environment)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the rules, of which one expects what does not come, and one has no cases."""
    shutil.copytree(RULES, tmp_path / "rules")
    cases = tmp_path / "rules" / AGENT / "cases.toml"
    cases.write_text(
        cases.read_text().replace("incidents = [{ at = 1 }]", 'incidents = [{ at = 1, procName = "\\u0007" }]')
    )
    (tmp_path / "rules" / "office-child-connects" / "cases.toml").unlink()
    return tmp_path / "rules"


def test_the_rules_of_this_checkout_pass() -> None:
    """All cases of all rules, counted; an interval of the environment changes nothing."""
    done = run_tests(str(RULES), update_interval_s="3600")
    assert 0 == done.exit_code, done.output
    assert " 0 failed, " in done.stdout.splitlines()[-1]
    assert "" == done.stderr


def test_a_case_that_fails_is_a_line_with_its_place(folder: Path) -> None:
    """Expected and got stand side by side, what does not print is spelt out, and the rule without cases is named."""
    done = run_tests(str(folder))
    assert 1 == done.exit_code
    *failed, summary = done.stdout.splitlines()
    assert 2 == len(failed)
    place, _, said = failed[0].partition(": ")
    assert f"{folder / AGENT / 'cases.toml'}:33" == place
    assert said.endswith(
        r'another host does not count: incident 1: procName expected "\u0007", got '
        r'"C:\\Program Files (x86)\\ossec-agent\\wazuh-agent.exe"'
    )
    assert " of 5 rules: " in summary
    assert ", 2 failed, " in summary
    assert "no cases: OFFICE_CHILD_CONNECTS\n" == done.stderr


def test_one_rule_alone(folder: Path) -> None:
    """Others run, but their cases do not; a rule that is not there is wrong usage."""
    done = run_tests(str(folder), "--rule", "WATCHED_HOST_RUN_KEY", "--rule", "PYTHON_MANY_ADDRESSES")
    assert 0 == done.exit_code
    assert " of 2 rules: " in done.stdout
    unknown = run_tests(str(folder), "--rule", "NONE_SUCH")
    assert 2 == unknown.exit_code
    assert "no rule 'NONE_SUCH'; there are OFFICE_CHILD_CONNECTS, " in unknown.stderr


def test_junit_has_a_suite_for_each_rule(folder: Path, tmp_path: Path) -> None:
    """With the place of each case, and what differs in those that fail."""
    report = tmp_path / "junit.xml"
    run_tests(str(folder), "--junit", str(report))
    root = etree.parse(report).getroot()
    assert 5 == len(root.findall("testsuite"))
    assert str(len(root.findall("testsuite/testcase"))) == root.get("tests")
    assert "2" == root.get("failures")
    suite = root.find("testsuite[@name='SECURITY_AGENT_SILENT']")
    assert suite is not None
    assert ("6", "2") == (suite.get("tests"), suite.get("failures"))
    failures = suite.findall("testcase/failure")
    assert [each.get("message") for each in failures] == [each.text for each in failures]
    failing = failures[0].getparent()
    assert failing is not None
    assert (f"{folder / AGENT / 'cases.toml'}", "33") == (failing.get("file"), failing.get("line"))


def test_a_report_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    """It names the file and ends with the status of what failed outside."""
    done = run_tests(str(RULES), "--junit", str(tmp_path / "none" / "junit.xml"))
    assert 1 == done.exit_code
    assert (
        f"stream-app: {tmp_path / 'none' / 'junit.xml'}: cannot be written: No such file or directory\n" == done.stderr
    )


def test_cases_that_cannot_be_read_are_said_with_their_place(folder: Path) -> None:
    """All of them in one run."""
    for name in (AGENT, "python-many-addresses"):
        (folder / name / "cases.toml").write_text("case = []\n")
    done = run_tests(str(folder))
    assert 2 == done.exit_code
    for name in (AGENT, "python-many-addresses"):
        assert f"{folder / name / 'cases.toml'}:1:8: there is no case\n" in done.stderr
