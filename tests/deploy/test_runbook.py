"""The runbook names what there is: alerts, commands with their options, settings, metrics, links, names of objects."""

import re
from pathlib import Path

import yaml

from stream_app.engine.rejection import FULL, LATE, SUPPRESSED
from stream_app.service.settings import FILE_SUFFIX, settings_table
from tests.deploy.chart_files import ALERTS, ROOT
from tests.deploy.commands import resolve
from tests.deploy.rendering import FULL as EVERYTHING
from tests.deploy.rendering import render

RUNBOOK = (ROOT / "deploy" / "RUNBOOK.md").read_text()
ALERT = re.compile(r"^### Alert (\w+)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Give the anchors of a text's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> list[list[str]]:
    """Give the words of every command of ours that the runbook names, without the program's."""
    found = [words.split() for words in re.findall(r"`stream-app ([^`]+)`", RUNBOOK.replace("\n", " "))]
    assert len(found) >= 30
    return found


def test_every_alert_says_where_to_look_and_what_to_do() -> None:
    """There is a part for each alert, at the anchor that the alert names, and none for an alert that is not."""
    parts = dict(ALERT.findall(RUNBOOK))
    assert [] == [name for name, text in parts.items() if text.count("**Look**:") != 1 or text.count("**Do**:") != 1]
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert [rule["alert"] for rule in rules] == list(parts)
    said = {rule["alert"]: rule["annotations"]["runbook_url"].rpartition("RUNBOOK.md#")[2] for rule in rules}
    assert {name: f"alert-{name.lower()}" for name in parts} == said
    assert set(said.values()) <= anchors(RUNBOOK)


def test_every_link_leads_somewhere() -> None:
    """Anchors are headings, of this file or of that which is named; files are there."""
    links = re.findall(r"\]\(([^)#]*)(?:#([\w-]+))?\)", RUNBOOK)
    assert len(links) >= 40
    wrong = set()
    for path, anchor in links:
        target = ROOT / "deploy" / path if path else ROOT / "deploy" / "RUNBOOK.md"
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            wrong.add(f"{path}#{anchor}")
    assert set() == wrong


def test_every_command_is_one_with_the_options_that_are_named() -> None:
    """Each command of ours exists, and takes each option that stands behind it."""
    wrong = set()
    for words in commands():
        command, rest = resolve(words)
        options = {option for parameter in (command.params if command else []) for option in parameter.opts}
        if command is None or not {word for word in rest if word.startswith("--")} <= {*options, "--help"}:
            wrong.add(" ".join(words))
    assert set() == wrong


def test_reasons_are_those_of_the_code() -> None:
    """What is asked for by its reason is rejected for that reason."""
    asked = set(re.findall(r"--reason (?:'([a-z ]+)'|([a-z]+))", RUNBOOK))
    assert {LATE, FULL, SUPPRESSED, "not json"} == {quoted or word for quoted, word in asked}


def test_every_setting_is_one() -> None:
    """Each variable that is named is a setting, or the file of a secret."""
    named = set(re.findall(r"STREAM_APP_[A-Z_]+", RUNBOOK))
    known = {row.variable for row in settings_table()} | {
        row.variable + FILE_SUFFIX for row in settings_table() if row.secret
    }
    assert len(named) >= 15
    assert set() == named - known


def test_every_metric_is_one() -> None:
    """Each metric that is named stands in the list of metrics, which is made from the code."""
    metrics = (ROOT / "deploy" / "METRICS.md").read_text()
    named = set(re.findall(r"`(stream_app_\w+)", RUNBOOK))
    assert len(named) >= 10
    assert [] == sorted(named - set(re.findall(r"`(stream_app_\w+)", metrics)))


def test_every_object_is_one_of_the_deployments(helm: str) -> None:
    """Names of Kubernetes' objects, of compose's services and of systemd's units are those that the files make."""
    release = render(helm, "--values", str(EVERYTHING), name="soc")
    made = {f"{document['kind'].lower()}/{document['metadata']['name']}" for document in release.values()}
    asked = set(re.findall(r"((?:statefulset|deployment|scaledobject)/[\w-]+)", RUNBOOK))
    assert len(asked) == len({"statefulset", "deployment", "scaledobject"})
    assert asked <= made
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    words = {word for line in re.findall(r"docker compose ([^`|]+)", RUNBOOK) for word in line.split()}
    assert {"worker-1", "worker-2", "topics"} == words & set(services)
    units = {Path(name).name for name in re.findall(r"stream-app(?:-live)?@[^ `']*\.(?:service|timer)", RUNBOOK)}
    files = {path.name for path in (ROOT / "deploy" / "systemd").iterdir()}
    assert {unit.replace("@*", "@") for unit in units} <= files
