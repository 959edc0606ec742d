"""What the chart makes, read as a cluster would: documents by kind, and the environment that each process finds."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stream_app.service.settings import Settings, read_settings
from tests.deploy.chart_files import CHART

FULL = Path(__file__).parent / "values-full.yaml"
OLDEST, NEWEST = "1.29.0", "1.37.0"
"""Versions of Kubernetes: the first that the chart says it is for, and the newest whose schemas are at hand."""

Document = dict[str, Any]
Rendered = dict[str, Document]
"""By kind; where the chart may make several of one, by the end of their name too."""
SEVERAL = {"ConfigMap", "Job", "Deployment", "Service"}


def run(helm: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run helm on the chart, for the newest Kubernetes."""
    words = [helm, *arguments, "--kube-version", NEWEST]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


def render(helm: str, *arguments: str, name: str = "soc-stream-app") -> Rendered:
    """Give every document that the chart makes."""
    done = run(helm, "template", name, str(CHART), "--namespace", "soc", *arguments)
    assert 0 == done.returncode, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    named = {_name(document): document for document in documents}
    assert len(named) == len(documents)
    return named


def _name(document: Document) -> str:
    end = document["metadata"]["name"].rpartition("-")[2]
    return f"{document['kind']} {end}" if document["kind"] in SEVERAL else str(document["kind"])


def pods(rendered: Rendered) -> Iterator[tuple[str, Document]]:
    """Give what makes each pod, and its specification."""
    for name, document in rendered.items():
        if "template" in document.get("spec", {}):
            yield name, document["spec"]["template"]["spec"]


def container(rendered: Rendered, kind: str) -> Document:
    """Give the one container of a pod."""
    (only,) = dict(pods(rendered))[kind]["containers"]
    found: Document = only
    return found


def variables(rendered: Rendered, kind: str) -> dict[str, str]:
    """Give what a container's process finds in its environment; files of secrets are their paths, names the pod's."""
    declared = container(rendered, kind)
    maps = [each["configMapRef"]["name"] for each in declared.get("envFrom", [])]
    assert [rendered["ConfigMap settings"]["metadata"]["name"]] * len(maps) == maps
    from_map = rendered["ConfigMap settings"]["data"] if maps else {}
    pod = {"metadata.name": "soc-stream-app-0"}
    own = {
        each["name"]: each["value"] if "value" in each else pod[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in declared.get("env", [])
    }
    return {**from_map, **own}


def settings(rendered: Rendered, kind: str) -> Settings:
    """Give the settings that a container's process reads; a secret is said to be where its file is mounted."""
    paths = {f"{mount['mountPath']}/" for mount in container(rendered, kind)["volumeMounts"]}

    def read(path: Path) -> str:
        assert f"{path.parent}/" in paths
        return f"secret {path.name}"

    return read_settings(variables(rendered, kind), read)
