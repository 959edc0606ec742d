"""The files of the chart that are made from others: `python -m tests.deploy.chart_files` writes them anew.

The schema of the values has each setting as the code declares it; the alerts are those of deploy/prometheus, since a
chart reads no file outside of its own folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from stream_app.service.settings import Settings, settings_table

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "stream-app"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
COPY = CHART / "files" / "alerts.yml"

OWN = {"instance_id", "data_dir", "rules", "health_file", "console_host", "console_port"}
"""Settings that the chart decides, or that have no use in a pod."""

TEXT = {"type": "string"}
TEXTS = {"type": "array", "items": TEXT}
TRUTH = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
POSITIVE = {"type": "integer", "minimum": 1}
ANY = {"type": "object"}
PEERS = {"type": "array", "items": ANY}
LABELS = {"type": "object", "additionalProperties": TEXT}


def values_schema() -> dict[str, Any]:
    """Give the schema of values.yaml: every key is named, so that a misspelt one is refused."""
    image = {
        "repository": TEXT,
        "tag": TEXT,
        "digest": TEXT,
        "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    }
    steps = _object({"stabilizationWindowSeconds": COUNT, "pods": POSITIVE, "periodSeconds": POSITIVE})
    config_map = _object({"name": TEXT, "items": {"type": "array", "items": _object({"key": TEXT, "path": TEXT})}})
    within = {"pattern": r"^(\w[\w.-]*/)?\w[\w.-]*$"}
    rule_files = {"type": "object", "additionalProperties": TEXT, "propertyNames": within}
    probe = {"type": "object", "properties": {"httpGet": False}}
    values = {
        "image": _object(image),
        "imagePullSecrets": PEERS,
        "replicas": POSITIVE,
        "settings": settings_schema(),
        "secrets": secrets_schema(),
        "tls": _object({"secretName": TEXT}),
        "rules": _object({"publish": TRUTH, "files": rule_files, "configMaps": {"type": "array", "items": config_map}}),
        "topics": _object({"create": TRUTH}),
        "tools": _object(
            {"replicas": COUNT, "settings": settings_schema(), "secrets": secrets_schema(), "resources": ANY}
        ),
        "console": _object({"enabled": TRUTH, "port": POSITIVE, "resources": ANY}),
        "resources": ANY,
        "persistence": _object({"enabled": TRUTH, "size": TEXT, "storageClass": TEXT}),
        "terminationGracePeriodSeconds": {"type": "integer", "minimum": 10},
        "startupProbe": probe,
        "livenessProbe": probe,
        "readinessProbe": probe,
        "podDisruptionBudget": _object({"enabled": TRUTH, "maxUnavailable": {"type": ["integer", "string"]}}),
        "topologySpread": TEXTS,
        "serviceAccountName": TEXT,
        "priorityClassName": TEXT,
        "podAnnotations": LABELS,
        "podLabels": LABELS,
        "nodeSelector": LABELS,
        "tolerations": PEERS,
        "affinity": ANY,
        "keda": _object(
            {
                "enabled": TRUTH,
                "minReplicas": POSITIVE,
                "maxReplicas": COUNT,
                "lagThreshold": POSITIVE,
                "matchesLagThreshold": POSITIVE,
                "pollingInterval": POSITIVE,
                "kafkaVersion": TEXT,
                "authenticationRef": TEXT,
                "scaleUp": steps,
                "scaleDown": steps,
            }
        ),
        "podMonitor": _object({"enabled": TRUTH, "interval": TEXT, "labels": LABELS}),
        "prometheusRule": _object({"enabled": TRUTH, "labels": LABELS}),
        "networkPolicy": _object(
            {"enabled": TRUTH, "from": PEERS, "kafka": PEERS, "kafkaPorts": {"type": "array", "items": POSITIVE}}
            | {"egress": PEERS}
        ),
        "global": ANY,
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(values)}


def settings_schema() -> dict[str, Any]:
    """Give the schema of the settings that values may hold: all but secrets and what the chart itself decides."""
    _, components = msgspec.json.schema_components([Settings])
    declared = components["Settings"]["properties"]
    fields = {
        row.field: {key: said for key, said in declared[row.field].items() if key != "default"}
        for row in settings_table()
        if not row.secret and row.field not in OWN
    }
    fields["health_port"]["minimum"] = 1  # the probes ask there
    return _object(fields)


def secrets_schema() -> dict[str, Any]:
    """Give the schema of the secrets: each is a key of a Secret."""
    reference = {**_object({"name": TEXT, "key": TEXT}), "required": ["name", "key"]}
    return _object({row.field: reference for row in settings_table() if row.secret})


def written(schema: dict[str, Any]) -> str:
    """Give the schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": dict(properties)}


if __name__ == "__main__":
    (CHART / "values.schema.json").write_text(written(values_schema()))
    COPY.write_text(ALERTS.read_text())
