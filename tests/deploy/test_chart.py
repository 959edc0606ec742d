"""The Helm chart, linted and rendered, says what the code says. No cluster runs it here."""

import kubernetes_validate
import pytest
import yaml

from stream_app.service.settings import Settings
from tests.deploy.chart_files import ALERTS, CHART, COPY, values_schema, written
from tests.deploy.rendering import FULL, NEWEST, OLDEST, Rendered, run

CUSTOM = {"ScaledObject", "PodMonitor", "PrometheusRule"}
"""Kinds that are not Kubernetes' own."""


@pytest.mark.parametrize("values", [[], ["--values", str(FULL)]])
def test_helm_finds_nothing_to_say(helm: str, values: list[str]) -> None:
    """`helm lint --strict` passes with and without values."""
    done = run(helm, "lint", "--strict", str(CHART), *values)
    assert (0, True) == (done.returncode, "1 chart(s) linted, 0 chart(s) failed" in done.stdout), done.stdout


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_document_is_one_of_kubernetes(rendered: Rendered, version: str) -> None:
    """Each document holds to the strict schema of its kind, in the oldest Kubernetes and the newest."""
    own = [document for document in rendered.values() if document["kind"] not in CUSTOM]
    for document in own:
        kubernetes_validate.validate(document, version, strict=True)
    assert f">={OLDEST}-0" == yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]


def test_all_kinds_are_made_when_asked_for(default: Rendered, full: Rendered) -> None:
    """Nothing that has a value of its own is made without being asked for, and nothing is forgotten when it is."""
    always = {"ConfigMap", "Service", "StatefulSet", "Deployment", "Job", "PodDisruptionBudget"}
    asked = {"NetworkPolicy", *CUSTOM}
    assert always == {document["kind"] for document in default.values()}
    assert always | asked == {document["kind"] for document in full.values()}


def test_the_schema_of_the_values_is_that_of_the_settings() -> None:
    """The file is what `python -m tests.deploy.chart_files` writes."""
    there = (CHART / "values.schema.json").read_text()
    assert written(values_schema()) == there, "write it anew: python -m tests.deploy.chart_files"


def test_the_alerts_of_the_chart_are_those_of_prometheus(full: Rendered) -> None:
    """The chart's copy is equal, and stands whole in the rule, its templates untouched."""
    assert ALERTS.read_text() == COPY.read_text(), "write it anew: python -m tests.deploy.chart_files"
    assert yaml.safe_load(ALERTS.read_text()) == full["PrometheusRule"]["spec"]


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("settings.partition=3", "partition"),
        ("settings.partitions=0", "partitions"),
        ("settings.sasl_password=x", "sasl_password"),
        ("settings.store=disk", "store"),
        ("settings.health_port=0", "health_port"),
        ("secrets.app_id.name=x", "app_id"),
        ("secrets.sasl_password.name=x", "key"),
        ("keda.minReplicas=0", "minReplicas"),
        ("livenessProbe.httpGet.path=/", "httpGet"),
        ("rules.files./etc/passwd=x", "/etc/passwd"),
        ("replica=3", "replica"),
    ],
)
def test_a_value_that_cannot_be_is_refused(helm: str, value: str, named: str) -> None:
    """Helm names what is wrong before anything is sent to a cluster."""
    done = run(helm, "template", "soc", str(CHART), "--set", value)
    said = done.stderr.partition("don't meet the specifications of the schema")[2]
    assert (1, True) == (done.returncode, named in said), done.stderr


def test_what_the_defaults_say_is_either_the_codes_or_has_a_reason() -> None:
    """The chart's own defaults differ from the code's in these settings only."""
    given = yaml.safe_load((CHART / "values.yaml").read_text())["settings"]
    code = Settings()
    differ = {field for field, value in given.items() if value != getattr(code, field)}
    expected = {"bootstrap_servers", "replication", "min_insync", "session_timeout_s"}
    assert expected | {"health_host", "health_port", "log_format"} == differ
