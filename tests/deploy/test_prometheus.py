"""Metrics, alerts and dashboard agree: promtool reads all of them, and they name only what a worker shows."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from stream_app.kafka.connection import Connection
from stream_app.service.health import Health, HealthOptions
from stream_app.service.metrics import COUNTER, HISTOGRAM, METRICS
from tests.deploy.made import ALERTS, DASHBOARD, DEPLOY, PAGE, dashboard, page

PROMETHEUS = DEPLOY / "prometheus"
ROOT = DEPLOY.parent
NOBODY = Connection(bootstrap_servers="127.0.0.1:9")

NAME = re.compile(r"\b(?:stream_app|process|python)_[a-z_]+")
SELECTED = re.compile(r"\{([^{}]*)\}")
GROUPED = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
STRINGS = re.compile(r'"[^"]*"')
OF_EVERY_SCRAPE = {"instance", "job", "le", "alertname", "alertstate"}
"""Labels that Prometheus gives: of the scrape, of a histogram's buckets, of an alert."""


@pytest.fixture(scope="module")
def promtool() -> str:
    """Give the program; skip where this machine has none."""
    found = shutil.which("promtool", path=f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("promtool is not here: .ci/tools gets it")
    return found


def run(*words: str | Path, given: bytes = b"") -> str:
    """Run a program and give what it said; it must have found nothing wrong."""
    done = subprocess.run(words, input=given, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert 0 == done.returncode, said
    return said


def exposed() -> bytes:
    """Give the metrics of a worker that does not run."""
    return Health(HealthOptions(connection=NOBODY))._metrics()[1]


@cache
def known() -> dict[str, set[str]]:
    """Give the labels of every series that a worker may show, by name."""
    ours = {
        name: set(metric.labels)
        for metric in METRICS
        for name in (
            [f"{metric.name}_{each}" for each in ("bucket", "sum", "count")]
            if metric.kind == HISTOGRAM
            else [metric.name]
        )
    }
    theirs = {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(exposed().decode())
        for sample in family.samples
        if not sample.name.startswith("stream_app_")
    }
    return ours | theirs


def alerts() -> list[dict[str, Any]]:
    """Give every alert."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Give every panel of the dashboard's file that shows something."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def unknown(expression: str) -> Iterator[str]:
    """Yield the names and labels in an expression that no series has."""
    series = known()
    bare = STRINGS.sub("", expression)
    names = {name for name in NAME.findall(bare) if name not in OF_EVERY_SCRAPE}
    yield from sorted(names - series.keys())
    allowed = OF_EVERY_SCRAPE.union(*(series.get(name, set()) for name in names))
    used = [re.split(r"[=!~]", each)[0].strip() for chosen in SELECTED.findall(bare) for each in chosen.split(",")]
    used += [label.strip() for grouped in GROUPED.findall(bare) for label in grouped.split(",")]
    yield from sorted(set(used) - allowed)


def test_every_metric_has_a_name_by_the_rules() -> None:
    """One prefix, counters alone end in _total, what has a base unit says so, nothing is there twice."""
    assert len(METRICS) == len({metric.name for metric in METRICS})
    for metric in METRICS:
        assert metric.name.startswith("stream_app_")
        assert metric.name.endswith("_total") == (metric.kind == COUNTER), metric.name
        if metric.unit in {"seconds", "bytes"}:
            assert metric.unit in metric.name, metric.name


def test_what_is_exposed_is_the_table() -> None:
    """Each row is there with its type and its help, and nothing of ours that is in no row."""
    families = {
        family.name: (family.type, family.documentation)
        for family in text_string_to_metric_families(exposed().decode())
        if family.name.startswith("stream_app_")
    }
    assert {metric.name.removesuffix("_total"): (metric.kind, metric.help) for metric in METRICS} == families


def test_promtool_finds_nothing_wrong_with_what_is_exposed(promtool: str) -> None:
    """Names, types, units and help pass Prometheus's own linter."""
    assert "" == run(promtool, "check", "metrics", given=exposed())


def test_promtool_reads_alerts_and_configuration(promtool: str) -> None:
    """Both files are what Prometheus takes, and the one names the other."""
    assert f"{len(alerts())} rules found" in run(promtool, "check", "rules", ALERTS)
    assert "1 rule files found" in run(promtool, "check", "config", PROMETHEUS / "prometheus.yml")


def test_every_alert_fires_when_it_should_and_only_then(promtool: str) -> None:
    """The tests pass, and there is one of each alert for its silence and one for its voice."""
    run(promtool, "test", "rules", PROMETHEUS / "alerts_test.yml")
    tested = [case for each in alert_cases() for case in each["alert_rule_test"]]
    for name in (alert["alert"] for alert in alerts()):
        assert {True, False} == {bool(case["exp_alerts"]) for case in tested if case["alertname"] == name}, name


def alert_cases() -> list[dict[str, Any]]:
    """Give the tests in alerts_test.yml."""
    found: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    return found


def test_tests_of_alerts_send_only_what_a_worker_shows() -> None:
    """A series of a test is one that exists, with the labels that it has."""
    sent = [series["series"] for each in alert_cases() for series in each["input_series"]]
    assert len(sent) > len(alerts())
    assert [] == [(series, word) for series in sent for word in unknown(series)]


def test_every_alert_says_how_bad_it_is_and_where_help_stands() -> None:
    """Severity, a summary, and the part of the runbook that is named for it; the expression names what exists."""
    assert len(alerts()) == len({alert["alert"] for alert in alerts()})
    for alert in alerts():
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert alert["annotations"]["summary"]
        assert f"RUNBOOK.md#alert-{alert['alert'].lower()}" == alert["annotations"]["runbook_url"]
        assert [] == list(unknown(alert["expr"])), alert["alert"]


def test_a_wrong_name_or_label_would_be_found() -> None:
    """The check that the tests above rest on."""
    wrong = 'sum by (rul) (rate(stream_app_recrods_total{x="{y}"}[5m])) + stream_app_alive{topic!="a"}'
    assert ["stream_app_recrods_total", "rul", "topic", "x"] == list(unknown(wrong))


def test_the_dashboard_and_the_page_are_made_from_the_code() -> None:
    """`python -m tests.deploy.made` would change neither."""
    assert dashboard() == json.loads(DASHBOARD.read_text())
    assert page() == PAGE.read_text()


def test_the_dashboard_names_only_what_a_worker_shows() -> None:
    """Every expression of every panel, and every label that a legend shows."""
    targets = [target for panel in panels() for target in panel["targets"]]
    assert len(targets) > len(panels()) > 30
    for target in targets:
        assert [] == list(unknown(target["expr"])), target["expr"]
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in target["expr"] or label in OF_EVERY_SCRAPE.union(
                *(known().get(name, set()) for name in NAME.findall(target["expr"]))
            ), target


def test_the_dashboard_is_one_that_grafana_can_lay_out() -> None:
    """Ids are distinct, panels lie side by side within the width, and each asks the chosen Prometheus."""
    board = json.loads(DASHBOARD.read_text())
    assert {"uid", "title", "schemaVersion", "templating", "panels", "time"} <= board.keys()
    assert [at for at, _ in enumerate(board["panels"], 1)] == [panel["id"] for panel in board["panels"]]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    variables = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"])))
    assert used - {"__rate_interval"} == variables


def test_promtool_reads_every_expression_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    """As recorded rules, with Grafana's variables filled in."""
    expressions = [target["expr"] for panel in panels() for target in panel["targets"]]
    rules = [
        {"record": f"panel:{at}", "expr": expression.replace("$__rate_interval", "1m").replace("$instance", ".*")}
        for at, expression in enumerate(expressions)
    ]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(expressions)} rules found" in run(promtool, "check", "rules", tmp_path / "panels.yml")


def test_grafana_is_given_the_dashboard_and_its_source() -> None:
    """The provisioned source is a Prometheus, and the provider reads files from a path that must be mounted."""
    folder = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert ("prometheus", True) == (source["type"], source["isDefault"])
    (provider,) = yaml.safe_load((folder / "dashboards" / "stream-app.yml").read_text())["providers"]
    assert "/var/lib/grafana/dashboards" == provider["options"]["path"]


def test_prometheus_scrapes_the_path_of_the_job_that_alerts_ask_for() -> None:
    """One job, /metrics, and every alert that names a job names it."""
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    assert ("stream-app", "/metrics") == (job["job_name"], job["metrics_path"])
    named = {name for alert in alerts() for name in re.findall(r'job="([^"]+)"', alert["expr"])}
    assert {job["job_name"]} == named
